// What the engine does when the disk fails or is full: nothing acknowledged is lost, nothing is
// acknowledged that is not durable, and space that comes back is used without a restart.
#include <gtest/gtest.h>

#include "store/conformance/random_load.h"
#include "store/conformance/store_driver.h"
#include "store/testing/disk_files.h"

namespace posthorn::store::segment {
namespace {

using io::sim::DiskCall;
using io::sim::DiskFault;

class Faults : public ::testing::Test {
 protected:
  Faults() : driver_(world_, "segment") {}
  void open() {
    const Status opened = driver_.open();
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    driver_.settle();  // what the start prepares in the background
  }
  // A checkpoint follows a full segment.
  void checkpoint() {
    const uint64_t bytes = driver_.options.limits.segment_bytes;
    for (uint64_t sent = 0; sent < bytes; sent += bytes / 5) {
      ASSERT_NE(driver_.post(message_to(1, {1}, std::string(bytes / 5, 'x'))), nullptr);
    }
    driver_.settle();
  }
  // Of a message whose payload is found in the log until it is erased.
  Batch expunge_of(const MessageRef& message) {
    model::Command expunge;
    expunge.kind = model::CommandKind::kExpungePayload;
    expunge.app = message->app;
    expunge.message_seq = message->seq;
    Batch batch;
    batch.items.emplace_back(NewCommand{expunge});
    return batch;
  }
  bool on_disk(std::string_view bytes) {
    for (const auto& [path, held] : testing::files_of(world_.disk(), "/data")) {
      if (held.find(bytes) != std::string::npos) return true;
    }
    return false;
  }
  Errc refusal_of(Batch batch) {
    const AppendResult result = driver_.append(std::move(batch));
    return result.ok() ? Errc{} : result.error().code;
  }

  // Opens a store whose disk is below the low-space mark, which it has noticed. What was posted
  // before.
  MessageRef run_low() {
    driver_.options.limits.low_space_bytes = 4u << 20;
    world_.storage().set_quota(16u << 20);
    open();
    MessageRef message = driver_.post(message_to(1, {1}));
    world_.storage().set_quota(4u << 20);
    world_.run_for(seconds{2});
    EXPECT_EQ(refusal_of(batch_of(message_to(1, {1}))), Errc{});  // the one that notices
    return message;
  }

  io::sim::World world_{1};
  StoreDriver driver_;
};

TEST_F(Faults, AFailedSyncOfTheLogEndsTheStoreAndAcknowledgesNothing) {
  open();
  const MessageRef before = driver_.post(message_to(1, {1}, "before"));
  ASSERT_NE(before, nullptr);
  world_.storage().inject({.call = DiskCall::kSync, .path_contains = ".log"});
  EXPECT_EQ(refusal_of(batch_of(message_to(1, {1}, "unknown"))), Errc::kUnknownOutcome);
  EXPECT_EQ(driver_.fatal_calls, 1);
  EXPECT_EQ(refusal_of(batch_of(message_to(1, {1}, "after"))), Errc::kUnavailable);
  EXPECT_FALSE(driver_.log().health().accepting);
  EXPECT_EQ(driver_.log().last_durable(), before->seq);
  ASSERT_TRUE(driver_.close().ok());
  world_.storage().reboot(io::sim::PowerCut::kDrop);
  open();
  EXPECT_EQ(driver_.log().last_durable(), before->seq);
  EXPECT_EQ(driver_.log().read(before->seq).value()->payload, "before");
  EXPECT_NE(driver_.post(message_to(1, {1})), nullptr);
}

TEST_F(Faults, AFailedWriteOfTheLogIsFatalToo) {
  open();
  world_.storage().inject({.call = DiskCall::kWrite, .path_contains = ".log"});
  EXPECT_EQ(refusal_of(batch_of(message_to(1, {1}))), Errc::kUnknownOutcome);
  EXPECT_EQ(driver_.fatal_calls, 1);
}

TEST_F(Faults, ADiskThatDoesNotSyncAtStartIsReadOnly) {
  open();
  const MessageRef message = driver_.post(message_to(1, {1}, "kept"));
  ASSERT_TRUE(driver_.close().ok());
  world_.storage().inject({.call = DiskCall::kSync, .path_contains = "PROBE"});
  open();
  EXPECT_EQ(driver_.log().read(message->seq).value()->payload, "kept");
  EXPECT_FALSE(driver_.log().health().accepting);
  EXPECT_FALSE(driver_.log().health().attempts_allowed);
  EXPECT_EQ(refusal_of(batch_of(message_to(1, {1}))), Errc::kUnavailable);
  EXPECT_FALSE(driver_.store().maintain().value());
  EXPECT_EQ(driver_.fatal_calls, 0);
}

// A call fails in the middle of a load; nothing may be missing then, nor after a restart.
void outlive(const DiskFault& fault) {
  io::sim::World world(fault.nth);
  StoreDriver driver(world, "segment");
  driver.options.limits.segment_bytes = 32u << 10;
  driver.options.limits.group_bytes_max = 12u << 10;
  ASSERT_TRUE(driver.open().ok());
  ModelTwin twin;
  RandomLoad load(fault.nth, {});
  for (int i = 0; i < 80; ++i) {
    if (i == 30) world.storage().inject(fault);
    if (i % 40 == 39) (void)driver.maintain();
    const AppendResult result = append_next(load, driver, twin);
    ASSERT_TRUE(result.ok()) << result.error().message;
  }
  ASSERT_TRUE(driver.maintain().ok());
  ASSERT_EQ(twin.difference(driver.store()), "");
  const bool at_once = driver.open().ok();  // it may be the call that fails
  ASSERT_TRUE(at_once || driver.open().ok());
  ASSERT_EQ(twin.difference(driver.store()), "");
  ASSERT_EQ(driver.fatal_calls, 0);
}

// Calls on any file but the log's may fail: the same work is done again later.
TEST_F(Faults, AnyCallOnAnotherFileMayFail) {
  for (const DiskCall call :
       {DiskCall::kWrite, DiskCall::kSync, DiskCall::kName, DiskCall::kSyncDirectory}) {
    for (const char* folder :
         {"/data/index", "/data/keys", "/data/outcomes", "/data/due", "/data/checkpoints"}) {
      for (const uint64_t nth : {1, 3}) {
        SCOPED_TRACE(::testing::Message() << folder << ", call " << int(call) << ", " << nth);
        outlive({.call = call, .nth = nth, .path_contains = folder});
      }
    }
  }
}

// Without the watch on free space every write meets the end of the disk itself.
class SmallDisk {
 public:
  explicit SmallDisk(uint64_t seed) : world(seed), load_(seed, {}) {
    driver.options.limits.segment_bytes = 32u << 10;
    driver.options.limits.group_bytes_max = 12u << 10;
    driver.options.limits.low_space_bytes = 0;
    driver.options.limits.history_bytes_max = 1ull << 40;  // the disk is small, the history stays
  }

