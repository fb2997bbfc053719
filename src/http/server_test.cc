#include "http/server.h"

#include <gtest/gtest.h>

#include "io/linux/host.h"

namespace posthorn::http {
namespace {

// A server on a real loop and a client that sends bytes as they are and collects what comes back.
class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    limits_.head_timeout = milliseconds{200};
    limits_.body_timeout = milliseconds{200};
    limits_.pipeline_max = 4;
  }

  void serve(Server::Handler handler) {
    server_ = std::make_unique<Server>(
        *loop_, limits_,
        Server::Handlers{std::move(handler),
                         [](const wire::RequestHead&) { return Server::BodyBound{100}; },
                         [](int status, std::string_view reason) {
                           return std::to_string(status) + " " + std::string(reason);
                         }});
    ASSERT_TRUE(server_->listen(*SocketAddress::parse("127.0.0.1:0"), {}).ok());
  }

  enum class Next : uint8_t { kAtOnce, kWhenAnswered };
  // Sends the pieces one after another and answers everything received until the server closes.
  std::string talk(std::vector<std::string> pieces, bool end_input = false,
                   Next next = Next::kAtOnce) {
    std::string received;
    std::unique_ptr<io::Stream> stream;
    std::array<char, 4096> buffer;
    size_t sent = 0;
    std::function<void()> send;
    std::function<void()> read = [&] {
      stream->read(buffer, [&](Result<size_t> got) {
        if (!got.ok() || *got == 0) {
          loop_->stop();
          return;
        }
        received.append(buffer.data(), *got);
        if (next == Next::kWhenAnswered) send();
        read();
      });
    };
    send = [&] {
      if (sent == pieces.size()) {
        if (end_input) stream->shutdown_write();
        return;
      }
      const std::array<ByteView, 1> parts = {pieces[sent++]};
      if (!stream->write(parts, [](const Status&) {}).ok() || next == Next::kWhenAnswered) return;
      loop_->post_at_turn_end([&] { send(); });
    };
    auto connecting = loop_->net().connect(server_->address(), {}, [&](auto connected) {
      ASSERT_TRUE(connected.ok());
      stream = *std::move(connected);
      read();
      send();
    });
    loop_->run();
    return received;
  }

  static std::string post(const std::string& body, const std::string& extra = "") {
    return "POST /x?q=1 HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n" + extra + "\r\n" + body;
  }

  std::unique_ptr<io::Host> host_ = io::make_linux_host();
  std::unique_ptr<io::Loop> loop_ = host_->make_loop();
  ServerLimits limits_;
  std::unique_ptr<Server> server_;
};

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST_F(ServerTest, AnswersKeepTheOrderOfTheRequestsEvenWhenHandlersDoNot) {
  std::vector<Responder> waiting;
  serve([&](const Request& request, Responder responder) {
    EXPECT_EQ(request.path, "/x");
    EXPECT_EQ(request.query, "q=1");
    waiting.push_back(std::move(responder));
    if (waiting.size() < 3) return;
    for (size_t i = waiting.size(); i-- > 0;) {
      waiting[i].send(Response{.body = "answer " + std::to_string(i)});
    }
  });
  const std::string got = talk({post("a") + post("b") + post("c", "Connection: close\r\n")});
  EXPECT_LT(got.find("answer 0"), got.find("answer 1"));
  EXPECT_LT(got.find("answer 1"), got.find("answer 2"));
  EXPECT_EQ(count(got, "HTTP/1.1 200"), 3u);
  EXPECT_EQ(count(got, "Connection: close"), 1u);
}

TEST_F(ServerTest, BytesThatComeOneByOneMakeTheSameRequest) {
  std::string body;
  serve([&](const Request& request, Responder responder) {
    body = request.body;
    responder.send(Response{.status = 202});
  });
  std::vector<std::string> pieces;
  for (const char c : post("hello", "Connection: close\r\n")) pieces.emplace_back(1, c);
  EXPECT_EQ(count(talk(pieces), "HTTP/1.1 202"), 1u);
  EXPECT_EQ(body, "hello");
}

