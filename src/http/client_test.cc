#include "http/client.h"

#include <gtest/gtest.h>

#include "http/testing/raw_peer.h"
#include "io/sim/world.h"
#include "io/timer.h"

namespace posthorn::http {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

const SocketAddress kTarget{IpAddress::v4(10, 0, 0, 1), 80};
constexpr ByteView kHead = "POST /hook HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n";
constexpr ByteView kBody = "body";
const std::string kOk = "HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 2\r\n\r\nok";

class ClientTest : public testing::Test {
 protected:
  ClientTest() { remake(ClientLimits{}); }

  void remake(const ClientLimits& limits) {
    client_.reset();
    client_ = std::make_unique<Client>(*loop_, tls_.get(), limits);
  }

  // A receiver that answers every whole request with `answer`, on every connection.
  void receiver(const std::string& answer) {
    server_ = std::make_unique<RawServer>(*loop_, kTarget, nullptr, [=](RawPeer& peer) {
      if (!peer.received().ends_with(kBody)) return;
      peer.clear();
      peer.send(answer);
    });
  }
  void receiver(const RawServer::Script& on_open, const RawServer::Script& on_bytes) {
    server_ = std::make_unique<RawServer>(*loop_, kTarget, on_open, on_bytes);
  }

  Exchange exchange() {
    Exchange made;
    made.key = {1, kTarget, false};
    made.server_name = "a.example";
    made.request = {kHead, kBody};
    made.deadline = world_.clock().now() + seconds{30};
    return made;
  }

  // The result of one exchange, driven to its end.
  ExchangeResult run(const Exchange& what) {
    std::optional<ExchangeResult> result;
    const auto pending = client_->send(what, [&](ExchangeResult got) { result = std::move(got); });
    EXPECT_FALSE(result.has_value()) << "on_done ran inside send()";
    EXPECT_TRUE(world_.run_until([&] { return result.has_value(); }, hours{1}));
    return result.value_or(ExchangeResult{});
  }
  ExchangeResult run() { return run(exchange()); }

  void one_byte_packets() {
    io::sim::Link link;
    link.packet_bytes_max = 1;
    world_.network().set_link(kTarget, link);
  }

  io::sim::World world_{1};
  std::unique_ptr<io::Loop> loop_ = world_.make_loop();
  std::unique_ptr<io::Tls> tls_ = *world_.make_tls(*loop_, {}, {});
  std::unique_ptr<RawServer> server_;
  std::unique_ptr<Client> client_;
};

TEST_F(ClientTest, SendsHeadAndBodyAndReadsTheAnswer) {
  std::string seen;
  receiver(nullptr, [&](RawPeer& peer) {
    seen = peer.received();
    if (seen.ends_with(kBody)) peer.send(kOk);
  });
  const ExchangeResult result = run();
  EXPECT_EQ(result.error, ExchangeError::kNone) << result.detail;
  EXPECT_EQ(result.status, 200);
  EXPECT_EQ(result.body, "ok");
  EXPECT_FALSE(result.body_truncated);
  EXPECT_FALSE(result.reused);
  EXPECT_GT(result.connect_us, 0u);
  EXPECT_GT(result.first_byte_us, result.connect_us);
  EXPECT_GE(result.total_us, result.first_byte_us);
  EXPECT_EQ(seen, std::string(kHead) + std::string(kBody));
}

TEST_F(ClientTest, KeepsTheHeadersOfAnswersThatAreNoSuccess) {
  receiver("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nX-Empty:\r\nContent-Length: 0\r\n\r\n");
  const ExchangeResult result = run();
  EXPECT_EQ(result.error, ExchangeError::kNone);
  EXPECT_EQ(result.status, 503);
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"Retry-After", "7"}, {"X-Empty", ""}, {"Content-Length", "0"}};
  EXPECT_EQ(result.headers, expected);
  EXPECT_EQ(client_->open_connections(), 1u);
}

TEST_F(ClientTest, KeepsTheConnectionForTheNextExchangeOfTheSameKeyOnly) {
  receiver(kOk);
  run();
  EXPECT_TRUE(run().reused);
  EXPECT_EQ(server_->connections(), 1u);
  Exchange other = exchange();
  other.key.owner = 2;
  EXPECT_FALSE(run(other).reused);
  EXPECT_EQ(server_->connections(), 2u);
  EXPECT_EQ(client_->open_connections(), 2u);
}

