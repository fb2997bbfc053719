// pure: paths are cut into segments once and compared with the few patterns of that length.
#include "api/route_table.h"

#include <algorithm>

#include "base/check.h"

namespace posthorn::api {

struct RouteTable::Path {
  std::array<std::string_view, kSegmentsMax> segments{};
  size_t count = 0;
  bool valid = false;

  explicit Path(std::string_view path) {
    if (!path.starts_with('/')) return;
    path.remove_prefix(1);
    while (!path.empty()) {
      const size_t end = path.find('/');
      const std::string_view segment = path.substr(0, end);
      if (segment.empty() || count == kSegmentsMax) return;
      segments[count++] = segment;
      if (end == std::string_view::npos) break;
      path.remove_prefix(end + 1);
      if (path.empty()) return;  // a slash at the end
    }
    valid = true;
  }
};

std::string_view trimmed_path(std::string_view target) {
  std::string_view path = target.substr(0, target.find('?'));
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

std::string_view query_of(std::string_view target) {
  const size_t mark = target.find('?');
  return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
}

std::vector<RouteTable::Segment> RouteTable::segments_of(std::string_view pattern) {
  const Path path(pattern);
  CHECK(path.valid, "a route pattern is a path: {}", pattern);
  std::vector<Segment> segments;
  size_t places = 0;
  for (size_t i = 0; i < path.count; ++i) {
    const std::string_view text = path.segments[i];
    const bool place = text.starts_with('{');
    places += place ? 1 : 0;
    segments.push_back({place, std::string(text)});
  }
  CHECK(places <= PathParams::kMax, "too many places in {}", pattern);
  return segments;
}

void RouteTable::add(wire::HttpMethod method, std::string pattern) {
  Entry entry{routes_.size(), segments_of(pattern)};
  auto& entries = by_length_[entry.segments.size()];
  entries.push_back(std::move(entry));
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::lexicographical_compare(
        a.segments.begin(), a.segments.end(), b.segments.begin(), b.segments.end(),
        [](const Segment& x, const Segment& y) { return !x.place && y.place; });
  });
  routes_.push_back({method, std::move(pattern)});
}

bool RouteTable::fits(const Entry& entry, const Path& path, PathParams& params) {
  params.count = 0;
  for (size_t i = 0; i < path.count; ++i) {
    const Segment& segment = entry.segments[i];
    if (segment.place) {
      params.values[params.count++] = path.segments[i];
    } else if (segment.text != path.segments[i]) {
      return false;
    }
  }
  return true;
}

RouteTable::Found RouteTable::find(wire::HttpMethod method, std::string_view path) const {
  Found found;
  const Path cut(path);
  if (!cut.valid) return found;
  if (method == wire::HttpMethod::kHead) method = wire::HttpMethod::kGet;
  for (const Entry& entry : by_length_[cut.count]) {
    if (!fits(entry, cut, found.params)) continue;
    found.path_known = true;
    if (routes_[entry.route].method != method) continue;
    found.route = entry.route;
    return found;
  }
  return found;
}

std::string RouteTable::allowed(std::string_view path) const {
  std::string out;
  const Path cut(path);
  if (!cut.valid) return out;
  PathParams ignored;
  for (const Entry& entry : by_length_[cut.count]) {
    if (!fits(entry, cut, ignored)) continue;
    const std::string_view name = wire::http_method_text(routes_[entry.route].method);
    if (out.find(name) != std::string::npos) continue;
    if (!out.empty()) out += ", ";
    out += name;
    if (name == "GET") out += ", HEAD";
  }
  return out;
}

}  // namespace posthorn::api
