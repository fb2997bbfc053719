// Puts the parts of the engine together and hands calls to them.
#include "store/engines/segment/segment_engine.h"

#include <fmt/format.h>

#include "base/log.h"
#include "store/engines/segment/committer.h"
#include "store/engines/segment/directory.h"
#include "store/engines/segment/history_reads.h"
#include "store/engines/segment/housekeeping.h"
#include "store/engines/segment/overdue_reads.h"
#include "store/engines/segment/recovery.h"

namespace posthorn::store {
namespace segment {
namespace {

// One of each kind waits at most: see request_housekeeping() and request_erasure().
constexpr size_t kBackgroundTasksMax = 2;
constexpr size_t kKeysInMemoryMax = 256 * 1024;

// What is opened before the log is read, in the order of dependence.
struct Opened {
  Opened(io::Host& host, const StoreOptions& options)
      : open_files(host.disk(), options.limits.open_files_max),
        cache(open_files, options.limits.block_cache_bytes),
        files(host.disk(),
              {DirectoryLayout{options.directory}.segments(), options.limits.segment_bytes}),
        live(Live(kKeysInMemoryMax)) {}

  OpenedDirectory directory;
  OpenFiles open_files;
  BlockCache cache;
  SegmentFiles files;
  io::Guarded<Live> live;
  std::unique_ptr<CheckpointStore> checkpoints;
  std::unique_ptr<IndexTiers> tiers;
  std::unique_ptr<DedupeTiers> keys;
  std::unique_ptr<Outcomes> outcomes;
  std::unique_ptr<DueRuns> due;
  std::unique_ptr<DueRuns> payloads;
};

class SegmentEngine : public Store, MessageLog, LaneState, DueIndex, AttemptHistory {
 public:
  SegmentEngine(io::Host& host, StoreOptions options, std::unique_ptr<Opened> opened)
      : host_(host),
        options_(std::move(options)),
        opened_(std::move(opened)),
        index_(*opened_->tiers, opened_->live),
        reader_(opened_->open_files, opened_->files),
        ledger_({opened_->live, index_, reader_, opened_->files, std::move(opened_->outcomes),
                 std::move(opened_->due), std::move(opened_->payloads)}),
        messages_(index_, reader_, opened_->live),
        history_({index_, *opened_->tiers, reader_, messages_, ledger_, opened_->live}),
        space_(host.disk(), host.clock(), {options_.directory, options_.limits.low_space_bytes}),
        pending_({index_, ledger_, history_, opened_->live}),
        overdue_({index_, ledger_, pending_, opened_->live}),
        retention_({host, options_, *opened_->tiers, ledger_, pending_, space_}) {}
  ~SegmentEngine() override { (void)close(); }
  SegmentEngine(const SegmentEngine&) = delete;
  SegmentEngine& operator=(const SegmentEngine&) = delete;

  Status recover();

  MessageLog& log() override { return *this; }
  LaneState& lanes() override { return *this; }
  DueIndex& due() override { return *this; }
  AttemptHistory& history() override { return *this; }
  RetentionIndex& retention() override { return overdue_; }
  Status close() override;
  Result<bool> maintain() override {
    if (opened_->directory.read_only) return false;
    auto more = housekeeping_->step();
    committer_->retry();
    const SegmentSpan open = opened_->live.with(
        [](const Live& live) { return live.open.index ? live.open.index->span() : SegmentSpan{}; });
    if (retention_.is_to_end(open)) committer_->end_segment(open.segment);
    return more;
  }

  Status append(Batch&& batch, io::Loop& reply_to, OnAppended on_appended) override {
    return committer_->append(std::move(batch), &reply_to, std::move(on_appended));
  }
  void observe(io::Loop& loop, CommitObserver* observer) override {
    notices_.observe(loop, observer);
  }
  Result<MessageRef> read(Seq seq) override { return messages_.read(seq); }
  Result<MessageRef> read(const AppId& app, const MessageId& id) override {
    return messages_.read(app, id);
  }
  Result<LaneRead> read_lane(const LaneQuery& query) override { return messages_.read_lane(query); }
  Result<Page<MessageRef>> list(const MessageQuery& query) override {
    return messages_.list(query);
  }
  Result<std::optional<FirstUse>> find_duplicate(const model::DedupeKey& key) override;
  bool surely_new(const model::DedupeKey& key) const override {
    return opened_->keys->surely_new(key);
  }
  uint64_t key_mark() const override {
    return opened_->live.with([](const Live& live) { return live.key_tables_written; });
  }
  LogHealth health() const override {
    LogHealth health = committer_->health();
    health.damaged_segments = opened_->files.damaged();
    return health;
  }
  Seq last_durable() const override { return committer_->last_durable(); }

