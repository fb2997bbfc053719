// Makes one attempt at a delivery over HTTP: guard the address, sign, send, judge the answer. One
// per shard, on its loop; it decides nothing about what follows.
#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "catalog/snapshot.h"
#include "deliver/dns_cache.h"
#include "deliver/guard.h"
#include "deliver/sign.h"
#include "http/client.h"
#include "io/loop.h"
#include "model/attempt.h"
#include "model/message.h"

namespace posthorn::deliver {

struct DeliverOptions {
  GuardPolicy guard;
  nanoseconds timeout = seconds{15};  // of one attempt, from lookup to last byte
  SignatureHeaders signature_headers = SignatureHeaders::kWebhook;
  bool https_only = false;
  std::string user_agent = "Posthorn";
  size_t response_keep_max = 20'000;        // bytes of a failure's answer that are recorded
  size_t success_response_keep_max = 1024;  // … of a success
  DnsCacheLimits dns;
};

class Deliverer {
 public:
  using MessageRef = std::shared_ptr<const model::Message>;
  using OnOutcome = UniqueFunction<void(model::Outcome)>;

  Deliverer(io::Loop& loop, http::Client& client, DeliverOptions options);
  ~Deliverer();  // cancels what is under way; its callbacks do not run
  Deliverer(const Deliverer&) = delete;
  Deliverer& operator=(const Deliverer&) = delete;

  // `now` is the time of the attempt: it is signed. The callback never runs inside this call.
  // Of a name with several addresses the next one is dialled when one cannot be connected to.
  void attempt(const catalog::EndpointRef& endpoint, const MessageRef& message, WallTime now,
               OnOutcome on_outcome);

 private:
  struct Target;
  struct Running;
  using TargetRef = std::shared_ptr<const Target>;

  TargetRef target_of(const catalog::EndpointRef& endpoint);
  void resolve(size_t slot);
  void resolved(size_t slot, const Result<std::vector<IpAddress>>& addresses);
  void block(size_t slot, const GuardVerdict& verdict);
  void lookup_late(size_t slot);
  void send(size_t slot);
  void dial(size_t slot);
  void render(Running& running);
  void answered(size_t slot, http::ExchangeResult result);
  void end(size_t slot, model::Outcome outcome);
  void end_later(size_t slot, model::OutcomeKind kind, std::string text);
  size_t take_slot();

  io::Loop& loop_;
  http::Client& client_;
  const DeliverOptions options_;
  DnsCache dns_;
  std::unordered_map<EndpointId, TargetRef> targets_;
  std::vector<std::unique_ptr<Running>> running_;
  std::vector<size_t> free_;
  std::string id_;     // of the message that is being signed
  uint64_t turn_ = 0;  // spreads attempts over the addresses of a name
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// What the result of an exchange means for the delivery; pure. Cuts the recorded answer.
model::Outcome outcome_of(http::ExchangeResult result, const DeliverOptions& options);
// The seconds that a Retry-After value asks for: a number of seconds or a date; 0 when it is
// neither. `now` is for dates.
uint32_t parse_retry_after(std::string_view value, WallTime now);

}  // namespace posthorn::deliver
