// bench_generator --port N --run HEX8 …: puts load on a gateway (or the floor) on this machine and
// prints what happened as one line of JSON. With --rate it sends by a fixed schedule and measures
// every latency from the scheduled time; without, each connection sends as soon as it has its
// answer, which finds the capacity.
#include <cstdio>
#include <fstream>

#include "die.h"
#include "flags.h"
#include "load_run.h"
#include "stamp.h"
#include "tcp.h"

namespace posthorn::bench {
namespace {

std::string read_line_of(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  if (!std::getline(in, line)) die("cannot read the token file");
  return line;
}

std::vector<std::string> read_lines_of(const std::string& path) {
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  if (lines.empty()) die("the apps file has no app");
  return lines;
}

LoadOptions read_options(Flags& flags) {
  LoadOptions options;
  options.port = static_cast<uint16_t>(flags.number("--port", 0, 65535));
  if (!parse_run(flags.text("--run", "00000001"), &options.run)) die("--run wants 8 hex digits");
  options.connections = flags.number("--connections", 64, 4096);
  options.payload_bytes = flags.number("--payload-bytes", 1024, 1U << 20U);
  options.batch_events = flags.number("--batch", 1, 1000);
  options.rate_per_s = flags.real("--rate", 0);
  const bool max = flags.on("--max");
  options.duration_s = flags.real("--duration", 5);
  options.count_events = flags.number("--count", 0, IdSet::kIdsMax);
  options.backoff_ms = flags.number("--backoff-ms", 5, 60'000);
  const std::string apps_file = flags.text("--apps-file", "");
  options.apps =
      apps_file.empty() ? std::vector{flags.text("--app", "app_floor")} : read_lines_of(apps_file);
  const std::string token_file = flags.text("--token-file", "");
  if (!token_file.empty()) options.token = read_line_of(token_file);
  options.acked_file = flags.text("--acked-file", "");
  flags.finish();
  if (options.port == 0) die("--port is required");
  if (max == (options.rate_per_s > 0)) die("one of --rate and --max is required");
  if (options.connections == 0 || options.batch_events == 0) die("nothing to send");
  if (options.payload_bytes < kPayloadBytesMin) die("--payload-bytes is too small for the stamp");
  return options;
}

void write_acked(const std::string& path, const IdSet& acked) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << acked.bytes();
  if (!out.flush()) die("cannot write the file of acknowledged counters");
}

}  // namespace
}  // namespace posthorn::bench

int main(int argc, char** argv) {
  using namespace posthorn::bench;
  Flags flags(argc, argv);
  const LoadOptions options = read_options(flags);
  raise_open_files_limit();
  LoadRun load(options);
  load.run();
  if (!options.acked_file.empty()) write_acked(options.acked_file, load.results().acked());
  std::printf("%s\n", load.results().json().c_str());
  return 0;
}
