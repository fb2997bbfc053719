// The two POSTs of messages. The callbacks that answer hold everything they need: the views of the
// request are gone by then.
#include "ingest/http_ingest.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/identity.h"
#include "model/message_json.h"
#include "wire/json_writer.h"

namespace posthorn::ingest {
namespace {

using model::Refusal;
using store::Verdict;

constexpr size_t kMessageJsonRoom = 384;  // of an answer, beside the payload

Refusal refusal_of(Error failure) { return Refusal{std::move(failure), {}}; }

Refusal not_json(const Error& failure) {
  model::IssueList issues;
  issues.add({"body"}, failure.message, "value_error.jsondecode");
  return std::move(issues).refusal();
}

Refusal duplicate_event_id() {
  return refusal_of(
      error(Errc::kConflict, "A message with this eventId exists already in the application"));
}

// What became of a draft that no message answers for.
Refusal repeat_without_message(Verdict verdict) {
  if (verdict == Verdict::kDuplicateEventId) return duplicate_event_id();
  return refusal_of(error(Errc::kConflict,
                          "This idempotency key was used before, and the message it was accepted "
                          "for is no longer stored"));
}

// One slash at the end of a path does not count.
std::string_view untrailed(std::string_view path) {
  if (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

// with_content=false asks for an answer without the payload.
Result<bool> with_content(std::string_view query) {
  constexpr std::string_view kName = "with_content=";
  bool with = true;
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    if (!pair.starts_with(kName)) continue;
    const std::string_view value = pair.substr(kName.size());
    if (value != "true" && value != "false") {
      return error(Errc::kInvalid, "with_content: must be true or false");
    }
    with = value == "true";
  }
  return with;
}

void add_replay_headers(http::Response& response, bool same_body) {
  response.headers.push_back({"idempotent-replayed", "true"});
  if (!same_body) response.headers.push_back({"idempotency-mismatch", "true"});
}

http::Response created(const Accepted& accepted, const model::MessageJsonOptions& options) {
  http::Response response;
  response.status = 202;
  response.body.reserve(accepted.message->payload.size() + kMessageJsonRoom);
  const bool repeat = accepted.verdict == Verdict::kDuplicateKey;
  model::MessageJsonOptions how = options;
  // What is known of this request's payload says nothing of the one that was stored first.
  if (repeat) how.form = model::PayloadForm::kUnknown;
  model::append_message(response.body, *accepted.message, how);
  if (repeat) add_replay_headers(response, accepted.same_body);
  return response;
}

}  // namespace

struct HttpIngest::Admitted {
  catalog::AppRef app;
  OrganizationId organization;
  std::string_view key;  // the idempotency key; empty: none
  std::array<uint8_t, 16> body_hash{};
};

struct HttpIngest::Batch {
  Drafts drafts;
  std::vector<size_t> draft_at;  // the index of each draft in the request
  std::vector<std::pair<size_t, Refusal>> refused;
  size_t count = 0;
};

size_t body_bytes_max(std::string_view target, const HttpIngestLimits& limits) {
  const std::string_view path = untrailed(target.substr(0, target.find('?')));
  return path.ends_with("/msg/batch") ? limits.batch_bytes_max : limits.body_bytes_max;
}

HttpIngest::HttpIngest(HttpIngestDeps deps, HttpIngestLimits limits)
    : deps_(std::move(deps)), limits_(limits), reader_(limits.message) {}

Result<HttpIngest::Admitted> HttpIngest::admit(const http::Request& request, std::string_view app) {
  PH_ASSIGN(const model::Caller caller, deps_.authenticate(request.header("authorization")));
  if (caller.app) {
    return error(Errc::kForbidden,
                 "Messages are created with a token of the organization, not of an application");
  }
  Admitted admitted;
  admitted.organization = caller.organization;
  admitted.app = deps_.snapshot()->find_app(caller.organization, app);
  if (admitted.app == nullptr) return error(Errc::kNotFound, "There is no such application");
  admitted.key = request.header("idempotency-key");
  if (admitted.key.size() > limits_.idempotency_key_bytes_max) {
    return error(Errc::kInvalid,
                 fmt::format("The idempotency-key has {} bytes; at most {} are "
                             "allowed",
                             admitted.key.size(), limits_.idempotency_key_bytes_max));
  }
  if (!admitted.key.empty()) admitted.body_hash = model::body_hash_of(request.body);
  return admitted;
}

void HttpIngest::identify(model::Message& message, const http::Request& request,
                          const Admitted& admitted, uint32_t item) const {
  message.app = admitted.app->app.id;
  if (!message.event_id.empty()) {
    message.event_id_key = model::event_id_key_of(message.app, message.event_id);
  }
  if (admitted.key.empty()) return;
  message.idempotency_key = admitted.key;
  message.body_hash = admitted.body_hash;
  message.idempotency = model::idempotency_of(
      {admitted.organization, admitted.key, "POST", untrailed(request.path), request.query}, item);
}

void HttpIngest::create(const http::Request& request, http::Responder responder,
                        std::string_view app) {
  const auto refuse = [&](const Refusal& refusal) { responder.send(deps_.refuse(refusal)); };
  auto admitted = admit(request, app);
  if (!admitted.ok()) return refuse(refusal_of(std::move(admitted).error()));
  if (request.body.size() > limits_.body_bytes_max) {
    return refuse(refusal_of(error(
        Errc::kTooLarge, fmt::format("The body has more than {} bytes", limits_.body_bytes_max))));
  }
  auto content = with_content(request.query);
  if (!content.ok()) return refuse(refusal_of(std::move(content).error()));
  const auto json = wire::parse_json(request.body, members_);
  if (!json.ok()) return refuse(not_json(json.error()));
  const WallTime now = deps_.clock.wall();
  ReadMessage read = json->kind() == wire::JsonKind::kObject
                         ? reader_.read(members_, now, body_loc_)
                         : reader_.read(*json, now, body_loc_);
  if (read.message == nullptr) return refuse(read.refusal);

  identify(*read.message, request, *admitted, 0);
  Drafts drafts;
  drafts.push_back(std::move(read.message));
  model::MessageJsonOptions options;
  options.with_content = *content;
  if (read.payload_is_object) options.form = model::PayloadForm::kObject;
  deps_.intake.accept(admitted->app, std::move(drafts),
                      [responder = std::move(responder), options,
                       say = deps_.refuse](Result<std::vector<Accepted>> accepted) mutable {
                        if (!accepted.ok())
                          return responder.send(say(refusal_of(std::move(accepted).error())));
                        const Accepted& only = accepted->front();
                        if (only.message == nullptr) {
                          return responder.send(say(repeat_without_message(only.verdict)));
                        }
                        responder.send(created(only, options));
                      });
}

namespace {

// The answer to a batch: what was refused before and what became of the rest, by index.
struct BatchAnswer {
  std::vector<size_t> draft_at;
  std::vector<std::pair<size_t, Refusal>> refused;
  http::Response (*refuse)(const Refusal&);
  void (*append_refusal)(std::string&, const Refusal&);

