// The steps of one accept: look in the sealed tiers when memory cannot rule a duplicate out, match,
// append, and read the first message again where the committer found a duplicate.
#include "ingest/intake.h"

#include <algorithm>
#include <utility>

namespace posthorn::ingest {
namespace {

using model::DedupeKey;
using store::FirstUse;
using store::MessageRef;
using store::Verdict;

// One call on its way, held by whichever callback comes next. Shared, because a full queue drops
// the callback it was given.
struct Job {
  Drafts drafts;
  std::vector<Accepted> results;  // one per draft; those without a message are not settled yet
  Intake::OnAccepted done;
  uint64_t key_mark = ~0ull;  // from before its keys were looked up
};
using JobRef = std::shared_ptr<Job>;

bool settled(const Accepted& result) {
  return result.message != nullptr || result.verdict != Verdict::kCommitted;
}

Accepted repeat_of(const model::Message& draft, MessageRef first) {
  // Nobody can tell any more when the first message is gone.
  const bool same_body = first == nullptr || first->body_hash == draft.body_hash;
  return Accepted{Verdict::kDuplicateKey, std::move(first), same_body};
}

bool may_be_stored(const store::MessageLog& log, const DedupeKey& key) {
  return !key.empty() && !log.surely_new(key);
}

// Blocks. The key of the request comes first: a repeat is answered as the first time even when
// its event id is stored by that very first time.
Status look_up(store::MessageLog& log, Job& job) {
  for (size_t i = 0; i < job.drafts.size(); ++i) {
    const model::Message& draft = *job.drafts[i];
    if (may_be_stored(log, draft.idempotency)) {
      PH_ASSIGN(std::optional<FirstUse> first, log.find_duplicate(draft.idempotency));
      if (first) job.results[i] = repeat_of(draft, std::move(first->message));
    }
    if (settled(job.results[i]) || !may_be_stored(log, draft.event_id_key)) continue;
    PH_ASSIGN(std::optional<FirstUse> first, log.find_duplicate(draft.event_id_key));
    if (first) job.results[i] = Accepted{Verdict::kDuplicateEventId, nullptr, true};
  }
  return {};
}

// Blocks. Reads what the committer named as the first message of a key.
Status read_firsts(store::MessageLog& log, const std::vector<Seq>& firsts, Job& job) {
  for (size_t i = 0; i < firsts.size(); ++i) {
    if (firsts[i] == Seq{}) continue;
    Result<MessageRef> first = log.read(firsts[i]);
    if (!first.ok() && first.error().code != Errc::kNotFound) return std::move(first).error();
    job.results[i] = repeat_of(*job.drafts[i], first.ok() ? *std::move(first) : nullptr);
  }
  return {};
}

}  // namespace

struct Intake::Core : std::enable_shared_from_this<Core> {
  explicit Core(IntakeDeps d) : deps(std::move(d)) {}

  void match_and_append(const catalog::AppRef& app, uint64_t config_version, const JobRef& job);
  void after_look_up(const AppId& app, Status looked_up, const JobRef& job);
  void after_append(store::AppendResult appended, JobRef job);
  // Runs `read(log, job)` on the reader, then `then(status, job)` on the loop.
  template <typename Read, typename Then>
  void on_reader(JobRef job, Read read, Then then);
  void finish(const JobRef& job, Status status);

