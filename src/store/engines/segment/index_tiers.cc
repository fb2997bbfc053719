// The index of all sealed segments: queries go through the sources of one view in order; changes
// make a new view.
#include "store/engines/segment/index_tiers.h"

#include <algorithm>
#include <set>

#include "base/log.h"
#include "io/guarded.h"
#include "store/engines/segment/index_folder.h"
#include "store/engines/segment/index_format.h"
#include "store/engines/segment/open_segments.h"

namespace posthorn::store::segment {
namespace {

using ViewRef = std::shared_ptr<const IndexView>;
using SegmentRef = std::shared_ptr<SegmentIndex>;

class Tiers final : public IndexTiers {
 public:
  Tiers(io::Disk& disk, BlockCache& cache, IndexTiersOptions options)
      : options_(std::move(options)),
        folder_(disk, cache, options_.directory),
        segments_(options_.open_segments_max) {}

  Status load() {
    PH_ASSIGN(IndexView view, folder_.load());
    replace_view([&](IndexView& current) { current = std::move(view); });
    return {};
  }

  Status seal(const OpenIndex& index) override;
  Result<bool> merge_step() override;
  Status remove(std::vector<SegmentNumber> gone) override;
  std::vector<SegmentNumber> damaged() const override;
  Error mark_damaged(SegmentNumber number, const Error& why) override;
  std::vector<SegmentSpan> segments() const override;
  std::optional<SegmentNumber> segment_of(Seq seq) const override;
  Result<SegmentRef> segment(SegmentNumber number) override;
  Result<std::vector<SegmentNumber>> segments_with_endpoint(const EntryQuery& query) override;

  Result<std::optional<MessageEntry>> message(Seq seq) override;
  Result<std::vector<MessageEntry>> messages_with_id(const MessageId& id) override;
  Result<std::vector<AppEntry>> messages_of_app(const EntryQuery& query) override;
  Result<std::vector<TargetEntry>> messages_to_endpoint(const EntryQuery& query) override;
  Result<std::vector<AttemptEntry>> attempts_to_endpoint(const EntryQuery& query,
                                                         const AttemptFilter& filter) override;
  Result<std::vector<AttemptEntry>> attempts_of_message(const OfMessage& query) override;
  Result<std::vector<AttemptEntry>> attempts_with_id(const AttemptId& id) override;
  Result<model::Targets> target_set(SegmentNumber segment, uint32_t set) override;
  Result<std::optional<DeliveryOrdinal>> delivery(Seq message, const EndpointId& endpoint) override;
  Result<std::optional<MessageEntry>> message_of_delivery(SegmentNumber segment,
                                                          DeliveryOrdinal delivery) override;
  Result<Seq> first_at(WallTime at) override;

 private:
  struct Shared {
    ViewRef view = std::make_shared<IndexView>();
    std::set<SegmentNumber> damaged;
    std::vector<NumberRange> bad_runs;  // left out, to be removed by the changing thread
  };
  struct RunWalk {
    IndexTable table;
    Seq from;  // where the segment of query.from begins
    const EntryQuery& query;
  };

  ViewRef view() const {
    return shared_.with([](const Shared& shared) { return shared.view; });
  }
  template <typename Change>
  void replace_view(Change change);
  void leave_out_run(const SortedFile& file, const Error& why);
  Status remove_bad_runs();
  std::optional<IndexFolder::Merge> find_merge(uint64_t width) const;
  Status gather_inputs(const IndexView& view, IndexFolder::Merge& merge);

