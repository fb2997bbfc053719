// The simulated DNS.
#include "io/sim/names.h"

#include "io/sim/loop.h"

namespace posthorn::io::sim {
namespace {

class SimResolving final : public Resolving {
 public:
  explicit SimResolving(std::shared_ptr<Resolver::OnResolved> on_resolved)
      : on_resolved_(std::move(on_resolved)) {}
  SimResolving(const SimResolving&) = delete;
  SimResolving& operator=(const SimResolving&) = delete;
  ~SimResolving() override { *on_resolved_ = nullptr; }

 private:
  const std::shared_ptr<Resolver::OnResolved> on_resolved_;
};

class SimResolver final : public Resolver {
 public:
  SimResolver(Names& names, SimLoop& loop) : names_(names), loop_(loop) {}

  std::unique_ptr<Resolving> resolve(const std::string& host, OnResolved on_resolved) override {
    auto waiting = std::make_shared<OnResolved>(std::move(on_resolved));
    loop_.enter_at(loop_.clock().now() + names_.draw_delay(), [this, waiting, host] {
      OnResolved now = std::exchange(*waiting, nullptr);
      if (now) now(names_.find(host));
    });
    return std::make_unique<SimResolving>(std::move(waiting));
  }

 private:
  Names& names_;
  SimLoop& loop_;
};

}  // namespace

void Names::set(const std::string& host, std::vector<IpAddress> addresses, seconds ttl) {
  if (addresses.size() > Resolver::kAddressesMax) addresses.resize(Resolver::kAddressesMax);
  table_.insert_or_assign(host, Resolved{std::move(addresses), ttl});
}

void Names::set_error(const std::string& host, Errc code) {
  table_.insert_or_assign(host, error(code, "cannot resolve " + host));
}

void Names::set_delay(nanoseconds low, nanoseconds high) {
  delay_min_ = low;
  delay_max_ = high;
}

std::unique_ptr<Resolver> Names::make_resolver(SimLoop& loop) {
  return std::make_unique<SimResolver>(*this, loop);
}

Result<Resolved> Names::find(const std::string& host) const {
  const auto at = table_.find(host);
  if (at == table_.end())
    return error(Errc::kNotFound, "cannot resolve " + host + ": no such name");
  return at->second;
}

}  // namespace posthorn::io::sim
