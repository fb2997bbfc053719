// The simulation itself: deterministic, and hostile where it says so.
#include "io/sim/world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/loop.h"
#include "io/net.h"
#include "io/timer.h"

namespace posthorn::io::sim {
namespace {

const SocketAddress kServer{IpAddress::v4(10, 0, 0, 1), 80};

// Two loops that talk, write a file on a worker, and ask DNS; the hash says what happened.
uint64_t busy_run(uint64_t seed) {
  World world(seed);
  world.network().set_default_link({.reset_per_mille = 20});
  world.names().set("sink", {kServer.ip});
  const auto server_loop = world.make_loop(), client_loop = world.make_loop();
  const auto worker = world.make_worker("commit", 100);
  std::vector<std::unique_ptr<Stream>> streams;
  std::array<char, 100> into;
  auto listener = server_loop->net().listen(kServer, {}, [&](auto stream) {
    streams.push_back(std::move(stream));
    streams.back()->read(into, [&](const Result<size_t>&) {
      EXPECT_TRUE(worker->post([&] {
        auto file = world.disk().open("/log", OpenMode::kCreateOrOpen);
        if (file.ok() && file.value()->write(0, std::array<ByteView, 1>{"x"}).ok())
          (void)file.value()->sync();
      }));
    });
  });
  std::vector<std::unique_ptr<Connecting>> connecting;
  auto resolving = client_loop->resolver().resolve("sink", [&](Result<Resolved> resolved) {
    for (int i = 0; i < 20; ++i) {
      connecting.push_back(
          client_loop->net().connect({resolved->addresses[0], 80}, {}, [&](auto stream) {
            if (!stream.ok()) return;
            streams.push_back(std::move(stream).value());
            (void)streams.back()->write(std::array<ByteView, 1>{std::string(70'000, 'x')}, nullptr);
          }));
    }
  });
  world.run_for(seconds{5});
  return world.schedule().trace_hash() ^ world.entropy().word();
}

TEST(World, SameSeedSameTrace) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const uint64_t first = busy_run(seed);
    EXPECT_EQ(busy_run(seed), first) << "seed " << seed;
    EXPECT_NE(busy_run(seed + 1000), first) << "seed " << seed;
  }
}

TEST(World, WallClockJumpsLeaveTimersAlone) {
  World world(1);
  const auto loop = world.make_loop();
  const MonoTime start = world.clock().now();
  const WallTime wall = world.clock().wall();
  std::optional<MonoTime> fired;
  Timer timer(loop->timers(), [&] { fired = world.clock().now(); });
  timer.arm_at(start + seconds{10});
  world.run_for(seconds{1});
  world.clocks().jump_wall(seconds{-3600});
  EXPECT_EQ(world.clock().wall(), wall + seconds{1} - seconds{3600});
  ASSERT_TRUE(world.run_until([&] { return fired.has_value(); }, seconds{60}));
  EXPECT_GE(*fired, start + seconds{10});
  EXPECT_LE(*fired, start + seconds{10} + milliseconds{2});
}

TEST(World, DiskCallsOnAWorkerTakeTimeBeforeTheirCompletionsArrive) {
  World world(3);
  world.storage().set_timing({.sync = milliseconds{10}});
  const auto loop = world.make_loop();
  const auto worker = world.make_worker("commit", 10);
  const MonoTime start = world.clock().now();
  std::vector<MonoTime> synced;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(worker->post([&] {
      auto file = world.disk().open("/log", OpenMode::kCreateOrOpen);
      ASSERT_TRUE(file.ok() && file.value()->sync().ok());
      loop->post_remote([&] { synced.push_back(world.clock().now()); });
    }));
  }
  ASSERT_TRUE(world.run_until([&] { return synced.size() == 3; }, seconds{1}));
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_GE(synced[i] - start, milliseconds{5} * static_cast<int64_t>(i + 1));
  }
}

class NetworkTest : public testing::Test {
 protected:
  void connect() {
    connecting_ = loop_->net().connect(kServer, {}, [this](auto stream) {
      result_ = stream.ok() ? "connected" : std::string(errc_name(stream.error().code));
      if (stream.ok()) client_ = std::move(stream).value();
    });
  }
  void listen() {
    auto made =
        loop_->net().listen(kServer, {}, [this](auto stream) { server_ = std::move(stream); });
    ASSERT_TRUE(made.ok());
    listener_ = std::move(made).value();
  }
  bool connected() { return server_ && client_; }

