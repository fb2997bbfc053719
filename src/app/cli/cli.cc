// Parses arguments with CLI11 (the only file that includes it) and runs one command.
#include "app/cli/cli.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "app/cli/commands.h"
#include "app/gateway.h"

namespace posthorn::app {
namespace {

// An empty value is a shell variable that was not set; taking it for "not given" would start a
// server in another folder, or print a token that may do more than was meant.
void add_text(CLI::App& command, const std::string& name, std::string& to,
              const std::string& what) {
  command.add_option(name, to, what)->check([](const std::string& given) {
    return given.empty() ? std::string("is empty: give a value, or leave the option away") : "";
  });
}

void add_common(CLI::App& command, CommonFlags& flags) {
  add_text(command, "--config", flags.config_file, "configuration file (TOML)");
  add_text(command, "--data-dir", flags.data_dir,
           "folder of the log and the configuration (default: ./posthorn-data)");
}

// What was wrong with the arguments, and where to look. CLI11 misses the command before it looks at
// the word that stands in its place.
std::string usage_error(const CLI::App& root, const CLI::ParseError& failure) {
  const CLI::App* at = &root;
  std::string command = root.get_name();
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    command += " " + at->get_name();
  }
  const auto is = [&](CLI::ExitCodes kind) {
    return failure.get_exit_code() == static_cast<int>(kind);
  };
  std::string what = failure.what();
  if (is(CLI::ExitCodes::ExtrasError)) {
    what = fmt::format("not expected here: {}", fmt::join(at->remaining(), " "));
  }
  const std::vector<const CLI::App*> known = at->get_subcommands(nullptr);
  if (!known.empty() && is(CLI::ExitCodes::RequiredError)) {
    const std::vector<std::string> words = at->remaining();
    what = words.empty() ? "a command is missing" : fmt::format("no command '{}'", words.front());
    const char* separator = "; there are: ";
    for (const CLI::App* other : known) {
      what += separator + other->get_name();
      separator = ", ";
    }
  }
  return fmt::format("posthorn: {}\n`{} --help` says more\n", what, command);
}

}  // namespace

ExitCode run_cli(io::Host& host, int argc, char** argv, const CliEnvironment& environment) {
  CLI::App app{"Posthorn, a webhooks gateway", "posthorn"};
  app.require_subcommand(1);
  app.set_version_flag("--version", fmt::format("posthorn {}", kVersion), "print the version");
  CommonFlags common;
  ServeFlags serve;
  TokenFlags token;
  RotateFlags rotate;

  CLI::App* serve_command = app.add_subcommand("serve", "run the gateway");
  add_common(*serve_command, common);
  add_text(*serve_command, "--listen", serve.listen,
           "HOST:PORT of the REST API (default: 127.0.0.1:8071)");
  serve_command->add_flag("--dev", serve.dev, "for trying out: loopback targets, readable log");

  CLI::App* token_command = app.add_subcommand("token", "print one API token");
  add_common(*token_command, common);
  add_text(*token_command, "--org", token.organization, "organization id (default: the first)");
  add_text(*token_command, "--app", token.app, "limit the token to this application id");
  add_text(*token_command, "--ttl", token.ttl,
           "life of the token, e.g. 90s, 30m, 365d (default: 24h)");

  CLI::App* key_command = app.add_subcommand("key", "keys of the secrets at rest");
  key_command->require_subcommand(1);
  CLI::App* rotate_command =
      key_command->add_subcommand("rotate", "new root key; every stored secret is sealed again");
  add_common(*rotate_command, common);
  rotate_command->add_flag("--remove-old", rotate.remove_old,
                           "remove the old key files at the end");

  CLI::App* version_command = app.add_subcommand("version", "print the version");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& failure) {
    if (failure.get_exit_code() == 0) return static_cast<ExitCode>(app.exit(failure));  // --help
    std::fputs(usage_error(app, failure).c_str(), stderr);
    return ExitCode::kUsage;
  }
  CommandContext context{host, environment, common};
  if (serve_command->parsed()) return run_serve(context, serve);
  if (token_command->parsed()) return run_token(context, token);
  if (rotate_command->parsed()) return run_rotate(context, rotate);
  if (version_command->parsed()) return run_version();
  return ExitCode::kUsage;
}

}  // namespace posthorn::app
