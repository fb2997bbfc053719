// Maintenance and retention, step by step.
#include "app/upkeep.h"

#include "base/log.h"

namespace posthorn::app {
namespace {

constexpr nanoseconds kEvery = seconds{1};
constexpr size_t kTasksMax = 4;

}  // namespace

Upkeep::Upkeep(const UpkeepDeps& deps, record::RetentionLimits limits, OnExpired on_expired)
    : loop_(deps.loop),
      store_(deps.store),
      retention_(limits),
      on_expired_(std::move(on_expired)),
      timer_(deps.loop.timers(), [this] { step(); }),
      time_(deps.loop.clock()),
      worker_(deps.host.make_worker("maintainer", kTasksMax)) {}

Upkeep::~Upkeep() { *alive_ = false; }

void Upkeep::step() {
  timer_.arm_at(loop_.clock().now() + kEvery);
  if (under_way_ || stopping_) return;
  under_way_ = worker_->post([this, alive = alive_] {
    loop_.post_remote([this, alive, found = look()] {
      if (*alive) this->found(found);
    });
  });
}

Upkeep::Found Upkeep::look() {
  Found found;
  const Result<bool> more = store_.maintain();
  if (more.ok())
    found.more = *more;
  else
    log(LogLevel::kError, "store", "maintenance: {}", more.error().message);
  auto commands = retention_.over(store_.retention(), time_.now());
  if (commands.ok())
    found.commands = *std::move(commands);
  else
    log(LogLevel::kError, "record", "retention: {}", commands.error().message);
  return found;
}

void Upkeep::found(const Found& found) {
  if (!found.commands.empty() && !stopping_) return append(found.commands);
  under_way_ = false;
  if (found.more) step();
}

// Where something was over there may be more: the next step comes at once. What could not be
// appended is found again.
void Upkeep::append(const std::vector<model::Command>& commands) {
  store::Batch batch;
  for (const model::Command& command : commands)
    batch.items.emplace_back(store::NewCommand{command});
  const Status appended = store_.log().append(
      std::move(batch), loop_, [this, commands, alive = alive_](const store::AppendResult& result) {
        if (!*alive) return;
        if (result.ok()) {
          for (const model::Command& command : commands) {
            if (command.kind == model::CommandKind::kExpireLane) on_expired_(command);
          }
        }
        found({.more = result.ok(), .commands = {}});
      });
  if (!appended.ok()) found({});
}

}  // namespace posthorn::app
