#include "catalog/secret_box.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "io/linux/host.h"
#include "io/sim/world.h"
#include "wire/base64.h"

namespace posthorn::catalog {
namespace {

using io::sim::PowerCut;
using io::sim::World;

constexpr const char* kPath = "/secret.key";
constexpr std::string_view kPlain = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

store::SecretRow row_of(uint8_t endpoint, uint32_t ordinal) {
  store::SecretRow row;
  row.endpoint.bytes.raw.fill(endpoint);
  row.ordinal = ordinal;
  return row;
}

std::unique_ptr<SecretBox> open_box(io::Host& host, const std::string& path = kPath) {
  auto box = SecretBox::open(host, path, true);
  CHECK(box.ok(), "{}", box.error().message);
  return std::move(box).value();
}

void write_key(World& world, const std::string& path, std::string_view text) {
  ASSERT_TRUE(world.disk().replace_file(path, text).ok());
}

TEST(SecretBox, OpensWhatItSealed) {
  World world(1);
  const auto box = open_box(world);
  for (const std::string_view plain : {std::string_view(), kPlain}) {
    store::SecretRow row = row_of(1, 0);
    box->seal(row, plain);
    EXPECT_EQ(row.key_version, 1u);
    EXPECT_EQ(box->open(row).value(), plain);
    EXPECT_EQ(row.sealed.find("whsec_"), std::string::npos);
  }
}

TEST(SecretBox, SealsTheSameSecretDifferentlyEachTime) {
  World world(1);
  const auto box = open_box(world);
  store::SecretRow first = row_of(1, 0);
  store::SecretRow second = row_of(1, 0);
  box->seal(first, kPlain);
  box->seal(second, kPlain);
  EXPECT_NE(first.sealed, second.sealed);
}

TEST(SecretBox, RefusesTheBytesOfAnotherRow) {
  World world(1);
  const auto box = open_box(world);
  store::SecretRow mine = row_of(1, 0);
  box->seal(mine, kPlain);
  store::SecretRow other_endpoint = row_of(2, 0);
  box->seal(other_endpoint, kPlain);
  store::SecretRow other_ordinal = row_of(1, 1);
  box->seal(other_ordinal, kPlain);
  for (store::SecretRow* other : {&other_endpoint, &other_ordinal}) {
    store::SecretRow swapped = *other;
    swapped.sealed = mine.sealed;
    EXPECT_EQ(box->open(swapped).error().code, Errc::kCorrupt);
    swapped = mine;
    swapped.sealed = other->sealed;
    EXPECT_EQ(box->open(swapped).error().code, Errc::kCorrupt);
  }
}

TEST(SecretBox, RefusesAnyChangedOrMissingByte) {
  World world(1);
  const auto box = open_box(world);
  store::SecretRow good = row_of(1, 0);
  box->seal(good, kPlain);
  for (size_t at = 0; at < good.sealed.size(); ++at) {
    store::SecretRow bad = good;
    bad.sealed[at] = static_cast<char>(bad.sealed[at] ^ 1);
    EXPECT_FALSE(box->open(bad).ok()) << at;
    bad.sealed = good.sealed.substr(0, at);
    EXPECT_FALSE(box->open(bad).ok()) << at;
  }
}

TEST(SecretBox, KeepsOlderKeysToOpenWith) {
  World world(1);
  auto box = open_box(world);
  store::SecretRow old = row_of(1, 0);
  box->seal(old, kPlain);
  ASSERT_TRUE(box->add_key().ok());
  EXPECT_EQ(box->current_version(), 2u);
  store::SecretRow fresh = row_of(1, 0);
  box->seal(fresh, kPlain);
  EXPECT_EQ(fresh.key_version, 2u);
  box = open_box(world);
  EXPECT_EQ(box->current_version(), 2u);
  EXPECT_EQ(box->open(old).value(), kPlain);
  EXPECT_EQ(box->open(fresh).value(), kPlain);
  // A version that is only claimed does not open.
  store::SecretRow claimed = old;
  claimed.key_version = 2;
  EXPECT_EQ(box->open(claimed).error().code, Errc::kCorrupt);
  ASSERT_TRUE(box->remove_old_keys().ok());
  box = open_box(world);
  EXPECT_EQ(box->current_version(), 2u);
  EXPECT_EQ(box->open(old).error().code, Errc::kNotFound);
  EXPECT_EQ(box->open(fresh).value(), kPlain);
}

TEST(SecretBox, ReadsAKeyAsBytesOrAsBase64) {
  World world(1);
  const std::string raw(32, 'k');
  std::string text;
  wire::append_base64(text, raw);
  write_key(world, "/raw", raw);
  write_key(world, "/text", text);
  write_key(world, "/line", text + "\r\n");
  store::SecretRow row = row_of(1, 0);
  open_box(world, "/raw")->seal(row, kPlain);
  EXPECT_EQ(open_box(world, "/text")->open(row).value(), kPlain);
  EXPECT_EQ(open_box(world, "/line")->open(row).value(), kPlain);
  for (const std::string& bad :
       {std::string(), raw.substr(1), raw + "x", text + text, text + "!"}) {
    write_key(world, "/bad", bad);
    EXPECT_EQ(SecretBox::open(world, "/bad", true).error().code, Errc::kInvalid) << bad;
  }
}

TEST(SecretBox, NoticesAnotherKey) {
  World world(1);
  store::SecretRow row = row_of(1, 0);
  open_box(world, "/one")->seal(row, kPlain);
  EXPECT_EQ(open_box(world, "/two")->open(row).error().code, Errc::kCorrupt);
}

TEST(SecretBox, MakesNoKeyUnlessAsked) {
  World world(1);
  EXPECT_EQ(SecretBox::open(world, kPath, false).error().code, Errc::kNotFound);
}

TEST(SecretBox, MakesNoNewKeyInThePlaceOfALostOne) {
  World world(1);
  auto store = store::open_config_store(world, "memory", "").value();
  auto box = open_secret_box(world, *store, kPath);
  ASSERT_TRUE(box.ok());
  store::SecretRow row = row_of(1, 0);
  box.value()->seal(row, kPlain);
  model::Organization organization;
  model::Application app;
  model::Endpoint endpoint;
  endpoint.id = row.endpoint;
  ASSERT_TRUE(store
                  ->apply({store::PutOrganization{organization}, store::PutApplication{app},
                           store::PutEndpoint{endpoint}, store::PutSecret{row}})
                  .ok());
  ASSERT_TRUE(world.disk().remove(kPath).ok());
  EXPECT_EQ(open_secret_box(world, *store, kPath).error().code, Errc::kNotFound);
  EXPECT_FALSE(world.disk().exists(kPath));
}

TEST(SecretBox, SurvivesAPowerCutWhileItMakesItsKey) {
  for (uint64_t cut = 0;; ++cut) {
    SCOPED_TRACE(testing::Message() << "power cut after " << cut << " calls");
    World world(cut);
    world.storage().cut_power_after(cut);
    store::SecretRow row = row_of(1, 0);
    {
      auto box = SecretBox::open(world, kPath, true);
      if (box.ok()) box.value()->seal(row, kPlain);
    }
    const bool done = world.storage().powered();
    world.storage().reboot(PowerCut::kTear);
    const auto box = SecretBox::open(world, kPath, true);
    ASSERT_TRUE(box.ok()) << box.error().message;
    // A key that was used is still the key.
    if (!row.sealed.empty()) {
      EXPECT_EQ(box.value()->open(row).value(), kPlain);
    }
    if (done) {
      EXPECT_GT(cut, 3u);
      return;
    }
  }
}

TEST(SecretBox, MakesAKeyThatOnlyItsOwnerReads) {
  std::string folder = testing::TempDir() + "posthorn-keys-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const auto host = io::make_linux_host();
  const std::string path = folder + "/secret.key";
  open_box(*host, path);
  struct stat about {};
  ASSERT_EQ(::stat(path.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace posthorn::catalog
