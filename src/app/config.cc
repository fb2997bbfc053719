// The key table and the loading of configuration.
#include "app/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "app/limits.h"

namespace posthorn::app {
namespace {

using deliver::SignatureHeaders;

constexpr seconds kDay{24 * 3600};

std::vector<std::string_view> split_list(std::string_view text) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    std::string_view part = text.substr(0, comma);
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
    if (!part.empty()) parts.push_back(part);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return parts;
}

Status bad(std::string_view accepted) { return error(Errc::kInvalid, std::string(accepted)); }

Result<uint64_t> parse_number(std::string_view text, uint64_t min, uint64_t max) {
  uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size() || value < min || value > max) {
    return error(Errc::kInvalid, fmt::format("wants a whole number from {} to {}", min, max));
  }
  return value;
}

Result<bool> parse_bool(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return error(Errc::kInvalid, "wants true or false");
}

Result<std::vector<microseconds>> parse_schedule(std::string_view text) {
  constexpr size_t kRetriesMax = 100;
  constexpr double kSecondsMax = 30.0 * 24 * 3600;
  std::vector<microseconds> schedule;
  for (const std::string_view part : split_list(text)) {
    double wait_s = -1;
    const auto [end, failure] = std::from_chars(part.data(), part.data() + part.size(), wait_s);
    const bool number = failure == std::errc{} && end == part.data() + part.size();
    if (!number || !std::isfinite(wait_s) || wait_s < 0 || wait_s > kSecondsMax ||
        schedule.size() == kRetriesMax) {
      return error(Errc::kInvalid,
                   "wants up to 100 waits in seconds (fractions allowed, at most 30 days each) "
                   "with commas between, e.g. 5,300,1800");
    }
    schedule.emplace_back(static_cast<int64_t>(wait_s * 1e6));
  }
  return schedule;
}

std::string show_schedule(const std::vector<microseconds>& schedule) {
  std::string text;
  for (const microseconds wait : schedule) {
    if (!text.empty()) text += ',';
    text += fmt::format("{:g}", static_cast<double>(wait.count()) / 1e6);
  }
  return text;
}

Result<std::vector<Cidr>> parse_blocks(std::string_view text) {
  std::vector<Cidr> blocks;
  for (const std::string_view part : split_list(text)) {
    const auto block = Cidr::parse(part);
    if (!block) {
      return error(Errc::kInvalid,
                   fmt::format("wants address blocks such as 10.0.0.0/8 with commas between; "
                               "'{}' is none (are the bits behind the length zero?)",
                               part));
    }
    blocks.push_back(*block);
  }
  return blocks;
}

std::string show_blocks(const std::vector<Cidr>& blocks) {
  std::string text;
  for (const Cidr& block : blocks) {
    if (!text.empty()) text += ',';
    text += fmt::format("{}/{}", block.base.text(), block.length);
  }
  return text;
}

// The value of `result` goes to `to`.
template <typename T, typename To>
Status store(Result<T> result, To& to) {
  if (!result.ok()) return std::move(result).error();
  to = static_cast<To>(*std::move(result));
  return {};
}

const char* bool_text(bool value) { return value ? "true" : "false"; }

std::vector<ConfigKey> server_keys() {
  return {
      {"server.listen", "Address and port of the REST API.", false,
       [](Config& c, std::string_view v) {
         const auto parsed = SocketAddress::parse(v);
         if (!parsed) return bad("wants an address and a port, e.g. 127.0.0.1:8071 or [::1]:8071");
         c.server_listen = *parsed;
         return Status{};
       },
       [](const Config& c) { return c.server_listen.text(); }},
      {"server.shards", "Event loops; 0 means one per core.", false,
       [](Config& c, std::string_view v) {
         return store(parse_number(v, 0, 256), c.server_shards);
       },
       [](const Config& c) { return std::to_string(c.server_shards); }},
      {"server.payload_bytes_max", "Largest payload of one message.", false,
       [](Config& c, std::string_view v) {
         return store(parse_number(v, 1024, kBatchBytesMax), c.server_payload_bytes_max);
       },
       [](const Config& c) { return std::to_string(c.server_payload_bytes_max); }},
  };
}

Status parse_days(std::string_view text, uint64_t max, seconds& to) {
  PH_ASSIGN(const uint64_t days, parse_number(text, 1, max));
  to = seconds(days * kDay.count());
  return {};
}

std::string show_days(seconds time) { return std::to_string(time / kDay); }

