// Parses the few flags of the benchmark programs; ends the program on anything it does not know.
#include "flags.h"

#include <cstdlib>

#include "die.h"

namespace posthorn::bench {

Flags::Flags(int argc, char** argv)
    : arguments_(argv + 1, argv + argc), used_(arguments_.size(), false) {}

const char* Flags::take(std::string_view name, bool with_value) {
  for (size_t i = 0; i < arguments_.size(); ++i) {
    if (used_[i] || name != arguments_[i]) continue;
    used_[i] = true;
    if (!with_value) return arguments_[i];
    if (i + 1 == arguments_.size()) die("a flag has no value");
    used_[i + 1] = true;
    return arguments_[i + 1];
  }
  return nullptr;
}

bool Flags::on(std::string_view name) { return take(name, false) != nullptr; }

std::string Flags::text(std::string_view name, std::string_view otherwise) {
  const char* value = take(name, true);
  return value != nullptr ? std::string(value) : std::string(otherwise);
}

uint64_t Flags::number(std::string_view name, uint64_t otherwise, uint64_t max) {
  const char* value = take(name, true);
  if (value == nullptr) return otherwise;
  char* end = nullptr;
  const uint64_t parsed = std::strtoull(value, &end, 10);
  if (end == value || *end != '\0' || parsed > max) die("a flag has a bad number");
  return parsed;
}

double Flags::real(std::string_view name, double otherwise) {
  const char* value = take(name, true);
  if (value == nullptr) return otherwise;
  char* end = nullptr;
  const double parsed = std::strtod(value, &end);
  if (end == value || *end != '\0' || !(parsed >= 0)) die("a flag has a bad number");
  return parsed;
}

void Flags::finish() const {
  for (size_t i = 0; i < arguments_.size(); ++i) {
    if (used_[i]) continue;
    std::fprintf(stderr, "bench: unknown argument %s\n", arguments_[i]);
    std::exit(2);
  }
}

}  // namespace posthorn::bench
