// The process: its arguments, its environment, the real machine.
#include <unistd.h>

#include "app/cli/cli.h"
#include "io/linux/host.h"

extern char** environ;

int main(int argc, char** argv) {
  posthorn::app::CliEnvironment environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos || !text.starts_with("POSTHORN_")) continue;
    environment.variables[std::string(text.substr(0, equals))] = text.substr(equals + 1);
  }
  environment.terminal = isatty(STDOUT_FILENO) != 0;
  const auto host = posthorn::io::make_linux_host();
  return static_cast<int>(posthorn::app::run_cli(*host, argc, argv, environment));
}