// How long and how much is kept.
std::vector<ConfigKey> retention_keys() {
  return {
      {"store.history_days", "Messages and attempts that are older are removed.", false,
       [](Config& c, std::string_view v) { return parse_days(v, 3650, c.store_history); },
       [](const Config& c) { return show_days(c.store_history); }},
      {"store.history_bytes_max",
       "Size of the log beyond which the oldest goes before its time; 0: half of the file system.",
       false,
       [](Config& c, std::string_view v) {
         return store(parse_number(v, 0, uint64_t{1} << 60), c.store_history_bytes_max);
       },
       [](const Config& c) { return std::to_string(c.store_history_bytes_max); }},
      {"store.hold_limit_days", "Deliveries that are still pending then end dead: expired.", false,
       [](Config& c, std::string_view v) { return parse_days(v, 365, c.store_hold_limit); },
       [](const Config& c) { return show_days(c.store_hold_limit); }},
  };
}

std::vector<ConfigKey> store_keys() {
  return {
      {"store.data_dir", "Folder of the log, the configuration and the generated secrets.", false,
       [](Config& c, std::string_view v) {
         if (v.empty()) return bad("wants a path");
         c.store_data_dir = v;
         return Status{};
       },
       [](const Config& c) { return c.store_data_dir; }},
      {"store.engine", "segment keeps everything on disk; memory forgets at exit (for trials).",
       false,
       [](Config& c, std::string_view v) {
         if (v != "segment" && v != "memory") return bad("wants segment or memory");
         c.store_engine = v;
         return Status{};
       },
       [](const Config& c) { return c.store_engine; }},
      {"store.key_file",
       "File with the root key that encrypts secrets at rest; empty: generated in the data folder.",
       false,
       [](Config& c, std::string_view v) {
         c.store_key_file = v;
         return Status{};
       },
       [](const Config& c) { return c.store_key_file; }},
      {"auth.jwt_secret",
       "Secret that signs API tokens (HS256); empty: generated in the data folder on first start.",
       true,
       [](Config& c, std::string_view v) {
         if (!v.empty() && v.size() < 16) return bad("wants at least 16 characters");
         c.auth_jwt_secret = v;
         return Status{};
       },
       [](const Config& c) { return c.auth_jwt_secret; }},
  };
}