  // One refusal for all of them, when nothing was accepted.
  http::Response none_accepted() const {
    model::IssueList issues;
    for (const auto& [index, refusal] : refused) {
      if (refusal.issues.empty()) {
        issues.add({"body", std::to_string(index)}, refusal.error.message);
      }
      for (const auto& issue : refusal.issues) issues.add(issue.loc, issue.msg, issue.type);
    }
    return refuse(std::move(issues).refusal());
  }

  void append_result(std::string& out, size_t index, const model::Message* message,
                     const Refusal* refusal) const {
    out.append(out.back() == '[' ? "{\"index\":" : ",{\"index\":").append(std::to_string(index));
    if (message != nullptr) {
      out.append(",\"id\":\"").append(message->id.text()).append("\"}");
      return;
    }
    out.append(",\"error\":");
    append_refusal(out, *refusal);
    out.push_back('}');
  }

  // `accepted` is by draft; both lists are in the order of the request.
  http::Response some_accepted(const std::vector<Accepted>& accepted) {
    http::Response response;
    response.status = 202;
    std::string& out = response.body;
    out.reserve(64 * (accepted.size() + refused.size()));
    out.append("{\"results\":[");
    size_t next_refused = 0;
    bool repeat = false;
    bool same_body = true;
    for (size_t i = 0; i < accepted.size(); ++i) {
      for (; next_refused < refused.size() && refused[next_refused].first < draft_at[i];
           ++next_refused) {
        append_result(out, refused[next_refused].first, nullptr, &refused[next_refused].second);
      }
      if (accepted[i].message == nullptr) continue;  // among the refused
      append_result(out, draft_at[i], accepted[i].message.get(), nullptr);
      repeat = repeat || accepted[i].verdict == Verdict::kDuplicateKey;
      same_body = same_body && accepted[i].same_body;
    }
    for (; next_refused < refused.size(); ++next_refused) {
      append_result(out, refused[next_refused].first, nullptr, &refused[next_refused].second);
    }
    out.append("]}");
    if (repeat) add_replay_headers(response, same_body);
    return response;
  }

