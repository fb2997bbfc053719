// pure: counts deliveries by event and endpoint.
#include "delivery_record.h"

#include <cstdio>

#include "stamp.h"

namespace posthorn::bench {

void DeliveryRecord::reset(uint32_t run, size_t fan) {
  *this = DeliveryRecord();
  run_ = run;
  delivered_.resize(fan);
}

void DeliveryRecord::record(std::string_view payload, size_t endpoint, uint64_t now_ns) {
  ++requests_;
  Stamp stamp;
  if (endpoint >= delivered_.size() || !read_stamp(payload, &stamp)) {
    ++unreadable_;
    return;
  }
  if (stamp.run != run_) {
    ++foreign_;
    return;
  }
  switch (delivered_[endpoint].insert(stamp.n)) {
    case IdSet::Insert::kOutOfRange:
      ++unreadable_;
      return;
    case IdSet::Insert::kRepeated:
      ++duplicates_;
      return;
    case IdSet::Insert::kFresh:
      break;
  }
  latency_.record(now_ns > stamp.intended_ns ? now_ns - stamp.intended_ns : 0);
  if (first_ns_ == 0) first_ns_ = now_ns;
  last_ns_ = now_ns;
}

std::string DeliveryRecord::json() const {
  uint64_t unique = 0;
  for (const IdSet& set : delivered_) unique += set.count();
  const auto wide = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  char text[512];
  std::snprintf(text, sizeof text,
                "{\"run\":\"%08x\",\"requests\":%llu,\"unique\":%llu,\"duplicates\":%llu,"
                "\"foreign\":%llu,\"unreadable\":%llu,\"first_ns\":%llu,\"last_ns\":%llu,"
                "\"latency\":",
                run_, wide(requests_), wide(unique), wide(duplicates_), wide(foreign_),
                wide(unreadable_), wide(first_ns_), wide(last_ns_));
  return text + latency_.json() + "}";
}

std::string_view DeliveryRecord::delivered(size_t endpoint) const {
  return endpoint < delivered_.size() ? delivered_[endpoint].bytes() : std::string_view{};
}

}  // namespace posthorn::bench
