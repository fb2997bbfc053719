// Command line of the benchmark programs: "--name value" and "--name". Unknown names, missing and
// out-of-range values end the program.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::bench {

class Flags {
 public:
  Flags(int argc, char** argv);

  bool on(std::string_view name);
  std::string text(std::string_view name, std::string_view otherwise);
  uint64_t number(std::string_view name, uint64_t otherwise, uint64_t max);
  double real(std::string_view name, double otherwise);

  // Call after the last read: ends the program if an argument was not asked for.
  void finish() const;

 private:
  const char* take(std::string_view name, bool with_value);

  std::vector<const char*> arguments_;
  std::vector<bool> used_;
};

}  // namespace posthorn::bench
