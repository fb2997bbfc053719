// TLS against our own server side and against a raw OpenSSL server.
#include "io/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "io/linux/tls_channel.h"
#include "io/linux/tls_context.h"
#include "io/testing/certificates.h"
#include "io/testing/forms.h"

namespace posthorn::io {
namespace {

using testing::HasSubstr;

class TlsTest : public testing::Test {
 protected:
  // A server with this certificate, and a client that trusts the authority.
  void make_tls(const CertificateRequest& request) {
    const IssuedCertificate issued = authority_.issue(request);
    const std::string folder = form_->directory();
    ASSERT_TRUE(disk().replace_file(folder + "/cert.pem", issued.certificate_pem).ok());
    ASSERT_TRUE(disk().replace_file(folder + "/key.pem", issued.key_pem).ok());
    ASSERT_TRUE(disk().replace_file(folder + "/ca.pem", authority_.certificate_pem()).ok());
    auto made = form_->host().make_tls(form_->loop(), {.ca_file = folder + "/ca.pem"},
                                       {folder + "/cert.pem", folder + "/key.pem"});
    ASSERT_TRUE(made.ok()) << made.error().message;
    tls_ = std::move(made).value();
  }

  void shake_hands(const std::string& name) {
    client_.reset();
    server_.reset();
    client_error_.reset();
    server_error_.reset();
    std::unique_ptr<TlsHandshake> accepting, connecting;
    auto listener = net().listen({IpAddress::v4(127, 0, 0, 1), 0}, {}, [&](auto stream) {
      accepting = tls_->accept(std::move(stream), [&](auto secured) {
        keep(std::move(secured), server_, server_error_);
      });
    });
    ASSERT_TRUE(listener.ok());
    auto dialing = net().connect(listener.value()->address(), {}, [&](auto stream) {
      ASSERT_TRUE(stream.ok());
      connecting = tls_->connect(std::move(stream).value(), name, [&](auto secured) {
        keep(std::move(secured), client_, client_error_);
      });
    });
    ASSERT_TRUE(
        form_->run_until([&] { return (client_ || client_error_) && (server_ || server_error_); }));
  }
  static void keep(Result<std::unique_ptr<Stream>> from, std::unique_ptr<Stream>& stream,
                   std::optional<Error>& failure) {
    if (from.ok()) {
      stream = std::move(from).value();
    } else {
      failure = from.error();
    }
  }