  std::vector<LaneRecord> all() const override {
    return opened_->live.with([](const Live& live) { return live.lanes.all(); });
  }
  std::optional<LaneRecord> find(const EndpointId& endpoint) const override;

  Result<std::vector<DueEntry>> page(const DueQuery& query) override {
    return ledger_.up_to_date([&](Outcomes& outcomes, DueRuns& due) {
      return due.page(query, [&](const DueEntry& entry) { return is_live(entry, outcomes); });
    });
  }
  uint64_t pending() const override;

  Result<model::Attempt> attempt(const AppId& app, const AttemptId& id) override {
    return history_.attempt(app, id);
  }
  Result<Page<model::Attempt>> list(const AttemptQuery& query) override {
    return history_.list(query);
  }
  Result<std::vector<model::Delivery>> deliveries(Seq message) override {
    return history_.deliveries(message);
  }
  Result<model::Delivery> delivery(Seq message, const EndpointId& endpoint) override {
    return history_.delivery(message, endpoint);
  }
  Result<Page<DeliveryOfMessage>> list(const DeliveryQuery& query) override {
    return history_.list(query);
  }

 private:
  Result<bool> is_live(const DueEntry& entry, Outcomes& outcomes);
  void request_housekeeping();
  void request_erasure(std::vector<CommitNotices::Reply> replies);
  void erase();

