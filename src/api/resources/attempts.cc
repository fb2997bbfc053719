// Attempts: the lists by endpoint and by message, one attempt, and its JSON.
#include "api/resources/attempts.h"

#include "api/errors.h"
#include "api/page.h"
#include "api/resources/attempt_scan.h"
#include "api/resources/lookup.h"
#include "model/message_json.h"
#include "wire/json_writer.h"

namespace posthorn::api {
namespace {

constexpr size_t kEventTypesMax = 250;

Error no_such_endpoint() { return error(Errc::kNotFound, "There is no such endpoint"); }
Error no_such_attempt() { return error(Errc::kNotFound, "There is no such attempt"); }

// What both lists take from the query string.
AttemptScan read_scan(Call& call) {
  AttemptScan scan;
  const auto page = read_page_query<AttemptKind>(call.query, false);
  scan.query.app = call.app->app.id;
  scan.query.after = page.after;
  scan.query.ascending = page.ascending;
  scan.query.limit = page.limit;
  scan.reversed = page.reversed;
  scan.query.since = read_after(call.query);
  scan.query.before = call.query.time("before").value_or(WallTime{});
  if (const auto status = call.query.number("status", 0, 4)) {
    scan.status = static_cast<AttemptStatus>(*status);
  }
  if (const auto status_class = call.query.number("status_code_class", 0, 500)) {
    if (*status_class % 100 != 0) {
      call.query.refuse("status_code_class", "must be 0, 100, 200, 300, 400 or 500");
    }
    scan.query.status_class = static_cast<int>(*status_class);
  }
  scan.event_types = call.query.list("event_types", kEventTypesMax);
  scan.channel = call.query.text("channel").value_or("");
  scan.tag = call.query.text("tag").value_or("");
  scan.with_content = call.query.flag("with_content", true);
  scan.with_message = call.query.flag("with_msg", false);
  // Attempts are finished when they are recorded: pending and in flight are states of deliveries.
  scan.expanded = call.query.flag("expanded_statuses", false);
  return scan;
}

http::Response page_response(Result<AttemptPage> page, const AttemptScan& scan) {
  if (!page.ok()) return error_response(std::move(page).error());
  std::string out;
  PageWriter writer(out);
  for (const FoundAttempt& found : page->items) {
    writer.item(found.attempt.id.text());
    AttemptJsonOptions options;
    options.with_content = scan.with_content;
    options.expanded = scan.expanded;
    if (scan.with_message) options.message = found.message.get();
    append_attempt(out, found.attempt, options);
  }
  if (page->scanned_to) writer.scanned_to(page->scanned_to->text());
  writer.end(page->done);
  return json_response(200, std::move(out));
}

void list_by_endpoint(Context& context, Call& call) {
  const catalog::EndpointRef endpoint = call.app->find_endpoint(call.params[1]);
  if (endpoint == nullptr) return call.refuse(no_such_endpoint());
  AttemptScan scan = read_scan(call);
  if (call.refused()) return;
  scan.query.endpoint = endpoint->id;
  context.on_reader(
      std::move(call.responder),
      [&store = context.deps().store, &clock = context.deps().loop.clock(),
       scan = std::move(scan)] { return page_response(scan_attempts(store, clock, scan), scan); });
}

http::Response list_of_message(store::Store& store, const io::Clock& clock, AttemptScan scan,
                               const std::string& message_id) {
  auto message = find_message(store, scan.query.app, message_id);
  if (!message.ok()) return error_response(std::move(message).error());
  scan.query.message = (*message)->id;
  return page_response(scan_attempts(store, clock, scan), scan);
}

void list_by_message(Context& context, Call& call) {
  AttemptScan scan = read_scan(call);
  if (call.refused()) return;
  if (const auto id = call.query.text("endpoint_id"); id && !id->empty()) {
    const catalog::EndpointRef endpoint = call.app->find_endpoint(*id);
    if (endpoint == nullptr) return call.refuse(no_such_endpoint());
    scan.query.endpoint = endpoint->id;
  }
  context.on_reader(
      std::move(call.responder),
      [&store = context.deps().store, &clock = context.deps().loop.clock(), scan = std::move(scan),
       id = std::string(call.params[1])] { return list_of_message(store, clock, scan, id); });
}

struct OneAttempt {
  AppId app;
  std::string message;  // id or event id
  AttemptId attempt;
  bool expanded = false;
};

http::Response read_one(store::Store& store, const OneAttempt& one) {
  auto message = find_message(store, one.app, one.message);
  if (!message.ok()) return error_response(std::move(message).error());
  auto attempt = store.history().attempt(one.app, one.attempt);
  if (!attempt.ok()) {
    if (attempt.error().code == Errc::kNotFound) return error_response(no_such_attempt());
    return error_response(std::move(attempt).error());
  }
  if (attempt->message != (*message)->id) return error_response(no_such_attempt());
  std::string out;
  AttemptJsonOptions options;
  options.expanded = one.expanded;
  append_attempt(out, *attempt, options);
  return json_response(200, std::move(out));
}

void get(Context& context, Call& call) {
  OneAttempt one{call.app->app.id, std::string(call.params[1]), {}, false};
  one.expanded = call.query.flag("expanded_statuses", false);
  if (call.refused()) return;
  const auto id = AttemptId::parse(call.params[2]);
  if (!id) return call.refuse(no_such_attempt());
  one.attempt = *id;
  context.on_reader(
      std::move(call.responder),
      [&store = context.deps().store, one = std::move(one)] { return read_one(store, one); });
}

}  // namespace

void append_attempt(std::string& out, const model::Attempt& attempt,
                    const AttemptJsonOptions& options) {
  const AttemptStatus status = status_of(attempt, options.expanded);
  wire::JsonWriter json(out);
  json.begin_object();
  json.key("id");
  json.string(attempt.id.text());
  json.key("msgId");
  json.string(attempt.message.text());
  json.key("endpointId");
  json.string(attempt.endpoint.text());
  json.key("url");
  json.string(attempt.url);
  json.key("response");
  json.string(options.with_content ? std::string_view(attempt.outcome.response)
                                   : std::string_view());
  json.key("responseStatusCode");
  json.integer(attempt.outcome.status);
  json.key("responseDurationMs");
  json.integer(attempt.outcome.timings.total_us / 1000);
  json.key("status");
  json.integer(static_cast<int64_t>(status));
  json.key("statusText");
  json.string(status_text(status));
  json.key("triggerType");
  json.integer(static_cast<int64_t>(attempt.trigger));
  json.key("timestamp");
  json.time(attempt.recorded_at);
  if (options.message != nullptr) {
    std::string inner;
    model::MessageJsonOptions how;
    how.with_content = options.with_content;
    model::append_message(inner, *options.message, how);
    json.key("msg");
    json.raw(inner);
  }
  json.end_object();
}

void mount_attempts(Routes& routes, Context& context) {
  using wire::HttpMethod;
  const auto add = [&](std::string pattern, Context::CallHandler handler) {
    routes.add(HttpMethod::kGet, std::move(pattern),
               context.guarded(Access::kApplication, std::move(handler)));
  };
  add("/api/v1/app/{app_id}/attempt/endpoint/{endpoint_id}",
      [&context](Call& call) { list_by_endpoint(context, call); });
  add("/api/v1/app/{app_id}/attempt/msg/{msg_id}",
      [&context](Call& call) { list_by_message(context, call); });
  add("/api/v1/app/{app_id}/msg/{msg_id}/attempt/{attempt_id}",
      [&context](Call& call) { get(context, call); });
}

}  // namespace posthorn::api
