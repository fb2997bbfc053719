// The command line: serve, token, key rotate, version.
#pragma once
#include <map>
#include <string>

#include "app/exit_codes.h"
#include "io/host.h"

namespace posthorn::app {

struct CliEnvironment {
  std::map<std::string, std::string> variables;  // of the process
  bool terminal = false;                         // standard output is one
};

ExitCode run_cli(io::Host& host, int argc, char** argv, const CliEnvironment& environment);

}  // namespace posthorn::app
