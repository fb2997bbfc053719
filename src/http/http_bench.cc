// One exchange over loopback, the client and the server on one loop: what both cost together, most
// of it the system's TCP. Look at the user share with `perf stat`.
#include <benchmark/benchmark.h>

#include "http/client.h"
#include "http/server.h"
#include "io/linux/host.h"

namespace posthorn::http {
namespace {

constexpr size_t kConnections = 64;

void exchanges(benchmark::State& state) {
  const auto host = io::make_linux_host();
  const auto loop = host->make_loop();
  Server server(
      *loop, ServerLimits{},
      Server::Handlers{[](const Request&, Responder responder) {
                         responder.send(Response{.status = 202, .body = "{\"id\":1}"});
                       },
                       [](const wire::RequestHead&) { return Server::BodyBound{1u << 20}; },
                       [](int, std::string_view reason) { return std::string(reason); }});
  if (!server.listen(*SocketAddress::parse("127.0.0.1:0"), {}).ok()) return;
  Client client(*loop, nullptr, ClientLimits{});
  const std::string body(1024, 'x');
  const std::string head =
      "POST /api/v1/app/app_2ZcQ0gYv0000000000000000000/msg HTTP/1.1\r\nHost: 127.0.0.1:8071\r\n"
      "User-Agent: bench\r\nContent-Type: application/json\r\nwebhook-id: msg_1\r\n"
      "webhook-timestamp: 1614265330\r\nwebhook-signature: v1,"
      "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\r\nContent-Length: 1024\r\n\r\n";
  Exchange exchange;
  exchange.key = {1, server.address(), false};
  exchange.request = {head, body};
  std::array<std::unique_ptr<Pending>, kConnections> pending;
  int64_t left = 0;
  size_t open = 0;
  std::function<void(size_t)> next = [&](size_t slot) {
    if (left == 0) {
      if (--open == 0) loop->stop();
      return;
    }
    --left;
    exchange.deadline = loop->clock().now() + seconds{30};
    pending[slot] = client.send(exchange, [&, slot](const ExchangeResult&) { next(slot); });
  };
  int64_t done = 0;
  for (auto _ : state) {
    left = 10'000;
    open = kConnections;
    for (size_t slot = 0; slot < kConnections; ++slot) next(slot);
    loop->run();
    done += 10'000;
  }
  state.SetItemsProcessed(done);
}
BENCHMARK(exchanges)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->MinTime(2);

}  // namespace
}  // namespace posthorn::http
