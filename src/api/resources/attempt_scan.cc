// Scans pages of the history until enough attempts fit or the time is up.
#include "api/resources/attempt_scan.h"

#include <algorithm>

#include "api/page.h"

namespace posthorn::api {
namespace {

constexpr milliseconds kScanMax{20};
constexpr size_t kChunk = 250;
// Where the store looks for attempts of a class of status, each that it finds may cost a segment.
constexpr size_t kSparseChunk = 8;

bool has(const std::vector<std::string>& texts, const std::string& text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

bool needs_message(const AttemptScan& scan) {
  return scan.with_message || !scan.event_types.empty() || !scan.channel.empty() ||
         !scan.tag.empty();
}

// Filters that the store does not know.
bool filters(const AttemptScan& scan) {
  return scan.status.has_value() || !scan.event_types.empty() || !scan.channel.empty() ||
         !scan.tag.empty();
}

bool fits(const AttemptScan& scan, const FoundAttempt& found) {
  if (scan.status && *scan.status != status_of(found.attempt, scan.expanded)) return false;
  if (scan.event_types.empty() && scan.channel.empty() && scan.tag.empty()) return true;
  if (found.message == nullptr) return false;
  const model::Message& message = *found.message;
  return (scan.event_types.empty() || has(scan.event_types, message.event_type)) &&
         (scan.channel.empty() || has(message.channels, scan.channel)) &&
         (scan.tag.empty() || has(message.tags, scan.tag));
}

// Takes what fits of `chunk` until the page is full or the time is up; true when there is more of
// the chunk.
struct Collector {
  store::Store& store;
  const io::Clock& clock;
  const AttemptScan& scan;
  const MonoTime deadline;
  AttemptPage page;
  std::optional<AttemptId> last;
  size_t bytes = 0;  // of what the page will show

  bool over() const {
    return page.items.size() == scan.query.limit || bytes >= kPageBytesMax ||
           clock.now() >= deadline;
  }

  Result<bool> take(std::vector<model::Attempt> chunk) {
    for (model::Attempt& attempt : chunk) {
      if (over()) return true;
      last = attempt.id;
      FoundAttempt found{std::move(attempt), nullptr};
      if (needs_message(scan)) {
        auto message = store.log().read(found.attempt.message_seq);
        if (!message.ok() && message.error().code != Errc::kNotFound) {
          return std::move(message).error();
        }
        if (message.ok()) found.message = std::move(*message);
      }
      if (!fits(scan, found)) continue;
      bytes += found.attempt.outcome.response.size();
      if (scan.with_message && found.message != nullptr) bytes += found.message->payload.size();
      page.items.push_back(std::move(found));
    }
    return false;
  }
};

}  // namespace

AttemptStatus status_of(const model::Attempt& attempt, bool expanded) {
  if (attempt.outcome.delivered()) return AttemptStatus::kDelivered;
  const bool cancelled = attempt.outcome.kind == model::OutcomeKind::kCancelled;
  if (cancelled && expanded) return AttemptStatus::kCancelled;
  return AttemptStatus::kFailed;
}

std::string_view status_text(AttemptStatus status) {
  switch (status) {
    case AttemptStatus::kDelivered:
      return "success";
    case AttemptStatus::kPending:
      return "pending";
    case AttemptStatus::kFailed:
      return "fail";
    case AttemptStatus::kInFlight:
      return "sending";
    case AttemptStatus::kCancelled:
      return "canceled";
  }
  return "fail";
}

Result<AttemptPage> scan_attempts(store::Store& store, const io::Clock& clock,
                                  const AttemptScan& scan) {
  Collector collector{store, clock, scan, clock.now() + kScanMax, {}, std::nullopt};
  store::AttemptQuery query = scan.query;
  if (filters(scan)) query.limit = kChunk;
  if (query.status_class) query.limit = std::min(query.limit, kSparseChunk);
  bool more = true;
  while (more && !collector.over()) {
    PH_ASSIGN(store::Page<model::Attempt> chunk, store.history().list(query));
    const bool last_chunk = chunk.done || chunk.items.empty();
    PH_ASSIGN(const bool cut, collector.take(std::move(chunk.items)));
    more = cut || !last_chunk;
    query.after = collector.last;
    if (cut) break;
  }
  AttemptPage page = std::move(collector.page);
  page.done = !more;
  if (collector.last && (page.items.empty() || page.items.back().attempt.id != *collector.last)) {
    page.scanned_to = collector.last;
  }
  if (scan.reversed) {
    std::reverse(page.items.begin(), page.items.end());
    page.scanned_to.reset();
  }
  return page;
}

}  // namespace posthorn::api