  // Asks again with a newer view when files of the first one went away or were left out.
  template <typename Ask>
  auto with_view(Ask ask) {
    for (int again = 0;; ++again) {
      const ViewRef asked = view();
      auto answer = ask(*asked);
      if (answer.ok() || again == kAsksMax || view() == asked) return answer;
    }
  }
  template <typename Ask>
  auto in_segment(SegmentNumber number, Ask ask) -> decltype(ask(std::declval<SegmentIndex&>())) {
    auto index = segment(number);
    if (!index.ok()) return std::move(index).error();
    auto answer = ask(**index);
    if (!answer.ok() && answer.error().code == Errc::kCorrupt) {
      return mark_damaged(number, answer.error());
    }
    return answer;
  }
  template <typename Visit>
  Result<bool> walk_file(const SortedFile& file, const RunWalk& walk, Visit& visit);
  template <typename Visit>
  Status each_run_entry(const IndexView& view, IndexTable table, const EntryQuery& query,
                        Visit visit);
  template <typename Kind>
  Result<std::vector<typename Kind::Entry>> gather(const EntryQuery& query, const Kind& kind);

  static constexpr int kAsksMax = 4;
  const IndexTiersOptions options_;
  IndexFolder folder_;
  OpenSegments segments_;
  io::Guarded<Shared> shared_;
};

template <typename Change>
void Tiers::replace_view(Change change) {
  shared_.with([&](Shared& shared) {
    auto next = std::make_shared<IndexView>(*shared.view);
    change(*next);
    next->arrange();
    shared.view = std::move(next);
  });
}

void Tiers::leave_out_run(const SortedFile& file, const Error& why) {
  log(LogLevel::kError, "store", "run {} is left out: {}", file.path(), why.message);
  std::vector<NumberRange> bad;
  replace_view([&](IndexView& next) {
    std::erase_if(next.runs, [&](const IndexRun& run) {
      if (run.file.get() == &file) bad.push_back(run.segments);
      return run.file.get() == &file;
    });
  });
  shared_.with([&](Shared& shared) {
    shared.bad_runs.insert(shared.bad_runs.end(), bad.begin(), bad.end());
  });
}

Error Tiers::mark_damaged(SegmentNumber number, const Error& why) {
  log(LogLevel::kError, "store", "index of segment {} is damaged: {}", number.value, why.message);
  segments_.forget(number);
  shared_.with([&](Shared& shared) { shared.damaged.insert(number); });
  return error(Errc::kUnavailable,
               fmt::format("the index of segment {} is damaged and is made again", number.value));
}

Status Tiers::remove_bad_runs() {
  const auto bad = shared_.with([](Shared& shared) { return std::move(shared.bad_runs); });
  for (const NumberRange& run : bad) PH_TRY(folder_.remove_run(run));
  return {};
}

Status Tiers::seal(const OpenIndex& index) {
  const SegmentNumber number = index.segment();
  // A run made without this segment would hide it: it goes first, also on disk.
  if (const IndexRun* over = view()->run_over(number)) {
    const NumberRange stale = over->segments;
    replace_view([&](IndexView& next) {
      std::erase_if(next.runs, [&](const IndexRun& run) { return run.segments == stale; });
    });
    PH_TRY(folder_.remove_run(stale));
  }
  PH_TRY(folder_.write_segment(index));
  segments_.forget(number);
  shared_.with([&](Shared& shared) { shared.damaged.erase(number); });
  replace_view([&](IndexView& next) { next.add_span(index.span()); });
  return {};
}

// The sources in an aligned range of `width` segments, once the range is full and if they are
// several. Ranges lie by segment number, so a restart finds the same ones.
std::optional<IndexFolder::Merge> Tiers::find_merge(uint64_t width) const {
  const ViewRef current = view();
  if (current->spans.empty()) return std::nullopt;
  const auto bad = damaged();
  const uint64_t newest = current->spans.back().segment.value;
  IndexFolder::Merge merge;
  const auto begin_range = [&](uint64_t number) {
    const uint64_t first = number - number % width;
    merge = {{first, first + width - 1}, {}, {}};
  };
  const auto usable = [&](size_t sources) {
    const bool hurt = std::any_of(bad.begin(), bad.end(), [&](SegmentNumber number) {
      return merge.segments.first <= number.value && number.value <= merge.segments.last;
    });
    return sources > 1 && !hurt && merge.segments.last <= newest;
  };
  size_t sources = 0;
  for (const IndexSource& source : current->sources) {
    const SegmentSpan* span = current->span_of(source.first);
    const uint64_t number = span->segment.value;
    if (sources == 0 || number > merge.segments.last) {
      if (usable(sources)) return merge;
      begin_range(number);
      sources = 0;
    }
    const IndexRun* run = current->run_over(span->segment);
    // A wider run is done with.
    if (run == nullptr || merge.segments.holds(run->segments)) ++sources;
  }
  return usable(sources) ? std::optional(merge) : std::nullopt;
}

Status Tiers::gather_inputs(const IndexView& current, IndexFolder::Merge& merge) {
  const auto within = [&](const SegmentSpan& span) {
    return merge.segments.first <= span.segment.value && span.segment.value <= merge.segments.last;
  };
  for (const IndexSource& source : current.sources) {
    const SegmentSpan* span = current.span_of(source.first);
    if (!within(*span)) continue;
    if (source.run != nullptr) {
      merge.inputs.push_back(source.run);
      continue;
    }
    PH_ASSIGN(const SegmentRef index, segment(source.segment));
    merge.inputs.push_back(index->file());
  }
  std::copy_if(current.spans.begin(), current.spans.end(), std::back_inserter(merge.spans), within);
  std::copy_if(current.empty.begin(), current.empty.end(), std::back_inserter(merge.spans), within);
  std::sort(merge.spans.begin(), merge.spans.end(),
            [](const auto& a, const auto& b) { return a.segment < b.segment; });
  return {};
}

Result<bool> Tiers::merge_step() {
  PH_TRY(remove_bad_runs());
  auto merge = find_merge(options_.fan_in);
  if (!merge) merge = find_merge(options_.fan_in * options_.fan_in);
  if (!merge) return false;
  const ViewRef current = view();
  PH_TRY(gather_inputs(*current, *merge));
  auto run = folder_.write_run(*merge);
  if (!run.ok() && run.error().code == Errc::kCorrupt) {
    // One of the inputs is damaged: a query will tell which. Checking all of them is rare work.
    for (const IndexSource& source : current->sources) {
      const Status sound = source.run ? source.run->verify() : Status();
      if (!sound.ok()) leave_out_run(*source.run, sound.error());
    }
    for (const auto& span : merge->spans) {
      const Status sound =
          in_segment(span.segment, [](SegmentIndex& index) { return index.file()->verify(); });
      if (!sound.ok()) return std::move(run).error();
    }
    return true;
  }
  if (!run.ok()) return std::move(run).error();
  std::vector<NumberRange> replaced;
  replace_view([&](IndexView& next) {
    std::erase_if(next.runs, [&](const IndexRun& old) {
      if (merge->segments.holds(old.segments)) replaced.push_back(old.segments);
      return merge->segments.holds(old.segments);
    });
    const auto at = std::partition_point(next.runs.begin(), next.runs.end(), [&](const auto& r) {
      return r.segments.first < merge->segments.first;
    });
    next.runs.insert(at, *run);
  });
  for (const NumberRange& old : replaced) {
    if (old != merge->segments) PH_TRY(folder_.remove_run(old));
  }
  return true;
}

Status Tiers::remove(std::vector<SegmentNumber> gone) {
  std::sort(gone.begin(), gone.end());
  const auto is_gone = [&](SegmentNumber number) {
    return std::binary_search(gone.begin(), gone.end(), number);
  };
  std::vector<NumberRange> runs;
  replace_view([&](IndexView& next) {
    const auto drop = [&](const SegmentSpan& span) { return is_gone(span.segment); };
    std::erase_if(next.spans, drop);
    std::erase_if(next.empty, drop);
    std::erase_if(next.runs, [&](const IndexRun& run) {
      if (next.holds_any(run.segments)) return false;
      runs.push_back(run.segments);
      return true;
    });
  });
  // The runs first: a run without its segments would be taken for one that lost them.
  for (const NumberRange& run : runs) PH_TRY(folder_.remove_run(run));
  for (const SegmentNumber number : gone) {
    segments_.forget(number);
    PH_TRY(folder_.remove_segment(number));
  }
  shared_.with([&](Shared& shared) { std::erase_if(shared.damaged, is_gone); });
  return {};
}

std::vector<SegmentNumber> Tiers::damaged() const {
  return shared_.with([](const Shared& shared) {
    return std::vector<SegmentNumber>(shared.damaged.begin(), shared.damaged.end());
  });
}

std::vector<SegmentSpan> Tiers::segments() const {
  const ViewRef current = view();
  std::vector<SegmentSpan> all = current->spans;
  all.insert(all.end(), current->empty.begin(), current->empty.end());
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.segment < b.segment; });
  return all;
}

