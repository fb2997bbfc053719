// Group commit.
#include "store/engines/segment/committer.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/log.h"

namespace posthorn::store::segment {
namespace {
constexpr size_t kWorkerTasksMax = 3;  // to commit, to look, to stop

Error no_room() { return error(Errc::kNoSpace, "the log has no space for a next segment"); }

bool only_attempts(const EncodedBatch& batch) {
  const auto& items = batch.batch.items;
  return std::all_of(items.begin(), items.end(),
                     [](const Item& item) { return std::holds_alternative<NewAttempt>(item); });
}

KeyTable no_keys(io::Entropy& entropy) {
  return {std::numeric_limits<size_t>::max(), entropy.word()};  // the group's size bounds it
}
}  // namespace

Committer::Committer(Parts parts)
    : parts_(std::move(parts)),
      queue_(parts_.options.limits.commit_queue_bytes_max),
      writer_(parts_.files, parts_.host.entropy()),
      ids_(parts_.host.entropy().word()),
      group_keys_(no_keys(parts_.host.entropy())),
      worker_(parts_.host.make_worker("committer", kWorkerTasksMax)) {}

Committer::~Committer() { stop(); }

Status Committer::resume(const LogEnd& end, const std::vector<model::Targets>& sets) {
  ids_.resume(end.last_id, end.last_time);
  last_ = end.last;
  last_durable_.store(end.last.value);
  group_number_ = end.group;
  if (end.segment.value == 0) return {};
  return writer_.resume(end.segment, end.offset, sets);
}

void Committer::refuse(Error why) {
  refused_.with([&](auto& refused) { refused = why; });
  queue_.close(std::move(why));
}

void Committer::stop() {
  if (worker_ == nullptr) return;
  alive_.reset();
  queue_.close(error(Errc::kUnavailable, "the store is closed"));
  wake_worker();  // for what was appended in a turn that has not ended
  worker_.reset();
  if (waiting_.empty()) return;
  log(LogLevel::kWarn, "store", "closed without space for attempts, they will be made again");
  for (Batches& batches : waiting_) answer_all(batches, no_room());
  waiting_.clear();
}

LogHealth Committer::health() const {
  LogHealth health;
  health.attempts_allowed = !parts_.space.reserve_half_used() && !no_room_.load();
  if (parts_.space.low()) {
    health.accepting = false;
    health.why_not = error(Errc::kNoSpace, "the disk is below the low-space mark");
  }
  if (no_room_.load()) {
    health.accepting = false;
    health.why_not = no_room();
  }
  const auto refused = refused_.with([](const auto& r) { return r; });
  if (refused) {
    health.accepting = health.attempts_allowed = false;
    health.why_not = *refused;
  }
  return health;
}

Status Committer::append(Batch&& batch, io::Loop* reply_to, MessageLog::OnAppended on_appended) {
  std::unique_ptr<EncodedBatch> encoded = queue_.fresh();
  encoded->batch = std::move(batch);
  Status queued = enqueue(encoded, reply_to, std::move(on_appended));
  if (!queued.ok()) batch = std::move(encoded->batch);
  return queued;
}

Status Committer::enqueue(std::unique_ptr<EncodedBatch>& encoded, io::Loop* reply_to,
                          MessageLog::OnAppended on_appended) {
  encoded->reply_to = reply_to;
  encoded->on_appended = std::move(on_appended);
  if (no_room_.load(std::memory_order_relaxed)) {
    if (parts_.space.stale()) request_look();
    return no_room();
  }
  PH_TRY(encode_batch(*encoded, parts_.options.limits.group_bytes_max));
  if (encoded->has_messages && parts_.space.low()) {
    // Nobody else may be asking: space that came back is noticed here.
    if (parts_.space.stale()) request_look();
    return error(Errc::kNoSpace, "the disk is below the low-space mark");
  }
  bool wake = false;
  PH_TRY(queue_.push(std::move(encoded), wake));
  if (!wake) return {};
  if (reply_to == nullptr) {
    wake_worker();
    return {};
  }
  // At the end of the turn: all that one turn appends goes into one group. Woken at once, the
  // thread would sync the first append alone while the others wait for a second sync.
  reply_to->post_at_turn_end([this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) wake_worker();
  });
  return {};
}

