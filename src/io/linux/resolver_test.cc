// The resolver against a small DNS server of this test, over UDP and TCP.
#include "io/resolver.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "io/linux/descriptor.h"
#include "io/linux/host.h"
#include "io/linux/socket_address.h"
#include "io/testing/forms.h"

namespace posthorn::io {
namespace {

constexpr uint16_t kTypeA = 1, kTypeCname = 5, kTypeAaaa = 28;

void put16(std::string& to, size_t value) {
  to += static_cast<char>(value >> 8);
  to += static_cast<char>(value);
}

// A name as labels: "a.b" is 1 a 1 b 0.
std::string labels(const std::string& name) {
  std::string out;
  for (size_t at = 0; at < name.size();) {
    const size_t end = std::min(name.find('.', at), name.size());
    out += static_cast<char>(end - at);
    out += name.substr(at, end - at);
    at = end + 1;
  }
  return out + '\0';
}

std::string record(const std::string& name, uint16_t type, uint32_t ttl, const std::string& data) {
  std::string out = labels(name);
  put16(out, type);
  put16(out, 1);
  put16(out, ttl >> 16);
  put16(out, ttl & 0xffff);
  put16(out, data.size());
  return out + data;
}

// Answers by the first label of the name.
class DnsServer {
 public:
  DnsServer()
      : udp_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
        tcp_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    SystemAddress at = system_address({IpAddress::v4(127, 0, 0, 1), 0});
    CHECK(::bind(tcp_.get(), at.raw(), at.length) == 0 && ::listen(tcp_.get(), 8) == 0);
    address_ = local_address(tcp_.get());
    at = system_address(address_);
    CHECK(::bind(udp_.get(), at.raw(), at.length) == 0);
    thread_ = std::thread([this] { serve(); });
  }
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;
  ~DnsServer() {
    stop_ = true;
    // Any packet wakes it.
    const SystemAddress at = system_address(address_);
    ::sendto(udp_.get(), "", 1, 0, at.raw(), at.length);
    thread_.join();
  }
  const SocketAddress& address() const { return address_; }
  int tcp_questions() const { return tcp_questions_; }

 private:
  void serve() {
    while (true) {
      pollfd waits[] = {{udp_.get(), POLLIN, 0}, {tcp_.get(), POLLIN, 0}};
      ::poll(waits, 2, -1);
      if (stop_) return;
      if (waits[0].revents != 0) serve_udp();
      if (waits[1].revents != 0) serve_tcp();
    }
  }
  void serve_udp() {
    char buffer[2000];
    SystemAddress from;
    const ssize_t got = ::recvfrom(udp_.get(), buffer, sizeof buffer, 0, from.raw(), &from.length);
    if (got < 12) return;
    std::string reply = answer(std::string(buffer, static_cast<size_t>(got)));
    if (reply.empty()) return;
    if (reply.size() > 1232) {
      reply.resize(question_end_);
      reply[2] = static_cast<char>(reply[2] | 0x02);  // truncated: ask again over TCP
      reply[6] = reply[7] = 0;
    }
    ::sendto(udp_.get(), reply.data(), reply.size(), 0, from.raw(), from.length);
  }
  void serve_tcp() {
    const Descriptor peer(::accept(tcp_.get(), nullptr, nullptr));
    char buffer[2000];
    const ssize_t got = ::recv(peer.get(), buffer, sizeof buffer, 0);
    if (got < 14) return;
    ++tcp_questions_;
    const std::string reply = answer(std::string(buffer + 2, static_cast<size_t>(got) - 2));
    std::string framed;
    put16(framed, reply.size());
    framed += reply;
    // In two pieces, as a network may do it.
    ::send(peer.get(), framed.data(), 100, 0);
    ::send(peer.get(), framed.data() + 100, framed.size() - 100, 0);
  }

  // Empty: no answer at all.
  std::string answer(const std::string& question) {
    std::string name;
    size_t at = 12;
    while (question[at] != 0) {
      const auto size = static_cast<size_t>(question[at]);
      name += (name.empty() ? "" : ".") + question.substr(at + 1, size);
      at += size + 1;
    }
    const auto type = static_cast<uint16_t>(static_cast<uint8_t>(question[at + 2]));
    question_end_ = at + 5;
    const std::string which = name.substr(0, name.find('.'));
    std::vector<std::string> records = records_for(which, name, type);
    if (which == "silent") return "";
    std::string reply = question.substr(0, 2);
    reply += '\x81';
    reply += which == "nobody" ? '\x83' : which == "broken" ? '\x82' : '\x80';
    put16(reply, 1);
    put16(reply, records.size());
    put16(reply, 0);
    put16(reply, 0);
    reply += question.substr(12, question_end_ - 12);
    for (const std::string& one : records) reply += one;
    return reply;
  }
  static std::vector<std::string> records_for(const std::string& which, const std::string& name,
                                              uint16_t type) {
    const std::string v6 = "\x20\x01\x0d\xb8" + std::string(11, '\0') + "\x01";
    if (which == "both" && type == kTypeA) return {record(name, kTypeA, 30, {10, 1, 2, 3})};
    if (which == "both" && type == kTypeAaaa) return {record(name, kTypeAaaa, 60, v6)};
    if (which == "alias" && type == kTypeA) {
      return {record(name, kTypeCname, 7, labels("real.example")),
              record("real.example", kTypeA, 300, {10, 9, 9, 9})};
    }
    std::vector<std::string> many;
    for (char i = 0; which == "many" && type == kTypeA && i < 100; ++i)
      many.push_back(record(name, kTypeA, 5, {10, 0, 0, i}));
    return many;
  }

