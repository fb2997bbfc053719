// Applications: create, read, list.
#include "api/resources/applications.h"

#include "api/body.h"
#include "api/errors.h"
#include "api/page.h"
#include "api/resources/fields.h"
#include "wire/json_writer.h"

namespace posthorn::api {
namespace {

void create(Context& context, Call& call) {
  Body body(call.request.body, call.issues);
  catalog::ApplicationSpec spec;
  spec.get_if_exists = call.query.flag("get_if_exists", false);
  spec.name = body.required_text("name");
  spec.uid = read_uid(body);
  spec.throttle_rate = read_throttle_rate(body);
  spec.metadata = body.text_map("metadata");
  if (call.refused()) return;
  context.deps().catalog.create_application(
      call.caller.organization, std::move(spec), context.deps().loop,
      [responder =
           std::move(call.responder)](Result<catalog::Created<catalog::AppRef>> created) mutable {
        if (!created.ok()) return responder.send(error_response(std::move(created).error()));
        std::string out;
        append_application(out, created->value->app);
        responder.send(json_response(created->existed ? 200 : 201, std::move(out)));
      });
}

void get(Call& call) {
  std::string out;
  append_application(out, call.app->app);
  call.answer(200, std::move(out));
}

// The snapshot is not sorted by id: one walk over it finds the page. Runs on the reader.
http::Response list_page(const catalog::Snapshot& snapshot, const OrganizationId& organization,
                         const PageQuery<AppId>& page) {
  PageSelection<catalog::AppRef, AppId> selection(page);
  snapshot.apps.for_each([&](const AppId& id, const catalog::AppRef& app) {
    if (app->app.organization == organization) selection.offer(id, app);
  });
  return json_response(200, selection.render([](std::string& out, const catalog::AppRef& app) {
    append_application(out, app->app);
  }));
}

void list(Context& context, Call& call) {
  const bool ascending = read_order(call.query, true);
  const auto page = read_page_query<ApplicationKind>(call.query, ascending);
  if (call.refused()) return;
  context.on_reader(std::move(call.responder),
                    [snapshot = context.deps().snapshot(), organization = call.caller.organization,
                     page] { return list_page(*snapshot, organization, page); });
}

}  // namespace

void append_application(std::string& out, const model::Application& app) {
  wire::JsonWriter json(out);
  json.begin_object();
  json.key("id");
  json.string(app.id.text());
  json.key("name");
  json.string(app.name);
  if (!app.uid.empty()) {
    json.key("uid");
    json.string(app.uid);
  }
  append_throttle_rate(json, app.throttle_rate);
  json.key("createdAt");
  json.time(app.created_at);
  json.key("updatedAt");
  json.time(app.updated_at);
  append_metadata(json, app.metadata);
  json.end_object();
}

void mount_applications(Routes& routes, Context& context) {
  using wire::HttpMethod;
  routes.add(
      HttpMethod::kPost, "/api/v1/app",
      context.guarded(Access::kOrganization, [&context](Call& call) { create(context, call); }));
  routes.add(
      HttpMethod::kGet, "/api/v1/app",
      context.guarded(Access::kOrganization, [&context](Call& call) { list(context, call); }));
  routes.add(HttpMethod::kGet, "/api/v1/app/{app_id}",
             context.guarded(Access::kApplication, [](Call& call) { get(call); }));
}

}  // namespace posthorn::api
