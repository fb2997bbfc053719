// Streams, listeners and connects: one body for the machine and for the simulation.
#include "io/net.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/testing/forms.h"
#include "io/timer.h"

namespace posthorn::io {
namespace {

const SocketAddress kLoopback{IpAddress::v4(127, 0, 0, 1), 0};

class NetTest : public testing::TestWithParam<NamedForm> {
 protected:
  Net& net() { return form_->loop().net(); }
  bool run_until(std::function<bool()> done) { return form_->run_until(std::move(done)); }

  // A connected pair; the listener goes away.
  void connect_pair() {
    auto listener =
        net().listen(kLoopback, {}, [this](auto stream) { server_ = std::move(stream); });
    ASSERT_TRUE(listener.ok()) << listener.error().message;
    address_ = listener.value()->address();
    auto connecting = net().connect(address_, {}, [this](auto stream) {
      ASSERT_TRUE(stream.ok()) << stream.error().message;
      client_ = std::move(stream).value();
    });
    ASSERT_TRUE(run_until([this] { return server_ && client_; }));
  }

  // Collects what arrives until the other side ends.
  void collect(Stream& from, std::string& into, bool& ended) {
    from.read(buffer_, [this, &from, &into, &ended](Result<size_t> got) {
      if (!got.ok() || got.value() == 0) {
        ended = true;
        return;
      }
      into.append(buffer_.data(), got.value());
      collect(from, into, ended);
    });
  }

  // The server gives back what it gets until the client ends.
  void echo() {
    server_->read(echo_buffer_, [this](Result<size_t> got) {
      ASSERT_TRUE(got.ok()) << got.error().message;
      if (got.value() == 0) return server_->shutdown_write();
      const std::array parts{ByteView(echo_buffer_.data(), got.value())};
      const auto wrote = server_->write(parts, [this](const Status& status) {
        ASSERT_TRUE(status.ok());
        echo();
      });
      ASSERT_TRUE(wrote.ok());
      if (wrote.value() == Wrote::kAll) echo();
    });
  }

