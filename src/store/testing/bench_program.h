// What the measuring programs of the store share: arguments `name=value`, figures of /proc. Used by
// *_bench.cc only.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "io/host.h"

namespace posthorn::store {

[[noreturn]] void bench_fail(std::string_view why);

// Every failure ends the program with a sentence.
class BenchArguments {
 public:
  // From argv[first] on.
  BenchArguments(int argc, char** argv, int first);
  const std::string& text(std::string_view name) const;
  uint64_t number(std::string_view name, uint64_t fallback) const;
  bool has(std::string_view name) const { return values_.find(name) != values_.end(); }

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

uint64_t resident_mib();
uint64_t bytes_read();  // by this process so far, from the page cache or not
double seconds_since(const io::Host& host, MonoTime start);

}  // namespace posthorn::store
