// pure: the bytes of the generator's requests: one head per app, one body per connection whose
// stamps are overwritten in place before each send.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "load_options.h"

namespace posthorn::bench {

// One for each app; all end with the empty line.
std::vector<std::string> make_heads(const LoadOptions& options);

class LoadBody {
 public:
  explicit LoadBody(const LoadOptions& options);

  // Marks the events n = first_n, first_n + 1, … all with the same intended time.
  void stamp(uint64_t first_n, uint64_t intended_ns);

  std::string& bytes() { return bytes_; }

 private:
  std::string bytes_;
  std::vector<size_t> payloads_at_;
};

}  // namespace posthorn::bench