std::optional<SegmentNumber> Tiers::segment_of(Seq seq) const {
  const ViewRef current = view();
  const SegmentSpan* span = current->span_of(seq);
  return span == nullptr ? std::nullopt : std::optional(span->segment);
}

Result<SegmentRef> Tiers::segment(SegmentNumber number) {
  if (SegmentRef open = segments_.find(number)) return open;
  auto index = folder_.open_segment(number);
  if (!index.ok()) {
    const bool lost = index.error().code == Errc::kNotFound && view()->span_of(number) != nullptr;
    if (lost || index.error().code == Errc::kCorrupt) return mark_damaged(number, index.error());
    return index;
  }
  segments_.add(*index);
  return index;
}

// Visits the entries of one file's run table; false when the visitor has had enough.
template <typename Visit>
Result<bool> Tiers::walk_file(const SortedFile& file, const RunWalk& walk, Visit& visit) {
  const KeyBytes tail = KeyBytes().tail(walk.query.tail);
  PH_ASSIGN(const bool may, file.may_contain(walk.table, tail.view()));
  if (!may) return true;
  SortedCursor cursor = file.cursor(walk.table);
  const Seq edge = walk.query.ascending ? walk.from : walk.query.to;
  const KeyBytes key = KeyBytes().tail(walk.query.tail).u64(edge.value);
  PH_TRY(walk.query.ascending ? cursor.seek(key.view()) : cursor.seek_below(key.view()));
  while (cursor.valid() && cursor.key().starts_with(tail.view())) {
    const Seq seq{key_u64(cursor.key(), tail.view().size())};
    if (seq < walk.from || seq >= walk.query.to) break;
    PH_ASSIGN(const bool more, visit(cursor.entry()));
    if (!more) return false;
    PH_TRY(walk.query.ascending ? cursor.next() : cursor.prev());
  }
  return true;
}

