// The two forms of a host behind one face, so that one test body runs on both: real time and
// loopback on the machine, virtual time in simulation.
#pragma once
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "io/host.h"
#include "io/linux/host.h"
#include "io/net.h"
#include "io/resolver.h"
#include "io/timer.h"

namespace posthorn::io {

class HostForm {
 public:
  virtual ~HostForm() = default;
  virtual Host& host() = 0;
  // One loop, made with the form.
  virtual Loop& loop() = 0;
  // Runs the loop until `done` or the limit; says whether it was done.
  virtual bool run_until(std::function<bool()> done, milliseconds limit = seconds{10}) = 0;
  // A folder for files of this test, empty at first.
  virtual std::string directory() = 0;
};

std::unique_ptr<HostForm> make_linux_form(const LinuxHostOptions& options = {});
std::unique_ptr<HostForm> make_sim_form();

// For TEST_P: named Linux and Sim.
struct NamedForm {
  std::string name;
  std::function<std::unique_ptr<HostForm>()> make;
};
inline void PrintTo(const NamedForm& form, std::ostream* to) { *to << form.name; }
std::vector<NamedForm> all_forms();

}  // namespace posthorn::io