  std::unique_ptr<HostForm> form_ = GetParam().make();
  std::unique_ptr<Stream> server_, client_;
  SocketAddress address_;
  std::array<char, 4096> buffer_, echo_buffer_;
};

INSTANTIATE_TEST_SUITE_P(Forms, NetTest, testing::ValuesIn(all_forms()),
                         [](const auto& about) { return about.param.name; });

std::string pattern(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31 + i / 251);
  return bytes;
}

TEST_P(NetTest, EchoesWhatWasSent) {
  connect_pair();
  std::string echoed;
  bool ended = false;
  echo();
  ASSERT_TRUE(client_->write(std::array<ByteView, 2>{"he", "llo"}, nullptr).ok());
  client_->shutdown_write();
  collect(*client_, echoed, ended);
  ASSERT_TRUE(run_until([&] { return ended; }));
  EXPECT_EQ(echoed, "hello");
}

TEST_P(NetTest, KnowsBothAddresses) {
  connect_pair();
  EXPECT_EQ(client_->peer(), address_);
  EXPECT_EQ(server_->peer().ip, kLoopback.ip);
}

TEST_P(NetTest, QueuesWhatASlowReaderDoesNotTake) {
  connect_pair();
  const std::string sent = pattern(8 << 20);
  bool written = false, ended = false;
  const auto wrote = server_->write(std::array{ByteView(sent)}, [&](const Status& status) {
    EXPECT_TRUE(status.ok());
    written = true;
  });
  ASSERT_TRUE(wrote.ok());
  EXPECT_EQ(wrote.value(), Wrote::kQueued);
  EXPECT_FALSE(written);
  server_->shutdown_write();
  std::string got;
  collect(*client_, got, ended);
  ASSERT_TRUE(run_until([&] { return ended; }));
  EXPECT_TRUE(written);
  EXPECT_TRUE(got == sent);
}

TEST_P(NetTest, ReportsAQueuedWriteThatThePeerCutOff) {
  connect_pair();
  const std::string sent = pattern(8 << 20);
  std::optional<Status> written;
  const auto wrote =
      server_->write(std::array{ByteView(sent)}, [&](const Status& s) { written = s; });
  ASSERT_TRUE(wrote.ok() && wrote.value() == Wrote::kQueued);
  client_.reset();
  ASSERT_TRUE(run_until([&] { return written.has_value(); }));
  ASSERT_FALSE(written->ok());
  EXPECT_EQ(written->error().code, Errc::kDisconnected);
}

TEST_P(NetTest, AnOwnerMayCloseItsStreamInsideTheCallback) {
  connect_pair();
  bool called = false, ended = false;
  server_->read(buffer_, [&](const Result<size_t>& got) {
    EXPECT_TRUE(got.ok());
    server_.reset();
    called = true;
  });
  std::array<char, 16> heard;
  client_->read(heard, [&](const Result<size_t>&) { ended = true; });
  ASSERT_TRUE(client_->write(std::array<ByteView, 1>{"x"}, nullptr).ok());
  EXPECT_TRUE(run_until([&] { return called && ended; }));
}

TEST_P(NetTest, AStreamMayGoWhileItsOwnReadIsReady) {
  connect_pair();
  std::unique_ptr<Stream> other = std::move(server_), other_client = std::move(client_);
  connect_pair();
  int called = 0;
  std::array<char, 16> one, two;
  server_->read(one, [&](const Result<size_t>&) {
    ++called;
    other.reset();
  });
  other->read(two, [&](const Result<size_t>&) {
    ++called;
    server_.reset();
  });
  ASSERT_TRUE(client_->write(std::array<ByteView, 1>{"x"}, nullptr).ok());
  ASSERT_TRUE(other_client->write(std::array<ByteView, 1>{"x"}, nullptr).ok());
  bool settled = false;
  Timer pause(form_->loop().timers(), [&] { settled = true; });
  pause.arm_at(form_->host().clock().now() + milliseconds{20});
  ASSERT_TRUE(run_until([&] { return settled; }));
  EXPECT_EQ(called, 1);
}

TEST_P(NetTest, NoCallbackComesAfterAClose) {
  connect_pair();
  server_->read(buffer_, [](const Result<size_t>&) { FAIL() << "read of a closed stream"; });
  server_.reset();
  bool ended = false;
  std::array<char, 16> heard;
  client_->read(heard, [&](const Result<size_t>&) { ended = true; });
  EXPECT_TRUE(run_until([&] { return ended; }));
}

TEST_P(NetTest, ReadsNothingWhenThePeerEnded) {
  connect_pair();
  client_->shutdown_write();
  std::optional<size_t> got;
  server_->read(buffer_, [&](Result<size_t> bytes) { got = std::move(bytes).value_or(99); });
  ASSERT_TRUE(run_until([&] { return got.has_value(); }));
  EXPECT_EQ(*got, 0u);
  // Our own side still works.
  std::string answered;
  bool ended = false;
  collect(*client_, answered, ended);
  ASSERT_TRUE(server_->write(std::array<ByteView, 1>{"bye"}, nullptr).ok());
  server_->shutdown_write();
  ASSERT_TRUE(run_until([&] { return ended; }));
  EXPECT_EQ(answered, "bye");
}

// What arrived while nobody read is found by a read that comes later, however small its buffer,
// and so is the end that came with it.
TEST_P(NetTest, FindsWhatArrivedBeforeTheRead) {
  connect_pair();
  const std::string sent = pattern(1000);
  ASSERT_TRUE(client_->write(std::array{ByteView(sent)}, nullptr).ok());
  client_->shutdown_write();
  bool settled = false;
  Timer pause(form_->loop().timers(), [&] { settled = true; });
  pause.arm_at(form_->host().clock().now() + milliseconds{20});
  ASSERT_TRUE(run_until([&] { return settled; }));
  std::string got;
  std::array<char, 100> small;
  std::function<void()> read = [&] {
    server_->read(small, [&](const Result<size_t>& count) {
      if (count.ok() && *count > 0) {
        got.append(small.data(), *count);
        return read();
      }
      server_.reset();
    });
  };
  read();
  ASSERT_TRUE(run_until([&] { return server_ == nullptr; }));
  EXPECT_EQ(got, sent);
}

TEST_P(NetTest, AStreamMayGoInTheCallbackOfItsWriteWhileItReads) {
  connect_pair();
  const std::string sent = pattern(8 << 20);
  const auto wrote =
      server_->write(std::array{ByteView(sent)}, [&](const Status&) { server_.reset(); });
  ASSERT_TRUE(wrote.ok() && wrote.value() == Wrote::kQueued);
  server_->read(echo_buffer_, [&](const Result<size_t>& got) {
    if (got.ok() && *got > 0) return;
    server_.reset();
  });
  ASSERT_TRUE(client_->write(std::array<ByteView, 1>{"x"}, nullptr).ok());
  std::string got;
  bool ended = false;
  collect(*client_, got, ended);
  EXPECT_TRUE(run_until([&] { return server_ == nullptr; }));
}

TEST_P(NetTest, CallsBackNeverInsideTheCall) {
  connect_pair();
  ASSERT_TRUE(client_->write(std::array<ByteView, 1>{"x"}, nullptr).ok());
  bool waited = false;
  Timer wait(form_->loop().timers(), [&] { waited = true; });
  wait.arm_at(form_->loop().clock().now() + milliseconds{20});
  ASSERT_TRUE(run_until([&] { return waited; }));
  bool inside = true, called = false;
  form_->loop().post([&] {
    server_->read(buffer_, [&](const Result<size_t>&) {
      EXPECT_FALSE(inside);
      called = true;
    });
    inside = false;
  });
  ASSERT_TRUE(run_until([&] { return called; }));
}

TEST_P(NetTest, SaysThatAConnectWasRefused) {
  SocketAddress nobody;
  {
    auto listener = net().listen(kLoopback, {}, [](auto) {});
    ASSERT_TRUE(listener.ok());
    nobody = listener.value()->address();
  }
  std::optional<Errc> failed;
  auto connecting = net().connect(nobody, {}, [&](auto stream) {
    failed = stream.ok() ? Errc::kInternal : stream.error().code;
  });
  EXPECT_FALSE(failed.has_value());
  ASSERT_TRUE(run_until([&] { return failed.has_value(); }));
  EXPECT_EQ(*failed, Errc::kRefused);
}

TEST_P(NetTest, ACancelledConnectDoesNotCallBack) {
  bool accepted = false;
  auto listener = net().listen(kLoopback, {}, [&](auto) { accepted = true; });
  ASSERT_TRUE(listener.ok());
  const SocketAddress to = listener.value()->address();
  {
    auto cancelled = net().connect(to, {}, [](auto) { FAIL() << "was cancelled"; });
  }
  bool connected = false;
  std::unique_ptr<Stream> stream;
  auto connecting = net().connect(to, {}, [&](auto result) {
    connected = result.ok();
    if (connected) stream = std::move(result).value();
  });
  EXPECT_TRUE(run_until([&] { return connected && accepted; }));
}

TEST_P(NetTest, RefusesASecondListenerOnAPort) {
  auto first = net().listen(kLoopback, {}, [](auto) {});
  ASSERT_TRUE(first.ok());
  auto second = net().listen(first.value()->address(), {}, [](auto) {});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, Errc::kConflict);
}

