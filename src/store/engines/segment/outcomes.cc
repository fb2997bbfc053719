// The outcomes of all segments: which sidecars there are, which of them are in memory, and what of
// it a checkpoint names.
#include "store/engines/segment/outcomes.h"

#include <algorithm>
#include <list>
#include <map>
#include <set>

#include "base/log.h"
#include "io/guarded.h"
#include "store/engines/segment/file_names.h"
#include "store/engines/segment/outcome_sidecar.h"

namespace posthorn::store::segment {
namespace {

constexpr uint16_t kSectionVersion = 1;
constexpr size_t kOpenFilesMax = 512;
constexpr DeliveryOrdinal kScanBytes = 16 * kBlockPayloadBytes;

struct Known {
  uint64_t generation = 0;  // of its newest file; 0: none yet
  SidecarSummary summary;
  std::unique_ptr<Sidecar> loaded;         // null when it is on disk only
  std::shared_ptr<const SortedFile> file;  // opened; null until it is needed
  bool changed = false;                    // differs from its file; always loaded
  uint64_t used = 0;                       // grows; the smallest is dropped first
};

struct State {
  std::map<uint64_t, Known> segments;
  std::set<uint64_t> damaged;
  uint64_t next_generation = 1;
  uint64_t uses = 0;
  size_t open_files = 0;
};

Error unknown(DeliveryPlace place) {
  return error(Errc::kNotFound,
               fmt::format("no delivery {} in segment {}", place.delivery, place.segment.value));
}

class Store final : public Outcomes {
 public:
  Store(io::Disk& disk, BlockCache& cache, OutcomesOptions options)
      : disk_(disk), cache_(cache), options_(std::move(options)) {}

  Status read_section(ByteView section);

  Status extend(DeliveryPlace first, const model::TargetSet& targets) override;
  std::vector<SegmentNumber> damaged() const override;
  void mark_damaged(SegmentNumber segment) override;
  void restart(SegmentNumber segment) override;
  Result<Standing> get(DeliveryPlace place) override;
  Result<Standing> set(DeliveryPlace place, const EndpointId& endpoint,
                       const Standing& standing) override;
  bool wants_flush() const override;
  bool may_have(SegmentNumber segment, uint64_t tail, model::DeliveryState state) const override;
  Result<StateCounts> counts(SegmentNumber segment, uint64_t tail) override;
  StateCounts totals(SegmentNumber segment) const override;
  Result<std::vector<DeliveryOrdinal>> in_state(const StateScan& scan) override;
  Status flush() override;
  std::string section() const override;
  std::vector<std::string> files() const override;
  std::vector<SegmentNumber> segments() const override;

 private:
  std::string path_of(uint64_t segment, uint64_t generation) const {
    return fmt::format("{}/{:020}-{:020}.outcomes", options_.directory, segment, generation);
  }
  // Answers use(sidecar) for one in memory, else empty.
  template <typename Use>
  auto with_loaded(SegmentNumber segment, Use use)
      -> std::optional<decltype(use(std::declval<const Sidecar&>()))>;
  Result<std::shared_ptr<const SortedFile>> file_of(SegmentNumber segment);
  // use(file); once more when the file was replaced and removed meanwhile.
  template <typename Use>
  auto with_file(SegmentNumber segment, Use use)
      -> decltype(use(std::declval<const SortedFile&>()));
  // Says so when the sidecar is damaged, whatever of it is in memory.
  Status usable(SegmentNumber segment) const;
  // Answers what queries say until the sidecar is told anew.
  Error found_damaged(SegmentNumber segment, const Error& why);
  static void close_file(State& state, Known& known);
  Status load(SegmentNumber segment);
  Result<std::string> piece(SegmentNumber segment, DeliveryOrdinal from, size_t length);
  void drop_unchanged(State& state);

