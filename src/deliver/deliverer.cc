// One attempt, step by step: target, address, signature, exchange, outcome.
#include "deliver/deliverer.h"

#include <fmt/format.h>

#include <algorithm>

#include "io/timer.h"
#include "wire/base64.h"
#include "wire/url.h"

namespace posthorn::deliver {

// What attempts need of an endpoint, made once for each version of its configuration.
struct Deliverer::Target {
  Target(const catalog::EndpointRef& endpoint, const std::string& user_agent);

  catalog::EndpointRef source;  // the very object it was made from
  Result<wire::Url> url;
  EndpointKeys keys;
  std::string head;  // request line and the headers that are the same for every message
};

struct Deliverer::Running {
  Running(io::TimerWheel& wheel, Task on_late) : lookup_deadline(wheel, std::move(on_late)) {}

  TargetRef target;
  MessageRef message;
  WallTime now;
  MonoTime started;
  io::Timer lookup_deadline;  // the client keeps the deadline afterwards
  uint32_t dns_us = 0;
  std::vector<IpAddress> addresses;  // all judged, in the order in which to dial them
  size_t dialled = 0;                // of them
  uint32_t failed_us = 0;            // went by with addresses that could not be connected to
  std::string head;
  std::unique_ptr<http::Pending> pending;
  OnOutcome on_outcome;
  uint64_t use = 0;  // counts the uses of this slot, so that late callbacks of an old one are seen
};

Deliverer::Target::Target(const catalog::EndpointRef& endpoint, const std::string& user_agent)
    : source(endpoint), url(wire::parse_url(endpoint->url)), keys(endpoint->secrets) {
  if (!url.ok()) return;
  wire::append_request_line(head, wire::HttpMethod::kPost, url->target);
  wire::append_header(head, "Host", url->authority());
  wire::append_header(head, "User-Agent", user_agent);
  wire::append_header(head, "Accept", "*/*");
  if (url->credentials) {
    std::string basic = "Basic ";
    wire::append_base64(basic, url->credentials->user + ":" + url->credentials->password);
    wire::append_header(head, "Authorization", basic);
  }
  for (const model::Header& header : endpoint->headers) {
    if (!wire::is_header_name(header.name) || !wire::is_header_value(header.value)) continue;
    wire::append_header(head, header.name, header.value);
  }
}

Deliverer::Deliverer(io::Loop& loop, http::Client& client, DeliverOptions options)
    : loop_(loop), client_(client), options_(std::move(options)), dns_(loop, options_.dns) {}

Deliverer::~Deliverer() { *alive_ = false; }

Deliverer::TargetRef Deliverer::target_of(const catalog::EndpointRef& endpoint) {
  constexpr size_t kTargetsMax = 65'536;
  const auto known = targets_.find(endpoint->id);
  if (known != targets_.end() && known->second->source == endpoint) return known->second;
  if (known != targets_.end()) client_.forget(endpoint->id.bytes.tail());
  if (targets_.size() >= kTargetsMax) targets_.clear();
  auto target = std::make_shared<const Target>(endpoint, options_.user_agent);
  targets_[endpoint->id] = target;
  return target;
}

size_t Deliverer::take_slot() {
  if (free_.empty()) {
    const size_t slot = running_.size();
    running_.push_back(
        std::make_unique<Running>(loop_.timers(), [this, slot] { lookup_late(slot); }));
    return slot;
  }
  const size_t slot = free_.back();
  free_.pop_back();
  return slot;
}

void Deliverer::attempt(const catalog::EndpointRef& endpoint, const MessageRef& message,
                        WallTime now, OnOutcome on_outcome) {
  const size_t slot = take_slot();
  Running& running = *running_[slot];
  ++running.use;
  running.target = target_of(endpoint);
  running.message = message;
  running.now = now;
  running.started = loop_.now();
  running.dns_us = running.failed_us = 0;
  running.addresses.clear();
  running.dialled = 0;
  running.on_outcome = std::move(on_outcome);
  const Result<wire::Url>& url = running.target->url;
  if (!url.ok()) {
    end_later(slot, model::OutcomeKind::kBlocked, "blocked: " + url.error().message);
  } else if (options_.https_only && !url->https) {
    end_later(slot, model::OutcomeKind::kBlocked,
              "blocked: only https URLs are allowed (delivery.https_only)");
  } else {
    resolve(slot);
  }
}

void Deliverer::resolve(size_t slot) {
  Running& running = *running_[slot];
  const wire::Url& url = *running.target->url;
  if (url.address) {
    const GuardVerdict verdict = judge(*url.address, options_.guard);
    if (!verdict.allowed) return block(slot, verdict);
    running.addresses.push_back(*url.address);
    return send(slot);
  }
  running.lookup_deadline.arm_at(running.started + options_.timeout);
  dns_.lookup(url.host, [this, slot, use = running.use, alive = alive_](const auto& addresses) {
    if (!*alive || running_[slot]->use != use) return;
    Running& waiting = *running_[slot];
    waiting.lookup_deadline.cancel();
    waiting.dns_us = static_cast<uint32_t>((loop_.now() - waiting.started).count() / 1000);
    resolved(slot, addresses);
  });
}

void Deliverer::resolved(size_t slot, const Result<std::vector<IpAddress>>& addresses) {
  if (!addresses.ok()) {
    end_later(slot, model::OutcomeKind::kDnsFailed,
              "the name was not resolved: " + addresses.error().message);
    return;
  }
  const GuardVerdict verdict = judge_all(*addresses, options_.guard);
  if (!verdict.allowed) {
    block(slot, verdict);
    return;
  }
  const size_t first = turn_++ % addresses->size();
  Running& running = *running_[slot];
  running.addresses.assign(addresses->begin(), addresses->end());
  std::rotate(running.addresses.begin(), running.addresses.begin() + static_cast<ptrdiff_t>(first),
              running.addresses.end());
  send(slot);
}

// Others may wait for the same answer, so the lookup itself goes on.
void Deliverer::lookup_late(size_t slot) {
  Running& running = *running_[slot];
  running.dns_us = static_cast<uint32_t>((loop_.now() - running.started).count() / 1000);
  model::Outcome outcome;
  outcome.kind = model::OutcomeKind::kTimedOut;
  outcome.response = "timed out during the lookup of the name";
  end(slot, std::move(outcome));
}

void Deliverer::block(size_t slot, const GuardVerdict& verdict) {
  std::string text = "blocked: " + verdict.reason;
  if (!verdict.block.empty()) {
    text += "; allow it with POSTHORN_DELIVERY_ALLOW_TARGETS=" + verdict.block;
    const bool loopback = verdict.block == "127.0.0.0/8" || verdict.block == "::1/128";
    if (loopback) text += " or run with --dev";
  }
  end_later(slot, model::OutcomeKind::kBlocked, std::move(text));
}

void Deliverer::render(Running& running) {
  const model::Message& message = *running.message;
  std::string& head = running.head;
  head.assign(running.target->head);
  for (const model::Header& header : message.headers) {
    if (!wire::is_header_name(header.name) || !wire::is_header_value(header.value)) continue;
    wire::append_header(head, header.name, header.value);
  }
  wire::append_header(head, "Content-Type", message.content_type);
  wire::append_header(head, "Content-Length", message.payload.size());
  id_.clear();
  message.id.append_text(id_);
  running.target->keys.append_headers(head, {id_, running.now.us / 1'000'000, message.payload},
                                      running.now, options_.signature_headers);
  wire::end_head(head);
}

void Deliverer::send(size_t slot) {
  render(*running_[slot]);
  dial(slot);
}

void Deliverer::dial(size_t slot) {
  Running& running = *running_[slot];
  const IpAddress& address = running.addresses[running.dialled++];
  const wire::Url& url = *running.target->url;
  http::Exchange exchange;
  exchange.key = {running.target->source->id.bytes.tail(), {address, url.port}, url.https};
  exchange.server_name = url.host;
  exchange.request = {running.head, running.message->payload};
  exchange.deadline = running.started + options_.timeout;
  exchange.body_keep_max = options_.response_keep_max;
  running.pending = client_.send(std::move(exchange), [this, slot](http::ExchangeResult result) {
    answered(slot, std::move(result));
  });
}

void Deliverer::answered(size_t slot, http::ExchangeResult result) {
  Running& running = *running_[slot];
  if (result.error == http::ExchangeError::kConnect && running.dialled < running.addresses.size()) {
    running.failed_us += result.total_us;
    return dial(slot);
  }
  uint32_t retry_after_s = 0;
  if (result.status >= 300) {
    for (const auto& [name, value] : result.headers) {
      if (wire::equals_lower(name, "retry-after")) {
        retry_after_s = parse_retry_after(value, running.now);
      }
    }
  }
  model::Outcome outcome = outcome_of(std::move(result), options_);
  outcome.retry_after_s = retry_after_s;
  outcome.timings.connect_us += running.failed_us;
  outcome.timings.total_us += running.failed_us;
  if (outcome.timings.first_byte_us > 0) outcome.timings.first_byte_us += running.failed_us;
  end(slot, std::move(outcome));
}

void Deliverer::end(size_t slot, model::Outcome outcome) {
  Running& running = *running_[slot];
  outcome.timings.dns_us = running.dns_us;
  OnOutcome on_outcome = std::move(running.on_outcome);
  running.pending.reset();
  running.message.reset();
  running.target.reset();
  ++running.use;
  free_.push_back(slot);
  on_outcome(std::move(outcome));
}

void Deliverer::end_later(size_t slot, model::OutcomeKind kind, std::string text) {
  loop_.post([this, slot, kind, text = std::move(text), alive = alive_]() mutable {
    if (!*alive) return;
    model::Outcome outcome;
    outcome.kind = kind;
    outcome.response = std::move(text);
    end(slot, std::move(outcome));
  });
}

}  // namespace posthorn::deliver
