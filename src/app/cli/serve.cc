// posthorn serve.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

#include "api/auth.h"
#include "app/cli/commands.h"
#include "app/gateway.h"
#include "app/limits.h"
#include "catalog/catalog.h"
#include "io/linux/addresses.h"
#include "io/linux/limits.h"
#include "io/linux/signals.h"

namespace posthorn::app {
namespace {

Result<Config> serve_config(const CommandContext& context, const ServeFlags& flags) {
  std::map<std::string, std::string> overrides;
  if (!flags.listen.empty()) overrides["server.listen"] = flags.listen;
  if (flags.dev) overrides["log.format"] = "readable";
  PH_ASSIGN(Config config, load_command_config(context, std::move(overrides)));
  if (!flags.dev) return config;
  const Cidr loopback4 = *Cidr::parse("127.0.0.0/8");
  const Cidr loopback6 = *Cidr::parse("::1/128");
  if (!loopback4.contains(config.server_listen.ip) &&
      !loopback6.contains(config.server_listen.ip)) {
    return error(Errc::kInvalid,
                 fmt::format("--dev listens on loopback only, not on {}: leave --dev away, or "
                             "--listen 127.0.0.1:{}",
                             config.server_listen.text(), config.server_listen.port));
  }
  config.delivery_allow_targets.push_back(loopback4);
  config.delivery_allow_targets.push_back(loopback6);
  return config;
}

// What a person needs to begin, once the gateway listens.
void greet(const CommandContext& context, const Gateway& gateway, const Config& config, bool dev) {
  const std::string url = "http://" + gateway.address().text();
  std::string text = fmt::format("Posthorn {} listens on {}\n  data directory  {}\n", kVersion, url,
                                 config.store_data_dir);
  if (!dev) {
    text += fmt::format("  get a token     posthorn token --data-dir {}\n", config.store_data_dir);
  } else {
    model::Caller caller;
    caller.organization = catalog::default_organization();
    const std::string token = api::make_token(
        gateway.jwt_secret(), {caller, context.host.clock().wall(), seconds{30 * 24 * 3600}});
    text += fmt::format("\nexport TOKEN={}\n", token);
    const auto post = [&](std::string_view path, std::string_view body) {
      text += fmt::format(
          "curl -s {}/api/v1/app{} -H \"authorization: Bearer $TOKEN\" \\\n"
          "  -H 'content-type: application/json' -d '{}'\n",
          url, path, body);
    };
    post("", R"({"name":"My first application","uid":"demo"})");
    post("/demo/endpoint", R"({"url":"http://127.0.0.1:9000/"})");
    post("/demo/msg", R"({"eventType":"user.created","payload":{"hello":"world"}})");
  }
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

}  // namespace

ExitCode run_serve(const CommandContext& context, const ServeFlags& flags) {
  Result<Config> config = serve_config(context, flags);
  if (!config.ok()) return fail_command(config.error());
  io::StopSignals signals;  // before the first thread
  if (config->server_shards == 0) config->server_shards = static_cast<uint32_t>(io::usable_cores());
  const Result<size_t> files = io::raise_open_files();
  if (!files.ok()) log(LogLevel::kWarn, "app", "open files: {}", files.error().message);

  GatewayOptions options;
  Result<std::vector<IpAddress>> own = io::own_addresses();
  if (!own.ok()) return fail_command(own.error());
  options.own_addresses = *std::move(own);
  options.die = [](ExitCode code) {
    log(LogLevel::kError, "app",
        "a sync to disk failed; ending at once, nothing acknowledged is "
        "lost");
    std::_Exit(static_cast<int>(code));
  };
  Result<std::unique_ptr<Gateway>> gateway = Gateway::start(context.host, *config, options);
  if (!gateway.ok()) return fail_command(gateway.error());
  signals.watch([&gateway] { (*gateway)->stop(); });
  if (flags.dev || context.environment.terminal) greet(context, **gateway, *config, flags.dev);
  const Status ended = (*gateway)->run();
  signals.unwatch();  // before the gateway that it stops
  if (!ended.ok()) return fail_command(ended.error());
  return ExitCode::kOk;
}

}  // namespace posthorn::app
