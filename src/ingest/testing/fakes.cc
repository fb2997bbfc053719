// The fakes of fakes.h.
#include "ingest/testing/fakes.h"

#include "base/check.h"

namespace posthorn::ingest::testing {
namespace {
[[noreturn]] void not_here(const char* what) {
  CHECK(false, "the fake has no {}", what);
  __builtin_unreachable();
}
}  // namespace

io::Net& FakeLoop::net() { not_here("network"); }
io::Resolver& FakeLoop::resolver() { not_here("resolver"); }
io::TimerWheel& FakeLoop::timers() { not_here("timers"); }

void FakeLoop::run_posted() {
  while (!posted.empty()) {
    Task task = std::move(posted.front());
    posted.pop_front();
    task();
  }
}

bool FakeWorker::post(Task task) {
  if (full) return false;
  posted.push_back(std::move(task));
  return true;
}

void FakeWorker::run() {
  while (!posted.empty()) {
    Task task = std::move(posted.front());
    posted.pop_front();
    task();
  }
}

store::ItemResult FakeLog::commit(model::Message& message) {
  if (const auto first = recent.find(number_of(message.idempotency));
      !message.idempotency.empty() && first != recent.end()) {
    return {store::Verdict::kDuplicateKey, first->second, {}, {}};
  }
  message.seq = Seq{appended.size() + 1};
  message.id.bytes.raw[19] = static_cast<uint8_t>(appended.size() + 1);
  message.accepted_at = WallTime{1'800'000'000'000'000};
  return {store::Verdict::kCommitted, message.seq, message.id.bytes, message.accepted_at};
}

Status FakeLog::append(store::Batch&& batch, io::Loop& reply_to, OnAppended on_appended) {
  if (refuse) return error(*refuse, "refused");
  ++batches;
  std::vector<store::ItemResult> results;
  for (store::Item& item : batch.items) {
    auto& message = std::get<store::NewMessage>(item).message;
    results.push_back(commit(*message));
    if (results.back().verdict == store::Verdict::kCommitted) appended.push_back(message);
  }
  reply_to.post_remote([on_appended = std::move(on_appended), results = std::move(results),
                        failed = outcome]() mutable {
    if (failed) return on_appended(error(*failed, "nobody knows"));
    on_appended(std::move(results));
  });
  return {};
}

Result<store::MessageRef> FakeLog::read(Seq seq) {
  if (seq.value == 0 || seq.value > appended.size()) return error(Errc::kNotFound, "no message");
  return appended[seq.value - 1];
}

Result<store::MessageRef> FakeLog::read(const AppId&, const MessageId& id) {
  for (const auto& message : appended) {
    if (message->id == id) return message;
  }
  return error(Errc::kNotFound, "no message");
}

Result<store::LaneRead> FakeLog::read_lane(const store::LaneQuery&) { not_here("lanes"); }
Result<store::Page<store::MessageRef>> FakeLog::list(const store::MessageQuery&) {
  not_here("lists");
}

Result<std::optional<store::FirstUse>> FakeLog::find_duplicate(const model::DedupeKey& key) {
  ++lookups;
  const auto found = stored.find(number_of(key));
  if (found == stored.end()) return std::optional<store::FirstUse>();
  return std::optional(store::FirstUse{Seq{1}, found->second});
}

bool FakeLog::surely_new(const model::DedupeKey& key) const {
  return maybe_stored.count(number_of(key)) == 0;
}

}  // namespace posthorn::ingest::testing
