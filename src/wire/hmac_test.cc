#include "wire/hmac.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/rng.h"

namespace posthorn::wire {
namespace {

std::string hex(const std::array<uint8_t, 32>& digest) {
  std::string out;
  for (const uint8_t byte : digest) out += fmt::format("{:02x}", byte);
  return out;
}

TEST(Hmac, MatchesRfc4231) {
  EXPECT_EQ(hex(HmacKey(std::string(20, '\x0b')).sign({"Hi There"})),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(HmacKey("Jefe").sign({"what do ya want ", "for ", "", "nothing?"})),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(HmacKey(std::string(131, '\xaa'))
                    .sign({"Test Using Larger Than Block-Size Key - Hash Key First"})),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hmac, AgreesWithOpenSslForEveryKeySize) {
  Rng rng(9);
  for (size_t size = 0; size < 140; ++size) {
    std::string key(size, '\0');
    rng.fill({reinterpret_cast<uint8_t*>(key.data()), size});
    const std::string text(size * 7, 'x');
    std::array<uint8_t, 32> expected;
    unsigned bytes = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(size),
         reinterpret_cast<const uint8_t*>(text.data()), text.size(), expected.data(), &bytes);
    EXPECT_EQ(HmacKey(key).sign({text}), expected) << size;
  }
}

TEST(Hmac, ComparesSecrets) {
  EXPECT_TRUE(equal_secrets("", ""));
  EXPECT_TRUE(equal_secrets("abc", "abc"));
  EXPECT_FALSE(equal_secrets("abc", "abd"));
  EXPECT_FALSE(equal_secrets("abc", "ab"));
}

}  // namespace
}  // namespace posthorn::wire
