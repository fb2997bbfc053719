// The simulated TLS.
#include "io/sim/tls.h"

#include "io/timer.h"

namespace posthorn::io::sim {
namespace {

class SimHandshake final : public TlsHandshake {
 public:
  SimHandshake(Loop& loop, MonoTime end, std::unique_ptr<Stream> under, Status verdict)
      : under_(std::move(under)),
        verdict_(std::move(verdict)),
        done_(loop.timers(), [this] { finish(); }) {
    done_.arm_at(end);
  }
  void tell(Tls::OnStream on_stream) { on_stream_ = std::move(on_stream); }

 private:
  void finish() {
    // The callback may destroy this.
    Tls::OnStream on_stream = std::move(on_stream_);
    if (verdict_.ok()) return on_stream(std::move(under_));
    under_.reset();
    on_stream(std::move(verdict_).error());
  }

  std::unique_ptr<Stream> under_;
  Status verdict_;
  Tls::OnStream on_stream_;
  Timer done_;
};

class SimTls final : public Tls {
 public:
  SimTls(Loop& loop, const TlsVerdicts& verdicts, bool can_accept)
      : loop_(loop), verdicts_(verdicts), can_accept_(can_accept) {}

  std::unique_ptr<TlsHandshake> connect(std::unique_ptr<Stream> under,
                                        const std::string& server_name,
                                        OnStream on_stream) override {
    const auto failing = verdicts_.failing.find(server_name);
    Status verdict;
    if (failing != verdicts_.failing.end()) verdict = Error(failing->second);
    return start(std::move(under), std::move(verdict), std::move(on_stream));
  }

  std::unique_ptr<TlsHandshake> accept(std::unique_ptr<Stream> under, OnStream on_stream) override {
    Status verdict;
    if (!can_accept_) verdict = error(Errc::kUnavailable, "no certificate is configured");
    return start(std::move(under), std::move(verdict), std::move(on_stream));
  }

 private:
  std::unique_ptr<TlsHandshake> start(std::unique_ptr<Stream> under, Status verdict,
                                      OnStream on_stream) {
    const MonoTime end = loop_.clock().now() + verdicts_.handshake_time;
    auto handshake =
        std::make_unique<SimHandshake>(loop_, end, std::move(under), std::move(verdict));
    handshake->tell(std::move(on_stream));
    return handshake;
  }

  Loop& loop_;
  const TlsVerdicts& verdicts_;
  const bool can_accept_;
};

}  // namespace

std::unique_ptr<Tls> make_sim_tls(Loop& loop, const TlsVerdicts& verdicts, bool can_accept) {
  return std::make_unique<SimTls>(loop, verdicts, can_accept);
}

}  // namespace posthorn::io::sim
