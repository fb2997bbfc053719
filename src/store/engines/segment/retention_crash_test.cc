// Retention, reuse of files and erasure through power cuts at every change of the disk: what is
// pending stays, what is gone stays gone or comes back whole, and erased bytes are nowhere.
#include <gtest/gtest.h>

#include "store/conformance/store_driver.h"

namespace posthorn::store {
namespace {

using model::DeliveryState;

constexpr uint64_t kNever = 1u << 30;
constexpr std::string_view kSecret = "a secret that must not be found";

std::string payload_of(int number) {
  std::string payload = "payload " + std::to_string(number) + " ";
  payload.resize(3000, static_cast<char>('a' + number % 26));
  return payload;
}

bool found_on_disk(io::Disk& disk, std::string_view wanted) {
  for (const char* folder : {"segments", "index", "keys", "outcomes", "due", "checkpoints"}) {
    const std::string path = std::string("/data/") + folder;
    const auto names = disk.list(path);
    if (!names.ok()) continue;
    for (const std::string& name : *names) {
      const auto bytes = disk.read_file(path + "/" + name, 1u << 20);
      EXPECT_TRUE(bytes.ok());
      if (bytes.ok() && bytes->find(wanted) != std::string::npos) return true;
    }
  }
  return false;
}

// One life of a store: before, up to and after the cut.
class Life {
 public:
  explicit Life(uint64_t seed) : world_(seed) {
    driver_.options.limits.segment_bytes = 64u << 10;
    driver_.options.limits.group_bytes_max = 16u << 10;
    driver_.options.limits.history_bytes_max = 6 * (64u << 10);
  }

  void prepare() {
    ASSERT_TRUE(driver_.open().ok());
    secret_ = driver_.post(message_to(1, {1}, std::string(kSecret)));
    pending_.push_back(driver_.post(message_to(1, {2}, payload_of(0))));
    for (int i = 1; i < 70; ++i) ASSERT_TRUE(post_settled(i));
    kept_ = driver_.post(message_to(1, {2}, payload_of(70)));
    pending_.push_back(kept_);
  }

  // Ends early when the power goes.
  void act() {
    model::Command expunge;
    expunge.kind = model::CommandKind::kExpungePayload;
    expunge.app = test_app(1);
    expunge.message_seq = secret_->seq;
    Batch batch;
    batch.items.emplace_back(NewCommand{expunge});
    erased_ = driver_.append(std::move(batch)).ok();
    if (!erased_ || !driver_.maintain().ok()) return;
    for (int i = 71; i < 90; ++i) {
      if (!post_settled(i)) return;
    }
    (void)driver_.maintain().ok();
  }

  void check() {
    const Status opened = driver_.open();
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    EXPECT_FALSE(erased_ && found_on_disk(world_.disk(), kSecret));
    for (const MessageRef& message : pending_) {
      const auto read = driver_.log().read(message->seq);
      ASSERT_TRUE(read.ok()) << message->seq.value << ": " << read.error().message;
      EXPECT_EQ((*read)->payload, message->payload);
      EXPECT_EQ(driver_.history().delivery(message->seq, test_endpoint(2))->state,
                DeliveryState::kPending);
    }
    for (int round = 0; round < 2; ++round) {
      for (const MessageRef& message : settled_) {
        const auto read = driver_.log().read(message->seq);
        if (!read.ok() && read.error().code == Errc::kNotFound) continue;
        ASSERT_TRUE(read.ok()) << read.error().message;
        EXPECT_EQ((*read)->payload, message->payload);
        const auto delivery = driver_.history().delivery(message->seq, test_endpoint(1));
        EXPECT_EQ(delivery->state, DeliveryState::kDelivered) << message->seq.value;
      }
      ASSERT_TRUE(driver_.maintain().ok());
    }
    const auto files = world_.disk().list("/data/segments");
    ASSERT_TRUE(files.ok());
    // The cap, or what cannot go: two segments with pending deliveries, the open one, the reserve,
    // two spare ones.
    EXPECT_LE(files->size(), 8u);
    ASSERT_TRUE(post_settled(1000));
  }

  io::sim::World& world() { return world_; }
  void cut_and_reboot(io::sim::PowerCut how) {
    driver_.abandon();
    world_.storage().reboot(how);
  }