std::vector<ConfigKey> delivery_keys() {
  return {
      {"delivery.allow_targets", "Address blocks exempt from the address guard, comma list.", false,
       [](Config& c, std::string_view v) {
         return store(parse_blocks(v), c.delivery_allow_targets);
       },
       [](const Config& c) { return show_blocks(c.delivery_allow_targets); }},
      {"delivery.retry_schedule", "Waits between tries in seconds, comma list.", false,
       [](Config& c, std::string_view v) {
         return store(parse_schedule(v), c.delivery_retry_schedule);
       },
       [](const Config& c) { return show_schedule(c.delivery_retry_schedule); }},
      {"delivery.request_timeout_ms", "Total time of one attempt, from connect to last byte.",
       false,
       [](Config& c, std::string_view v) {
         return store(parse_number(v, 100, 60'000), c.delivery_request_timeout);
       },
       [](const Config& c) { return std::to_string(c.delivery_request_timeout.count()); }},
      {"delivery.signature_headers", "Names of the signature headers: webhook, svix or both.",
       false,
       [](Config& c, std::string_view v) {
         if (v == "webhook")
           c.delivery_signature_headers = SignatureHeaders::kWebhook;
         else if (v == "svix")
           c.delivery_signature_headers = SignatureHeaders::kSvix;
         else if (v == "both")
           c.delivery_signature_headers = SignatureHeaders::kBoth;
         else
           return bad("wants webhook, svix or both");
         return Status{};
       },
       [](const Config& c) -> std::string {
         switch (c.delivery_signature_headers) {
           case SignatureHeaders::kWebhook:
             return "webhook";
           case SignatureHeaders::kSvix:
             return "svix";
           case SignatureHeaders::kBoth:
             return "both";
         }
         return "";
       }},
      {"delivery.signature_type", "Kind of generated endpoint secrets: hmac256 or ed25519.", false,
       [](Config& c, std::string_view v) {
         if (v != "hmac256" && v != "ed25519") return bad("wants hmac256 or ed25519");
         c.delivery_ed25519 = v == "ed25519";
         return Status{};
       },
       [](const Config& c) -> std::string { return c.delivery_ed25519 ? "ed25519" : "hmac256"; }},
      {"delivery.https_only", "Refuse endpoint URLs that are not https.", false,
       [](Config& c, std::string_view v) { return store(parse_bool(v), c.delivery_https_only); },
       [](const Config& c) -> std::string { return bool_text(c.delivery_https_only); }},
      {"delivery.ca_file", "PEM file of authorities trusted besides the system's.", false,
       [](Config& c, std::string_view v) {
         c.delivery_ca_file = v;
         return Status{};
       },
       [](const Config& c) { return c.delivery_ca_file; }},
  };
}

std::vector<ConfigKey> log_keys() {
  return {
      {"log.level", "debug, info, warn or error.", false,
       [](Config& c, std::string_view v) {
         if (v == "debug")
           c.log_level = LogLevel::kDebug;
         else if (v == "info")
           c.log_level = LogLevel::kInfo;
         else if (v == "warn")
           c.log_level = LogLevel::kWarn;
         else if (v == "error")
           c.log_level = LogLevel::kError;
         else
           return bad("wants debug, info, warn or error");
         return Status{};
       },
       [](const Config& c) -> std::string {
         constexpr const char* kNames[] = {"debug", "info", "warn", "error"};
         return kNames[static_cast<size_t>(c.log_level)];
       }},
      {"log.format", "json, or readable for a terminal.", false,
       [](Config& c, std::string_view v) {
         if (v != "json" && v != "readable") return bad("wants json or readable");
         c.log_format = v == "json" ? LogFormat::kJson : LogFormat::kReadable;
         return Status{};
       },
       [](const Config& c) -> std::string {
         return c.log_format == LogFormat::kJson ? "json" : "readable";
       }},
  };
}

const ConfigKey* find_key(std::string_view name) {
  for (const ConfigKey& key : config_keys()) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

Status set(Config& config, std::string_view name, std::string_view value, std::string_view where) {
  const ConfigKey* key = find_key(name);
  if (key == nullptr) {
    return error(Errc::kInvalid, fmt::format("{}: unknown key '{}'; docs/configuration.md lists "
                                             "the keys",
                                             where, name));
  }
  return key->parse(config, value).context(fmt::format("{}: {}", where, name));
}

}  // namespace

Config::Config() {
  // Eight tries over 27.6 hours.
  for (const int64_t wait_s : {5, 300, 1800, 7200, 18'000, 36'000, 36'000}) {
    delivery_retry_schedule.emplace_back(wait_s * 1'000'000);
  }
}

std::string ConfigKey::environment_name() const {
  std::string text = "POSTHORN_";
  for (const char c : name) {
    text += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  return text;
}

std::span<const ConfigKey> config_keys() {
  static const std::vector<ConfigKey> kKeys = [] {
    std::vector<ConfigKey> all;
    for (auto* part : {&server_keys, &store_keys, &retention_keys, &delivery_keys, &log_keys}) {
      for (ConfigKey& key : (*part)()) all.push_back(std::move(key));
    }
    return all;
  }();
  return kKeys;
}

namespace {

const ConfigKey* key_of_variable(std::string_view variable) {
  for (const ConfigKey& key : config_keys()) {
    if (key.environment_name() == variable) return &key;
  }
  return nullptr;
}

// Insertions, removals and replacements of one character that lead from one text to the other.
size_t edits_between(std::string_view from, std::string_view to) {
  std::vector<size_t> row(to.size() + 1);
  for (size_t j = 0; j <= to.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= from.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= to.size(); ++j) {
      const size_t replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row[to.size()];
}

std::string nearest_variable(std::string_view variable) {
  std::string nearest;
  size_t edits_min = std::numeric_limits<size_t>::max();
  for (const ConfigKey& key : config_keys()) {
    std::string known = key.environment_name();
    const size_t edits = edits_between(variable, known);
    if (edits >= edits_min) continue;
    edits_min = edits;
    nearest = std::move(known);
  }
  return nearest;
}

Status set_from_file(Config& config, const std::string& text, const std::string& file) {
  PH_ASSIGN(const auto pairs, flatten_toml(text).context(file));
  for (const auto& [name, value] : pairs) PH_TRY(set(config, name, value, file));
  return {};
}

}  // namespace

Result<Config> load_config(const ConfigSources& sources) {
  Config config;
  if (sources.file_text) PH_TRY(set_from_file(config, *sources.file_text, sources.file_name));
  for (const auto& [variable, value] : sources.environment) {
    const ConfigKey* key = key_of_variable(variable);
    if (key != nullptr) PH_TRY(set(config, key->name, value, "environment " + variable));
  }
  for (const auto& [name, value] : sources.flags) PH_TRY(set(config, name, value, "flag"));
  return config;
}

std::vector<std::string> unknown_variables(const ConfigSources& sources) {
  std::vector<std::string> warnings;
  for (const auto& [variable, value] : sources.environment) {
    if (!variable.starts_with("POSTHORN_") || key_of_variable(variable) != nullptr) continue;
    warnings.push_back(fmt::format("environment: {} names no key and is ignored; the nearest is {}",
                                   variable, nearest_variable(variable)));
  }
  return warnings;
}

}  // namespace posthorn::app
