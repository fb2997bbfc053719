// pure: from the result of an exchange to the outcome of an attempt.
#include <charconv>

#include "deliver/deliverer.h"
#include "wire/http1.h"
#include "wire/time_text.h"

namespace posthorn::deliver {
namespace {

model::OutcomeKind kind_of(const http::ExchangeResult& result) {
  switch (result.error) {
    case http::ExchangeError::kConnect:
      return model::OutcomeKind::kConnectFailed;
    case http::ExchangeError::kTls:
      return model::OutcomeKind::kTlsFailed;
    case http::ExchangeError::kTimeout:
      return model::OutcomeKind::kTimedOut;
    case http::ExchangeError::kDisconnected:
      return model::OutcomeKind::kDisconnected;
    case http::ExchangeError::kProtocol:
      return model::OutcomeKind::kProtocolError;
    case http::ExchangeError::kNone:
      break;
  }
  const bool success = result.status >= 200 && result.status <= 299;
  return success ? model::OutcomeKind::kDelivered : model::OutcomeKind::kHttpError;
}

}  // namespace

uint32_t parse_retry_after(std::string_view value, WallTime now) {
  uint32_t wait_s = 0;
  const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), wait_s);
  if (failure == std::errc{} && end == value.data() + value.size()) return wait_s;
  const auto date = wire::parse_http_date(value);
  if (!date || *date <= now) return 0;
  const int64_t ahead_s = (*date - now).count() / 1'000'000 + 1;
  return static_cast<uint32_t>(std::min<int64_t>(ahead_s, std::numeric_limits<uint32_t>::max()));
}

model::Outcome outcome_of(http::ExchangeResult result, const DeliverOptions& options) {
  model::Outcome outcome;
  outcome.kind = kind_of(result);
  outcome.status = static_cast<int16_t>(result.status);
  outcome.timings.connect_us = result.connect_us;
  outcome.timings.tls_us = result.tls_us;
  outcome.timings.first_byte_us = result.first_byte_us;
  outcome.timings.total_us = result.total_us;
  const bool answered = result.error == http::ExchangeError::kNone;
  outcome.response = answered ? std::move(result.body) : std::move(result.detail);
  outcome.response_truncated = result.body_truncated;
  const size_t keep =
      outcome.delivered() ? options.success_response_keep_max : options.response_keep_max;
  if (outcome.response.size() > keep) {
    outcome.response.resize(keep);
    outcome.response_truncated = true;
  }
  return outcome;
}

}  // namespace posthorn::deliver