  // Sends from one side to the other and returns what arrives until the end.
  std::string transfer(Stream& from, Stream& to, const std::string& bytes) {
    std::string got;
    bool ended = false;
    std::vector<char> into(10'000);
    std::function<void()> read = [&] {
      to.read(into, [&](Result<size_t> count) {
        EXPECT_TRUE(count.ok()) << count.error().message;
        if (!count.ok() || count.value() == 0) {
          ended = true;
          return;
        }
        got.append(into.data(), count.value());
        read();
      });
    };
    read();
    const std::array parts{ByteView(bytes).substr(0, bytes.size() / 3),
                           ByteView(bytes).substr(bytes.size() / 3)};
    EXPECT_TRUE(from.write(parts, nullptr).ok());
    from.shutdown_write();
    EXPECT_TRUE(form_->run_until([&] { return ended; }));
    return got;
  }

  Disk& disk() { return form_->host().disk(); }
  Net& net() { return form_->loop().net(); }

  TestAuthority authority_;
  std::unique_ptr<HostForm> form_ = make_linux_form();
  std::unique_ptr<Tls> tls_;
  std::unique_ptr<Stream> client_, server_;
  std::optional<Error> client_error_, server_error_;
};

TEST_F(TlsTest, CarriesBytesBothWays) {
  make_tls({.host = "hooks.example"});
  shake_hands("hooks.example");
  ASSERT_TRUE(client_ && server_);
  const std::string large(3 << 20, 'x');
  EXPECT_TRUE(transfer(*client_, *server_, large) == large);
  EXPECT_EQ(transfer(*server_, *client_, "small"), "small");
}

TEST_F(TlsTest, VerifiesAddressesToo) {
  make_tls({.host = "127.0.0.1"});
  shake_hands("127.0.0.1");
  EXPECT_TRUE(client_) << client_error_->message;
  shake_hands("127.0.0.2");
  ASSERT_TRUE(client_error_);
  EXPECT_THAT(client_error_->message, HasSubstr("wrong host"));
}

TEST_F(TlsTest, RefusesAnExpiredCertificate) {
  make_tls({.begins = seconds{-7200}, .ends = seconds{-3600}});
  shake_hands("hooks.example");
  ASSERT_TRUE(client_error_);
  EXPECT_EQ(client_error_->code, Errc::kRefused);
  EXPECT_THAT(client_error_->message, HasSubstr("expired"));
  EXPECT_FALSE(client_);
}

TEST_F(TlsTest, RefusesACertificateOfAnotherHost) {
  make_tls({.host = "hooks.example"});
  for (const std::string name : {"other.example", "a.hooks.example", "hooks.example.evil"}) {
    shake_hands(name);
    ASSERT_TRUE(client_error_) << name;
    EXPECT_THAT(client_error_->message, HasSubstr("wrong host"));
  }
}

TEST_F(TlsTest, RefusesASelfSignedCertificate) {
  make_tls({.self_signed = true});
  shake_hands("hooks.example");
  ASSERT_TRUE(client_error_);
  EXPECT_THAT(client_error_->message, HasSubstr("untrusted"));
  ASSERT_TRUE(server_error_);
}

TEST_F(TlsTest, RefusesWithoutANameToVerify) {
  make_tls({});
  shake_hands("");
  ASSERT_TRUE(client_error_);
  EXPECT_EQ(client_error_->code, Errc::kInvalid);
}

TEST_F(TlsTest, ExtraAuthoritiesCountBesidesTheSystems) {
  make_tls({});
  auto trusting =
      form_->host().make_tls(form_->loop(), {.extra_ca_pem = {authority_.certificate_pem()}}, {});
  ASSERT_TRUE(trusting.ok());
  auto distrusting = form_->host().make_tls(form_->loop(), {}, {});
  ASSERT_TRUE(distrusting.ok());
  for (Tls* tls : {trusting.value().get(), distrusting.value().get()}) {
    std::unique_ptr<TlsHandshake> accepting, connecting;
    std::unique_ptr<Stream> accepted;
    std::optional<bool> secured;
    auto listener = net().listen({IpAddress::v4(127, 0, 0, 1), 0}, {}, [&](auto stream) {
      accepting = tls_->accept(std::move(stream), [&](auto result) {
        if (result.ok()) accepted = std::move(result).value();
      });
    });
    auto dialing = net().connect(listener.value()->address(), {}, [&](auto stream) {
      connecting = tls->connect(std::move(stream).value(), "hooks.example",
                                [&](auto result) { secured = result.ok(); });
    });
    ASSERT_TRUE(form_->run_until([&] { return secured.has_value(); }));
    EXPECT_EQ(*secured, tls == trusting.value().get());
  }
}

TEST_F(TlsTest, SaysWhichFileCannotBeUsed) {
  const auto no_ca = form_->host().make_tls(form_->loop(), {.ca_file = "/none/ca.pem"}, {});
  ASSERT_FALSE(no_ca.ok());
  EXPECT_THAT(no_ca.error().message, HasSubstr("/none/ca.pem"));
  const auto no_key = form_->host().make_tls(form_->loop(), {}, {"/none/cert.pem", "/none/key"});
  ASSERT_FALSE(no_key.ok());
  EXPECT_THAT(no_key.error().message, HasSubstr("/none/cert.pem"));
}

TEST_F(TlsTest, AcceptsNothingWithoutACertificate) {
  auto made = form_->host().make_tls(form_->loop(), {}, {});
  ASSERT_TRUE(made.ok());
  tls_ = std::move(made).value();
  shake_hands("hooks.example");
  ASSERT_TRUE(server_error_);
  EXPECT_EQ(server_error_->code, Errc::kUnavailable);
  EXPECT_EQ(client_error_->code, Errc::kDisconnected);
}

TEST_F(TlsTest, AnEndWithoutNoticeIsAnError) {
  make_tls({});
  std::unique_ptr<Stream> raw;
  std::unique_ptr<TlsHandshake> connecting;
  auto listener = net().listen({IpAddress::v4(127, 0, 0, 1), 0}, {},
                               [&](auto stream) { raw = std::move(stream); });
  auto dialing = net().connect(listener.value()->address(), {}, [&](auto stream) {
    connecting = tls_->connect(std::move(stream).value(), "hooks.example", [&](auto secured) {
      keep(std::move(secured), client_, client_error_);
    });
  });
  ASSERT_TRUE(form_->run_until([&] { return raw != nullptr; }));
  raw.reset();
  ASSERT_TRUE(form_->run_until([&] { return client_error_.has_value(); }));
  EXPECT_EQ(client_error_->code, Errc::kDisconnected);
}

// A connection that somebody on the way ends.
class CutStream final : public Stream {
 public:
  CutStream(std::unique_ptr<Stream> under, const bool& cut) : under_(std::move(under)), cut_(cut) {}
  void read(std::span<char> into, OnRead on_read) override {
    under_->read(into, [this, on_read = std::move(on_read)](Result<size_t> got) mutable {
      on_read(cut_ ? Result<size_t>(size_t{0}) : std::move(got));
    });
  }
  Result<Wrote> write(std::span<const ByteView> parts, OnWritten on_written) override {
    return under_->write(parts, std::move(on_written));
  }
  void shutdown_write() override { under_->shutdown_write(); }
  SocketAddress peer() const override { return under_->peer(); }

