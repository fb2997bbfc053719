// A worker in virtual time: its tasks are events; what they spend on the disk keeps it busy.
#pragma once
#include <memory>

#include "io/sim/schedule.h"
#include "io/worker.h"

namespace posthorn::io::sim {

std::unique_ptr<Worker> make_sim_worker(Schedule& schedule, size_t capacity);

}  // namespace posthorn::io::sim
