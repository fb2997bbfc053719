// token, key rotate, version, and what all commands share.
#include "app/cli/commands.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>

#include "api/auth.h"
#include "app/credentials.h"
#include "app/gateway.h"
#include "catalog/catalog.h"
#include "catalog/key_rotation.h"

namespace posthorn::app {
namespace {

constexpr uint64_t kConfigFileBytesMax = 1u << 20;

Result<model::Caller> caller_of(const TokenFlags& flags) {
  model::Caller caller;
  caller.organization = catalog::default_organization();
  if (!flags.organization.empty()) {
    const auto organization = OrganizationId::parse(flags.organization);
    if (!organization) return error(Errc::kInvalid, "--org: wants an id such as org_…");
    caller.organization = *organization;
  }
  if (!flags.app.empty()) {
    caller.app = AppId::parse(flags.app);
    if (!caller.app) return error(Errc::kInvalid, "--app: wants an application id such as app_…");
  }
  return caller;
}

Result<catalog::RotationReport> rotate(const CommandContext& context, const RotateFlags& flags) {
  PH_ASSIGN(const Config config, load_command_config(context, {}));
  const std::string& directory = config.store_data_dir;
  if (!context.host.disk().exists(directory + "/config.db")) {
    return error(Errc::kNotFound, directory +
                                      " holds no configuration; name the data directory "
                                      "with --data-dir");
  }
  // The lock of the log: while a server runs, its catalog is the only writer.
  PH_ASSIGN(const auto lock, context.host.disk()
                                 .lock(directory + "/log/LOCK")
                                 .context("the data directory is in use; stop the server first"));
  PH_ASSIGN(const auto rows,
            store::open_config_store(context.host, "sqlite", directory + "/config.db"));
  const std::string key_path =
      config.store_key_file.empty() ? directory + "/secrets.key" : config.store_key_file;
  PH_ASSIGN(const auto box, catalog::SecretBox::open(context.host, key_path, false));
  catalog::RotationOptions options;
  options.remove_old = flags.remove_old;
  return catalog::rotate_keys(*rows, *box, options);
}

}  // namespace

Result<seconds> parse_duration(std::string_view text) {
  constexpr int64_t kSecondsMax = 10ll * 366 * 24 * 3600;
  int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  int64_t unit_s = 0;
  if (unit == "s") unit_s = 1;
  if (unit == "m") unit_s = 60;
  if (unit == "h") unit_s = 3600;
  if (unit == "d") unit_s = 24 * 3600;
  if (failure != std::errc{} || unit_s == 0 || value <= 0 || value > kSecondsMax / unit_s) {
    return error(Errc::kInvalid, "wants a time such as 90s, 30m, 24h or 365d, at most ten years");
  }
  return seconds{value * unit_s};
}

Result<Config> load_command_config(const CommandContext& context,
                                   std::map<std::string, std::string> flags) {
  ConfigSources sources;
  sources.environment = context.environment.variables;
  sources.flags = std::move(flags);
  if (!context.flags.data_dir.empty()) sources.flags["store.data_dir"] = context.flags.data_dir;
  if (!context.flags.config_file.empty()) {
    auto text = context.host.disk().read_file(context.flags.config_file, kConfigFileBytesMax);
    if (!text.ok()) return error(Errc::kInvalid, "--config: " + text.error().message);
    sources.file_text = *std::move(text);
    sources.file_name = context.flags.config_file;
  }
  PH_ASSIGN(Config config, load_config(sources));
  set_log_level(config.log_level);
  set_log_format(config.log_format);
  for (const std::string& warning : unknown_variables(sources)) {
    log(LogLevel::kWarn, "app", "{}", warning);
  }
  return config;
}

ExitCode fail_command(const Error& error) {
  std::fprintf(stderr, "posthorn: %s\n", error.message.c_str());
  if (error.code == Errc::kInvalid) return ExitCode::kConfiguration;
  if (error.code == Errc::kConflict) return ExitCode::kBusy;
  return ExitCode::kFailed;
}

ExitCode run_token(const CommandContext& context, const TokenFlags& flags) {
  const Result<Config> config = load_command_config(context, {});
  if (!config.ok()) return fail_command(config.error());
  const Result<model::Caller> caller = caller_of(flags);
  if (!caller.ok()) return fail_command(caller.error());
  const Result<seconds> ttl = parse_duration(flags.ttl);
  if (!ttl.ok()) return fail_command(error(Errc::kInvalid, "--ttl: " + ttl.error().message));
  const Result<std::string> secret = read_jwt_secret(context.host, *config);
  if (!secret.ok()) return fail_command(secret.error());
  const std::string token = api::make_token(*secret, {*caller, context.host.clock().wall(), *ttl});
  std::printf("%s\n", token.c_str());
  return ExitCode::kOk;
}

ExitCode run_rotate(const CommandContext& context, const RotateFlags& flags) {
  const Result<catalog::RotationReport> report = rotate(context, flags);
  if (!report.ok()) return fail_command(report.error());
  std::printf("%s%llu secrets are sealed under key version %u%s\n",
              report->resumed ? "resumed: " : "", static_cast<unsigned long long>(report->sealed),
              report->key_version,
              flags.remove_old ? "" : "; older key files stay, --remove-old removes them");
  return ExitCode::kOk;
}

ExitCode run_version() {
  std::printf("posthorn %s\n", kVersion);
  return ExitCode::kOk;
}

}  // namespace posthorn::app
