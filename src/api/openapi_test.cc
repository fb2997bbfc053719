// openapi.yaml and the table of routes name the same operations.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "api/testing/rig.h"

namespace posthorn::api {
namespace {

bool starts_with_spaces(const std::string& line, size_t count) {
  return line.size() > count && line.find_first_not_of(' ') == count;
}

// "get /api/v1/app": the file is read by its layout, two spaces a level.
std::set<std::string> documented() {
  std::ifstream in(POSTHORN_SOURCE_DIR "/src/api/openapi.yaml");
  std::set<std::string> out;
  std::string line;
  std::string path;
  bool in_paths = false;
  while (std::getline(in, line)) {
    if (starts_with_spaces(line, 0)) in_paths = line == "paths:";
    if (!in_paths || line.empty() || line.back() != ':') continue;
    line.pop_back();
    if (starts_with_spaces(line, 2)) path = line.substr(2);
    if (starts_with_spaces(line, 4) && line != "    parameters") {
      out.insert(fmt::format("{} {}", line.substr(4), path));
    }
  }
  return out;
}

std::set<std::string> mounted() {
  testing::Rig rig;
  std::set<std::string> out = {
      // Mounted by ingest/http_ingest.
      "post /api/v1/app/{app_id}/msg",
      "post /api/v1/app/{app_id}/msg/batch",
  };
  for (const RouteTable::Route& route : rig.routes.table().routes()) {
    std::string method(wire::http_method_text(route.method));
    for (char& c : method) c = static_cast<char>(c | 0x20);
    out.insert(fmt::format("{} {}", method, route.pattern));
  }
  return out;
}

TEST(OpenApi, NamesEveryRouteAndNoOther) {
  EXPECT_EQ(documented(), mounted());
  EXPECT_GT(documented().size(), 15u);
}

}  // namespace
}  // namespace posthorn::api
