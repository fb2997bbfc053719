// pure: what the generator learned from the answers: who was acknowledged, how late, which
// statuses.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "histogram.h"
#include "id_set.h"

namespace posthorn::bench {

// A request that was sent or meant to be.
struct LoadRequest {
  uint64_t first_n = 0;
  uint64_t events = 1;
  uint64_t intended_ns = 0;
};

class LoadResults {
 public:
  // `sent_ns` - intended is how far the generator itself was behind its schedule.
  void sent(const LoadRequest& request, uint64_t sent_ns);

  // Returns the number of events acknowledged by this answer.
  uint64_t answered(const LoadRequest& request, int status, std::string_view body, uint64_t now_ns);

  // The connection broke, or the run ended, before an answer: the outcome is unknown. Its latency
  // is at least what has passed.
  void unanswered(const LoadRequest& request, uint64_t now_ns);

  // The run ended before it could be sent at all.
  void unsent(const LoadRequest& request, uint64_t now_ns);

  void reconnected() { ++reconnects_; }

  const IdSet& acked() const { return acked_; }

  // Without "elapsed" fields of the caller's; starts with '{', ends with '}'.
  std::string json() const;

 private:
  uint64_t acknowledge_batch(const LoadRequest& request, std::string_view body);
  std::string statuses_json() const;

  IdSet acked_;
  Histogram accept_;
  Histogram send_lag_;
  std::array<uint64_t, 600> statuses_{};
  uint64_t requests_ = 0;
  uint64_t events_ = 0;
  uint64_t refused_ = 0;
  uint64_t unanswered_ = 0;
  uint64_t unsent_ = 0;
  uint64_t malformed_ = 0;
  uint64_t reconnects_ = 0;
  uint64_t first_sent_ns_ = 0;
  uint64_t last_answer_ns_ = 0;
};

}  // namespace posthorn::bench
