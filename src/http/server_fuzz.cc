// Any bytes as a client of the server, cut into packets in two ways: the same answers both times,
// each of them valid HTTP, and nothing left behind.
#include "http/server.h"
#include "http/testing/raw_peer.h"
#include "io/sim/world.h"
#include "wire/http1_response.h"

namespace posthorn::http {
namespace {

const SocketAddress kAddress{IpAddress::v4(127, 0, 0, 1), 8071};

void require(bool condition) {
  if (!condition) __builtin_trap();
}

struct Outcome {
  std::vector<int> statuses;
  std::string handled;
  bool operator==(const Outcome&) const = default;
};

// The status of every answer in `text`; traps when it is anything but whole answers.
std::vector<int> statuses_of(ByteView text) {
  std::vector<int> statuses;
  wire::ResponseParser parser({});
  while (!text.empty()) {
    if (text.starts_with("HTTP/1.1 100 Continue\r\n\r\n")) {
      text.remove_prefix(25);
      continue;
    }
    parser.reset();
    require(parser.parse(text) == wire::HttpParse::kDone);
    const wire::ResponseHead& head = parser.head();
    const size_t size = head.head_bytes + head.content_length;
    require(size <= text.size());
    statuses.push_back(head.status);
    text.remove_prefix(size);
  }
  return statuses;
}

Outcome talk(ByteView input, uint64_t seed, size_t packet_bytes_max) {
  io::sim::World world(seed);
  io::sim::Link link;
  link.packet_bytes_max = packet_bytes_max;
  world.network().set_default_link(link);
  const std::unique_ptr<io::Loop> loop = world.make_loop();
  Outcome outcome;
  Server server(*loop, ServerLimits{},
                Server::Handlers{[&](const Request& request, Responder responder) {
                                   outcome.handled += fmt::format(
                                       "{} {} {}\n", wire::http_method_text(request.method),
                                       request.target, request.body);
                                   // HEAD answers would have a length without a body.
                                   Response response;
                                   if (request.method != wire::HttpMethod::kHead)
                                     response.body = "{}";
                                   responder.send(std::move(response));
                                 },
                                 [](const wire::RequestHead&) { return Server::BodyBound{1000}; },
                                 [](int, std::string_view reason) { return std::string(reason); }});
  require(server.listen(kAddress, {}).ok());
  std::unique_ptr<RawPeer> peer;
  const auto connecting = loop->net().connect(kAddress, {}, [&](auto stream) {
    peer = std::make_unique<RawPeer>(*std::move(stream), nullptr);
    peer->read();
    peer->send(std::string(input));
    peer->end_after_sending();
  });
  require(world.run_until([&] { return peer && peer->ended(); }, std::chrono::hours{1}));
  outcome.statuses = statuses_of(peer->received());
  peer->close();
  world.run_for(seconds{1});
  require(server.connections() == 0);
  return outcome;
}

}  // namespace
}  // namespace posthorn::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace posthorn::http;  // NOLINT
  if (size > 2000) return 0;
  const posthorn::ByteView input(reinterpret_cast<const char*>(data), size);
  const Outcome whole = talk(input, 1, 16 * 1024);
  require(whole == talk(input, 2, 3));
  return 0;
}