  // Appends a batch; false when the disk is full. Attempts alone then wait for space.
  bool append() {
    Batch batch = load_.next(twin.model(), world.clock().wall());
    EXPECT_TRUE(driver.drop_known(batch).ok());
    twin.started(batch);
    answer_.reset();
    const Status taken = driver.start(std::move(batch), answer_);
    world.run_for(seconds{1});
    waits_ = taken.ok() && !answer_;
    if (waits_) return false;
    const Status done = taken.ok() && !answer_->ok() ? Status(answer_->error()) : taken;
    if (done.ok()) {
      twin.answered(**answer_);
      return true;
    }
    EXPECT_EQ(done.error().code, Errc::kNoSpace);
    twin.refused();
    return false;
  }
  bool waits() const { return waits_; }
  // There is space again.
  void take_what_waited() {
    if (!std::exchange(waits_, false)) return;
    ASSERT_TRUE(answer_.has_value() && answer_->ok());
    twin.answered(**answer_);
  }

  io::sim::World world;
  StoreDriver driver{world, "segment"};
  ModelTwin twin;

 private:
  RandomLoad load_;
  std::optional<AppendResult> answer_;
  bool waits_ = false;
};

TEST(FullDisk, LosesNothingAndGoesOnWhenThereIsSpace) {
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    SmallDisk disk(seed);
    StoreDriver& driver = disk.driver;
    ASSERT_TRUE(driver.open().ok());
    int full = 0;
    for (int i = 0; i < 200 && !disk.waits(); ++i) {
      if (i == 60) disk.world.storage().set_quota((150u + 30u * seed) << 10);
      if (i % 30 == 29) (void)driver.maintain();
      if (!disk.append()) ++full;
    }
    EXPECT_GT(full, 0) << "the disk never was full";
    disk.world.storage().set_quota(1u << 30);
    (void)driver.maintain();
    disk.take_what_waited();
    for (int i = 0; i < 100; ++i) {
      if (i % 30 == 29) (void)driver.maintain();
      ASSERT_TRUE(disk.append()) << "there is space again";
    }
    EXPECT_EQ(driver.fatal_calls, 0);
    ASSERT_TRUE(driver.maintain().ok());
    ASSERT_EQ(disk.twin.difference(driver.store()), "") << "seed " << seed;
    ASSERT_TRUE(driver.open().ok());
    ASSERT_EQ(disk.twin.difference(driver.store()), "") << "seed " << seed;
  }
}

// The look-up of a key came before the key's first message was committed, the append long after:
// when the committer has let go of the key meanwhile, it must not take the message.
TEST_F(Faults, AnAppendWhoseLookUpIsOutOfDateIsRefused) {
  open();
  model::Message message = message_to(1, {1});
  message.idempotency = test_key(1);
  const uint64_t mark = driver_.log().key_mark();
  ASSERT_TRUE(driver_.log().surely_new(message.idempotency));
  ASSERT_NE(driver_.post(message), nullptr);
  Errc refused{};
  for (uint64_t other = 2; other < 8; ++other) {
    Batch late = batch_of(message);
    late.key_mark = mark;
    const AppendResult result = driver_.append(std::move(late));
    if (!result.ok()) {
      refused = result.error().code;
      continue;
    }
    ASSERT_EQ(refused, Errc{}) << "taken after it was refused";
    ASSERT_EQ(result->front().verdict, Verdict::kDuplicateKey);
    // Each restart of the clockwork behind the log: a table of keys goes into a file.
    model::Message more = message_to(1, {1});
    more.idempotency = test_key(other);
    ASSERT_NE(driver_.post(more), nullptr);
    checkpoint();
  }
  EXPECT_EQ(refused, Errc::kOverloaded);
  EXPECT_FALSE(driver_.log().surely_new(message.idempotency));
  Batch again = batch_of(message);
  again.key_mark = driver_.log().key_mark();
  ASSERT_TRUE(driver_.drop_known(again).ok());
  EXPECT_TRUE(again.items.empty());
}

constexpr std::string_view kSecret = "a secret that must not be found";

// The first such call is that of the command's own group.
TEST_F(Faults, AnErasureThatFailsIsToldAndTriedAgain) {
  open();
  for (const DiskCall call : {DiskCall::kWrite, DiskCall::kSync}) {
    const MessageRef message = driver_.post(message_to(1, {1}, std::string(kSecret)));
    ASSERT_NE(message, nullptr);
    world_.storage().inject({.call = call, .nth = 2, .path_contains = ".log"});
    EXPECT_EQ(refusal_of(expunge_of(message)), Errc::kIo);
    EXPECT_EQ(driver_.fatal_calls, 0);
    // Nobody reads it any more, whatever of the bytes is there.
    EXPECT_TRUE(driver_.log().read(message->seq).value()->payload_expunged);
    ASSERT_TRUE(driver_.maintain().ok());
    world_.storage().reboot(io::sim::PowerCut::kDrop);
    EXPECT_FALSE(on_disk(kSecret)) << "not erased, or not durably";
    driver_.abandon();
    driver_.settle();
    open();
    EXPECT_TRUE(driver_.log().read(message->seq).value()->payload_expunged);
  }
}

// No checkpoint comes between the command and its effect, so a restart does it again.
TEST_F(Faults, AnErasureThatKeepsFailingIsDoneByTheNextStart) {
  open();
  const MessageRef message = driver_.post(message_to(1, {1}, std::string(kSecret)));
  ASSERT_NE(message, nullptr);
  ASSERT_TRUE(driver_.open().ok());
  driver_.settle();
  const auto checkpoints = world_.disk().list("/data/checkpoints").value();
  world_.storage().inject({.call = DiskCall::kSync, .nth = 2, .path_contains = ".log"});
  for (int again = 0; again < 50; ++again) {
    world_.storage().inject({.call = DiskCall::kSync, .nth = 2, .path_contains = ".log"});
  }
  EXPECT_EQ(refusal_of(expunge_of(message)), Errc::kIo);
  (void)driver_.store().maintain();
  EXPECT_FALSE(driver_.close().ok()) << "a checkpoint would forget the erasure";
  EXPECT_EQ(world_.disk().list("/data/checkpoints").value(), checkpoints);
  world_.storage().reboot(io::sim::PowerCut::kDrop);
  ASSERT_TRUE(on_disk(kSecret));
  open();
  EXPECT_FALSE(on_disk(kSecret));
  EXPECT_TRUE(driver_.log().read(message->seq).value()->payload_expunged);
  ASSERT_TRUE(driver_.maintain().ok());
}

TEST_F(Faults, AtLowSpaceMessagesAreRefusedAndAttemptsGoOn) {
  const MessageRef message = run_low();
  ASSERT_NE(message, nullptr);
  EXPECT_EQ(refusal_of(batch_of(message_to(1, {1}))), Errc::kNoSpace);
  EXPECT_FALSE(driver_.log().health().accepting);
  EXPECT_TRUE(driver_.log().health().attempts_allowed);
  EXPECT_NE(driver_.attempt(attempt_of(*message, 1, model::DeliveryState::kDelivered)).seq, Seq{});
  world_.storage().set_quota(16u << 20);
  world_.run_for(seconds{2});
  (void)driver_.append(batch_of(message_to(1, {1})));  // refused, and the disk is asked again
  driver_.settle();
  EXPECT_NE(driver_.post(message_to(1, {1})), nullptr);
}

TEST_F(Faults, RefusedMessagesDoNotFillTheQueueOfABusyCommitThread) {
  const MessageRef message = run_low();
  ASSERT_NE(message, nullptr);
  world_.run_for(seconds{2});
  // The commit thread does not come to anything in between.
  std::optional<AppendResult> refused;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_FALSE(driver_.start(batch_of(message_to(1, {1})), refused).ok());
  }
  EXPECT_NE(driver_.attempt(attempt_of(*message, 1, model::DeliveryState::kDelivered)).seq, Seq{});
}

}  // namespace
}  // namespace posthorn::store::segment
