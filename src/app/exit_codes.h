// Why the process ended, for those who watch it.
#pragma once

namespace posthorn::app {

enum class ExitCode : int {
  kOk = 0,
  kFailed = 1,       // something else; the last line of the log says what
  kUsage = 64,       // a bad flag or argument
  kBusy = 75,        // another process has the data directory
  kSyncFailed = 74,  // an fsync failed: nothing was acknowledged that is not durable
  kConfiguration = 78,
};

}  // namespace posthorn::app
