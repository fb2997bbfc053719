#include <benchmark/benchmark.h>

#include "wire/json.h"

namespace posthorn::wire {
namespace {

// About 1 KiB: an event as a backend would post it.
std::string event() {
  std::string body = "{\"eventType\":\"invoice.paid\",\"channels\":[\"a\",\"b\"],\"payload\":{";
  for (int i = 0; body.size() < 980; ++i) {
    body += (i > 0 ? ",\"field_" : "\"field_") + std::to_string(i) + "\":";
    body += i % 3 == 0 ? "{\"id\":" + std::to_string(i * 7919) + ",\"ok\":true}"
                       : "\"some text of usual length " + std::to_string(i) + "\"";
  }
  return body + "},\"eventId\":\"evt_0001\"}";
}

void check_only(benchmark::State& state) {
  const std::string body = event();
  for (auto _ : state) benchmark::DoNotOptimize(parse_json(body).ok());
  state.counters["bytes"] = static_cast<double>(body.size());
}
BENCHMARK(check_only);

void check_and_find_payload(benchmark::State& state) {
  const std::string body = event();
  JsonObject object;
  for (auto _ : state) {
    const auto value = parse_json(body);
    benchmark::DoNotOptimize(object.assign(*value).ok());
    benchmark::DoNotOptimize(object.find("payload")->raw().size());
  }
}
BENCHMARK(check_and_find_payload);

}  // namespace
}  // namespace posthorn::wire
