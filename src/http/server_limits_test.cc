// The server against hostile and unlucky clients, in virtual time.
#include <gtest/gtest.h>

#include "http/server.h"
#include "http/testing/raw_peer.h"
#include "io/sim/world.h"

namespace posthorn::http {
namespace {

const SocketAddress kAddress{IpAddress::v4(127, 0, 0, 1), 8071};
constexpr size_t kBodyMax = 1 << 20;

size_t count(ByteView text, ByteView part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != ByteView::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

std::string get(const std::string& extra = "") {
  return "GET /x HTTP/1.1\r\nHost: a\r\n" + extra + "\r\n";
}
std::string post(const std::string& body, const std::string& extra = "") {
  return "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         extra + "\r\n" + body;
}

class ServerLimitsTest : public testing::Test {
 protected:
  ServerLimitsTest() {
    handle_ = [this](const Request&, Responder responder) {
      ++handled_;
      responder.send(Response{.body = "{}"});
    };
  }

  void serve() {
    server_ = std::make_unique<Server>(
        *loop_, limits_,
        Server::Handlers{[this](const Request& request, Responder responder) {
                           handle_(request, std::move(responder));
                         },
                         [this](const wire::RequestHead&) { return bound_; },
                         [](int status, std::string_view reason) {
                           return "{\"code\":\"" + std::to_string(status) + "\",\"detail\":\"" +
                                  std::string(reason) + "\"}";
                         }});
    ASSERT_TRUE(server_->listen(kAddress, {}).ok());
  }

  // A connected client, which reads what comes unless it is deaf.
  RawPeer& dial(bool deaf = false) {
    std::unique_ptr<io::Stream> stream;
    const auto connecting =
        loop_->net().connect(kAddress, {}, [&](auto got) { stream = *std::move(got); });
    EXPECT_TRUE(world_.run_until([&] { return stream != nullptr; }, seconds{1}));
    peers_.push_back(std::make_unique<RawPeer>(std::move(stream), nullptr));
    if (!deaf) peers_.back()->read();
    return *peers_.back();
  }

  // What comes back until the server closes (or `limit` has passed).
  std::string talk(ByteView bytes, nanoseconds limit = seconds{200}) {
    RawPeer& peer = dial();
    peer.send(bytes);
    world_.run_until([&] { return peer.ended(); }, limit);
    EXPECT_TRUE(peer.ended());
    peer.close();
    world_.run_for(milliseconds{10});
    return peer.received();
  }

  io::sim::World world_{3};
  std::unique_ptr<io::Loop> loop_ = world_.make_loop();
  ServerLimits limits_;
  Server::BodyBound bound_{kBodyMax};
  std::function<void(const Request&, Responder)> handle_;
  size_t handled_ = 0;
  std::unique_ptr<Server> server_;
  std::vector<std::unique_ptr<RawPeer>> peers_;
};

TEST_F(ServerLimitsTest, HugeHeadsAreRefusedInJsonAndTheConnectionCloses) {
  serve();
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 10'000; ++i) many += "a: b\r\n";
  const std::pair<std::string, std::string> cases[] = {
      {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(1 << 20, 'x'), "HTTP/1.1 431"},
      {many, "HTTP/1.1 431"},
      {"GET /" + std::string(20'000, 'x'), "HTTP/1.1 414"},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "HTTP/1.1 505"},
      {post("x", "Content-Encoding: gzip\r\n"), "HTTP/1.1 415"},
      {post("x", "Expect: a pony\r\n"), "HTTP/1.1 417"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999\r\n\r\n", "HTTP/1.1 413"},
  };
  for (const auto& [request, status] : cases) {
    const std::string got = talk(request);
    EXPECT_EQ(got.find(status), 0u) << got;
    EXPECT_NE(got.find("Content-Type: application/json"), std::string::npos);
    EXPECT_NE(got.find("{\"code\":\""), std::string::npos);
    EXPECT_NE(got.find("Connection: close"), std::string::npos);
  }
  EXPECT_EQ(handled_, 0u);
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(ServerLimitsTest, SmuggledRequestsNeverReachAHandler) {
  serve();
  const std::string tail = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
  for (const std::string framing :
       {"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked, x\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding:\r\n chunked\r\n", "Transfer-Encoding : chunked\r\n",
        "Content-Length: 0\r\nContent-Length: 6\r\n", "Content-Length: 0\n",
        "Content-Length: 0x0\r\n"}) {
    std::string request = "POST /x HTTP/1.1\r\nHost: a\r\n";
    request.append(framing).append("\r\n0\r\n\r\n").append(tail);
    const std::string got = talk(request);
    EXPECT_EQ(got.find("HTTP/1.1 400"), 0u) << framing;
    EXPECT_EQ(count(got, "HTTP/1.1"), 1u) << framing;
  }
  const std::string got = talk(
      "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0;ext=1\r\n\r\n" + tail);
  EXPECT_EQ(got.find("HTTP/1.1 400"), 0u);
  EXPECT_EQ(handled_, 0u);
}

TEST_F(ServerLimitsTest, AHeadHasATotalTimeHoweverItDrips) {
  serve();
  RawPeer& peer = dial();
  const MonoTime start = world_.clock().now();
  while (!peer.ended() && world_.clock().now() - start < seconds{60}) {
    peer.send("G");
    world_.run_for(milliseconds{500});
  }
  EXPECT_EQ(peer.received().find("HTTP/1.1 408"), 0u) << peer.received();
  EXPECT_LT((world_.clock().now() - start), seconds{45});
}

TEST_F(ServerLimitsTest, ABodyHasATotalTimeHoweverItDrips) {
  serve();
  RawPeer& peer = dial();
  peer.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
  size_t sent = 0;
  while (peer.received().empty() && sent < 900) {
    peer.send("x");
    ++sent;
    world_.run_for(seconds{1});
  }
  EXPECT_EQ(peer.received().find("HTTP/1.1 408"), 0u);
  EXPECT_LE(sent, 62u);
  EXPECT_EQ(handled_, 0u);
}

TEST_F(ServerLimitsTest, IdleConnectionsAreClosed) {
  serve();
  RawPeer& fresh = dial();
  RawPeer& used = dial();
  used.send(get());
  world_.run_for(seconds{12});
  EXPECT_TRUE(fresh.ended());  // sent nothing within the time for a head
  EXPECT_FALSE(used.ended());
  world_.run_for(seconds{80});
  EXPECT_TRUE(used.ended());
  EXPECT_EQ(count(used.received(), "HTTP/1.1 200"), 1u);
}

TEST_F(ServerLimitsTest, ConnectionsAreCappedPerAddressAndInAll) {
  limits_.connections_max = 100;
  limits_.connections_per_address_max = 60;
  serve();
  for (int i = 0; i < 200; ++i) dial();
  world_.run_for(milliseconds{10});
  EXPECT_EQ(server_->connections(), 60u);
  const auto from_elsewhere = [&](IpAddress source) {
    std::vector<std::unique_ptr<io::Connecting>> dials;
    dials.reserve(60);
    for (int i = 0; i < 60; ++i) {
      dials.push_back(loop_->net().connect(kAddress, {.source = source}, [&](auto got) {
        if (got.ok()) peers_.push_back(std::make_unique<RawPeer>(*std::move(got), nullptr));
      }));
    }
    world_.run_for(milliseconds{10});
  };
  from_elsewhere(IpAddress::v4(127, 0, 0, 2));
  EXPECT_EQ(server_->connections(), 100u);
  peers_.clear();
  world_.run_for(milliseconds{10});
  EXPECT_EQ(server_->connections(), 0u);
  EXPECT_EQ(count(talk(get("Connection: close\r\n")), "HTTP/1.1 200"), 1u);
}

TEST_F(ServerLimitsTest, AThousandPipelinedRequestsAreAnsweredInOrder) {
  serve();
  handle_ = [this](const Request&, Responder responder) {
    responder.send(Response{.body = "<" + std::to_string(handled_++) + ">"});
  };
  std::string all;
  for (int i = 0; i < 999; ++i) all += i % 2 == 0 ? get() : post("hello");
  const std::string got = talk(all + get("Connection: close\r\n"));
  EXPECT_EQ(count(got, "HTTP/1.1 200"), 1000u);
  size_t at = 0;
  for (int i = 0; i < 1000; ++i) {
    const size_t found = got.find("<" + std::to_string(i) + ">");
    ASSERT_NE(found, std::string::npos);
    EXPECT_GT(found, at);
    at = found;
  }
}

// The last request arrives in two parts, cut at every byte, while answers cannot go out; when they
// can, nothing more comes from the client to wake the server up.
TEST_F(ServerLimitsTest, ARequestThatArrivesWhileAnswersAreBackedUpIsNotForgotten) {
  serve();
  const std::string page(3'000, 'p');
  handle_ = [&](const Request&, Responder responder) { responder.send(Response{.body = page}); };
  io::sim::Link link;
  link.window_bytes = 8 * 1024;
  world_.network().set_default_link(link);
  std::string first;
  for (int i = 0; i < 5; ++i) first += get();
  for (const std::string& last :
       {post("hello", "Connection: close\r\n"), get("Connection: close\r\n")}) {
    for (size_t cut = 0; cut <= last.size(); ++cut) {
      RawPeer& peer = dial(/*deaf=*/true);
      peer.send(first + last.substr(0, cut));
      world_.run_for(milliseconds{10});
      peer.send(last.substr(cut));
      world_.run_for(milliseconds{10});
      peer.read();
      ASSERT_TRUE(world_.run_until([&] { return peer.ended(); }, seconds{5})) << cut;
      EXPECT_EQ(count(peer.received(), "HTTP/1.1 200"), 6u);
      peers_.clear();
      world_.run_for(milliseconds{10});
    }
  }
}

TEST_F(ServerLimitsTest, AClientThatDoesNotReadStopsBeingServedAndIsClosed) {
  serve();
  const std::string page(10'000, 'p');
  handle_ = [&](const Request&, Responder responder) {
    ++handled_;
    responder.send(Response{.body = page});
  };
  RawPeer& deaf = dial(/*deaf=*/true);
  std::string all;
  for (int i = 0; i < 5'000; ++i) all += get();
  deaf.send(all);
  world_.run_for(seconds{20});
  EXPECT_GE(handled_, 5u);
  // The window of the connection, and what was asked before it was seen to be full.
  EXPECT_LE(handled_, 600u);
  EXPECT_EQ(server_->connections(), 1u);
  world_.run_for(seconds{40});
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(ServerLimitsTest, AnAnnouncementOfALargeBodyCostsNoMemory) {
  limits_.buffer_bytes_max = 256 * 1024;
  serve();
  for (int i = 0; i < 50; ++i) {
    dial().send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nx");
  }
  world_.run_for(seconds{1});
  // All of them are still welcome, and so is one that sends a body in full.
  for (const auto& peer : peers_) EXPECT_EQ(peer->received(), "");
  EXPECT_EQ(talk(post(std::string(100'000, 'x'), "Connection: close\r\n")).find("HTTP/1.1 200"),
            0u);
}

TEST_F(ServerLimitsTest, BodiesThatArriveTogetherShareOneBudget) {
  limits_.buffer_bytes_max = 1 << 20;
  serve();
  const auto begin = [&](const std::string& framing, const std::string& bytes) -> RawPeer& {
    RawPeer& peer = dial();
    peer.send("POST /x HTTP/1.1\r\nHost: a\r\n" + framing + "\r\n\r\n" + bytes);
    world_.run_for(seconds{1});
    return peer;
  };
  RawPeer& first = begin("Content-Length: 600001", std::string(600'000, 'x'));
  for (const auto& [framing, start] :
       {std::pair<std::string, std::string>("Content-Length: 600001", ""),
        {"Transfer-Encoding: chunked", "927c1\r\n"}}) {
    RawPeer& second = begin(framing, start + std::string(600'000, 'x'));
    EXPECT_EQ(second.received().find("HTTP/1.1 503"), 0u) << second.received();
    EXPECT_NE(second.received().find("Retry-After: 1"), std::string::npos);
  }
  first.send("x");
  world_.run_for(seconds{1});
  EXPECT_EQ(first.received().find("HTTP/1.1 200"), 0u);
  // Whatever way the bytes came and went, the budget is whole again.
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(talk(post(std::string(900'000, 'x'), "Connection: close\r\n")).find("HTTP/1.1 200"),
              0u);
    EXPECT_EQ(talk("POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: "
                   "chunked\r\n\r\ndbba0\r\n" +
                   std::string(900'000, 'x') + "\r\n0\r\n\r\n")
                  .find("HTTP/1.1 200"),
              0u);
    dial().send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n" +
                std::string(899'999, 'x'));
    world_.run_for(seconds{1});
    peers_.clear();
    world_.run_for(seconds{1});
  }
}

TEST_F(ServerLimitsTest, PipelinedChunkedBodiesDoNotEatTheBudget) {
  limits_.buffer_bytes_max = 64 * 1024;
  serve();
  std::string all;
  for (int i = 0; i < 200; ++i) {
    all += "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" +
           std::string(1000, 'x') + "\r\n0\r\n\r\n";
  }
  EXPECT_EQ(count(talk(all + get("Connection: close\r\n")), "HTTP/1.1 200"), 201u);
}

TEST_F(ServerLimitsTest, ARefusedUploadIsDrainedSoThatItsAnswerIsSeen) {
  serve();
  const std::string upload = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n" +
                             std::string(3'000'000, 'x');
  EXPECT_EQ(talk(upload).find("HTTP/1.1 413"), 0u);
  EXPECT_EQ(server_->connections(), 0u);
  bound_ = {100, 401, "who are you"};
  const std::string got = talk(upload);
  EXPECT_EQ(got.find("HTTP/1.1 401"), 0u);
  EXPECT_NE(got.find("WWW-Authenticate: Bearer"), std::string::npos);
  EXPECT_NE(got.find("who are you"), std::string::npos);
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(ServerLimitsTest, AnUploadThatBreaksOffIsNeverHandled) {
  serve();
  const std::string whole = post("hello world");
  for (size_t cut = 0; cut < whole.size(); ++cut) {
    for (const bool reset : {false, true}) {
      RawPeer& peer = dial();
      peer.send(whole.substr(0, cut));
      world_.run_for(milliseconds{5});
      if (reset)
        peer.close();
      else
        peer.end();
      world_.run_for(milliseconds{5});
      EXPECT_EQ(server_->connections(), 0u) << cut;
      peers_.clear();
    }
  }
  EXPECT_EQ(handled_, 0u);
}

TEST_F(ServerLimitsTest, AnswersBehindOneThatClosesAreDroppedSafely) {
  serve();
  std::vector<Responder> waiting;
  handle_ = [&](const Request&, Responder responder) { waiting.push_back(std::move(responder)); };
  RawPeer& peer = dial();
  peer.send(get() + get() + get());
  ASSERT_TRUE(world_.run_until([&] { return waiting.size() == 3; }, seconds{1}));
  waiting[0].send(Response{.body = "first", .close = true});
  waiting[2].send(Response{.body = "third"});
  waiting[1].send(Response{.body = "second"});
  ASSERT_TRUE(world_.run_until([&] { return peer.ended(); }, seconds{1}));
  EXPECT_EQ(count(peer.received(), "HTTP/1.1"), 1u);
  EXPECT_EQ(count(peer.received(), "first"), 1u);
}

TEST_F(ServerLimitsTest, AnAnswerAfterTheConnectionIsGoneDoesNothing) {
  serve();
  Responder later;
  handle_ = [&](const Request&, Responder responder) { later = std::move(responder); };
  RawPeer& peer = dial();
  peer.send(get());
  ASSERT_TRUE(world_.run_until([&] { return later.open(); }, seconds{1}));
  peer.close();
  world_.run_for(seconds{1});
  // To the server this looks like a client that only ended its side.
  EXPECT_EQ(server_->connections(), 1u);
  later.send(Response{});
  world_.run_for(seconds{1});
  EXPECT_EQ(server_->connections(), 0u);
  handle_ = [&](const Request&, Responder responder) { later = std::move(responder); };
  dial().send(get());
  world_.run_for(seconds{1});
  server_.reset();
  later.send(Response{});
}

TEST_F(ServerLimitsTest, ARequestThatArrivesDuringADrainIsAnsweredAndIsTheLast) {
  serve();
  RawPeer& busy = dial();
  RawPeer& idle = dial();
  idle.send(get());
  const std::string whole = post("hello");
  busy.send(whole.substr(0, 30));
  world_.run_for(milliseconds{10});
  bool empty = false;
  server_->drain([&] { empty = true; });
  world_.run_for(milliseconds{10});
  EXPECT_TRUE(idle.ended());
  EXPECT_FALSE(empty);
  busy.send(whole.substr(30));
  world_.run_for(milliseconds{10});
  EXPECT_EQ(busy.received().find("HTTP/1.1 200"), 0u) << busy.received();
  EXPECT_EQ(count(busy.received(), "Connection: close"), 1u);
  EXPECT_TRUE(busy.ended());
  EXPECT_TRUE(empty);
}

TEST_F(ServerLimitsTest, HeadAnd204HaveNoBody) {
  serve();
  handle_ = [&](const Request& request, Responder responder) {
    if (request.method == wire::HttpMethod::kHead) return responder.send(Response{.body = "1234"});
    responder.send(Response{.status = 204, .body = "ignored"});
  };
  const std::string head = talk("HEAD /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_NE(head.find("Content-Length: 4\r\n"), std::string::npos);
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
  const std::string none = talk(get("Connection: close\r\n"));
  EXPECT_EQ(none.find("HTTP/1.1 204"), 0u);
  EXPECT_EQ(none.find("Content-Length"), std::string::npos);
  EXPECT_TRUE(none.ends_with("\r\n\r\n"));
}

TEST_F(ServerLimitsTest, AHeaderValueCannotSplitTheAnswer) {
  serve();
  handle_ = [&](const Request&, Responder responder) {
    responder.send(Response{.headers = {{"x-good", "1"}, {"x-bad", "1\r\nSet-Cookie: a"}}});
  };
  const std::string got = talk(get("Connection: close\r\n"));
  EXPECT_NE(got.find("x-good: 1"), std::string::npos);
  EXPECT_EQ(got.find("Set-Cookie"), std::string::npos);
}

}  // namespace
}  // namespace posthorn::http