template <typename Visit>
Status Tiers::each_run_entry(const IndexView& current, IndexTable table, const EntryQuery& query,
                             Visit visit) {
  const auto& sources = current.sources;
  const RunWalk walk{table, current.segment_start(query.from), query};
  for (size_t i = 0; i < sources.size(); ++i) {
    const IndexSource& source = sources[query.ascending ? i : sources.size() - 1 - i];
    if (source.last < walk.from || source.first >= query.to) continue;
    Result<bool> more = true;
    if (source.run == nullptr) {
      more = in_segment(source.segment,
                        [&](SegmentIndex& index) { return walk_file(*index.file(), walk, visit); });
    } else {
      // Only damage of the run itself is its fault; the visitor asks other files.
      Status visited;
      auto guarded = [&](ByteView entry) -> Result<bool> {
        Result<bool> on = visit(entry);
        if (on.ok()) return on;
        visited = on.error();
        return false;
      };
      more = walk_file(*source.run, walk, guarded);
      if (!more.ok()) leave_out_run(*source.run, more.error());
      PH_TRY(std::move(visited));
    }
    if (!more.ok()) return std::move(more).error();
    if (!*more) return {};
  }
  return {};
}

// Entries of one kind over all sources: singles from the runs, the others from their segments.
template <typename Kind>
Result<std::vector<typename Kind::Entry>> Tiers::gather(const EntryQuery& query, const Kind& kind) {
  using Found = std::vector<typename Kind::Entry>;
  return with_view([&](const IndexView& current) -> Result<Found> {
    Found found;
    if (query.limit == 0) return found;
    const auto visit = [&](ByteView entry) -> Result<bool> {
      const RunEntry run = decode_run(Kind::kTable, entry);
      const SegmentSpan* span = current.span_of(run.seq);
      if (span == nullptr || !kind.keep(run)) return true;
      if (run.count == 1 && run.seq < query.from) return true;
      if (run.count == 1) {
        found.push_back(kind.single(run, RecordPlace{span->segment, run.seq, run.offset}));
        return found.size() < query.limit;
      }
      EntryQuery rest = query;
      rest.limit = query.limit - found.size();
      PH_ASSIGN(auto some, in_segment(span->segment,
                                      [&](SegmentIndex& index) { return kind.ask(index, rest); }));
      found.insert(found.end(), some.begin(), some.end());
      return found.size() < query.limit;
    };
    PH_TRY(each_run_entry(current, Kind::kTable, query, visit));
    return found;
  });
}

