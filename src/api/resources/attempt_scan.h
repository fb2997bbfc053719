// One page of attempts by filters that the store's indexes know and by others that must be looked
// at one by one. Blocks: for the reader only.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/clock.h"
#include "store/store.h"

namespace posthorn::api {

// Of an attempt or a delivery, as the REST contract numbers them.
enum class AttemptStatus : uint8_t {
  kDelivered = 0,
  kPending = 1,
  kFailed = 2,
  kInFlight = 3,
  kCancelled = 4,
};
// Client libraries that do not ask for `expanded` statuses know no cancelled one: it reads failed.
AttemptStatus status_of(const model::Attempt& attempt, bool expanded);
// success, pending, fail, sending, canceled
std::string_view status_text(AttemptStatus status);

// Filters are conjunctive; empty means any.
struct AttemptScan {
  store::AttemptQuery query;
  bool reversed = false;  // turn the page round
  std::optional<AttemptStatus> status;
  bool expanded = false;
  std::vector<std::string> event_types;
  std::string channel;
  std::string tag;
  bool with_content = true;
  bool with_message = false;
};

struct FoundAttempt {
  model::Attempt attempt;
  store::MessageRef message;  // when it was looked at; null otherwise, or when it is gone
};

struct AttemptPage {
  std::vector<FoundAttempt> items;
  bool done = true;
  // Where the scan stopped, when that is behind the last item.
  std::optional<AttemptId> scanned_to;
};

// A page that fits few of the attempts stops after 20 ms, one of large messages at 8 MiB, with what
// it has, and is not done.
Result<AttemptPage> scan_attempts(store::Store& store, const io::Clock& clock,
                                  const AttemptScan& scan);

}  // namespace posthorn::api
