// CHECK: a bug in this program, not an expected error. Always on; prints and aborts.
#pragma once
#include <fmt/format.h>

#include <string>

namespace posthorn {
[[noreturn]] void check_failed(const char* file, int line, const char* condition,
                               const std::string& detail);
}

#define CHECK(condition, ...)                                                                  \
  do                                                                                           \
    if (__builtin_expect(!(condition), 0))                                                     \
      ::posthorn::check_failed(__FILE__, __LINE__, #condition, ::fmt::format("" __VA_ARGS__)); \
  while (false)