  io::Host& host_;
  StoreOptions options_;
  std::unique_ptr<Opened> opened_;
  LogIndex index_;
  RecordReader reader_;
  mutable Ledger ledger_;
  MessageReads messages_;
  HistoryReads history_;
  SpaceWatch space_;
  PendingScan pending_;
  OverdueReads overdue_;
  SegmentRetention retention_;
  CommitNotices notices_;
  std::unique_ptr<Housekeeping> housekeeping_;
  std::unique_ptr<Committer> committer_;
  std::atomic<bool> roll_waits_{false};
  io::Guarded<std::vector<CommitNotices::Reply>> erasures_;  // a task waits unless it is empty
  std::unique_ptr<io::Worker> background_;
  bool closed_ = false;
};

Status SegmentEngine::recover() {
  const MonoTime start = host_.clock().now();
  Recovery recovery({opened_->files, *opened_->tiers, *opened_->keys, opened_->live, ledger_});
  PH_TRY(recovery.run());
  Housekeeping::Parts parts{host_,
                            options_.limits,
                            opened_->files,
                            opened_->open_files,
                            *opened_->tiers,
                            *opened_->keys,
                            *opened_->checkpoints,
                            ledger_,
                            opened_->live,
                            space_,
                            retention_,
                            nullptr,
                            nullptr};
  parts.is_live = [this](const DueEntry& entry, Outcomes& outcomes) {
    return is_live(entry, outcomes);
  };
  parts.has_message = [this](const DueEntry& entry) { return overdue_.has_message(entry); };
  housekeeping_ = std::make_unique<Housekeeping>(std::move(parts), recovery.last_prepared());
  background_ = host_.make_worker("store", kBackgroundTasksMax);

  CommitHooks hooks;
  hooks.rolled = [this] { request_housekeeping(); };
  hooks.erase = [this](std::vector<CommitNotices::Reply> replies) {
    request_erasure(std::move(replies));
  };
  committer_ = std::make_unique<Committer>(Committer::Parts{
      host_, options_, opened_->files, opened_->live, notices_, space_, std::move(hooks)});
  const LogEnd end = opened_->live.with([](const Live& live) { return live.end; });
  if (opened_->directory.read_only) {
    posthorn::log(LogLevel::kError, "store", "only reads are served: {}",
                  opened_->directory.read_only->message);
    committer_->refuse(
        error(Errc::kUnavailable, "The data directory cannot be written: only reads are served"));
  } else {
    PH_TRY(opened_->files.clear_tail(end.segment, end.offset,
                                     kGroupHeaderBytes + options_.limits.group_bytes_max));
    PH_TRY(committer_->resume(end, recovery.sets()));
    space_.refresh();
    space_.set_reserve(recovery.last_prepared().value - end.segment.value);
    request_housekeeping();
  }
  const RecoveryReport& report = recovery.report();
  posthorn::log(LogLevel::kInfo, "store",
                "opened {} at seq {}: {} segments read, {} records replayed, {} ms",
                options_.directory, end.last.value, report.segments_read, report.records_replayed,
                (host_.clock().now() - start).count() / 1'000'000);
  return {};
}

void SegmentEngine::request_housekeeping() {
  if (roll_waits_.exchange(true)) return;
  CHECK(background_->post([this] {
    roll_waits_.store(false);
    housekeeping_->after_roll();
  }));
}

Status SegmentEngine::close() {
  if (std::exchange(closed_, true)) return {};
  if (!committer_) return {};
  committer_->stop();
  background_.reset();
  if (opened_->directory.read_only || !committer_->sound()) return {};
  Status written = housekeeping_->checkpoint();
  if (written.ok() || written.error().code != Errc::kNoSpace) return written;
  // Everything is in the log: a checkpoint saves the next start time, no more.
  posthorn::log(LogLevel::kWarn, "store",
                "closed without a checkpoint, the next start takes longer: {}",
                written.error().message);
  return {};
}

std::optional<LaneRecord> SegmentEngine::find(const EndpointId& endpoint) const {
  return opened_->live.with([&](const Live& live) -> std::optional<LaneRecord> {
    const LaneRecord* lane = live.lanes.find(endpoint);
    if (lane == nullptr) return std::nullopt;
    return *lane;
  });
}

uint64_t SegmentEngine::pending() const { return ledger_.due_pending(); }

Result<std::optional<FirstUse>> SegmentEngine::find_duplicate(const model::DedupeKey& key) {
  std::optional<Seq> seq =
      opened_->live.with([&](const Live& live) { return live.keys.find(key); });
  if (!seq) {
    PH_ASSIGN(seq, opened_->keys->find(key));
  }
  if (!seq) return std::optional<FirstUse>();
  Result<MessageRef> message = messages_.read(*seq);
  if (message.ok()) return std::optional(FirstUse{*seq, *std::move(message)});
  if (message.error().code != Errc::kNotFound) return std::move(message).error();
  return std::optional(FirstUse{*seq, nullptr});
}

// An entry whose lane was closed over it, or whose delivery a manual try has settled, is dead.
Result<bool> SegmentEngine::is_live(const DueEntry& entry, Outcomes& outcomes) {
  const std::optional<LaneRecord> lane = find(entry.endpoint);
  if (!lane) return true;
  if (is_closed(entry, *lane)) return false;
  const bool resend = entry.trigger == model::Trigger::kManual && entry.attempts == 0;
  if (resend) return overdue_.has_message(entry);
  // In front of a gap an entry may have been made again whose settling has left the log.
  const auto segment = index_.segment_of(entry.seq);
  const bool before_gap = segment && *segment <= opened_->files.newest_gap();
  if (!lane->manual_tries && !before_gap) return true;
  auto place = index_.place_of(entry.seq, entry.endpoint);
  if (!place.ok() && place.error().code == Errc::kNotFound) return false;  // expired history
  if (!place.ok()) return std::move(place).error();
  PH_ASSIGN(const Standing standing, outcomes.get(*place));
  if (standing.state != model::DeliveryState::kPending) return false;
  return !before_gap || entry.attempts >= standing.attempts;
}

void SegmentEngine::request_erasure(std::vector<CommitNotices::Reply> replies) {
  const bool task_waits = erasures_.with([&](auto& waiting) {
    const bool waited = !waiting.empty();
    std::move(replies.begin(), replies.end(), std::back_inserter(waiting));
    return waited;
  });
  if (!task_waits) CHECK(background_->post([this] { erase(); }));
}

// Who asked for an erasure is told when the bytes are gone; what is not will be, and is not read
// any more.
void SegmentEngine::erase() {
  auto replies = erasures_.with([](auto& waiting) { return std::exchange(waiting, {}); });
  if (!ledger_.all_erased()) {
    for (CommitNotices::Reply& reply : replies) {
      reply.result = error(Errc::kIo, "recorded, but the stored bytes are not erased yet");
    }
  }
  notices_.publish({}, std::move(replies));
}

// The newest checkpoint of which everything can be opened; without one the whole log is read.
Status open_checkpointed(io::Host& host, const DirectoryLayout& layout, Opened& opened) {
  const auto open_sections = [&](const CheckpointContents& from) -> Status {
    OutcomesOptions outcomes;
    outcomes.directory = layout.outcomes();
    PH_ASSIGN(opened.outcomes,
              Outcomes::open(host.disk(), opened.cache, outcomes, from.outcomes_section));
    DueRunsOptions due;
    due.directory = layout.due();
    PH_ASSIGN(opened.due, DueRuns::open(host.disk(), opened.cache, due, from.due_section));
    due.directory = layout.payloads();
    PH_ASSIGN(opened.payloads,
              DueRuns::open(host.disk(), opened.cache, due, from.payloads_section));
    return {};
  };
  while (true) {
    PH_ASSIGN(const auto checkpoint, opened.checkpoints->newest());
    if (!checkpoint) return open_sections(CheckpointContents{});
    Result<CheckpointContents> contents = read_checkpoint(*checkpoint);
    Status usable = contents.ok() ? open_sections(*contents) : Status(contents.error());
    if (usable.ok()) {
      opened.live.with([&](Live& live) {
        live.lanes = std::move(contents->lanes);
        live.end = contents->end;
      });
      return {};
    }
    log(LogLevel::kError, "store", "checkpoint {} is not usable: {}", checkpoint->generation(),
        usable.error().message);
    opened.checkpoints->fall_back(checkpoint->generation());
  }
}

Result<std::unique_ptr<Opened>> open_parts(io::Host& host, const StoreOptions& options) {
  const DirectoryLayout layout{options.directory};
  auto opened = std::make_unique<Opened>(host, options);
  PH_ASSIGN(opened->directory, open_directory(host.disk(), layout));
  CheckpointStoreOptions checkpoints;
  checkpoints.directory = layout.checkpoints();
  checkpoints.owned_folders = {layout.outcomes(), layout.due(), layout.payloads()};
  PH_ASSIGN(opened->checkpoints, CheckpointStore::open(host.disk(), std::move(checkpoints)));
  IndexTiersOptions tiers;
  tiers.directory = layout.index();
  PH_ASSIGN(opened->tiers, IndexTiers::open(host.disk(), opened->cache, std::move(tiers)));
  DedupeTiersOptions keys;
  keys.directory = layout.keys();
  keys.window = options.limits.idempotency_window;
  keys.filter_bytes_max = options.limits.idempotency_memory_bytes;
  PH_ASSIGN(opened->keys, DedupeTiers::open(host.disk(), opened->cache, std::move(keys)));
  PH_TRY(open_checkpointed(host, layout, *opened));
  return opened;
}

Status check_limits(const StoreLimits& limits) {
  const uint64_t group = kSegmentHeaderBytes + kGroupHeaderBytes + limits.group_bytes_max;
  if (limits.segment_bytes < group) {
    return error(Errc::kInvalid, fmt::format("a segment of {} bytes does not hold a group of {}",
                                             limits.segment_bytes, limits.group_bytes_max));
  }
  constexpr uint64_t kSegmentBytesMax = 1ull << 31;  // offsets are 32 bits
  if (limits.segment_bytes > kSegmentBytesMax) {
    return error(Errc::kInvalid, "segments may have 2 GiB at most");
  }
  return {};
}

}  // namespace
}  // namespace segment

Result<std::unique_ptr<Store>> make_segment_store(io::Host& host, StoreOptions options) {
  PH_TRY(segment::check_limits(options.limits));
  PH_ASSIGN(auto opened, segment::open_parts(host, options));
  auto engine =
      std::make_unique<segment::SegmentEngine>(host, std::move(options), std::move(opened));
  PH_TRY(engine->recover());
  return std::unique_ptr<Store>(std::move(engine));
}

}  // namespace posthorn::store
