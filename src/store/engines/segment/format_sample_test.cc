// The committed samples of data directories, made by version 1, open in every later build and say
// what they said then. POSTHORN_WRITE_SAMPLES=1 writes a sample where there is none; that of a
// released version is never written again.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "io/linux/disk.h"
#include "store/conformance/random_load.h"
#include "store/conformance/store_driver.h"
#include "store/testing/disk_files.h"
#include "wire/crc32c.h"

namespace posthorn::store::segment {
namespace {

constexpr uint64_t kAnswersBytesMax = 1u << 24;
const std::string kRoot = "/data";

struct Sample {
  const char* name;
  void (*make)(StoreDriver& driver);
  std::vector<const char*> suffixes;  // of files that it must have

  std::string folder() const {
    return std::string(POSTHORN_SOURCE_DIR "/tests/formats/v1/").append(name);
  }
};

StoreDriver& set_limits(StoreDriver& driver) {
  driver.options.limits.segment_bytes = 16u << 10;
  driver.options.limits.group_bytes_max = 8u << 10;
  return driver;
}

std::string message_line(const model::Message& m) {
  std::string line =
      fmt::format("message {} {} {} {} v{} {} '{}' '{}' {} +{}h", m.seq.value, m.id.text(),
                  m.accepted_at.us, m.app.text(), m.config_version, m.event_type, m.event_id,
                  m.content_type, m.deliver_at.us, m.payload_retention_hours);
  for (const std::string& channel : m.channels) line += " channel " + channel;
  for (const std::string& tag : m.tags) line += " tag " + tag;
  for (const EndpointId& endpoint : m.targets->endpoints()) line += " to " + endpoint.text();
  return line + fmt::format(" payload {} {:08x}{}\n", m.payload.size(), wire::crc32c(m.payload),
                            m.payload_expunged ? " erased" : "");
}

std::string attempt_line(const model::Attempt& a) {
  return fmt::format(
      "attempt {} {} {} {} of {} no. {} trigger {} outcome {} status {} after {} "
      "cause {} due {} next {} url {} response {:08x}\n",
      a.seq.value, a.id.text(), a.recorded_at.us, a.endpoint.text(), a.message_seq.value, a.number,
      static_cast<int>(a.trigger), static_cast<int>(a.outcome.kind), a.outcome.status,
      static_cast<int>(a.state_after), static_cast<int>(a.cause), a.scheduled_due.us, a.next_due.us,
      a.url, wire::crc32c(a.outcome.response));
}

std::string lane_line(const LaneRecord& l) {
  return fmt::format(
      "lane {} {} floor {} last {} cancelled {} expired {} targeted {} settled {} "
      "failures {} at {}\n",
      l.endpoint.text(), l.app.text(), l.floor.value, l.last_targeted.value,
      l.cancelled_through.value, l.expired_through.value, l.targeted, l.settled, l.failures_in_row,
      l.last_attempt_at.us);
}

// What the store says of everything in it.
std::string answers_of(Store& store) {
  std::string text = fmt::format("end {}\n", store.log().last_durable().value);
  for (Seq seq{1}; seq <= store.log().last_durable(); seq = seq.next()) {
    const auto message = store.log().read(seq);
    if (!message.ok()) continue;
    text += message_line(**message);
    for (const auto& key : {(*message)->idempotency, (*message)->event_id_key}) {
      if (key.empty()) continue;
      const auto first = store.log().find_duplicate(key).value();
      text += fmt::format("key of {}: {}\n", seq.value, first ? first->seq.value : 0);
    }
    AttemptQuery query;
    query.app = (*message)->app;
    query.message = (*message)->id;
    query.ascending = true;
    query.limit = 1000;
    const auto attempts = store.history().list(query).value();
    for (const model::Attempt& a : attempts.items) text += attempt_line(a);
    const auto deliveries = store.history().deliveries(seq).value();
    for (const model::Delivery& d : deliveries) {
      text += fmt::format("delivery {} {} state {} cause {} tries {} due {}\n", seq.value,
                          d.endpoint.text(), static_cast<int>(d.state), static_cast<int>(d.cause),
                          d.attempts, d.next_due.us);
    }
  }
  std::vector<LaneRecord> lanes = store.lanes().all();
  std::sort(lanes.begin(), lanes.end(),
            [](const LaneRecord& a, const LaneRecord& b) { return a.endpoint < b.endpoint; });
  for (const LaneRecord& lane : lanes) text += lane_line(lane);
  DueQuery due;
  due.until = WallTime{std::numeric_limits<int64_t>::max()};
  due.limit = 100'000;
  const auto entries = store.due().page(due).value();
  for (const DueEntry& e : entries) {
    text += fmt::format("due {} {} {} tries {} trigger {}\n", e.due.us, e.seq.value,
                        e.endpoint.text(), e.attempts, static_cast<int>(e.trigger));
  }
  return text;
}

// Sealed segments with indexes, sidecars, keys, due runs, a checkpoint, and a tail behind it that
// recovery must read.
void make_store(StoreDriver& driver) {
  ModelTwin twin;
  RandomLoad load(11, {.payload_bytes_max = 400});
  for (int i = 0; i < 52; ++i) {
    ASSERT_TRUE(append_next(load, driver, twin).ok());
    if (i == 36) {
      ASSERT_TRUE(driver.maintain().ok());
    }
  }
  ASSERT_EQ(twin.difference(driver.store()), "");
}

void post_settled(StoreDriver& driver, int number) {
  constexpr size_t kPayloadBytes = 500;
  model::Message message = message_to(1, {1, 2}, std::string(kPayloadBytes, 'x'));
  message.payload_retention_hours = number % 3 == 0 ? 24 : 0;
  message.idempotency = test_key(static_cast<uint64_t>(number));
  const MessageRef posted = driver.post(std::move(message));
  ASSERT_NE(posted, nullptr);
  for (const uint64_t endpoint : {1, 2}) {
    driver.attempt(attempt_of(*posted, endpoint, model::DeliveryState::kDelivered));
  }
}

// A run over the indexes of sixteen segments, of which all but the last ones have left the log, and
// ends of payloads.
void make_store_with_runs(StoreDriver& driver) {
  constexpr uint64_t kSegmentsKept = 8;  // those that are prepared or to be used again, too
  int number = 0;
  while (driver.store().log().last_durable() < Seq{440}) {
    post_settled(driver, ++number);
    if (number % 20 == 0) {
      ASSERT_TRUE(driver.maintain().ok());
    }
  }
  driver.options.limits.history_bytes_max = kSegmentsKept * driver.options.limits.segment_bytes;
  ASSERT_TRUE(driver.open().ok());
  ASSERT_TRUE(driver.maintain().ok());
  ASSERT_TRUE(driver.open().ok());
  post_settled(driver, ++number);
}

void write(io::Disk& disk, const Sample& sample) {
  io::sim::World world(11);
  StoreDriver driver(world, "segment");
  ASSERT_TRUE(set_limits(driver).open().ok());
  sample.make(driver);
  testing::Files files = testing::files_of(world.disk(), kRoot);
  files["/answers.txt"] = answers_of(driver.store());
  ASSERT_TRUE(testing::put_files(disk, sample.folder(), files).ok());
}

class StoreFormatV1 : public ::testing::TestWithParam<Sample> {};

TEST_P(StoreFormatV1, OpensAndSaysWhatItSaid) {
  const Sample& sample = GetParam();
  const auto disk = io::make_linux_disk();
  if (std::getenv("POSTHORN_WRITE_SAMPLES") != nullptr && !disk->exists(sample.folder())) {
    write(*disk, sample);
  }
  testing::Files files = testing::files_of(*disk, sample.folder());
  const std::string answers = files["/answers.txt"];
  ASSERT_LT(answers.size(), kAnswersBytesMax);
  ASSERT_GT(answers.size(), 10'000u);
  files.erase("/answers.txt");
  io::sim::World world(12);
  ASSERT_TRUE(testing::put_files(world.disk(), kRoot, files).ok());
  StoreDriver driver(world, "segment");
  const Status opened = set_limits(driver).open();
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  EXPECT_EQ(answers_of(driver.store()), answers);
  // What was found unusable at open is gone.
  const testing::Files kept = testing::files_of(world.disk(), kRoot);
  for (const char* suffix : sample.suffixes) {
    EXPECT_TRUE(std::any_of(kept.begin(), kept.end(),
                            [&](const auto& file) {
                              return file.first.find(suffix) != std::string::npos &&
                                     files.contains(file.first);
                            }))
        << "the sample has no " << suffix;
  }
  ASSERT_NE(driver.post(message_to(1, {1})), nullptr);
  ASSERT_TRUE(driver.maintain().ok());
}
std::string sample_name(const ::testing::TestParamInfo<Sample>& info) {
  return info.index == 0 ? "Store" : "StoreWithRuns";
}
INSTANTIATE_TEST_SUITE_P(
    Samples, StoreFormatV1,
    ::testing::Values(
        Sample{"store", make_store, {".log", ".idx", ".outcomes", "/due/", ".keys", ".checkpoint"}},
        Sample{"store-runs", make_store_with_runs, {".log", ".run", "/payloads/"}}),
    sample_name);

}  // namespace
}  // namespace posthorn::store::segment