  io::Disk& disk_;
  BlockCache& cache_;
  const OutcomesOptions options_;
  io::Guarded<State> state_;
};

// Section := version u16, next generation u64, count u32, {segment u64, generation u64, summary}*.
Status Store::read_section(ByteView section) {
  PH_TRY(disk_.make_directory(options_.directory));
  if (section.empty()) return {};
  ByteReader in(section);
  if (in.u16() != kSectionVersion) return error(Errc::kCorrupt, "a bad section of outcomes");
  return state_.with([&](State& state) -> Status {
    state.next_generation = in.u64();
    const uint32_t count = in.u32();
    for (uint32_t i = 0; i < count && !in.failed(); ++i) {
      Known& known = state.segments[in.u64()];
      known.generation = in.u64();
      known.summary = SidecarSummary::decode(in);
    }
    if (!in.complete()) return error(Errc::kCorrupt, "a cut section of outcomes");
    return {};
  });
}

std::string Store::section() const {
  return state_.with([](const State& state) {
    std::string bytes;
    ByteWriter out(bytes);
    out.u16(kSectionVersion);
    out.u64(state.next_generation);
    uint32_t count = 0;
    for (const auto& [segment, known] : state.segments) count += known.generation != 0;
    out.u32(count);
    for (const auto& [segment, known] : state.segments) {
      if (known.generation == 0) continue;
      out.u64(segment);
      out.u64(known.generation);
      known.summary.encode(out);
    }
    return bytes;
  });
}

std::vector<std::string> Store::files() const {
  return state_.with([&](const State& state) {
    std::vector<std::string> paths;
    for (const auto& [segment, known] : state.segments) {
      if (known.generation != 0) paths.push_back(path_of(segment, known.generation));
    }
    return paths;
  });
}

template <typename Use>
auto Store::with_loaded(SegmentNumber segment, Use use)
    -> std::optional<decltype(use(std::declval<const Sidecar&>()))> {
  return state_.with(
      [&](State& state) -> std::optional<decltype(use(std::declval<const Sidecar&>()))> {
        const auto found = state.segments.find(segment.value);
        if (found == state.segments.end() || !found->second.loaded) return std::nullopt;
        found->second.used = ++state.uses;
        return use(*found->second.loaded);
      });
}

template <typename Use>
auto Store::with_file(SegmentNumber segment, Use use)
    -> decltype(use(std::declval<const SortedFile&>())) {
  PH_ASSIGN(const auto file, file_of(segment));
  auto answer = use(*file);
  if (!answer.ok() && answer.error().code == Errc::kNotFound) {
    PH_ASSIGN(const auto newer, file_of(segment));
    if (newer != file) answer = use(*newer);
  }
  if (answer.ok() || answer.error().code != Errc::kCorrupt) return answer;
  return found_damaged(segment, answer.error());
}

Error Store::found_damaged(SegmentNumber segment, const Error& why) {
  log(LogLevel::kError, "store", "outcomes of segment {} are damaged: {}", segment.value,
      why.message);
  state_.with([&](State& state) { state.damaged.insert(segment.value); });
  return usable(segment).error();
}

Status Store::usable(SegmentNumber segment) const {
  const bool hurt =
      state_.with([&](const State& state) { return state.damaged.contains(segment.value); });
  if (!hurt) return {};
  return error(Errc::kUnavailable,
               fmt::format("outcomes of segment {} are damaged and are made again", segment.value));
}

void Store::mark_damaged(SegmentNumber segment) {
  state_.with([&](State& state) {
    if (state.segments.contains(segment.value)) state.damaged.insert(segment.value);
  });
}

std::vector<SegmentNumber> Store::damaged() const {
  return state_.with([](const State& state) {
    std::vector<SegmentNumber> numbers;
    numbers.reserve(state.damaged.size());
    for (const uint64_t number : state.damaged) numbers.push_back(SegmentNumber{number});
    return numbers;
  });
}

void Store::close_file(State& state, Known& known) {
  state.open_files -= known.file != nullptr;
  known.file.reset();
}

Result<std::shared_ptr<const SortedFile>> Store::file_of(SegmentNumber segment) {
  std::shared_ptr<const SortedFile> open;
  const uint64_t generation = state_.with([&](State& state) {
    const auto found = state.segments.find(segment.value);
    if (found == state.segments.end()) return uint64_t{0};
    open = found->second.file;
    return found->second.generation;
  });
  if (open) return open;
  if (generation == 0) return unknown({segment, 0});
  auto opened = SortedFile::open(cache_, path_of(segment.value, generation));
  if (!opened.ok() && opened.error().code == Errc::kCorrupt)
    return found_damaged(segment, opened.error());
  if (!opened.ok()) return std::move(opened).error();
  open = std::move(opened).value();
  if (!is_sidecar(*open)) {
    return found_damaged(segment, error(Errc::kCorrupt, open->path() + " is no sidecar"));
  }
  state_.with([&](State& state) {
    const auto found = state.segments.find(segment.value);
    if (found == state.segments.end() || found->second.generation != generation) return;
    if (state.open_files >= kOpenFilesMax) {
      // Rare, and opening again costs one block: no order of use is kept for them.
      for (auto& [number, known] : state.segments) known.file.reset();
      state.open_files = 0;
    }
    if (!found->second.file) ++state.open_files;
    found->second.file = open;
  });
  return open;
}

// Brings a sidecar into memory, for changes. An unknown segment begins empty.
Status Store::load(SegmentNumber segment) {
  const bool there = state_.with([&](State& state) {
    Known& known = state.segments[segment.value];
    if (known.generation == 0 && !known.loaded) known.loaded = std::make_unique<Sidecar>();
    known.used = ++state.uses;
    return known.loaded != nullptr;
  });
  if (there) return {};
  PH_ASSIGN(const auto file, file_of(segment));
  auto loaded = Sidecar::load(*file);
  if (!loaded.ok() && loaded.error().code == Errc::kCorrupt)
    return found_damaged(segment, loaded.error());
  if (!loaded.ok()) return std::move(loaded).error();
  Sidecar sidecar = std::move(loaded).value();
  state_.with([&](State& state) {
    state.segments[segment.value].loaded = std::make_unique<Sidecar>(std::move(sidecar));
    drop_unchanged(state);
  });
  return {};
}

// Keeps what is in memory and unchanged within half of the limit.
void Store::drop_unchanged(State& state) {
  size_t bytes = 0;
  std::vector<Known*> idle;
  for (auto& [segment, known] : state.segments) {
    if (!known.loaded || known.changed) continue;
    bytes += known.loaded->memory_bytes();
    idle.push_back(&known);
  }
  if (bytes <= options_.memory_bytes_max / 2) return;
  std::sort(idle.begin(), idle.end(),
            [](const Known* a, const Known* b) { return a->used < b->used; });
  for (Known* known : idle) {
    // One without a file is the open segment's, still empty of changes.
    if (bytes <= options_.memory_bytes_max / 2 || known->generation == 0) continue;
    if (known->used == state.uses) continue;  // just loaded, about to be changed
    bytes -= known->loaded->memory_bytes();
    known->loaded.reset();
  }
}

Status Store::extend(DeliveryPlace first, const model::TargetSet& targets) {
  PH_TRY(load(first.segment));
  return state_.with([&](State& state) -> Status {
    Known& known = state.segments[first.segment.value];
    if (first.delivery + targets.size() <= known.loaded->size()) return {};
    if (first.delivery != known.loaded->size()) {
      return error(Errc::kInternal,
                   fmt::format("deliveries from {} on in segment {}, which has {}", first.delivery,
                               first.segment.value, known.loaded->size()));
    }
    known.loaded->extend(targets);
    known.changed = known.changed || targets.size() > 0;
    for (const EndpointId& endpoint : targets.endpoints()) {
      known.summary.note(endpoint.bytes.tail(), model::DeliveryState::kPending);
    }
    known.summary.totals[static_cast<size_t>(model::DeliveryState::kPending)] +=
        static_cast<uint32_t>(targets.size());
    return {};
  });
}

void Store::restart(SegmentNumber segment) {
  state_.with([&](State& state) {
    state.damaged.erase(segment.value);
    const auto found = state.segments.find(segment.value);
    if (found == state.segments.end()) return;
    close_file(state, found->second);
    state.segments.erase(found);
  });
}

Result<Standing> Store::get(DeliveryPlace place) {
  PH_TRY(usable(place.segment));
  const auto held = with_loaded(place.segment, [&](const Sidecar& sidecar) -> Result<Standing> {
    if (place.delivery >= sidecar.size()) return unknown(place);
    return sidecar.at(place.delivery);
  });
  if (held) return *held;
  return with_file(place.segment,
                   [&](const SortedFile& file) { return read_standing(file, place.delivery); });
}

Result<Standing> Store::set(DeliveryPlace place, const EndpointId& endpoint,
                            const Standing& standing) {
  const bool known =
      state_.with([&](const State& state) { return state.segments.contains(place.segment.value); });
  if (!known) return unknown(place);
  PH_TRY(load(place.segment));
  return state_.with([&](State& state) -> Result<Standing> {
    Known& of = state.segments[place.segment.value];
    if (place.delivery >= of.loaded->size()) return unknown(place);
    const Standing before = of.loaded->at(place.delivery);
    const uint64_t tail = endpoint.bytes.tail();
    of.loaded->set(place.delivery, tail, standing);
    of.changed = true;
    of.summary.note(tail, standing.state);
    --of.summary.totals[static_cast<size_t>(before.state)];
    ++of.summary.totals[static_cast<size_t>(standing.state)];
    return before;
  });
}

bool Store::wants_flush() const {
  return state_.with([&](const State& state) {
    size_t bytes = 0;
    for (const auto& [segment, known] : state.segments) {
      if (known.changed) bytes += known.loaded->memory_bytes();
    }
    return bytes > options_.memory_bytes_max / 2;
  });
}

bool Store::may_have(SegmentNumber segment, uint64_t tail, model::DeliveryState state) const {
  return state_.with([&](const State& all) {
    const auto found = all.segments.find(segment.value);
    return found != all.segments.end() && found->second.summary.may_have(tail, state);
  });
}

StateCounts Store::totals(SegmentNumber segment) const {
  return state_.with([&](const State& state) {
    const auto found = state.segments.find(segment.value);
    return found == state.segments.end() ? StateCounts{} : found->second.summary.totals;
  });
}

Result<StateCounts> Store::counts(SegmentNumber segment, uint64_t tail) {
  PH_TRY(usable(segment));
  const auto held =
      with_loaded(segment, [&](const Sidecar& sidecar) { return sidecar.counts(tail); });
  if (held) return *held;
  return with_file(segment, [&](const SortedFile& file) { return read_counts(file, tail); });
}

Result<std::string> Store::piece(SegmentNumber segment, DeliveryOrdinal from, size_t length) {
  PH_TRY(usable(segment));
  const auto held = with_loaded(segment, [&](const Sidecar& sidecar) {
    return from < sidecar.size() ? sidecar.bytes().substr(from, length) : std::string();
  });
  if (held) return *held;
  return with_file(segment, [&](const SortedFile& file) {
    return file.read_bytes(kOutcomeBytes, from, length);
  });
}

Result<std::vector<DeliveryOrdinal>> Store::in_state(const StateScan& scan) {
  std::vector<DeliveryOrdinal> found;
  const auto all = totals(scan.segment);
  uint64_t size = 0;
  for (const uint32_t count : all) size += count;
  const auto to = static_cast<DeliveryOrdinal>(std::min<uint64_t>(scan.to, size));
  if (scan.limit == 0 || all[static_cast<size_t>(scan.state)] == 0) return found;
  const auto take = [&](DeliveryOrdinal ordinal) {
    found.push_back(ordinal);
    return found.size() < scan.limit;
  };
  DeliveryOrdinal low = scan.from;
  DeliveryOrdinal high = to;
  while (low < high) {
    const DeliveryOrdinal length = std::min(kScanBytes, high - low);
    const DeliveryOrdinal from = scan.ascending ? low : high - length;
    PH_ASSIGN(const std::string bytes, piece(scan.segment, from, length));
    if (!visit_in_state({bytes, from, scan.state, scan.ascending}, take)) break;
    (scan.ascending ? low : high) = scan.ascending ? from + length : from;
  }
  return found;
}

Status Store::flush() {
  std::vector<uint64_t> changed;
  state_.with([&](const State& state) {
    for (const auto& [segment, known] : state.segments) {
      if (known.changed) changed.push_back(segment);
    }
  });
  for (const uint64_t segment : changed) {
    // A copy, so that readers go on; nothing else changes it meanwhile.
    Sidecar copy;
    const uint64_t generation = state_.with([&](State& state) {
      copy = *state.segments[segment].loaded;
      return state.next_generation++;
    });
    const std::string path = path_of(segment, generation);
    PH_TRY(copy.write(disk_, path));
    cache_.forget(CachedFile(path));
    const SidecarSummary summary = copy.summary();
    state_.with([&](State& state) {
      Known& known = state.segments[segment];
      known.generation = generation;
      known.summary = summary;
      known.changed = false;
      close_file(state, known);
    });
  }
  state_.with([&](State& state) { drop_unchanged(state); });
  return {};
}

std::vector<SegmentNumber> Store::segments() const {
  return state_.with([](const State& state) {
    std::vector<SegmentNumber> numbers;
    numbers.reserve(state.segments.size());
    for (const auto& [segment, known] : state.segments) numbers.emplace_back(segment);
    return numbers;
  });
}

}  // namespace

Result<std::unique_ptr<Outcomes>> Outcomes::open(io::Disk& disk, BlockCache& cache,
                                                 OutcomesOptions options, ByteView section) {
  auto store = std::make_unique<Store>(disk, cache, std::move(options));
  PH_TRY(store->read_section(section));
  return std::unique_ptr<Outcomes>(std::move(store));
}

}  // namespace posthorn::store::segment