void Committer::wake_worker() {
  CHECK(worker_->post([this] { run(); }), "the commit thread's queue is full");
}

void Committer::request_look() {
  if (look_waits_.exchange(true)) return;
  CHECK(worker_->post([this] {
    look_waits_.store(false);
    look();
  }));
}

void Committer::retry() {
  if (no_room_.load()) request_look();
}

void Committer::end_segment(SegmentNumber open) {
  end_number_.store(open.value);
  request_look();
}

void Committer::look() {
  parts_.space.refresh();
  if (no_room_.load()) go_on();
  const SegmentNumber to_end{end_number_.exchange(0)};
  if (to_end != writer_.number() || no_room_.load()) return;
  // With a group that holds nothing: recovery finds the new end by it.
  Batches none;
  if (parts_.files.prepared(to_end.next()) && make_room(parts_.files.segment_bytes())) {
    commit_group(none);
  }
}

void Committer::run() {
  if (no_room_.load()) go_on();
  Batches batches;
  while (queue_.take(parts_.options.limits.group_bytes_max, batches)) {
    if (parts_.space.stale()) parts_.space.refresh();
    if (no_room_.load() || !commit_group(batches)) wait_for_room(batches);
    queue_.recycle(batches);
  }
}

// Where there is a next segment now, what waited for it comes first.
void Committer::go_on() {
  if (!make_room(parts_.options.limits.group_bytes_max)) return;
  while (!waiting_.empty() && commit_group(waiting_.front())) {
    queue_.recycle(waiting_.front());
    waiting_.pop_front();
  }
}

// Attempts wait; messages and commands are told, since who gave them can give them again.
void Committer::wait_for_room(Batches& batches) {
  Batches attempts;
  Batches others;
  for (auto& batch : batches) {
    (only_attempts(*batch) ? attempts : others).push_back(std::move(batch));
  }
  answer_all(others, no_room());
  if (!attempts.empty()) waiting_.push_back(std::move(attempts));
  batches = std::move(others);
}

bool Committer::commit_group(Batches& batches) {
  if (const auto refused = refused_.with([](const auto& r) { return r; })) {
    answer_all(batches, *refused);
    return true;
  }
  size_t cost = 0;
  for (const auto& batch : batches) cost += batch->cost();
  if (!make_room(cost)) return false;
  assemble(batches);
  if (!group_.empty() || !writer_.begun()) {
    if (const Status written = write_group(); !written.ok()) {
      fail(batches, written.error());
      return true;
    }
  }
  parts_.live.with([&](Live& live) { apply_group(live); });
  last_durable_.store(last_.value);
  answer(batches);
  return true;
}

bool Committer::make_room(size_t cost) {
  if (writer_.fits(cost)) return true;
  const SegmentNumber next = writer_.number().next();
  if (const Status advanced = writer_.advance(next); !advanced.ok()) {
    if (!no_room_.exchange(true)) {
      log(LogLevel::kError, "store", "no next segment, nothing is recorded until there is one: {}",
          advanced.error().message);
    }
    return false;
  }
  if (no_room_.exchange(false)) log(LogLevel::kInfo, "store", "there is a next segment again");
  parts_.live.with([&](Live& live) { roll(live, next); });
  parts_.hooks.rolled();
  return true;
}