TEST_F(ClientTest, ReadsEveryKindOfBodyInOneBytePackets) {
  one_byte_packets();
  const std::pair<std::string, std::string> cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nA: "
       "b\r\n\r\n",
       "hello"},
      {"HTTP/1.1 204 No Content\r\n\r\n", ""},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
       "0\r\n\r\n",
       ""},
  };
  for (const auto& [answer, body] : cases) {
    receiver(answer);
    const ExchangeResult result = run();
    EXPECT_EQ(result.error, ExchangeError::kNone) << answer << result.detail;
    EXPECT_EQ(result.body, body);
    EXPECT_FALSE(result.body_truncated);
    EXPECT_EQ(client_->open_connections(), 1u) << answer;
    client_->forget(1);
    server_.reset();
  }
}

TEST_F(ClientTest, ABodyUntilTheCloseEndsWithTheConnection) {
  receiver(nullptr, [](RawPeer& peer) {
    if (!peer.received().ends_with(kBody)) return;
    peer.send("HTTP/1.0 200 OK\r\n\r\nto the end");
    peer.end();
  });
  const ExchangeResult result = run();
  EXPECT_EQ(result.error, ExchangeError::kNone);
  EXPECT_EQ(result.body, "to the end");
  EXPECT_FALSE(result.body_truncated);
  EXPECT_EQ(client_->open_connections(), 0u);
}

TEST_F(ClientTest, ARefusedConnectFailsFast) {
  const ExchangeResult result = run();
  EXPECT_EQ(result.error, ExchangeError::kConnect);
  EXPECT_LT(result.total_us, 1'000'000u);
  EXPECT_EQ(client_->open_connections(), 0u);
}

TEST_F(ClientTest, ABlackHoleEndsAtTheDeadline) {
  io::sim::Link link;
  link.reach = io::sim::Link::Reach::kBlackhole;
  world_.network().set_link(kTarget, link);
  const ExchangeResult result = run();
  EXPECT_EQ(result.error, ExchangeError::kTimeout);
  EXPECT_EQ(result.detail, "timed out waiting for the connection");
  EXPECT_NEAR(result.total_us, 30e6, 1e4);
  EXPECT_EQ(client_->open_connections(), 0u);
}

TEST_F(ClientTest, ADripFedHeadEndsAtTheTotalDeadline) {
  io::Timer drip(loop_->timers(), [&] {
    server_->peer(0).send("X");
    drip.arm_at(world_.clock().now() + seconds{1});
  });
  receiver(nullptr, [&](RawPeer& peer) {
    if (!peer.received().ends_with(kBody)) return;
    peer.send("HTTP/1.1 200 OK\r\nX: ");
    drip.arm_at(world_.clock().now() + seconds{1});
  });
  const ExchangeResult result = run();
  EXPECT_EQ(result.error, ExchangeError::kTimeout);
  EXPECT_EQ(result.detail, "timed out waiting for the answer");
  EXPECT_NEAR(result.total_us, 30e6, 1e4);
}

TEST_F(ClientTest, AStatusThatCameInTimeCountsThoughItsBodyDoesNotEnd) {
  receiver("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnot all of it");
  const ExchangeResult result = run();
  EXPECT_EQ(result.error, ExchangeError::kNone);
  EXPECT_EQ(result.status, 200);
  EXPECT_EQ(result.body, "not all of it");
  EXPECT_TRUE(result.body_truncated);
  EXPECT_NEAR(result.total_us, 30e6, 1e4);
  EXPECT_EQ(client_->open_connections(), 0u);
}

TEST_F(ClientTest, AReceiverThatNeverReadsHoldsTheExchangeToItsDeadlineOnly) {
  receiver([](RawPeer&) {}, nullptr);
  const std::string large(1 << 20, 'x');
  Exchange what = exchange();
  what.request[1] = large;
  const ExchangeResult result = run(what);
  EXPECT_EQ(result.error, ExchangeError::kTimeout);
  EXPECT_EQ(client_->open_connections(), 0u);
}

TEST_F(ClientTest, AnEndlessBodyIsCutAtTheLimit) {
  for (const std::string framing : {"Content-Length: 10000000000\r\n\r\n",
                                    "Transfer-Encoding: chunked\r\n\r\nfffffff\r\n", "\r\n"}) {
    receiver("HTTP/1.1 200 OK\r\n" + framing + std::string(1 << 20, 'x'));
    Exchange what = exchange();
    what.body_keep_max = 1000;
    const ExchangeResult result = run(what);
    EXPECT_EQ(result.status, 200);
    EXPECT_EQ(result.body, std::string(1000, 'x'));
    EXPECT_TRUE(result.body_truncated);
    EXPECT_LT(result.total_us, 1'000'000u);
    EXPECT_EQ(client_->open_connections(), 0u);
    server_.reset();
  }
}