  const Descriptor udp_, tcp_;
  SocketAddress address_;
  size_t question_end_ = 0;
  std::atomic<bool> stop_ = false;
  std::atomic<int> tcp_questions_ = 0;
  std::thread thread_;
};

class ResolverTest : public testing::Test {
 protected:
  Result<Resolved> resolve(const std::string& host) {
    std::optional<Result<Resolved>> answer;
    bool inside = true;
    auto resolving = form_->loop().resolver().resolve(host, [&](Result<Resolved> got) {
      EXPECT_FALSE(inside);
      answer = std::move(got);
    });
    inside = false;
    EXPECT_TRUE(form_->run_until([&] { return answer.has_value(); }));
    return std::move(*answer);
  }

  DnsServer server_;
  std::unique_ptr<HostForm> form_ = make_linux_form(
      {.resolver = {.servers = {server_.address()}, .try_timeout = milliseconds{150}, .tries = 2}});
};

TEST_F(ResolverTest, GivesBothFamiliesAndTheSmallestTtl) {
  const auto resolved = resolve("both.example");
  ASSERT_TRUE(resolved.ok()) << resolved.error().message;
  ASSERT_EQ(resolved->addresses.size(), 2u);
  EXPECT_EQ(resolved->addresses[0].text(), "10.1.2.3");
  EXPECT_EQ(resolved->addresses[1].text(), "2001:db8::1");
  EXPECT_EQ(resolved->ttl, seconds{30});
}

TEST_F(ResolverTest, AnAliasBoundsTheTtl) {
  const auto resolved = resolve("alias.example");
  ASSERT_TRUE(resolved.ok()) << resolved.error().message;
  EXPECT_EQ(resolved->addresses[0].text(), "10.9.9.9");
  EXPECT_EQ(resolved->ttl, seconds{7});
}

TEST_F(ResolverTest, ALongAnswerComesOverTcpAndIsCapped) {
  const auto resolved = resolve("many.example");
  ASSERT_TRUE(resolved.ok()) << resolved.error().message;
  EXPECT_EQ(resolved->addresses.size(), Resolver::kAddressesMax);
  EXPECT_GE(server_.tcp_questions(), 1);
}

TEST_F(ResolverTest, SaysWhatWentWrong) {
  EXPECT_EQ(resolve("nobody.example").error().code, Errc::kNotFound);
  EXPECT_EQ(resolve("empty.example").error().code, Errc::kNotFound);
  EXPECT_EQ(resolve("silent.example").error().code, Errc::kTimeout);
  EXPECT_EQ(resolve("broken.example").error().code, Errc::kIo);
  EXPECT_EQ(resolve("bad..name").error().code, Errc::kNotFound);
  EXPECT_EQ(resolve(std::string(300, 'a')).error().code, Errc::kNotFound);
}

TEST_F(ResolverTest, AnswersManyQuestionsAtOnce) {
  int answered = 0;
  std::vector<std::unique_ptr<Resolving>> resolving;
  resolving.reserve(100);
  for (int i = 0; i < 100; ++i) {
    resolving.push_back(form_->loop().resolver().resolve(
        i % 2 == 0 ? "both.example" : "alias.example", [&](const Result<Resolved>& got) {
          EXPECT_TRUE(got.ok());
          ++answered;
        }));
  }
  EXPECT_TRUE(form_->run_until([&] { return answered == 100; }));
}

TEST_F(ResolverTest, ACancelledQuestionDoesNotCallBack) {
  {
    auto dropped = form_->loop().resolver().resolve(
        "both.example", [](const Result<Resolved>&) { FAIL() << "was cancelled"; });
  }
  EXPECT_TRUE(resolve("alias.example").ok());
}

TEST_F(ResolverTest, ALoopMayEndWithQuestionsUnderWay) {
  auto open = form_->loop().resolver().resolve(
      "silent.example", [](const Result<Resolved>&) { FAIL() << "the loop is gone"; });
  auto more = form_->loop().resolver().resolve("both.example", [](const Result<Resolved>&) {});
  form_.reset();
}

}  // namespace
}  // namespace posthorn::io
