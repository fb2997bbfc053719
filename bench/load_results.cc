// pure: accounting of the load generator.
#include "load_results.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace posthorn::bench {
namespace {

constexpr std::string_view kIndex = "\"index\":";
constexpr std::string_view kError = "\"error\"";

uint64_t since(uint64_t from_ns, uint64_t to_ns) { return to_ns > from_ns ? to_ns - from_ns : 0; }

}  // namespace

void LoadResults::sent(const LoadRequest& request, uint64_t sent_ns) {
  if (first_sent_ns_ == 0) first_sent_ns_ = sent_ns;
  ++requests_;
  events_ += request.events;
  send_lag_.record(since(request.intended_ns, sent_ns));
}

uint64_t LoadResults::answered(const LoadRequest& request, int status, std::string_view body,
                               uint64_t now_ns) {
  ++statuses_[static_cast<size_t>(std::clamp(status, 0, 599))];
  last_answer_ns_ = now_ns;
  uint64_t acked = 0;
  if (status >= 200 && status <= 299) {
    if (request.events > 1) {
      acked = acknowledge_batch(request, body);
    } else {
      acked = acked_.insert(request.first_n) == IdSet::Insert::kFresh ? 1 : 0;
    }
    accept_.record(since(request.intended_ns, now_ns));
  }
  refused_ += request.events - acked;
  return acked;
}

// {"results":[{"index":0,"id":"…"},{"index":1,"error":{…}}]}: an entry reaches to the next "index".
uint64_t LoadResults::acknowledge_batch(const LoadRequest& request, std::string_view body) {
  uint64_t acked = 0;
  uint64_t entries = 0;
  size_t at = body.find(kIndex);
  while (at != std::string_view::npos) {
    const size_t next = body.find(kIndex, at + kIndex.size());
    const std::string_view entry = body.substr(at, next - at);
    uint64_t index = request.events;
    size_t digits = kIndex.size();
    while (digits < entry.size() && entry[digits] == ' ') ++digits;
    std::from_chars(entry.data() + digits, entry.data() + entry.size(), index);
    ++entries;
    if (index < request.events && entry.find(kError) == std::string_view::npos) {
      acked += acked_.insert(request.first_n + index) == IdSet::Insert::kFresh ? 1 : 0;
    }
    at = next;
  }
  if (entries != request.events) ++malformed_;
  return acked;
}

void LoadResults::unanswered(const LoadRequest& request, uint64_t now_ns) {
  unanswered_ += request.events;
  accept_.record(since(request.intended_ns, now_ns));
}

void LoadResults::unsent(const LoadRequest& request, uint64_t now_ns) {
  unsent_ += request.events;
  accept_.record(since(request.intended_ns, now_ns));
}

std::string LoadResults::statuses_json() const {
  std::string out = "{";
  for (size_t status = 0; status < statuses_.size(); ++status) {
    if (statuses_[status] == 0) continue;
    if (out.size() > 1) out += ',';
    out += '"' + std::to_string(status) + "\":" + std::to_string(statuses_[status]);
  }
  return out + "}";
}

std::string LoadResults::json() const {
  const auto wide = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  char text[640];
  std::snprintf(text, sizeof text,
                "{\"requests\":%llu,\"events\":%llu,\"acked\":%llu,\"refused\":%llu,"
                "\"unanswered\":%llu,\"unsent\":%llu,\"malformed\":%llu,\"reconnects\":%llu,"
                "\"first_sent_ns\":%llu,\"last_answer_ns\":%llu,",
                wide(requests_), wide(events_), wide(acked_.count()), wide(refused_),
                wide(unanswered_), wide(unsent_), wide(malformed_), wide(reconnects_),
                wide(first_sent_ns_), wide(last_answer_ns_));
  return std::string(text) + "\"statuses\":" + statuses_json() + ",\"accept\":" + accept_.json() +
         ",\"send_lag\":" + send_lag_.json() + "}";
}

}  // namespace posthorn::bench
