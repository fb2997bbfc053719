// Structured log lines to standard error, from any thread. Values are escaped; never pass
// payloads, secrets, tokens or URL queries.
#pragma once
#include <fmt/format.h>

#include <string>
#include <string_view>

namespace posthorn {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarn, kError };
enum class LogFormat : uint8_t { kJson, kReadable };

void set_log_level(LogLevel level);
void set_log_format(LogFormat format);
bool log_enabled(LogLevel level);
// `area` is the module; `text` is one sentence; CR, LF and quotes in it are escaped.
void log_line(LogLevel level, std::string_view area, std::string_view text);

template <typename... Args>
void log(LogLevel level, std::string_view area, fmt::format_string<Args...> format,
         Args&&... args) {
  if (!log_enabled(level)) return;
  log_line(level, area, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace posthorn
