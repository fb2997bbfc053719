// Any bytes as the target of a request: route, ids in the path, query string. Read or refused,
// and what is read is within its bounds.
#include "api/page.h"
#include "api/query.h"
#include "api/route_table.h"
#include "base/check.h"
#include "base/ids.h"

using namespace posthorn;

namespace {

api::RouteTable routes() {
  api::RouteTable table;
  table.add(wire::HttpMethod::kGet, "/api/v1/app/{app_id}");
  table.add(wire::HttpMethod::kPost, "/api/v1/app/{app_id}/msg/batch");
  table.add(wire::HttpMethod::kGet, "/api/v1/app/{app_id}/msg/{msg_id}/attempt/{attempt_id}");
  table.add(wire::HttpMethod::kGet, "/");
  return table;
}

template <typename Id>
void check_id(std::string_view text) {
  const auto id = Id::parse(text);
  CHECK(!id || id->text() == text, "an id has one text: {}", text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const api::RouteTable kTable = routes();
  const std::string target(reinterpret_cast<const char*>(data), size);
  const std::string_view path = api::trimmed_path(target);
  for (const auto method : {wire::HttpMethod::kGet, wire::HttpMethod::kPost}) {
    const auto found = kTable.find(method, path);
    CHECK(found.route == api::RouteTable::Found::kNone || found.path_known, "a route has a path");
    for (size_t i = 0; found.path_known && i < found.params.count; ++i) {
      check_id<AppId>(found.params[i]);
      check_id<MessageId>(found.params[i]);
      check_id<AttemptId>(found.params[i]);
    }
  }
  model::IssueList issues;
  api::Query query(api::query_of(target), issues);
  const auto page = api::read_page_query<MessageKind>(query, api::read_order(query, true));
  CHECK(page.limit >= 1 && page.limit <= api::kPageMax, "limit {}", page.limit);
  CHECK(query.list("event_types", 250).size() <= 250, "lists are bounded");
  query.time("before");
  api::read_after(query);
  query.flag("with_content", true);
  query.number("status", 0, 4);
  CHECK(issues.issues().size() <= model::IssueList::kIssuesMax, "issues are bounded");
  return 0;
}