  IntakeDeps deps;
  size_t pending = 0;
  bool closed = false;
  Task idle;
};

template <typename Read, typename Then>
void Intake::Core::on_reader(JobRef job, Read read, Then then) {
  const bool taken = deps.reader.post(
      [self = shared_from_this(), job, read = std::move(read), then = std::move(then)]() mutable {
        Status status = read(self->deps.log, *job);
        io::Loop& loop = self->deps.loop;
        loop.post_remote([self = std::move(self), job = std::move(job), then = std::move(then),
                          status = std::move(status)]() mutable {
          if (!self->closed) then(*self, std::move(status), job);
        });
      });
  if (!taken) {
    finish(job, error(Errc::kOverloaded, "too many duplicate lookups are waiting"));
  }
}

void Intake::Core::finish(const JobRef& job, Status status) {
  --pending;
  Task now_idle = pending == 0 ? std::exchange(idle, nullptr) : nullptr;
  if (status.ok())
    job->done(std::move(job->results));
  else
    job->done(std::move(status).error());
  if (now_idle) now_idle();
}

void Intake::Core::match_and_append(const catalog::AppRef& app, uint64_t config_version,
                                    const JobRef& job) {
  store::Batch batch;
  batch.key_mark = job->key_mark;
  batch.items.reserve(job->drafts.size());
  for (size_t i = 0; i < job->drafts.size(); ++i) {
    if (settled(job->results[i])) continue;
    model::Message& draft = *job->drafts[i];
    draft.config_version = config_version;
    draft.targets = deps.match(app, draft);
    CHECK(draft.targets != nullptr, "a matched message has a target set, even an empty one");
    batch.items.emplace_back(store::NewMessage{job->drafts[i]});
  }
  if (batch.items.empty()) return finish(job, {});
  Status refused = deps.log.append(std::move(batch), deps.loop,
                                   [self = shared_from_this(), job](store::AppendResult appended) {
                                     if (!self->closed)
                                       self->after_append(std::move(appended), job);
                                   });
  if (!refused.ok()) finish(job, std::move(refused));
}

void Intake::Core::after_look_up(const AppId& app, Status looked_up, const JobRef& job) {
  if (!looked_up.ok()) return finish(job, std::move(looked_up));
  // The configuration may have changed while the disk was read.
  const catalog::SnapshotRef snapshot = deps.snapshot();
  const catalog::AppRef current = snapshot->app(app);
  if (current == nullptr) {
    return finish(job, error(Errc::kNotFound, "the application has been deleted"));
  }
  match_and_append(current, snapshot->version, job);
}

void Intake::Core::after_append(store::AppendResult appended, JobRef job) {
  if (!appended.ok()) return finish(job, std::move(appended).error());
  std::vector<Seq> firsts;  // by draft; 0: nothing to read
  size_t at = 0;
  for (size_t i = 0; i < job->drafts.size(); ++i) {
    Accepted& result = job->results[i];
    if (settled(result)) continue;
    const store::ItemResult& item = (*appended)[at++];
    result.verdict = item.verdict;
    if (item.verdict == Verdict::kCommitted) result.message = job->drafts[i];
    if (item.verdict != Verdict::kDuplicateKey) continue;
    firsts.resize(job->drafts.size());
    firsts[i] = item.seq;
  }
  if (firsts.empty()) return finish(job, {});
  on_reader(
      std::move(job),
      [firsts = std::move(firsts)](store::MessageLog& log, Job& waiting) {
        return read_firsts(log, firsts, waiting);
      },
      [](Core& core, Status status, const JobRef& waiting) {
        core.finish(waiting, std::move(status));
      });
}

Intake::Intake(IntakeDeps deps) : core_(std::make_shared<Core>(std::move(deps))) {}
Intake::~Intake() { core_->closed = true; }

size_t Intake::pending() const { return core_->pending; }

void Intake::drain(Task idle) {
  if (core_->pending == 0) return idle();
  core_->idle = std::move(idle);
}

void Intake::accept(const catalog::AppRef& app, Drafts drafts, OnAccepted done) {
  ++core_->pending;
  auto job = std::make_shared<Job>();
  job->results.resize(drafts.size());
  job->drafts = std::move(drafts);
  job->done = std::move(done);
  const bool keys = std::any_of(job->drafts.begin(), job->drafts.end(), [](const auto& draft) {
    return !draft->idempotency.empty() || !draft->event_id_key.empty();
  });
  if (keys) job->key_mark = core_->deps.log.key_mark();
  bool look = false;
  for (const auto& draft : job->drafts) {
    look = look || may_be_stored(core_->deps.log, draft->idempotency) ||
           may_be_stored(core_->deps.log, draft->event_id_key);
  }
  if (!look) {
    return core_->match_and_append(app, core_->deps.snapshot()->version, job);
  }
  core_->on_reader(
      std::move(job), [](store::MessageLog& log, Job& waiting) { return look_up(log, waiting); },
      [id = app->app.id](Core& core, Status status, const JobRef& waiting) {
        core.after_look_up(id, std::move(status), waiting);
      });
}

}  // namespace posthorn::ingest