struct AppKind {
  using Entry = AppEntry;
  static constexpr IndexTable kTable = kAppRuns;
  bool keep(const RunEntry&) const { return true; }
  AppEntry single(const RunEntry& run, const RecordPlace& at) const {
    return {at, run.set, run.type_hash, run.at};
  }
  Result<std::vector<AppEntry>> ask(SegmentIndex& index, const EntryQuery& query) const {
    return index.messages_of_app(query);
  }
};

struct TargetKind {
  using Entry = TargetEntry;
  static constexpr IndexTable kTable = kTargetRuns;
  bool keep(const RunEntry&) const { return true; }
  TargetEntry single(const RunEntry& run, const RecordPlace& at) const {
    return {at, run.delivery};
  }
  Result<std::vector<TargetEntry>> ask(SegmentIndex& index, const EntryQuery& query) const {
    return index.messages_to_endpoint(query);
  }
};

struct AttemptKind {
  using Entry = AttemptEntry;
  static constexpr IndexTable kTable = kAttemptRuns;
  const AttemptFilter& filter;
  bool keep(const RunEntry& run) const { return may_pass(run.facets, filter); }
  AttemptEntry single(const RunEntry& run, const RecordPlace& at) const {
    return {at, only_facet(run.facets)};
  }
  Result<std::vector<AttemptEntry>> ask(SegmentIndex& index, const EntryQuery& query) const {
    return index.attempts_to_endpoint(query, filter);
  }
};

Result<std::vector<AppEntry>> Tiers::messages_of_app(const EntryQuery& query) {
  return gather(query, AppKind{});
}

Result<std::vector<TargetEntry>> Tiers::messages_to_endpoint(const EntryQuery& query) {
  return gather(query, TargetKind{});
}

Result<std::vector<AttemptEntry>> Tiers::attempts_to_endpoint(const EntryQuery& query,
                                                              const AttemptFilter& filter) {
  return gather(query, AttemptKind{filter});
}

Result<std::vector<SegmentNumber>> Tiers::segments_with_endpoint(const EntryQuery& query) {
  using Found = std::vector<SegmentNumber>;
  return with_view([&](const IndexView& current) -> Result<Found> {
    Found found;
    if (query.limit == 0) return found;
    PH_TRY(each_run_entry(current, kTargetRuns, query, [&](ByteView entry) -> Result<bool> {
      const RunEntry run = decode_run(kTargetRuns, entry);
      const SegmentSpan* span = current.span_of(run.seq);
      const bool misses = run.count == 1 && run.seq < query.from;
      if (span != nullptr && !misses) found.push_back(span->segment);
      return found.size() < query.limit;
    }));
    return found;
  });
}

Result<std::optional<MessageEntry>> Tiers::message(Seq seq) {
  const auto number = segment_of(seq);
  if (!number) return std::optional<MessageEntry>();
  return in_segment(*number, [&](SegmentIndex& index) { return index.message(seq); });
}

