// Any bytes as the answer of a receiver, cut into packets in two ways: the same result both times,
// within its bounds, and a connection is kept only behind a clean answer.
#include "http/client.h"
#include "http/testing/raw_peer.h"
#include "io/sim/world.h"

namespace posthorn::http {
namespace {

const SocketAddress kTarget{IpAddress::v4(10, 0, 0, 1), 80};
constexpr size_t kKept = 100;

void require(bool condition) {
  if (!condition) __builtin_trap();
}

struct Outcome {
  ExchangeError error;
  int status;
  std::string body;
  bool truncated;
  bool operator==(const Outcome&) const = default;
};

Outcome exchange(ByteView answer, uint64_t seed, size_t packet_bytes_max) {
  io::sim::World world(seed);
  io::sim::Link link;
  link.packet_bytes_max = packet_bytes_max;
  world.network().set_default_link(link);
  const std::unique_ptr<io::Loop> loop = world.make_loop();
  RawServer receiver(*loop, kTarget, nullptr, [&](RawPeer& peer) {
    if (!peer.received().ends_with("body")) return;
    peer.clear();
    peer.send(std::string(answer));
    peer.end_after_sending();
  });
  Client client(*loop, nullptr, ClientLimits{});
  Exchange what;
  what.key = {1, kTarget, false};
  what.request = {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n", "body"};
  what.deadline = world.clock().now() + seconds{30};
  what.body_keep_max = kKept;
  std::optional<ExchangeResult> result;
  const auto pending = client.send(what, [&](ExchangeResult got) { result = std::move(got); });
  require(world.run_until([&] { return result.has_value(); }, seconds{31}));
  require(result->body.size() <= kKept);
  require((result->error == ExchangeError::kNone) == (result->status >= 200));
  require((result->error == ExchangeError::kNone) == result->detail.empty());
  world.run_for(seconds{200});
  require(client.open_connections() == 0);
  return {result->error, result->status, result->body, result->body_truncated};
}

}  // namespace
}  // namespace posthorn::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace posthorn::http;  // NOLINT
  if (size > 2000) return 0;
  const posthorn::ByteView input(reinterpret_cast<const char*>(data), size);
  require(exchange(input, 1, 16 * 1024) == exchange(input, 2, 3));
  return 0;
}