  World world_{5};
  std::unique_ptr<Loop> loop_ = world_.make_loop();
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Connecting> connecting_;
  std::unique_ptr<Stream> server_, client_;
  std::string result_;
};

TEST_F(NetworkTest, ABlackHoleAnswersNothingUntilItOpens) {
  listen();
  world_.network().set_link(kServer, {.reach = Link::Reach::kBlackhole});
  connect();
  world_.run_for(seconds{100});
  EXPECT_EQ(result_, "");
  world_.network().set_link(kServer, {});
  EXPECT_TRUE(world_.run_until([&] { return connected(); }, seconds{2}));

  // Bytes of an open connection wait, too, and arrive afterwards.
  world_.network().set_link(kServer, {.reach = Link::Reach::kBlackhole});
  ASSERT_TRUE(client_->write(std::array<ByteView, 1>{"x"}, [](const Status&) {}).ok());
  size_t got = 0;
  std::array<char, 10> into;
  server_->read(into, [&](Result<size_t> bytes) { got = std::move(bytes).value_or(99); });
  world_.run_for(seconds{30});
  EXPECT_EQ(got, 0u);
  world_.network().set_link(kServer, {});
  world_.run_for(seconds{1});
  EXPECT_EQ(got, 1u);
}

TEST_F(NetworkTest, RefusesWhereALinkSaysSo) {
  listen();
  world_.network().set_link(kServer, {.reach = Link::Reach::kRefuse});
  connect();
  world_.run_for(seconds{1});
  EXPECT_EQ(result_, errc_name(Errc::kRefused));
}

TEST_F(NetworkTest, AResetReachesBothSides) {
  listen();
  connect();
  ASSERT_TRUE(world_.run_until([&] { return connected(); }, seconds{1}));
  std::array<char, 10> a, b;
  int failed = 0;
  const auto count = [&](const Result<size_t>& got) {
    ASSERT_FALSE(got.ok());
    EXPECT_EQ(got.error().code, Errc::kDisconnected);
    ++failed;
  };
  client_->read(a, count);
  server_->read(b, count);
  world_.network().reset_connections(kServer);
  world_.run_for(seconds{1});
  EXPECT_EQ(failed, 2);
  EXPECT_FALSE(client_->write(std::array<ByteView, 1>{"x"}, nullptr).ok());
  EXPECT_EQ(world_.network().open_connections(), 1u);
  client_.reset();
  server_.reset();
  EXPECT_EQ(world_.network().open_connections(), 0u);
}

TEST_F(NetworkTest, CutsWritesIntoPacketsOfManySizes) {
  listen();
  connect();
  ASSERT_TRUE(world_.run_until([&] { return connected(); }, seconds{1}));
  std::vector<size_t> sizes;
  std::vector<char> into(1 << 20);
  std::function<void()> read = [&] {
    server_->read(into, [&](const Result<size_t>& got) {
      if (got.value() == 0) return;
      sizes.push_back(got.value());
      read();
    });
  };
  read();
  const std::string sent(300'000, 'x');
  ASSERT_TRUE(client_->write(std::array{ByteView(sent)}, nullptr).ok());
  client_->shutdown_write();
  world_.run_for(seconds{10});
  size_t total = 0;
  for (const size_t size : sizes) total += size;
  EXPECT_EQ(total, sent.size());
  EXPECT_GT(sizes.size(), 20u);
  EXPECT_LT(*std::min_element(sizes.begin(), sizes.end()), 4096u);
}

TEST_F(NetworkTest, DnsAnswersFromItsTable) {
  world_.names().set("a.example", {IpAddress::v4(1, 2, 3, 4)}, seconds{5});
  world_.names().set_error("b.example", Errc::kTimeout);
  std::vector<std::string> answers;
  const auto note = [&](const Result<Resolved>& got) {
    answers.push_back(got.ok() ? got->addresses[0].text()
                               : std::string(errc_name(got.error().code)));
  };
  auto a = loop_->resolver().resolve("a.example", note);
  world_.run_for(seconds{1});
  auto b = loop_->resolver().resolve("b.example", note);
  world_.run_for(seconds{1});
  auto c = loop_->resolver().resolve("c.example", note);
  world_.run_for(seconds{1});
  { auto dropped = loop_->resolver().resolve("a.example", note); }
  world_.run_for(seconds{1});
  EXPECT_THAT(answers, testing::ElementsAre("1.2.3.4", errc_name(Errc::kTimeout),
                                            errc_name(Errc::kNotFound)));
}

TEST_F(NetworkTest, TlsEndsWithTheScriptedVerdict) {
  listen();
  world_.tls_verdicts().failing["bad.example"] = error(Errc::kRefused, "certificate expired");
  auto tls = world_.make_tls(*loop_, {}, {});
  ASSERT_TRUE(tls.ok());
  std::vector<std::string> results;
  std::vector<std::unique_ptr<TlsHandshake>> handshakes;
  for (const std::string name : {"good.example", "bad.example"}) {
    connect();
    ASSERT_TRUE(world_.run_until([&] { return client_ != nullptr; }, seconds{1}));
    handshakes.push_back(tls.value()->connect(std::move(client_), name, [&](auto stream) {
      results.push_back(stream.ok() ? "ok" : stream.error().message);
    }));
    world_.run_for(seconds{1});
  }
  EXPECT_THAT(results, testing::ElementsAre("ok", "certificate expired"));
}

}  // namespace
}  // namespace posthorn::io::sim
