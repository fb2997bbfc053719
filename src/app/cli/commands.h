// What each command does. Results go to standard output; what went wrong, and what to do, goes to
// standard error.
#pragma once
#include <string>

#include "app/cli/cli.h"
#include "app/config.h"

namespace posthorn::app {

struct CommonFlags {
  std::string config_file;
  std::string data_dir;
};

struct ServeFlags {
  std::string listen;
  bool dev = false;
};

struct TokenFlags {
  std::string organization;
  std::string app;
  std::string ttl = "24h";
};

struct RotateFlags {
  bool remove_old = false;
};

struct CommandContext {
  io::Host& host;
  const CliEnvironment& environment;
  const CommonFlags& flags;
};

ExitCode run_serve(const CommandContext& context, const ServeFlags& flags);
ExitCode run_token(const CommandContext& context, const TokenFlags& flags);
ExitCode run_rotate(const CommandContext& context, const RotateFlags& flags);
ExitCode run_version();

// The configuration that a command works with: file, environment, its own flags. The log is set up
// by it, and says which variables are not known.
Result<Config> load_command_config(const CommandContext& context,
                                   std::map<std::string, std::string> flags);
// Prints the error; answers the exit code that goes with it.
ExitCode fail_command(const Error& error);

// "90s", "30m", "24h", "365d"; at most ten years.
Result<seconds> parse_duration(std::string_view text);

}  // namespace posthorn::app
