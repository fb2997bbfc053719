// What a lookup of an idempotency key costs on the way in, with many keys in tier files. Usage:
//   dedupe_bench dir=… keys=…      makes the key files where there are none; prints one JSON object
// Keys are accepted evenly over the 24 hours of the window, so the files are those of a steady day.
#include <fmt/format.h>

#include <cstdio>

#include "base/check.h"
#include "base/rng.h"
#include "io/linux/host.h"
#include "store/engines/segment/dedupe_tiers.h"
#include "store/testing/bench_program.h"

namespace posthorn::store::segment {
namespace {

constexpr size_t kTables = 100;
constexpr uint64_t kLookups = 2'000'000;  // in memory
constexpr uint64_t kReads = 50'000;       // that go to the files
constexpr size_t kFilterBytes = 64u << 20;
constexpr WallTime kStart{1'700'000'000'000'000};

// Key number n; those that no message had have numbers from kStrangers on.
constexpr uint64_t kStrangers = uint64_t{1} << 40;
model::DedupeKey key_of(uint64_t n) {
  Rng rng(n);
  model::DedupeKey key;
  rng.fill(key.bytes);
  return key;
}

// The store's own parts, as the engine opens them.
struct Opened {
  Opened(io::Host& host, const std::string& directory)
      : files(host.disk(), 256),
        cache(files, 32u << 20),
        tiers(DedupeTiers::open(host.disk(), cache, options_of(directory)).value()) {}
  static DedupeTiersOptions options_of(const std::string& directory) {
    DedupeTiersOptions options;
    options.directory = directory;
    options.filter_bytes_max = kFilterBytes;
    return options;
  }
  OpenFiles files;
  BlockCache cache;
  std::unique_ptr<DedupeTiers> tiers;
};

void build(io::Host& host, const std::string& directory, uint64_t keys) {
  Opened opened(host, directory);
  const microseconds day = std::chrono::hours(24);
  uint64_t seq = 0;
  for (size_t i = 0; i < kTables; ++i) {
    KeyTable table(keys / kTables, 1);
    WallTime at;
    for (size_t k = 0; k < keys / kTables; ++k) {
      at = kStart + day * static_cast<int64_t>(seq) / static_cast<int64_t>(keys);
      ++seq;
      CHECK(table.insert(key_of(seq), Seq{seq}, at));
    }
    CHECK(opened.tiers->add(table).ok());
    while (opened.tiers->merge_step(at).value()) continue;
  }
}

int run(const BenchArguments& arguments) {
  const auto host = io::make_linux_host();
  const std::string& directory = arguments.text("dir");
  const uint64_t keys = arguments.number("keys", 100'000'000);
  if (!host->disk().exists(directory)) build(*host, directory, keys);
  MonoTime start = host->clock().now();
  Opened opened(*host, directory);
  const double open_s = seconds_since(*host, start);

  std::vector<model::DedupeKey> strangers;
  for (uint64_t i = 0; i < kLookups; ++i) strangers.push_back(key_of(kStrangers + i));
  std::vector<model::DedupeKey> doubtful;
  start = host->clock().now();
  for (const model::DedupeKey& key : strangers) {
    if (!opened.tiers->surely_new(key)) doubtful.push_back(key);
  }
  const double surely_new_s = seconds_since(*host, start);

  // What the appender pays where memory alone cannot tell, and what a repeated request pays.
  const uint64_t asked = std::min<uint64_t>(doubtful.size(), kReads);
  start = host->clock().now();
  for (uint64_t i = 0; i < asked; ++i) CHECK(!opened.tiers->find(doubtful[i]).value());
  const double doubtful_s = seconds_since(*host, start);
  Rng rng(9);
  start = host->clock().now();
  for (uint64_t i = 0; i < kReads; ++i) {
    const Seq seq{1 + rng.below(keys / kTables * kTables)};
    CHECK(opened.tiers->find(key_of(seq.value)).value() == seq);
  }
  const double repeated_s = seconds_since(*host, start);

  const DedupeCounts counts = opened.tiers->counts();
  fmt::print(
      R"({{"keys":{},"files":{},"open_s":{:.3f},"filter_mib":{:.1f},)"
      R"("surely_new_ns":{:.0f},"doubtful":{:.5f},"doubtful_us":{:.1f},"repeated_us":{:.1f}}})"
      "\n",
      counts.keys, counts.files, open_s, static_cast<double>(counts.filter_bytes) / (1 << 20),
      surely_new_s / static_cast<double>(kLookups) * 1e9,
      static_cast<double>(doubtful.size()) / static_cast<double>(kLookups),
      asked == 0 ? 0.0 : doubtful_s / static_cast<double>(asked) * 1e6,
      repeated_s / static_cast<double>(kReads) * 1e6);
  return 0;
}

}  // namespace
}  // namespace posthorn::store::segment

int main(int argc, char** argv) {
  return posthorn::store::segment::run(posthorn::store::BenchArguments(argc, argv, 1));
}