 private:
  bool post_settled(int number) {
    const MessageRef message = driver_.post(message_to(1, {1}, payload_of(number)));
    if (message == nullptr) return false;
    Batch batch;
    batch.items.emplace_back(NewAttempt{attempt_of(*message, 1, DeliveryState::kDelivered)});
    if (!driver_.append(std::move(batch)).ok()) return false;
    settled_.push_back(message);
    return true;
  }

  io::sim::World world_;
  StoreDriver driver_{world_, "segment"};
  MessageRef secret_;
  MessageRef kept_;
  bool erased_ = false;
  std::vector<MessageRef> pending_;
  std::vector<MessageRef> settled_;
};

TEST(RetentionPowerCuts, LoseNothingPendingAndEraseForGood) {
  uint64_t cuts = 0;
  for (const auto how :
       {io::sim::PowerCut::kDrop, io::sim::PowerCut::kKeep, io::sim::PowerCut::kTear}) {
    for (uint64_t cut = 0;; ++cut) {
      Life life(cut + 1);
      life.prepare();
      life.world().storage().cut_power_after(cut);
      life.act();
      const bool over = life.world().storage().powered();
      if (over)
        life.world().storage().cut_power_after(kNever);
      else
        life.cut_and_reboot(how);
      life.check();
      if (over) break;
      ++cuts;
      ASSERT_FALSE(::testing::Test::HasFailure())
          << "power cut after change " << cut << ", kind " << static_cast<int>(how);
    }
  }
  EXPECT_GT(cuts, 100u);
}

// A message that was never acknowledged may lie on the disk when it is given again; the expunge of
// the second one must not leave the first.
TEST(RetentionPowerCuts, LeaveNoCopyOfWhatIsErased) {
  for (uint64_t cut = 0; cut < 6; ++cut) {
    for (const auto how :
         {io::sim::PowerCut::kDrop, io::sim::PowerCut::kKeep, io::sim::PowerCut::kTear}) {
      io::sim::World world(cut + 1);
      StoreDriver driver(world, "segment");
      ASSERT_TRUE(driver.open().ok());
      driver.post(message_to(1, {1}));
      world.storage().cut_power_after(cut);
      const std::string payload = std::string(9000, 'x') + std::string(kSecret);
      (void)driver.post(message_to(1, {1}, payload));
      driver.abandon();
      world.storage().reboot(how);
      ASSERT_TRUE(driver.open().ok());
      MessageQuery query;
      query.app = test_app(1);
      const auto listed = driver.log().list(query);
      ASSERT_TRUE(listed.ok()) << listed.error().message;
      for (const MessageRef& message : listed->items) {
        model::Command expunge;
        expunge.kind = model::CommandKind::kExpungePayload;
        expunge.app = test_app(1);
        expunge.message_seq = message->seq;
        driver.command(expunge);
      }
      EXPECT_FALSE(found_on_disk(world.disk(), kSecret))
          << "cut after " << cut << ", kind " << static_cast<int>(how);
    }
  }
}

// A segment that was ended for its age: the log goes on in the next, in which nothing lies yet.
TEST(RetentionOfAnIdleLog, ARestartFindsTheEndBehindASegmentThatWasEnded) {
  io::sim::World world(3);
  StoreDriver driver(world, "segment");
  driver.options.limits.segment_bytes = 64u << 10;
  driver.options.limits.group_bytes_max = 16u << 10;
  ASSERT_TRUE(driver.open().ok());
  const MessageRef old = driver.post(message_to(1, {1}));
  driver.attempt(attempt_of(*old, 1, DeliveryState::kDelivered));
  for (int day = 0; day < 40; ++day) {
    world.run_for(seconds{24 * 3600});
    ASSERT_TRUE(driver.maintain().ok());
    if (day % 3 != 0) continue;
    if (day % 2 == 0) {
      ASSERT_TRUE(driver.open().ok());
    } else {
      driver.abandon();
      world.storage().reboot(io::sim::PowerCut::kDrop);
      ASSERT_TRUE(driver.open().ok());
    }
    EXPECT_TRUE(day >= 29 || driver.log().read(old->seq).ok()) << day;
  }
  EXPECT_EQ(driver.log().read(old->seq).error().code, Errc::kNotFound);
  const MessageRef young = driver.post(message_to(1, {1}));
  ASSERT_NE(young, nullptr);
  EXPECT_GT(young->seq, old->seq);
  ASSERT_TRUE(driver.open().ok());
  EXPECT_TRUE(driver.log().read(young->seq).ok());
}

}  // namespace
}  // namespace posthorn::store
