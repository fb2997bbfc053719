// Messages: read one, list by filters.
#include "api/resources/messages.h"

#include "api/errors.h"
#include "api/page.h"
#include "api/resources/lookup.h"
#include "catalog/rules.h"
#include "model/message_json.h"

namespace posthorn::api {
namespace {

constexpr size_t kEventTypesMax = 250;
constexpr size_t kChunk = 50;  // messages read at a time

http::Response read_one(store::Store& store, const AppId& app, const std::string& id,
                        const model::MessageJsonOptions& options) {
  auto message = find_message(store, app, id);
  if (!message.ok()) return error_response(std::move(message).error());
  std::string out;
  model::append_message(out, **message, options);
  return json_response(200, std::move(out));
}

void get(Context& context, Call& call) {
  model::MessageJsonOptions options;
  options.with_content = call.query.flag("with_content", true);
  if (call.refused()) return;
  context.on_reader(
      std::move(call.responder),
      [&store = context.deps().store, app = call.app->app.id, id = std::string(call.params[1]),
       options] { return read_one(store, app, id, options); });
}

// Reads in chunks, so that a page of large payloads ends before it is a burden.
Result<store::Page<store::MessageRef>> read_chunks(store::Store& store, store::MessageQuery query) {
  const size_t limit = query.limit;
  store::Page<store::MessageRef> page;
  page.done = false;
  size_t bytes = 0;
  while (!page.done && page.items.size() < limit && bytes < kPageBytesMax) {
    query.limit = std::min(limit - page.items.size(), kChunk);
    PH_ASSIGN(store::Page<store::MessageRef> chunk, store.log().list(query));
    page.done = chunk.done || chunk.items.empty();
    for (store::MessageRef& message : chunk.items) {
      if (bytes >= kPageBytesMax) {
        page.done = false;
        break;
      }
      if (query.with_payload) bytes += message->payload.size();
      page.items.push_back(std::move(message));
    }
    if (!page.items.empty()) query.after = page.items.back()->id;
  }
  return page;
}

http::Response read_page(store::Store& store, const store::MessageQuery& query, bool reversed) {
  auto page = read_chunks(store, query);
  if (!page.ok()) return error_response(std::move(page).error());
  if (reversed) std::reverse(page->items.begin(), page->items.end());
  model::MessageJsonOptions options;
  options.with_content = query.with_payload;
  std::string out;
  PageWriter writer(out);
  for (const store::MessageRef& message : page->items) {
    writer.item(message->id.text());
    model::append_message(out, *message, options);
  }
  writer.end(page->done);
  return json_response(200, std::move(out));
}

void list(Context& context, Call& call) {
  const auto page = read_page_query<MessageKind>(call.query, false);
  store::MessageQuery query;
  query.app = call.app->app.id;
  query.after = page.after;
  query.ascending = page.ascending;
  query.limit = page.limit;
  query.since = read_after(call.query);
  query.before = call.query.time("before").value_or(WallTime{});
  query.event_types = call.query.list("event_types", kEventTypesMax);
  query.channel = call.query.text("channel").value_or("");
  query.tag = call.query.text("tag").value_or("");
  query.with_payload = call.query.flag("with_content", true);
  if (call.refused()) return;
  context.on_reader(std::move(call.responder),
                    [&store = context.deps().store, query = std::move(query),
                     reversed = page.reversed] { return read_page(store, query, reversed); });
}

}  // namespace

void mount_messages(Routes& routes, Context& context) {
  using wire::HttpMethod;
  routes.add(
      HttpMethod::kGet, "/api/v1/app/{app_id}/msg",
      context.guarded(Access::kApplication, [&context](Call& call) { list(context, call); }));
  routes.add(HttpMethod::kGet, "/api/v1/app/{app_id}/msg/{msg_id}",
             context.guarded(Access::kApplication, [&context](Call& call) { get(context, call); }));
}

}  // namespace posthorn::api