TEST_F(ClientTest, ABodyOfExactlyTheLimitIsWhole) {
  receiver("HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n" + std::string(65536, 'x'));
  Exchange what = exchange();
  what.body_keep_max = 65536;
  const ExchangeResult result = run(what);
  EXPECT_EQ(result.body.size(), 65536u);
  EXPECT_FALSE(result.body_truncated);
  EXPECT_EQ(client_->open_connections(), 1u);
}

TEST_F(ClientTest, WhatIsNotAnHttpAnswerFailsAndClosesTheConnection) {
  std::string many = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 10'000; ++i) many += "a: b\r\n";
  std::string interim;
  for (int i = 0; i < 1000; ++i) interim += "HTTP/1.1 103 Hints\r\n\r\n";
  const std::string broken[] = {
      "hello\r\n",
      "HTTP/2 200\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\n\r\n",
      "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
      "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\nok",
      "HTTP/1.1 200 OK\r\nX: " + std::string(64 << 10, 'x') + "\r\n\r\n",
      many,
      interim,
  };
  for (const std::string& answer : broken) {
    receiver(answer);
    const ExchangeResult result = run();
    EXPECT_EQ(result.error, ExchangeError::kProtocol) << answer.substr(0, 80);
    EXPECT_NE(result.detail, "");
    EXPECT_EQ(client_->open_connections(), 0u);
    server_.reset();
  }
}

