// The configuration of a process: one table of keys from which the file parser, the environment,
// `config show` and docs/configuration.md come. Precedence: flag, environment, file, default.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/log.h"
#include "base/result.h"
#include "base/units.h"
#include "deliver/sign.h"
#include "record/retention.h"
#include "store/store.h"

namespace posthorn::app {

struct Config {
  SocketAddress server_listen = *SocketAddress::parse("127.0.0.1:8071");
  uint32_t server_shards = 0;  // 0: one per core (the command line fills that in)
  uint64_t server_payload_bytes_max = 1u << 20;

  std::string store_data_dir = "./posthorn-data";
  std::string store_engine = "segment";
  std::string
      store_key_file;  // root key of secrets at rest; empty: generated in the data directory

  seconds store_history = store::StoreLimits{}.history;
  uint64_t store_history_bytes_max = 0;  // 0: half of the file system
  seconds store_hold_limit = record::RetentionLimits{}.hold_limit;

  std::string auth_jwt_secret;  // empty: generated in the data directory on first start

  std::vector<Cidr> delivery_allow_targets;
  std::vector<microseconds> delivery_retry_schedule;
  milliseconds delivery_request_timeout{15'000};
  deliver::SignatureHeaders delivery_signature_headers = deliver::SignatureHeaders::kWebhook;
  bool delivery_ed25519 = false;
  bool delivery_https_only = false;
  std::string delivery_ca_file;

  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kJson;

  Config();
};

// One key: "section.key" in the file, POSTHORN_SECTION_KEY in the environment.
struct ConfigKey {
  std::string_view name;
  std::string_view help;
  bool secret = false;  // never printed
  std::function<Status(Config&, std::string_view)> parse;
  std::function<std::string(const Config&)> show;

  std::string environment_name() const;
};

std::span<const ConfigKey> config_keys();

struct ConfigSources {
  std::optional<std::string> file_text;            // TOML
  std::string file_name = "configuration file";    // how errors call it
  std::map<std::string, std::string> environment;  // only names that begin with POSTHORN_ matter
  std::map<std::string, std::string> flags;        // by key name, e.g. "server.listen"
};

// Bad values are errors that name the key, its source and what is accepted, and so are unknown keys
// of the file and of flags.
Result<Config> load_config(const ConfigSources& sources);
// A warning for each variable that begins with POSTHORN_ and names no key, without its value. Not
// an error: Kubernetes sets POSTHORN_PORT and more of the kind for a service named posthorn.
std::vector<std::string> unknown_variables(const ConfigSources& sources);

// "section.key" = text pairs of a TOML file of two levels; arrays become comma lists.
Result<std::map<std::string, std::string>> flatten_toml(std::string_view text);

}  // namespace posthorn::app