void Committer::assemble(Batches& batches) {
  now_ = ids_.clamp(parts_.host.clock().wall());
  entries_.clear();
  set_records_.clear();
  results_.clear();
  if (group_keys_.size() > 0) group_keys_ = no_keys(parts_.host.entropy());
  group_.begin(writer_.generation(), writer_.offset());
  const uint64_t released =
      parts_.live.with([](const Live& live) { return live.key_tables_released; });
  for (const auto& batch : batches) {
    std::vector<ItemResult>& results = results_.emplace_back();
    batch->outdated = batch->has_keys && batch->batch.key_mark < released;
    if (batch->outdated) continue;
    results.reserve(batch->batch.items.size());
    for (uint32_t item = 0; item < batch->batch.items.size(); ++item) {
      add_item(*batch, item, results);
    }
  }
  // Each new set once more, apart from the first: without it every message of the segment that
  // names it would lose its targets to one damaged record.
  for (const std::string& set : set_records_) group_.add(set);
}

void Committer::add_item(EncodedBatch& batch, uint32_t item, std::vector<ItemResult>& results) {
  ItemResult& result = results.emplace_back();
  Item& to_add = batch.batch.items[item];
  if (std::holds_alternative<NewMessage>(to_add)) {
    if (!add_message(batch, item, result)) return;
  } else if (auto* attempt = std::get_if<NewAttempt>(&to_add)) {
    last_ = last_.next();
    attempt->attempt.seq = last_;
    attempt->attempt.recorded_at = now_;
    attempt->attempt.id.bytes = result.id = ids_.next(now_);
    add_record(batch, item, {.seq = last_, .time = now_, .id = result.id});
  } else {
    model::Command& command = std::get<NewCommand>(to_add).command;
    last_ = last_.next();
    command.seq = last_;
    command.recorded_at = now_;
    add_record(batch, item, {.seq = last_, .time = now_});
  }
  result.seq = last_;
  result.at = now_;
}

// False when it is refused as a duplicate.
bool Committer::add_message(EncodedBatch& batch, uint32_t item, ItemResult& result) {
  model::Message& message = *std::get<NewMessage>(batch.batch.items[item]).message;
  if (batch.has_keys) {
    if (const auto duplicate = duplicate_of(message)) {
      result = *duplicate;
      return false;
    }
  }
  const uint32_t set = name_set(message.targets);
  last_ = last_.next();
  message.seq = last_;
  message.accepted_at = now_;
  message.id.bytes = result.id = ids_.next(now_);
  add_record(batch, item, {.set_id = set, .seq = last_, .time = now_, .id = result.id});
  entries_.back().placed.set = set;
  return true;
}

// Looks both keys up and, when they are new, remembers them at once: the next message of the same
// group may carry them too.
std::optional<ItemResult> Committer::duplicate_of(const model::Message& message) {
  for (const auto& [key, verdict] :
       {std::pair(&message.idempotency, Verdict::kDuplicateKey),
        std::pair(&message.event_id_key, Verdict::kDuplicateEventId)}) {
    if (key->empty()) continue;
    std::optional<Seq> first = group_keys_.find(*key);
    if (!first) first = parts_.live.with([&](const Live& live) { return live.keys.find(*key); });
    if (!first) continue;
    ItemResult duplicate;
    duplicate.verdict = verdict;
    duplicate.seq = *first;
    return duplicate;
  }
  for (const auto* key : {&message.idempotency, &message.event_id_key}) {
    if (!key->empty()) group_keys_.insert(*key, last_.next(), now_);
  }
  return std::nullopt;
}

uint32_t Committer::name_set(const model::Targets& targets) {
  bool is_new = false;
  const uint32_t set = writer_.set_id(targets, is_new);
  if (!is_new) return set;
  std::string& record = set_records_.emplace_back();
  // Its size was counted with the batch, so it is within the limits.
  CHECK(model::encode(*targets, record).ok());
  model::stamp(record.data(), {.set_id = set, .time = now_, .seed = seed_of(writer_.generation())});
  Entry& entry = entries_.emplace_back();
  entry.placed = {group_.add(record), set};
  entry.new_set = targets;
  return set;
}

