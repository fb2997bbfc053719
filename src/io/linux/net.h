// TCP of the machine on a reactor. Made by the loop.
#pragma once
#include <memory>

#include "io/net.h"

namespace posthorn::io {

class Clock;
class Reactor;
class TimerWheel;

std::unique_ptr<Net> make_linux_net(Reactor& reactor, TimerWheel& timers, const Clock& clock);

}  // namespace posthorn::io
