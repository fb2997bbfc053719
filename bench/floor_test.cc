// The promises that make the floor a fair yardstick: nothing is acknowledged before it is on disk,
// the backlog is bounded, the signature is the real one.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "floor_events.h"
#include "floor_ingest.h"
#include "floor_log.h"
#include "floor_sign.h"

namespace posthorn::bench {
namespace {

constexpr std::string_view kRequest =
    "POST /api/v1/app/app_1/msg HTTP/1.1\r\nContent-Length: 41\r\n\r\n"
    "{\"eventType\":\"a.b\",\"payload\":{\"x\":12345}}";

class FloorIngestTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "floor_test_XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    dir_ = name;
    log_ = std::make_unique<FloorLog>(segment(), 1U << 20U);
    ingest_ = std::make_unique<FloorIngest>(&events_, log_.get());
    for (auto& client : clients_) client = make_client();
  }
  void TearDown() override {
    for (const int client : clients_) close(client);
    log_.reset();
    std::filesystem::remove_all(dir_);
  }

  std::string segment() const { return dir_ / "floor.segment"; }

  int make_client() {
    int pair[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    ingest_->add(pair[1]);
    servers_.push_back(pair[1]);
    return pair[0];
  }

  void post(size_t client) {
    ASSERT_EQ(write(clients_[client], kRequest.data(), kRequest.size()),
              static_cast<ssize_t>(kRequest.size()));
    ingest_->receive(servers_[client], 1);
  }

  std::string answer_to(size_t client) const {
    char buffer[512];
    const ssize_t got = read(clients_[client], buffer, sizeof buffer);
    return got > 0 ? std::string(buffer, static_cast<size_t>(got)) : std::string();
  }

  std::string on_disk() const {
    std::ifstream in(segment(), std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }

  std::filesystem::path dir_;
  FloorEvents events_{1};
  std::unique_ptr<FloorLog> log_;
  std::unique_ptr<FloorIngest> ingest_;
  std::vector<int> servers_;
  std::array<int, 2> clients_{};
};

TEST_F(FloorIngestTest, AnswersOnlyWhenTheRecordIsOnDisk) {
  post(0);
  EXPECT_EQ(answer_to(0), "");
  log_->submit();
  const auto durable = log_->take_durable();  // blocks until the group is synced
  ASSERT_EQ(durable.size(), 1U);
  EXPECT_EQ(answer_to(0), "");
  EXPECT_NE(on_disk().find("{\"x\":12345}"), std::string::npos);
  ingest_->answer(durable[0]);
  EXPECT_TRUE(answer_to(0).starts_with("HTTP/1.1 202 Accepted\r\n"));
}

TEST_F(FloorIngestTest, StopsTakingRequestsWhenTheBacklogIsFull) {
  post(0);
  post(1);
  log_->submit();
  const auto durable = log_->take_durable();
  ASSERT_EQ(durable.size(), 1U);  // there is one slot
  ingest_->answer(durable[0]);
  EXPECT_NE(answer_to(0), "");
  ingest_->resume(1);
  EXPECT_EQ(answer_to(1), "");
  events_.release(durable[0]);  // delivered and recorded
  ingest_->resume(1);
  log_->submit();
  ingest_->answer(log_->take_durable().at(0));
  EXPECT_NE(answer_to(1), "");
}

TEST_F(FloorIngestTest, DoesNotAnswerANewClientOnAnOldDescriptor) {
  post(0);
  log_->submit();
  const auto durable = log_->take_durable();
  close(clients_[0]);
  ingest_->receive(servers_[0], 1);  // end of stream: the server side is closed
  const int server = servers_[0];
  clients_[0] = make_client();
  ASSERT_TRUE(servers_.back() == server || clients_[0] == server);
  ingest_->answer(durable[0]);
  servers_[0] = servers_.back();
  EXPECT_EQ(answer_to(0), "");
}

TEST(FloorSigner, AgreesWithThePublishedVector) {
  // Base64 of the secret "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", from the Standard Webhooks examples.
  const unsigned char key[] = {0x31, 0xf2, 0x90, 0xf6, 0xbf, 0x06, 0x29, 0x8a,
                               0xab, 0x4f, 0x08, 0xd4, 0x3c, 0x3f, 0x08, 0x2c,
                               0xf6, 0x48, 0xa3, 0x62, 0xda, 0x2d, 0xa4, 0xb0};
  FloorSigner signer({reinterpret_cast<const char*>(key), sizeof key});
  for (int round = 0; round < 2; ++round) {  // the context is reused
    std::string signature;
    signer.append_signature("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "{\"test\": 2432232314}",
                            &signature);
    EXPECT_EQ(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  }
}

}  // namespace
}  // namespace posthorn::bench
