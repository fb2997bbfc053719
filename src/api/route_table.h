// pure: which route a path names. Filled once at start; a lookup compares segments and allocates
// nothing.
#pragma once
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "wire/http1.h"

namespace posthorn::api {

// What stood at the {places} of a pattern, in order. Views into the path of the request.
struct PathParams {
  static constexpr size_t kMax = 4;
  std::array<std::string_view, kMax> values{};
  size_t count = 0;
  std::string_view operator[](size_t index) const { return values[index]; }
};

// The path without query; one slash at its end does not count.
std::string_view trimmed_path(std::string_view target);
// What follows the first '?'; empty when there is none.
std::string_view query_of(std::string_view target);

class RouteTable {
 public:
  static constexpr size_t kSegmentsMax = 12;

  struct Found {
    static constexpr size_t kNone = ~size_t{0};
    size_t route = kNone;     // the place of the route in the order of add()
    bool path_known = false;  // some method has this path
    PathParams params;
  };

  // `pattern` like /api/v1/app/{app_id}; a path that fits a literal and a place goes to the
  // literal.
  void add(wire::HttpMethod method, std::string pattern);

  // HEAD is answered by the route of GET.
  Found find(wire::HttpMethod method, std::string_view path) const;
  // The methods of a path, for an Allow header.
  std::string allowed(std::string_view path) const;

  struct Route {
    wire::HttpMethod method;
    std::string pattern;
  };
  const std::vector<Route>& routes() const { return routes_; }

 private:
  struct Segment {
    bool place = false;
    std::string text;
  };
  struct Entry {
    size_t route;
    std::vector<Segment> segments;
  };
  struct Path;

  static std::vector<Segment> segments_of(std::string_view pattern);
  static bool fits(const Entry& entry, const Path& path, PathParams& params);

  std::vector<Route> routes_;
  // By number of segments; within it literals before places.
  std::array<std::vector<Entry>, kSegmentsMax + 1> by_length_;
};

}  // namespace posthorn::api