TEST_F(ClientTest, BrokenChunksCutTheBodyAndCloseTheConnection) {
  for (const std::string chunks : {"zz\r\n", "-1\r\n", "FFFFFFFFFFFFFFFFF\r\n", "1\r\nab"}) {
    receiver("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks);
    const ExchangeResult result = run();
    EXPECT_EQ(result.status, 200);
    EXPECT_TRUE(result.body_truncated) << chunks;
    EXPECT_EQ(client_->open_connections(), 0u);
    server_.reset();
  }
}

// The connection ends after every number of bytes of the answer, by an end and by a reset.
class ClientCutTest : public ClientTest {
 protected:
  ExchangeResult cut_at(size_t bytes, bool reset) {
    receiver(nullptr, [=, this](RawPeer& peer) {
      if (!peer.received().ends_with(kBody)) return;
      peer.clear();
      peer.send(ByteView(kOk).substr(0, bytes));
      if (!reset) return peer.end_after_sending();
      loop_->post([this] { world_.network().reset_connections(kTarget); });
    });
    ExchangeResult result = run();
    EXPECT_EQ(client_->open_connections(), 0u);
    server_.reset();
    return result;
  }
};

TEST_F(ClientCutTest, AnAnswerThatEndsEarlyIsJudgedByWhetherItsHeadWasComplete) {
  const size_t head = kOk.find("\r\n\r\n") + 4;
  for (size_t cut = 0; cut < kOk.size(); ++cut) {
    const ExchangeResult result = cut_at(cut, false);
    EXPECT_EQ(result.error, cut < head ? ExchangeError::kDisconnected : ExchangeError::kNone);
    EXPECT_EQ(result.status, cut < head ? 0 : 200);
    EXPECT_EQ(result.body_truncated, cut >= head);
    EXPECT_EQ(result.body.size(), cut < head ? 0 : cut - head);
  }
}

TEST_F(ClientCutTest, AResetNeverMakesAnAnswerOutOfPartOfAHead) {
  for (size_t cut = 0; cut < kOk.size(); ++cut) {
    const ExchangeResult result = cut_at(cut, true);
    if (result.error == ExchangeError::kNone) {
      EXPECT_EQ(result.status, 200);
      EXPECT_TRUE(result.body_truncated);
    } else {
      EXPECT_EQ(result.error, ExchangeError::kDisconnected) << cut;
      EXPECT_EQ(result.status, 0);
    }
  }
}

TEST_F(ClientTest, BytesBehindAnAnswerNeverBecomeTheNextOne) {
  receiver(kOk + "HTTP/1.1 500 Early\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(run().status, 200);
  EXPECT_EQ(client_->open_connections(), 0u);
  const ExchangeResult next = run();
  EXPECT_EQ(next.status, 200);
  EXPECT_FALSE(next.reused);
}

TEST_F(ClientTest, BytesOnAnIdleConnectionCloseIt) {
  receiver(kOk);
  run();
  server_->peer(0).send("HTTP/1.1 500 Early\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(world_.run_until([&] { return client_->open_connections() == 0; }, seconds{1}));
  const ExchangeResult next = run();
  EXPECT_EQ(next.status, 200);
  EXPECT_EQ(server_->connections(), 2u);
}

TEST_F(ClientTest, AnAnswerBeforeTheRequestIsOutEndsTheConnection) {
  receiver([](RawPeer& peer) { peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"); },
           nullptr);
  const std::string large(1 << 20, 'x');
  Exchange what = exchange();
  what.request[1] = large;
  const ExchangeResult result = run(what);
  EXPECT_EQ(result.status, 413);
  EXPECT_EQ(client_->open_connections(), 0u);
}

TEST_F(ClientTest, AnAnswerThatCameBeforeTheConnectionBrokeIsRead) {
  receiver(
      [](RawPeer& peer) {
        peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
        peer.end();
      },
      nullptr);
  const std::string large(1 << 20, 'x');
  Exchange what = exchange();
  what.request[1] = large;
  EXPECT_EQ(run(what).status, 413);
}

TEST_F(ClientTest, AStaleConnectionIsReplacedOnceWithinTheSameExchange) {
  size_t requests = 0;
  receiver(nullptr, [&](RawPeer& peer) {
    if (!peer.received().ends_with(kBody)) return;
    peer.clear();
    // The second request comes over the kept connection and finds it closed.
    if (++requests == 2) return peer.close();
    peer.send(kOk);
  });
  run();
  const ExchangeResult result = run();
  EXPECT_EQ(result.status, 200) << result.detail;
  EXPECT_FALSE(result.reused);
  EXPECT_EQ(requests, 3u);
  EXPECT_EQ(server_->connections(), 2u);
}

TEST_F(ClientTest, TheReplacementOfAStaleConnectionIsNotReplacedAgain) {
  size_t requests = 0;
  receiver(nullptr, [&](RawPeer& peer) {
    if (!peer.received().ends_with(kBody)) return;
    peer.clear();
    if (++requests >= 2) return peer.close();
    peer.send(kOk);
  });
  run();
  EXPECT_EQ(run().error, ExchangeError::kDisconnected);
  EXPECT_EQ(requests, 3u);
}

TEST_F(ClientTest, AfterOneByteOfAnAnswerNothingIsSentAgain) {
  size_t requests = 0;
  receiver(nullptr, [&](RawPeer& peer) {
    if (!peer.received().ends_with(kBody)) return;
    peer.clear();
    if (++requests == 1) return peer.send(kOk);
    peer.send("H");
    peer.end();
  });
  run();
  EXPECT_EQ(run().error, ExchangeError::kDisconnected);
  EXPECT_EQ(requests, 2u);
}

TEST_F(ClientTest, AFreshConnectionThatClosesIsNotRetriedHere) {
  size_t requests = 0;
  receiver(nullptr, [&](RawPeer& peer) {
    if (!peer.received().ends_with(kBody)) return;
    ++requests;
    peer.close();
  });
  EXPECT_EQ(run().error, ExchangeError::kDisconnected);
  EXPECT_EQ(requests, 1u);
}

TEST_F(ClientTest, IdleConnectionsAreClosedAfterTheirTime) {
  receiver(kOk);
  run();
  world_.run_for(seconds{59});
  EXPECT_EQ(client_->open_connections(), 1u);
  world_.run_for(seconds{62});
  EXPECT_EQ(client_->open_connections(), 0u);
}

TEST_F(ClientTest, AnIdleConnectionMakesRoomWhenTheBudgetIsUsedUp) {
  ClientLimits limits;
  limits.connections_max = 2;
  remake(limits);
  receiver(kOk);
  for (uint64_t owner = 1; owner <= 5; ++owner) {
    Exchange what = exchange();
    what.key.owner = owner;
    EXPECT_EQ(run(what).status, 200);
    EXPECT_LE(client_->open_connections(), 2u);
  }
}

TEST_F(ClientTest, BeyondTheBudgetAnExchangeFailsInsteadOfWaiting) {
  ClientLimits limits;
  limits.connections_max = 1;
  remake(limits);
  receiver(nullptr, nullptr);
  const auto busy = client_->send(exchange(), [](const ExchangeResult&) {});
  Exchange what = exchange();
  what.key.owner = 2;
  const ExchangeResult result = run(what);
  EXPECT_EQ(result.error, ExchangeError::kConnect);
  EXPECT_EQ(result.detail, "too many open connections");
}

TEST_F(ClientTest, ACancelledExchangeClosesItsConnectionAndSaysNothing) {
  receiver(nullptr, nullptr);
  // Cancelled after every step: at once, while connecting, sent, and in the middle of the answer.
  for (const nanoseconds after :
       {nanoseconds{0}, nanoseconds{10'000}, nanoseconds{100'000}, nanoseconds{10'000'000}}) {
    auto pending =
        client_->send(exchange(), [](const ExchangeResult&) { FAIL() << "was cancelled"; });
    world_.run_for(after);
    pending.reset();
    EXPECT_EQ(client_->open_connections(), 0u);
    world_.run_for(minutes{1});
  }
}

TEST_F(ClientTest, ACancelAnywhereAroundTheReplacementOfAStaleConnectionHolds) {
  receiver(kOk);
  size_t early = 0;
  for (int64_t after_us = 0; after_us < 1000; after_us += 10) {
    run();
    bool cancelled = false;
    bool done = false;
    auto pending = client_->send(exchange(), [&](const ExchangeResult&) {
      EXPECT_FALSE(cancelled);
      done = true;
    });
    world_.network().reset_connections(kTarget);
    world_.run_for(microseconds{after_us});
    pending.reset();
    cancelled = true;
    early += done ? 0 : 1;
    world_.run_for(seconds{1});
    EXPECT_EQ(client_->open_connections(), done ? 1u : 0u);
    client_->forget(1);
  }
  EXPECT_GT(early, 10u);
  EXPECT_LT(early, 100u);
}

TEST_F(ClientTest, TheClientMayGoAwayAtAnyTime) {
  receiver(kOk);
  for (const nanoseconds after :
       {nanoseconds{0}, nanoseconds{10'000}, nanoseconds{100'000}, nanoseconds{400'000}}) {
    auto pending = client_->send(exchange(), [](const ExchangeResult&) {});
    world_.run_for(after);
    client_.reset();
    world_.run_for(seconds{1});
    pending.reset();
    remake(ClientLimits{});
  }
}

TEST_F(ClientTest, AnExchangeMayStartTheNextOneInItsCallback) {
  receiver(kOk);
  int done = 0;
  std::vector<std::unique_ptr<Pending>> pending;
  std::function<void(const ExchangeResult&)> next = [&](const ExchangeResult& result) {
    EXPECT_EQ(result.status, 200);
    if (++done < 50) pending.push_back(client_->send(exchange(), next));
  };
  pending.push_back(client_->send(exchange(), next));
  ASSERT_TRUE(world_.run_until([&] { return done == 50; }, minutes{1}));
  EXPECT_EQ(server_->connections(), 1u);
}

TEST_F(ClientTest, ForgettingAnOwnerClosesItsIdleConnections) {
  receiver(kOk);
  run();
  client_->forget(2);
  EXPECT_EQ(client_->open_connections(), 1u);
  client_->forget(1);
  EXPECT_EQ(client_->open_connections(), 0u);
}

TEST_F(ClientTest, ATlsFailureNamesItsReason) {
  receiver(kOk);
  world_.tls_verdicts().failing["a.example"] = error(Errc::kRefused, "certificate has expired");
  Exchange what = exchange();
  what.key.tls = true;
  const ExchangeResult result = run(what);
  EXPECT_EQ(result.error, ExchangeError::kTls);
  EXPECT_NE(result.detail.find("certificate has expired"), std::string::npos);
  EXPECT_EQ(client_->open_connections(), 0u);
}

TEST_F(ClientTest, TlsExchangesAreTimedAndPooledApart) {
  receiver(kOk);
  Exchange what = exchange();
  what.key.tls = true;
  const ExchangeResult result = run(what);
  EXPECT_EQ(result.status, 200) << result.detail;
  EXPECT_GE(result.tls_us, 1000u);
  EXPECT_FALSE(run().reused);
  what.deadline = world_.clock().now() + seconds{30};
  EXPECT_TRUE(run(what).reused);
}

TEST_F(ClientTest, AHandshakeThatStallsEndsAtTheDeadline) {
  receiver(kOk);
  world_.tls_verdicts().handshake_time = hours{1};
  Exchange what = exchange();
  what.key.tls = true;
  const ExchangeResult result = run(what);
  EXPECT_EQ(result.error, ExchangeError::kTimeout);
  EXPECT_EQ(result.detail, "timed out waiting for the TLS handshake");
}

TEST_F(ClientTest, WithoutTlsAnHttpsExchangeFails) {
  receiver(kOk);
  client_ = std::make_unique<Client>(*loop_, nullptr, ClientLimits{});
  Exchange what = exchange();
  what.key.tls = true;
  EXPECT_EQ(run(what).error, ExchangeError::kTls);
}

}  // namespace
}  // namespace posthorn::http
