// Arguments and figures of /proc.
#include "store/testing/bench_program.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace posthorn::store {
namespace {

uint64_t number_in(std::string_view digits) {
  uint64_t number = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (failure != std::errc{}) bench_fail(fmt::format("{} is no number", digits));
  return number;
}

uint64_t proc_number(const char* path, std::string_view name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name)) continue;
    return number_in(std::string_view(line).substr(line.find_first_of("0123456789")));
  }
  bench_fail(fmt::format("{} has no {}", path, name));
}

}  // namespace

void bench_fail(std::string_view why) {
  fmt::print(stderr, "{}\n", why);
  std::fflush(stdout);
  std::_Exit(1);
}

BenchArguments::BenchArguments(int argc, char** argv, int first) {
  for (int i = first; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const size_t equals = argument.find('=');
    if (equals == std::string_view::npos) bench_fail(fmt::format("{} is no name=value", argument));
    values_.emplace(argument.substr(0, equals), argument.substr(equals + 1));
  }
}

const std::string& BenchArguments::text(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) bench_fail(fmt::format("{}=… is missing", name));
  return found->second;
}

uint64_t BenchArguments::number(std::string_view name, uint64_t fallback) const {
  const auto found = values_.find(name);
  return found == values_.end() ? fallback : number_in(found->second);
}

uint64_t resident_mib() { return proc_number("/proc/self/status", "VmRSS:") >> 10; }

uint64_t bytes_read() { return proc_number("/proc/self/io", "rchar:"); }

double seconds_since(const io::Host& host, MonoTime start) {
  return static_cast<double>((host.clock().now() - start).count()) * 1e-9;
}

}  // namespace posthorn::store