void Committer::add_record(EncodedBatch& batch, uint32_t item, const model::Stamp& stamp) {
  const uint32_t begin = batch.offsets[item];
  const uint32_t end = batch.offsets[item + 1];
  model::Stamp seeded = stamp;
  seeded.seed = seed_of(writer_.generation());
  model::stamp(batch.bytes.data() + begin, seeded);
  Entry& entry = entries_.emplace_back();
  entry.batch = &batch;
  entry.item = item;
  entry.placed.offset = group_.add(ByteView(batch.bytes).substr(begin, end - begin));
}

Status Committer::write_group() {
  group_.finish(group_number_ + 1, group_number_);
  SegmentHeader header;
  header.number = writer_.number();
  header.generation = writer_.generation();
  header.first_group = group_number_ + 1;
  header.first_seq = parts_.live.with([](const Live& live) { return live.open.first; });
  header.created_at = now_;
  PH_TRY(writer_.commit(group_, header));
  ++group_number_;
  return {};
}

void Committer::apply_group(Live& live) {
  for (const Entry& entry : entries_) {
    if (entry.new_set) {
      apply_set(live, entry.placed.set, entry.new_set);
      continue;
    }
    const Item& item = entry.batch->batch.items[entry.item];
    if (const auto* message = std::get_if<NewMessage>(&item))
      apply_record(live, *message->message, entry.placed);
    else if (const auto* attempt = std::get_if<NewAttempt>(&item))
      apply_record(live, attempt->attempt, entry.placed);
    else
      apply_record(live, std::get<NewCommand>(item).command, entry.placed);
  }
  key_tables_full_ = !live.frozen_keys.empty();
  live.end = {writer_.number(), writer_.offset(), group_number_, last_,
              ids_.last(),      ids_.last_time()};
}

void Committer::answer(Batches& batches) {
  std::vector<MessageRef> messages;
  for (const Entry& entry : entries_) {
    if (entry.batch == nullptr) continue;
    auto* message = std::get_if<NewMessage>(&entry.batch->batch.items[entry.item]);
    if (message != nullptr) messages.push_back(std::move(message->message));
  }
  std::vector<CommitNotices::Reply> replies;
  std::vector<CommitNotices::Reply> erasures;
  replies.reserve(batches.size());
  for (size_t i = 0; i < batches.size(); ++i) {
    EncodedBatch& batch = *batches[i];
    if (batch.outdated) {
      replies.push_back({batch.reply_to, std::move(batch.on_appended),
                         error(Errc::kOverloaded, "the look-up of its keys is out of date")});
      continue;
    }
    auto& to = batch.has_erasures ? erasures : replies;
    to.push_back({batch.reply_to, std::move(batch.on_appended), std::move(results_[i])});
  }
  parts_.notices.publish(std::move(messages), std::move(replies));
  if (!erasures.empty()) parts_.hooks.erase(std::move(erasures));
  if (std::exchange(key_tables_full_, false)) parts_.hooks.rolled();
}

void Committer::answer_all(Batches& batches, const Error& why) {
  std::vector<CommitNotices::Reply> replies;
  for (const auto& batch : batches) {
    replies.push_back({batch->reply_to, std::move(batch->on_appended), why});
  }
  parts_.notices.publish({}, std::move(replies));
}

// The bytes may be durable or not, and no later sync may be believed: nothing is acknowledged from
// here on, and the process must end.
void Committer::fail(Batches& batches, const Error& why) {
  log(LogLevel::kError, "store", "the log cannot be written: {}", why.message);
  sound_.store(false);
  refuse(error(Errc::kUnavailable, "the log has failed: " + why.message));
  answer_all(batches, error(Errc::kUnknownOutcome, why.message));
  if (parts_.options.on_fatal) parts_.options.on_fatal();
}

}  // namespace posthorn::store::segment