TEST_P(NetTest, APausedListenerAcceptsAfterResume) {
  int accepted = 0;
  auto listener = net().listen(kLoopback, {}, [&](auto) { ++accepted; });
  ASSERT_TRUE(listener.ok());
  listener.value()->pause();
  std::unique_ptr<Stream> stream;
  auto connecting = net().connect(listener.value()->address(), {}, [&](auto result) {
    if (result.ok()) stream = std::move(result).value();
  });
  ASSERT_TRUE(run_until([&] { return stream != nullptr; }));
  EXPECT_EQ(accepted, 0);
  listener.value()->resume();
  EXPECT_TRUE(run_until([&] { return accepted == 1; }));
}

TEST_P(NetTest, AListenerMayBeDestroyedWhileItAccepts) {
  std::unique_ptr<Listener> listener;
  int accepted = 0;
  auto made = net().listen(kLoopback, {}, [&](auto) {
    ++accepted;
    listener.reset();
  });
  ASSERT_TRUE(made.ok());
  listener = std::move(made).value();
  int ended = 0;
  std::vector<std::unique_ptr<Connecting>> connecting;
  connecting.reserve(3);
  for (int i = 0; i < 3; ++i) {
    connecting.push_back(net().connect(listener->address(), {}, [&](auto) { ++ended; }));
  }
  EXPECT_TRUE(run_until([&] { return accepted == 1 && ended == 3; }));
}

TEST_P(NetTest, PostedTasksRunInOrderAndAfterTheCaller) {
  std::string order;
  Loop& loop = form_->loop();
  loop.post([&] {
    loop.post_at_turn_end([&] { order += 'e'; });
    loop.post([&] {
      order += 'b';
      loop.post([&] { order += 'd'; });
    });
    loop.post([&] { order += 'c'; });
    order += 'a';
  });
  EXPECT_EQ(order, "");
  ASSERT_TRUE(run_until([&] { return order.size() == 5; }));
  EXPECT_EQ(order, "abcde");
}

}  // namespace
}  // namespace posthorn::io