Result<std::vector<MessageEntry>> Tiers::messages_with_id(const MessageId& id) {
  const ViewRef current = view();
  const SegmentSpan* span = current->span_of(id.bytes);
  if (span == nullptr) return std::vector<MessageEntry>();
  return in_segment(span->segment, [&](SegmentIndex& i) { return i.messages_with_id(id); });
}

Result<std::vector<AttemptEntry>> Tiers::attempts_with_id(const AttemptId& id) {
  const ViewRef current = view();
  const SegmentSpan* span = current->span_of(id.bytes);
  if (span == nullptr) return std::vector<AttemptEntry>();
  return in_segment(span->segment, [&](SegmentIndex& i) { return i.attempts_with_id(id); });
}

// First those in the message's own segment, then the late ones of later segments.
Result<std::vector<AttemptEntry>> Tiers::attempts_of_message(const OfMessage& query) {
  using Found = std::vector<AttemptEntry>;
  return with_view([&](const IndexView& current) -> Result<Found> {
    Found found;
    const SegmentSpan* own = current.span_of(query.message);
    if (own != nullptr) {
      PH_ASSIGN(found, in_segment(own->segment, [&](SegmentIndex& index) {
                  return index.attempts_of_message(query);
                }));
    }
    if (found.size() >= query.limit) return found;
    const Seq behind = own == nullptr ? query.message : own->last;
    EntryQuery late{__builtin_bswap64(late_key(query.message)), std::max(query.from, behind.next()),
                    kEndOfLog, true, query.limit};
    PH_TRY(each_run_entry(current, kLateAttempts, late, [&](ByteView entry) {
      const LateAttempt attempt = decode_late(entry);
      const SegmentSpan* span = current.span_of(attempt.seq);
      const bool wanted = span != nullptr && attempt.seq >= late.from &&
                          (!query.endpoint || query.endpoint->bytes.tail() == attempt.tail);
      if (wanted) {
        found.push_back({{span->segment, attempt.seq, attempt.offset}, attempt.facet});
      }
      return Result<bool>(found.size() < query.limit);
    }));
    return found;
  });
}

Result<model::Targets> Tiers::target_set(SegmentNumber number, uint32_t set) {
  return in_segment(number, [&](SegmentIndex& index) { return index.target_set(number, set); });
}

Result<std::optional<DeliveryOrdinal>> Tiers::delivery(Seq message, const EndpointId& endpoint) {
  const auto number = segment_of(message);
  if (!number) return std::optional<DeliveryOrdinal>();
  return in_segment(*number,
                    [&](SegmentIndex& index) { return index.delivery(message, endpoint); });
}

Result<std::optional<MessageEntry>> Tiers::message_of_delivery(SegmentNumber number,
                                                               DeliveryOrdinal delivery) {
  return in_segment(
      number, [&](SegmentIndex& index) { return index.message_of_delivery(number, delivery); });
}

Result<Seq> Tiers::first_at(WallTime at) {
  return with_view([&](const IndexView& current) -> Result<Seq> {
    IdBytes wanted;
    wanted.set_time(at);
    const auto& spans = current.spans;
    auto span = std::partition_point(spans.begin(), spans.end(),
                                     [&](const SegmentSpan& s) { return s.last_id < wanted; });
    // A segment may end in attempts only, so the first message can be in a later one.
    for (; span != spans.end(); ++span) {
      PH_ASSIGN(const Seq seq,
                in_segment(span->segment, [&](SegmentIndex& i) { return i.first_at(at); }));
      if (seq != kEndOfLog) return seq;
    }
    return kEndOfLog;
  });
}

}  // namespace

Result<std::unique_ptr<IndexTiers>> IndexTiers::open(io::Disk& disk, BlockCache& cache,
                                                     IndexTiersOptions options) {
  auto tiers = std::make_unique<Tiers>(disk, cache, std::move(options));
  PH_TRY(tiers->load());
  return std::unique_ptr<IndexTiers>(std::move(tiers));
}

IndexTiers::~IndexTiers() = default;

}  // namespace posthorn::store::segment
