#include "wire/base64.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace posthorn::wire {
namespace {

std::string encoded(ByteView bytes) {
  std::string out;
  append_base64(out, bytes);
  return out;
}
std::string url_encoded(ByteView bytes) {
  std::string out("x=");  // what is there already stays
  append_base64url(out, bytes);
  return out.substr(2);
}

TEST(Base64, MatchesTheVectorsOfTheStandard) {
  const std::pair<ByteView, ByteView> vectors[] = {{"", ""},
                                                   {"f", "Zg=="},
                                                   {"fo", "Zm8="},
                                                   {"foo", "Zm9v"},
                                                   {"foob", "Zm9vYg=="},
                                                   {"fooba", "Zm9vYmE="},
                                                   {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(encoded(bytes), text);
    EXPECT_EQ(decode_base64(text), bytes);
  }
  EXPECT_EQ(encoded("\xfb\xff\xbf"), "+/+/");
  EXPECT_EQ(url_encoded("\xfb\xff\xbf\xfb"), "-_-_-w");
  EXPECT_EQ(decode_base64url("-_-_-w"), "\xfb\xff\xbf\xfb");
}

TEST(Base64, RefusesEverySecondSpelling) {
  for (const ByteView bad : {"Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Z", "====", "Zg==Zg==", " Zg==",
                             "Zg==\n", "Zm9v-_", "Zm-_", "Zm9vY", "=Zg=", "Z=g="}) {
    EXPECT_EQ(decode_base64(bad), std::nullopt) << bad;
  }
  for (const ByteView bad : {"Zg==", "Zh", "Zm9", "Z", "+/+/", "Zg\n"}) {
    EXPECT_EQ(decode_base64url(bad), std::nullopt) << bad;
  }
}

TEST(Base64, EverythingRoundTrips) {
  Rng rng(5);
  for (size_t size = 0; size < 300; ++size) {
    std::string bytes(size, '\0');
    rng.fill({reinterpret_cast<uint8_t*>(bytes.data()), size});
    EXPECT_EQ(decode_base64(encoded(bytes)), bytes);
    EXPECT_EQ(decode_base64url(url_encoded(bytes)), bytes);
  }
}

}  // namespace
}  // namespace posthorn::wire