 private:
  const std::unique_ptr<Stream> under_;
  const bool& cut_;
};

TEST_F(TlsTest, AnEndWithoutNoticeAfterTheHandshakeIsAnErrorToo) {
  make_tls({});
  bool cut = false;
  std::unique_ptr<TlsHandshake> accepting, connecting;
  auto listener = net().listen({IpAddress::v4(127, 0, 0, 1), 0}, {}, [&](auto stream) {
    accepting = tls_->accept(
        std::move(stream), [&](auto secured) { keep(std::move(secured), server_, server_error_); });
  });
  auto dialing = net().connect(listener.value()->address(), {}, [&](auto stream) {
    connecting =
        tls_->connect(std::make_unique<CutStream>(std::move(stream).value(), cut), "hooks.example",
                      [&](auto secured) { keep(std::move(secured), client_, client_error_); });
  });
  ASSERT_TRUE(form_->run_until([&] { return client_ && server_; }));
  std::array<char, 10> into;
  std::optional<Errc> ended;
  client_->read(into, [&](const Result<size_t>& got) {
    ended = got.ok() ? Errc::kInternal : got.error().code;
  });
  cut = true;
  ASSERT_TRUE(server_->write(std::array<ByteView, 1>{"x"}, nullptr).ok());
  ASSERT_TRUE(form_->run_until([&] { return ended.has_value(); }));
  EXPECT_EQ(*ended, Errc::kDisconnected);
}

TEST_F(TlsTest, NoiseIsAProtocolError) {
  make_tls({});
  std::unique_ptr<Stream> raw;
  std::unique_ptr<TlsHandshake> connecting;
  auto listener = net().listen({IpAddress::v4(127, 0, 0, 1), 0}, {}, [&](auto stream) {
    raw = std::move(stream);
    (void)raw->write(std::array<ByteView, 1>{"HTTP/1.1 400 Bad Request\r\n\r\n"}, nullptr);
  });
  auto dialing = net().connect(listener.value()->address(), {}, [&](auto stream) {
    connecting = tls_->connect(std::move(stream).value(), "hooks.example", [&](auto secured) {
      keep(std::move(secured), client_, client_error_);
    });
  });
  ASSERT_TRUE(form_->run_until([&] { return client_error_.has_value(); }));
  EXPECT_EQ(client_error_->code, Errc::kRefused);
  EXPECT_THAT(client_error_->message, HasSubstr("protocol"));
}

TEST_F(TlsTest, ADestroyedHandshakeDoesNotCallBack) {
  make_tls({});
  std::unique_ptr<TlsHandshake> accepting;
  bool accepted = false;
  std::optional<Error> refused;
  auto listener = net().listen({IpAddress::v4(127, 0, 0, 1), 0}, {}, [&](auto stream) {
    accepting = tls_->accept(std::move(stream), [&](auto secured) {
      accepted = true;
      if (!secured.ok()) refused = secured.error();
    });
  });
  auto dialing = net().connect(listener.value()->address(), {}, [&](auto stream) {
    auto dropped = tls_->connect(std::move(stream).value(), "hooks.example",
                                 [](auto) { FAIL() << "was destroyed"; });
  });
  ASSERT_TRUE(form_->run_until([&] { return accepted; }));
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, Errc::kDisconnected);
}

// Both ends of a connection without a network.
class TlsChannelTest : public TlsTest {
 protected:
  // Carries what one channel wants to send to the other; says whether there was something.
  static bool carry(TlsChannel& from, TlsChannel& to) {
    const std::string bytes(from.output());
    from.sent();
    if (!bytes.empty()) to.feed(bytes);
    return !bytes.empty();
  }
  static Result<bool> handshake(TlsChannel& client, TlsChannel& server) {
    bool moved = true;
    Result<bool> done = false, accepted = false;
    while (moved) {
      done = client.handshake();
      moved = carry(client, server);
      if (!done.ok()) return done;
      accepted = server.handshake();
      moved = carry(server, client) || moved;
    }
    std::array<char, 10> into;
    (void)client.decrypt(into);  // takes the tickets
    return done.value() && accepted.ok() && accepted.value();
  }
  TlsContext server_context(const CertificateRequest& request) {
    make_tls(request);
    const std::string folder = form_->directory();
    return std::move(make_server_context({folder + "/cert.pem", folder + "/key.pem"})).value();
  }
  TlsContext client_context() {
    return std::move(make_client_context({.extra_ca_pem = {authority_.certificate_pem()}})).value();
  }
};

TEST_F(TlsChannelTest, ASecondConnectionResumesTheSession) {
  const TlsContext server = server_context({}), client = client_context();
  const auto sessions = std::make_shared<TlsSessions>();
  const auto connect = [&](const std::string& name) {
    TlsChannel ours(client.get(), TlsChannel::Role::kClient, name, sessions);
    TlsChannel theirs(server.get(), TlsChannel::Role::kServer, "", nullptr);
    const auto done = handshake(ours, theirs);
    return std::pair{done.ok() && done.value(), ours.resumed()};
  };
  EXPECT_EQ(connect("hooks.example"), (std::pair{true, false}));
  EXPECT_EQ(connect("hooks.example"), (std::pair{true, true}));
  // A session counts for its own name only.
  EXPECT_EQ(connect("other.example").first, false);
}

TEST_F(TlsChannelTest, RefusesVersionsBelow12) {
  const TlsContext server = server_context({}), client = client_context();
  SSL_CTX_set_security_level(server.get(), 0);
  SSL_CTX_set_min_proto_version(server.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(server.get(), TLS1_1_VERSION);
  SSL_CTX_set_cipher_list(server.get(), "ALL:@SECLEVEL=0");
  const auto try_it = [&] {
    TlsChannel ours(client.get(), TlsChannel::Role::kClient, "hooks.example", nullptr);
    TlsChannel theirs(server.get(), TlsChannel::Role::kServer, "", nullptr);
    return handshake(ours, theirs);
  };
  // Nothing but the version stands in the way: a client that does not insist gets through.
  SSL_CTX_set_security_level(client.get(), 0);
  SSL_CTX_set_cipher_list(client.get(), "ALL:@SECLEVEL=0");
  const auto refused = try_it();
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("protocol"));
  SSL_CTX_set_min_proto_version(client.get(), TLS1_VERSION);
  const auto accepted = try_it();
  ASSERT_TRUE(accepted.ok()) << accepted.error().message;
  EXPECT_TRUE(accepted.value());
}

}  // namespace
}  // namespace posthorn::io