  http::Response of(Result<std::vector<Accepted>> accepted) {
    if (!accepted.ok()) return refuse(refusal_of(std::move(accepted).error()));
    bool any = false;
    for (size_t i = 0; i < accepted->size(); ++i) {
      any = any || (*accepted)[i].message != nullptr;
      if ((*accepted)[i].message != nullptr) continue;
      refused.emplace_back(draft_at[i], repeat_without_message((*accepted)[i].verdict));
    }
    std::sort(refused.begin(), refused.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    return any ? some_accepted(*accepted) : none_accepted();
  }
};

}  // namespace

void HttpIngest::read_batch(const wire::JsonValue& array, Batch& batch) {
  const WallTime now = deps_.clock.wall();
  std::vector<std::string> loc{"body", ""};
  wire::JsonElements elements(array);
  for (; const auto element = elements.next(); ++batch.count) {
    if (batch.count == limits_.batch_messages_max) {
      ++batch.count;
      return;
    }
    loc[1] = std::to_string(batch.count);
    ReadMessage read = reader_.read(*element, now, loc);
    if (read.message == nullptr) {
      batch.refused.emplace_back(batch.count, std::move(read.refusal));
      continue;
    }
    batch.draft_at.push_back(batch.count);
    batch.drafts.push_back(std::move(read.message));
  }
}

void HttpIngest::create_batch(const http::Request& request, http::Responder responder,
                              std::string_view app) {
  const auto refuse = [&](const Refusal& refusal) { responder.send(deps_.refuse(refusal)); };
  auto admitted = admit(request, app);
  if (!admitted.ok()) return refuse(refusal_of(std::move(admitted).error()));
  if (request.body.size() > limits_.batch_bytes_max) {
    return refuse(refusal_of(error(
        Errc::kTooLarge, fmt::format("The body has more than {} bytes", limits_.batch_bytes_max))));
  }
  const auto json = wire::parse_json(request.body);
  if (!json.ok()) return refuse(not_json(json.error()));
  Batch batch;
  if (json->kind() == wire::JsonKind::kArray) read_batch(*json, batch);
  if (batch.count == 0 || batch.count > limits_.batch_messages_max) {
    model::IssueList issues;
    issues.add({"body"},
               fmt::format("must be a JSON array of 1 to {} messages", limits_.batch_messages_max));
    return refuse(std::move(issues).refusal());
  }
  BatchAnswer answer{std::move(batch.draft_at), std::move(batch.refused), deps_.refuse,
                     deps_.append_refusal};
  if (batch.drafts.empty()) return responder.send(answer.none_accepted());
  for (size_t i = 0; i < batch.drafts.size(); ++i) {
    identify(*batch.drafts[i], request, *admitted, static_cast<uint32_t>(answer.draft_at[i]));
  }
  deps_.intake.accept(admitted->app, std::move(batch.drafts),
                      [responder = std::move(responder),
                       answer = std::move(answer)](Result<std::vector<Accepted>> accepted) mutable {
                        responder.send(answer.of(std::move(accepted)));
                      });
}

}  // namespace posthorn::ingest
