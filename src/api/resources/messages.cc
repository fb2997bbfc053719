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
// What one page may cost where few fit: the reader goes on with others then.
constexpr milliseconds kScanMax{20};
constexpr size_t kLookMax = 100;  // of one chunk

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

// Reads in chunks, so that a page of large payloads, or one for which few of many messages fit,
// ends before it is a burden.
Result<store::Page<store::MessageRef>> read_chunks(store::Store& store, const io::Clock& clock,
                                                   store::MessageQuery query) {
  const size_t limit = query.limit;
  const MonoTime deadline = clock.now() + kScanMax;
  query.look_max = kLookMax;
  store::Page<store::MessageRef> page;
  page.done = false;
  size_t bytes = 0;
  do {
    query.limit = std::min(limit - page.items.size(), kChunk);
    PH_ASSIGN(store::Page<store::MessageRef> chunk, store.log().list(query));
    page.done = chunk.done;
    page.looked_to = chunk.looked_to;
    for (store::MessageRef& message : chunk.items) {
      if (bytes >= kPageBytesMax) {
        page.done = false;
        page.looked_to.reset();
        break;
      }
      if (query.with_payload) bytes += message->payload.size();
      page.items.push_back(std::move(message));
    }
    if (page.looked_to)
      query.after = MessageId{*page.looked_to};
    else if (!page.items.empty())
      query.after = page.items.back()->id;
  } while (!page.done && page.items.size() < limit && bytes < kPageBytesMax &&
           clock.now() < deadline);
  return page;
}

http::Response read_page(store::Store& store, const io::Clock& clock,
                         const store::MessageQuery& query, bool reversed) {
  auto page = read_chunks(store, clock, query);
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
  if (page->looked_to) writer.scanned_to(MessageId{*page->looked_to}.text(), reversed);
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
                    [&store = context.deps().store, &clock = context.deps().loop.clock(),
                     query = std::move(query), reversed = page.reversed] {
                      return read_page(store, clock, query, reversed);
                    });
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
