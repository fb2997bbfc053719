#include <benchmark/benchmark.h>

#include "wire/signature.h"

namespace posthorn::wire {
namespace {

void sign(benchmark::State& state, ByteView secret) {
  const std::string body(1024, 'x');
  const auto key = SigningKey::parse(secret);
  std::string out;
  for (auto _ : state) {
    out.clear();
    key->append_signature(out, {"msg_2ZcQ0gYv0000000000000000000", 1614265330, body});
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK_CAPTURE(sign, hmac_1_kib, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
BENCHMARK_CAPTURE(
    sign, ed25519_1_kib,
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9l"
    "MicMFs6Kvg==");

void parse_and_sign(benchmark::State& state) {
  const std::string body(1024, 'x');
  std::string out;
  for (auto _ : state) {
    out.clear();
    SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        ->append_signature(out, {"msg_2ZcQ0gYv0000000000000000000", 1614265330, body});
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(parse_and_sign);

}  // namespace
}  // namespace posthorn::wire
