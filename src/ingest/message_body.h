// pure: reads one message out of a request body. Called by the HTTP source for a single message
// and for each of a batch. What it accepts it keeps exactly; what it cannot honour it refuses.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/units.h"
#include "model/message.h"
#include "model/refusal.h"
#include "wire/json.h"

namespace posthorn::ingest {

// Values are set in app/limits.h.
struct MessageLimits {
  size_t payload_bytes_max = 1u << 20;
  size_t headers_max = 32;
  seconds deliver_ahead_max{24 * 3600};
};

struct ReadMessage {
  std::shared_ptr<model::Message> message;  // null when it is refused
  bool payload_is_object = true;            // false: raw text that need not be JSON
  model::Refusal refusal;                   // when it is refused
};

// Keeps buffers from one message to the next; one per loop.
class MessageReader {
 public:
  explicit MessageReader(MessageLimits limits) : limits_(limits) {}

  // `body` is checked JSON. `loc` is where it stands in the request: {"body"}, {"body", "3"}.
  // Filled in: event type, payload, content type, headers, channels, tags, event id, ordering key,
  // times. kInvalid with issues, or kTooLarge.
  ReadMessage read(const wire::JsonValue& body, WallTime now, const std::vector<std::string>& loc);
  // The same with the members of the body at hand.
  ReadMessage read(std::span<const wire::JsonMember> members, WallTime now,
                   const std::vector<std::string>& loc);

 private:
  struct Field;
  struct Param;
  static const Field kFields[];
  static const Param kParams[];

  ReadMessage read_members(const Status& object, WallTime now, const std::vector<std::string>& loc);
  void read_event_type(const wire::JsonValue& value);
  void read_payload(const wire::JsonValue& value);
  void read_event_id(const wire::JsonValue& value);
  void read_channels(const wire::JsonValue& value);
  void read_tags(const wire::JsonValue& value);
  void read_deliver_at(const wire::JsonValue& value);
  void read_retention_days(const wire::JsonValue& value);
  void read_retention_hours(const wire::JsonValue& value);
  void read_ordering_key(const wire::JsonValue& value);
  void read_params(const wire::JsonValue& value);
  void read_raw_payload(const wire::JsonValue& value);
  void read_headers(const wire::JsonValue& value);
  void read_application(const wire::JsonValue& value);
  void refuse_endpoint_ids(const wire::JsonValue& value);

  void read_header(std::string_view name, const wire::JsonValue& value);
  void take_payload(std::string_view bytes);
  void take_retention(const wire::JsonValue& value, int64_t max, uint32_t hours_each);
  // Reads an array of texts; `check` judges each.
  template <typename Check>
  std::vector<std::string> read_texts(const wire::JsonValue& value, size_t count_max, Check check);
  // A text value, in place or unescaped; an issue otherwise.
  std::optional<std::string_view> text_of(const wire::JsonValue& value);
  // An issue of the field that is being read; a "field: " in front of `msg` is dropped.
  void refuse(std::string_view msg);

  const MessageLimits limits_;
  wire::JsonObject members_;
  wire::JsonObject params_;
  std::string scratch_;

  // Of the message that is being read.
  model::Message* message_ = nullptr;
  const std::vector<std::string>* loc_ = nullptr;
  std::string_view field_;
  std::string_view param_;
  WallTime now_;
  bool has_payload_ = false;
  bool raw_payload_ = false;
  bool has_retention_ = false;
  size_t payload_too_large_ = 0;
  model::IssueList issues_;
};

}  // namespace posthorn::ingest