TEST_F(ServerTest, ChunkedBodiesArriveWholeAndWhatFollowsIsTheNextRequest) {
  std::vector<std::string> bodies;
  serve([&](const Request& request, Responder responder) {
    bodies.emplace_back(request.body);
    responder.send(Response{});
  });
  const std::string chunked =
      "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n"
      "\r\n";
  talk({chunked.substr(0, 70), chunked.substr(70) + post("next", "Connection: close\r\n")});
  EXPECT_EQ(bodies, (std::vector<std::string>{"abcde", "next"}));
}

TEST_F(ServerTest, ABodyAboveTheLimitIsRefusedAndTheClientSeesIt) {
  bool handled = false;
  serve([&](const Request&, Responder) { handled = true; });
  EXPECT_EQ(talk({post(std::string(101, 'x'))}).find("HTTP/1.1 413"), 0u);
  EXPECT_EQ(talk({"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n"})
                .find("HTTP/1.1 413"),
            0u);
  EXPECT_FALSE(handled);
}

TEST_F(ServerTest, ABodyAtTheLimitPasses) {
  serve([&](const Request& request, Responder responder) {
    EXPECT_EQ(request.body.size(), 100u);
    responder.send(Response{});
  });
  EXPECT_EQ(talk({post(std::string(100, 'x'), "Connection: close\r\n")}).find("HTTP/1.1 200"), 0u);
}

TEST_F(ServerTest, AmbiguousFramingGets400AndAClose) {
  bool handled = false;
  serve([&](const Request&, Responder) { handled = true; });
  const std::string got = talk(
      {"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"});
  EXPECT_EQ(got.find("HTTP/1.1 400"), 0u);
  EXPECT_EQ(count(got, "Connection: close"), 1u);
  EXPECT_FALSE(handled);
}

TEST_F(ServerTest, SlowHeadsAndBodiesEndWith408) {
  serve([](const Request&, Responder) {});
  EXPECT_EQ(talk({"POST /x HT"}).find("HTTP/1.1 408"), 0u);
  EXPECT_EQ(
      talk({"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab"}).find("HTTP/1.1 408"),
      0u);
}

TEST_F(ServerTest, ADroppedResponderAnswers500) {
  serve([](const Request&, Responder) {});
  EXPECT_EQ(talk({post("a", "Connection: close\r\n")}).find("HTTP/1.1 500"), 0u);
}

TEST_F(ServerTest, ThePipelineIsBoundedAndGoesOnWhenAnswersAreOut) {
  size_t open = 0, most = 0, total = 0;
  std::vector<Responder> waiting;
  serve([&](const Request&, Responder responder) {
    waiting.push_back(std::move(responder));
    most = std::max(most, ++open);
    if (++total == 10 || open == 4) {
      loop_->post([&] {
        auto ready = std::exchange(waiting, {});
        open = 0;
        for (Responder& one : ready) one.send(Response{});
      });
    }
  });
  std::string all;
  for (int i = 0; i < 9; ++i) all += post("x");
  const std::string got = talk({all + post("x", "Connection: close\r\n")});
  EXPECT_EQ(count(got, "HTTP/1.1 200"), 10u);
  EXPECT_EQ(most, 4u);
}

TEST_F(ServerTest, AHalfClosedClientStillGetsItsAnswer) {
  Responder later;
  serve([&](const Request&, Responder responder) {
    later = std::move(responder);
    loop_->post_at_turn_end(
        [&] { loop_->post_at_turn_end([&] { later.send(Response{.body = "late"}); }); });
  });
  EXPECT_EQ(count(talk({post("a")}, true), "late"), 1u);
}

TEST_F(ServerTest, ContinueIsSaidBeforeTheBodyComes) {
  serve([](const Request&, Responder responder) { responder.send(Response{}); });
  const std::string got = talk({"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: "
                                "100-continue\r\nConnection: close\r\n\r\n",
                                "ab"},
                               false, Next::kWhenAnswered);
  EXPECT_EQ(got.find("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200"), 0u);
}

TEST_F(ServerTest, DrainAnswersWhatWasAskedThenCloses) {
  bool empty = false;
  Responder later;
  serve([&](const Request&, Responder responder) {
    later = std::move(responder);
    server_->drain([&] { empty = true; });
    loop_->post_at_turn_end([&] { later.send(Response{.body = "last"}); });
  });
  EXPECT_EQ(count(talk({post("a")}), "last"), 1u);
  EXPECT_TRUE(empty);
  EXPECT_EQ(server_->connections(), 0u);
}

}  // namespace
}  // namespace posthorn::http
