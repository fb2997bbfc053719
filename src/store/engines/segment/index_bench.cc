// A store of 20,000 segments: real index files, sidecars and checkpoint, data files that are holes.
// Built once in the folder POSTHORN_BENCH_DIR (about 8 GB) and kept for the next run; the gateway
// opens it as <data directory>/log. POSTHORN_BENCH_SEGMENTS makes it smaller. As root the page
// cache is dropped before the cold figures.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "base/rng.h"
#include "io/linux/disk.h"
#include "io/linux/host.h"
#include "store/engines/segment/checkpoint_state.h"
#include "store/engines/segment/delivery_scan.h"
#include "store/engines/segment/directory.h"
#include "store/engines/segment/log_format.h"
#include "store/testing/bench_program.h"

namespace posthorn::store::segment {
namespace {

constexpr uint64_t kSegmentBytes = 64u << 20;
constexpr size_t kMessagesOfSegment = 1500;
constexpr size_t kApps = 1000;
constexpr size_t kSparseEvery = 100;  // segments between two messages to the sparse endpoint

std::string setting(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : fallback;
}

size_t number_of(std::string_view digits) {
  size_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

size_t segments_wanted() { return number_of(setting("POSTHORN_BENCH_SEGMENTS", "20000")); }

template <typename Kind>
Id<Kind> id_of(uint64_t number) {
  Rng rng(number * 2 + sizeof(Kind));
  Id<Kind> id;
  rng.fill(id.bytes.raw);
  return id;
}
AppId app_of(uint64_t number) { return id_of<ApplicationKind>(1000 + number); }
EndpointId endpoint_of(uint64_t number) { return id_of<EndpointKind>(1'000'000 + number); }
const uint64_t kSparse = kApps;

// One busy app, a thousand others, and one that is hardly ever heard of.
class Traffic {
 public:
  std::unique_ptr<OpenIndex> segment(SegmentNumber number, Outcomes& outcomes) {
    auto index = std::make_unique<OpenIndex>(number);
    sets_.clear();
    offset_ = 4096;
    for (size_t i = 0; i < kMessagesOfSegment; ++i) {
      uint64_t app = rng_.below(2) == 0 ? 0 : rng_.below(kApps);
      if (i == 700 && number.value % kSparseEvery == 0) app = kSparse;
      add(*index, outcomes, app);
    }
    return index;
  }
  // As if all of it had been written by group `group`, and the next one went to `next`.
  LogEnd end(SegmentNumber next, uint64_t group) const {
    return {next, kSegmentHeaderBytes, group, Seq{seq_}, last_id_, now_};
  }

 private:
  void add(OpenIndex& index, Outcomes& outcomes, uint64_t app) {
    const auto [set, is_new] = sets_.try_emplace(app, static_cast<uint32_t>(sets_.size()));
    model::Targets& targets = targets_[app];
    if (!targets) {
      targets = std::make_shared<model::TargetSet>(std::vector<EndpointId>{endpoint_of(app)});
    }
    if (is_new) index.add_set(set->second, targets);
    const Seq message{++seq_};
    const DeliveryOrdinal delivery =
        index.add_message({message, offset_, MessageId{next_id()}, app_of(app), set->second,
                           event_type_hash("order.paid"), now_});
    offset_ += 20000;
    const DeliveryPlace place{index.segment(), delivery};
    CHECK(outcomes.extend(place, *targets).ok());
    const bool dead = app == 0 && !dead_made_ && index.segment().value == segments_wanted() / 3;
    const Standing standing{dead ? model::DeliveryState::kDead : model::DeliveryState::kDelivered,
                            dead ? model::DeadCause::kExhausted : model::DeadCause::kNone, 1};
    CHECK(outcomes.set(place, endpoint_of(app), standing).ok());
    model::Attempt attempt;
    attempt.state_after = standing.state;
    attempt.outcome.status = dead ? 500 : 200;
    index.add_attempt({Seq{++seq_}, offset_, AttemptId{next_id()}, endpoint_of(app), message,
                       AttemptFacet::of(attempt)});
    offset_ += 20000;
    dead_made_ = dead_made_ || dead;
  }
  IdBytes next_id() {
    now_ = now_ + microseconds(2000);
    IdBytes id;
    rng_.fill(id.raw);
    id.set_time(now_);
    ++counter_;
    for (int i = 0; i < 5; ++i) id.raw[9 - i] = static_cast<uint8_t>(counter_ >> (8 * i));
    last_id_ = id;
    return id;
  }

  Rng rng_{1};
  // Two days back: retention keeps all of it.
  WallTime now_ = io::make_linux_host()->clock().wall() - std::chrono::hours(48);
  IdBytes last_id_;
  uint64_t counter_ = 0;
  uint64_t seq_ = 0;
  uint32_t offset_ = 0;
  bool dead_made_ = false;
  std::map<uint64_t, uint32_t> sets_;
  std::map<uint64_t, model::Targets> targets_;
};

struct Opened {
  explicit Opened(const std::string& directory)
      : layout{directory},
        disk(io::make_linux_disk()),
        files(*disk, 256),
        cache(files, 32u << 20),
        checkpoints(
            CheckpointStore::open(
                *disk, {layout.checkpoints(), {layout.outcomes(), layout.due(), layout.payloads()}})
                .value()),
        tiers(IndexTiers::open(*disk, cache, {.directory = layout.index()}).value()) {
    const auto newest = checkpoints->newest().value();
    CheckpointContents from;
    if (newest) from = read_checkpoint(*newest).value();
    outcomes = Outcomes::open(*disk, cache, {.directory = layout.outcomes()}, from.outcomes_section)
                   .value();
    due = DueRuns::open(*disk, cache, {.directory = layout.due()}, from.due_section).value();
    payloads = DueRuns::open(*disk, cache, {.directory = layout.payloads()}, from.payloads_section)
                   .value();
  }
  std::string data_path(SegmentNumber number) const {
    return fmt::format("{}/{:020}.log", layout.segments(), number.value);
  }

  DirectoryLayout layout;
  std::unique_ptr<io::Disk> disk;
  OpenFiles files;
  BlockCache cache;
  std::unique_ptr<CheckpointStore> checkpoints;
  std::unique_ptr<IndexTiers> tiers;
  std::unique_ptr<Outcomes> outcomes;
  std::unique_ptr<DueRuns> due;
  std::unique_ptr<DueRuns> payloads;
  io::Guarded<Live> live{Live(16)};
  LogIndex log{*tiers, live};
};

// A data file with nothing in it but its header.
void write_hole(Opened& opened, const SegmentHeader& header) {
  const auto file = opened.disk->open(opened.data_path(header.number), io::OpenMode::kCreateOrOpen);
  CHECK((*file)->truncate(kSegmentBytes).ok());
  const auto block = encode_segment_header(header);
  CHECK((*file)->write(0, std::array{ByteView(block.data(), block.size())}).ok());
}

void build(const std::string& directory) {
  const auto disk = io::make_linux_disk();
  for (const std::string& folder : {directory, DirectoryLayout{directory}.segments()}) {
    CHECK(disk->make_directory(folder).ok());
  }
  Opened opened(directory);
  Traffic traffic;
  for (size_t i = 1; i <= segments_wanted(); ++i) {
    const SegmentNumber number{i};
    const auto index = traffic.segment(number, *opened.outcomes);
    CHECK(opened.tiers->seal(*index).ok());
    write_hole(opened, {number, i, i, index->span().first, WallTime{1}});
    while (opened.tiers->merge_step().value()) {
    }
    if (opened.outcomes->wants_flush()) CHECK(opened.outcomes->flush().ok());
    if (i % 1000 == 0) std::fprintf(stderr, "%zu segments\n", i);
  }
  const SegmentNumber next{segments_wanted() + 1};
  Live live(16);
  live.end = traffic.end(next, segments_wanted());
  write_hole(opened, {next, next.value, next.value, live.end.last.next(), live.end.last_time});
  CHECK(write_checkpoint(*opened.checkpoints, take_snapshot(live),
                         {*opened.outcomes, *opened.due, *opened.payloads})
            .ok());
}

const std::string& directory() {
  static const std::string kDirectory = [] {
    std::string path = setting("POSTHORN_BENCH_DIR", "/tmp/posthorn-index-bench");
    if (!io::make_linux_disk()->exists(DirectoryLayout{path}.checkpoints())) build(path);
    return path;
  }();
  return kDirectory;
}

void drop_page_cache() {
  std::ofstream drop("/proc/sys/vm/drop_caches");
  if (drop) drop << "3\n";
}

// What a list answers with: the records themselves, from the data files.
void read_records(Opened& opened, const std::vector<AttemptEntry>& page) {
  std::string record(1024, '\0');
  for (const AttemptEntry& entry : page) {
    const auto file = opened.files.open(opened.data_path(entry.place.segment)).value();
    CHECK(file->read(entry.place.offset, record).ok());
  }
}

EntryQuery newest_page(uint64_t app) {
  return {endpoint_of(app).bytes.tail(), {}, kEndOfLog, false, 50};
}

void restart(benchmark::State& state) {
  const bool cold = state.range(0) != 0;
  const std::string& at = directory();
  for (auto _ : state) {
    state.PauseTiming();
    if (cold) drop_page_cache();
    state.ResumeTiming();
    Opened opened(at);
    CHECK(opened.tiers->segments().size() == segments_wanted());
  }
  state.counters["rss_mib"] = static_cast<double>(resident_mib());
}
BENCHMARK(restart)->ArgName("cold")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

// The first one after a start (cold: nothing in the page cache either), and the later ones.
void newest_attempts_of_sparse_endpoint(benchmark::State& state) {
  const auto cold = state.range(0);
  auto opened = std::make_unique<Opened>(directory());
  uint64_t blocks = 0;
  for (auto _ : state) {
    if (cold > 0) {
      state.PauseTiming();
      opened = std::make_unique<Opened>(directory());
      if (cold > 1) drop_page_cache();
      blocks = opened->cache.counts().misses;
      state.ResumeTiming();
    }
    const auto page = opened->tiers->attempts_to_endpoint(newest_page(kSparse), {}).value();
    read_records(*opened, page);
    CHECK(page.size() == 50 || segments_wanted() < 50 * kSparseEvery);
  }
  state.counters["blocks_read"] = static_cast<double>(opened->cache.counts().misses - blocks);
}
BENCHMARK(newest_attempts_of_sparse_endpoint)
    ->ArgName("cold")
    ->Arg(0)
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond);

void newest_attempts_of_busy_endpoint(benchmark::State& state) {
  Opened opened(directory());
  for (auto _ : state) {
    const auto page = opened.tiers->attempts_to_endpoint(newest_page(0), {}).value();
    CHECK(page.size() == 50);
  }
}
BENCHMARK(newest_attempts_of_busy_endpoint)->Unit(benchmark::kMicrosecond);

// One of some ten million deliveries of the busy endpoint, which is in every segment.
void only_dead_delivery(benchmark::State& state) {
  const auto cold = state.range(0);
  auto opened = std::make_unique<Opened>(directory());
  for (auto _ : state) {
    if (cold > 0) {
      state.PauseTiming();
      opened = std::make_unique<Opened>(directory());
      if (cold > 1) drop_page_cache();
      state.ResumeTiming();
    }
    DeliveryScan scan(opened->log, *opened->tiers, *opened->outcomes);
    const auto found =
        scan.page(newest_page(0), endpoint_of(0), model::DeliveryState::kDead).value();
    CHECK(found.size() == 1);
  }
}
BENCHMARK(only_dead_delivery)
    ->ArgName("cold")
    ->Arg(0)
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond);

void message_by_seq(benchmark::State& state) {
  Opened opened(directory());
  Rng rng(4);
  const uint64_t last = segments_wanted() * kMessagesOfSegment * 2;
  for (auto _ : state) {
    const Seq seq{1 + 2 * rng.below(last / 2)};
    CHECK(opened.tiers->message(seq).value().has_value());
  }
}
BENCHMARK(message_by_seq)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace posthorn::store::segment
