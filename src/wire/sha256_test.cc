// SHA-256 against the vectors of FIPS 180-4.
#include "wire/sha256.h"

#include <gtest/gtest.h>

namespace posthorn::wire {
namespace {

std::string hex(const Sha256& digest) {
  std::string out;
  for (const uint8_t byte : digest) {
    out.push_back("0123456789abcdef"[byte >> 4]);
    out.push_back("0123456789abcdef"[byte & 15]);
  }
  return out;
}

TEST(Sha256, AgreesWithThePublishedVectors) {
  EXPECT_EQ(hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256({"abc"})),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256({"abcdbcdecdefdefgefghfghighij", "hijkijkljklmklmnlmnomnopnopq"})),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256, StartsAfreshEachTime) {
  EXPECT_EQ(sha256({"a", "bc"}), sha256({"abc"}));
  EXPECT_NE(sha256({"abc"}), sha256({"abd"}));
}

}  // namespace
}  // namespace posthorn::wire
