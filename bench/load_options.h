// What one run of the load generator is asked to do; filled by generator.cc from the command line.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace posthorn::bench {

struct LoadOptions {
  uint16_t port = 0;
  uint32_t run = 0;
  size_t connections = 64;
  size_t payload_bytes = 1024;
  size_t batch_events = 1;    // 1: POST …/msg; more: POST …/msg/batch
  double rate_per_s = 0;      // events per second of the fixed schedule; 0: as fast as answers come
  double duration_s = 5;      // an upper bound when there is a count
  uint64_t count_events = 0;  // stop when so many are acknowledged (schedule: sent); 0: no limit
  uint64_t backoff_ms = 5;    // pause of a connection after 429 or 503
  std::vector<std::string> apps;
  std::string token;
  std::string acked_file;  // bitmap of acknowledged counters; empty: not written
};

}  // namespace posthorn::bench
