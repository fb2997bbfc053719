// pure: one function per field of MessageIn, called in the order in which the body names them.
#include "ingest/message_body.h"

#include <fmt/format.h>

#include <algorithm>

#include "catalog/rules.h"
#include "wire/http1.h"
#include "wire/time_text.h"

namespace posthorn::ingest {
namespace {

using wire::JsonKind;
using wire::JsonValue;

constexpr size_t kMessageChannelsMax = 10;
constexpr size_t kTagsMax = 5;
constexpr size_t kTagBytesMax = 128;
constexpr size_t kEventIdBytesMax = 256;
constexpr size_t kOrderingKeyBytesMax = 1024;
constexpr size_t kContentTypeBytesMax = 256;
constexpr int64_t kRetentionDaysMax = 90;
constexpr int64_t kRetentionHoursMax = 2160;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

bool is_name(std::string_view text, size_t bytes_max, std::string_view also) {
  if (text.empty() || text.size() > bytes_max) return false;
  return std::all_of(text.begin(), text.end(), [also](char c) {
    return is_word(c) || also.find(c) != std::string_view::npos;
  });
}

Status check_tag(std::string_view text) {
  if (is_name(text, kTagBytesMax, "/\\#")) return {};
  return error(Errc::kInvalid,
               fmt::format("a tag has 1 to {} letters, digits or -_./\\#", kTagBytesMax));
}

}  // namespace

struct MessageReader::Field {
  std::string_view name;
  void (MessageReader::*read)(const JsonValue&);
  bool nullable;  // null reads as absent
};

const MessageReader::Field MessageReader::kFields[] = {
    {"eventType", &MessageReader::read_event_type, false},
    {"payload", &MessageReader::read_payload, false},
    {"data", &MessageReader::read_payload, false},
    {"eventId", &MessageReader::read_event_id, true},
    {"channels", &MessageReader::read_channels, true},
    {"tags", &MessageReader::read_tags, true},
    {"deliverAt", &MessageReader::read_deliver_at, true},
    {"payloadRetentionPeriod", &MessageReader::read_retention_days, true},
    {"payloadRetentionHours", &MessageReader::read_retention_hours, true},
    {"transformationsParams", &MessageReader::read_params, true},
    {"orderingKey", &MessageReader::read_ordering_key, true},
    {"application", &MessageReader::read_application, true},
    {"endpointIds", &MessageReader::refuse_endpoint_ids, true},
};

struct MessageReader::Param {
  std::string_view name;
  void (MessageReader::*read)(const JsonValue&);
};

const MessageReader::Param MessageReader::kParams[] = {
    {"rawPayload", &MessageReader::read_raw_payload},
    {"headers", &MessageReader::read_headers},
    {"orderingKey", &MessageReader::read_ordering_key},
};

ReadMessage MessageReader::read(const JsonValue& body, WallTime now,
                                const std::vector<std::string>& loc) {
  return read_members(members_.assign(body), now, loc);
}

ReadMessage MessageReader::read(std::span<const wire::JsonMember> members, WallTime now,
                                const std::vector<std::string>& loc) {
  return read_members(members_.assign(members), now, loc);
}

ReadMessage MessageReader::read_members(const Status& object, WallTime now,
                                        const std::vector<std::string>& loc) {
  ReadMessage out;
  auto message = std::make_shared<model::Message>();
  message_ = message.get();
  loc_ = &loc;
  now_ = now;
  field_ = {};
  param_ = {};
  has_payload_ = raw_payload_ = has_retention_ = false;
  payload_too_large_ = 0;
  issues_ = {};

  if (!object.ok()) {
    refuse(object.error().message);
  } else {
    for (const auto& member : members_.members()) {
      const auto* const field = std::find_if(std::begin(kFields), std::end(kFields),
                                             [&](const Field& f) { return f.name == member.key; });
      // Fields of newer clients that this server does not know are left alone.
      if (field == std::end(kFields) || (field->nullable && member.value.is_null())) continue;
      field_ = field->name;
      (this->*field->read)(member.value);
    }
    field_ = "eventType";
    if (members_.find("eventType") == nullptr) refuse("is missing; name the type of the event");
    field_ = "payload";
    // One that was refused is not missing.
    const bool given = members_.find("payload") != nullptr || members_.find("data") != nullptr;
    if (!has_payload_ && !given) {
      refuse("is missing; give a JSON object, or transformationsParams.rawPayload");
    }
  }
  if (payload_too_large_ != 0) {
    out.refusal.error =
        error(Errc::kTooLarge, fmt::format("the payload has {} bytes; at most {} are allowed",
                                           payload_too_large_, limits_.payload_bytes_max));
  } else if (!issues_.empty()) {
    out.refusal = std::move(issues_).refusal();
  } else {
    out.message = std::move(message);
    out.payload_is_object = !raw_payload_;
  }
  return out;
}

void MessageReader::refuse(std::string_view msg) {
  std::vector<std::string> loc = *loc_;
  if (!field_.empty()) loc.emplace_back(field_);
  if (!param_.empty()) loc.emplace_back(param_);
  // The rules of the catalog name the field in front.
  const std::string_view last = param_.empty() ? field_ : param_;
  if (!last.empty() && msg.starts_with(last) && msg.substr(last.size()).starts_with(": ")) {
    msg.remove_prefix(last.size() + 2);
  }
  issues_.add(std::move(loc), std::string(msg));
}

std::optional<std::string_view> MessageReader::text_of(const JsonValue& value) {
  if (value.kind() != JsonKind::kString) {
    refuse("must be a string");
    return std::nullopt;
  }
  const auto text = value.text(scratch_);
  if (!text) refuse("has half of a surrogate pair: give whole characters");
  return text;
}

template <typename Check>
std::vector<std::string> MessageReader::read_texts(const JsonValue& value, size_t count_max,
                                                   Check check) {
  std::vector<std::string> texts;
  if (value.kind() != JsonKind::kArray) {
    refuse("must be an array of strings");
    return texts;
  }
  wire::JsonElements elements(value);
  while (const auto element = elements.next()) {
    if (texts.size() == count_max) {
      refuse(fmt::format("has more than {} entries", count_max));
      return texts;
    }
    const auto text = text_of(*element);
    if (!text) return texts;
    if (const Status status = check(*text); !status.ok()) {
      refuse(status.error().message);
      return texts;
    }
    if (std::find(texts.begin(), texts.end(), *text) == texts.end()) texts.emplace_back(*text);
  }
  return texts;
}

void MessageReader::read_event_type(const JsonValue& value) {
  const auto text = text_of(value);
  if (!text) return;
  const Status status = catalog::check_event_type(field_, *text);
  if (!status.ok()) return refuse(status.error().message);
  message_->event_type = *text;
}

void MessageReader::read_payload(const JsonValue& value) {
  if (value.kind() != JsonKind::kObject) {
    return refuse(
        "must be a JSON object; other content goes into "
        "transformationsParams.rawPayload");
  }
  if (raw_payload_) return;
  if (has_payload_) return refuse("is given as `payload` and as `data`; give one of them");
  take_payload(value.raw());
}

void MessageReader::take_payload(std::string_view bytes) {
  has_payload_ = true;
  if (bytes.size() > limits_.payload_bytes_max) {
    payload_too_large_ = bytes.size();
    return;
  }
  message_->payload = bytes;
}

void MessageReader::read_event_id(const JsonValue& value) {
  const auto text = text_of(value);
  if (!text) return;
  if (!is_name(*text, kEventIdBytesMax, "")) {
    return refuse(fmt::format("must have 1 to {} letters, digits or -_.", kEventIdBytesMax));
  }
  message_->event_id = *text;
}

void MessageReader::read_channels(const JsonValue& value) {
  message_->channels = read_texts(value, kMessageChannelsMax, [this](std::string_view text) {
    return catalog::check_channel(field_, text);
  });
  if (message_->channels.empty() && issues_.empty()) {
    refuse("is empty; name a channel or leave it out");
  }
}

void MessageReader::read_tags(const JsonValue& value) {
  message_->tags = read_texts(value, kTagsMax, check_tag);
}

void MessageReader::read_deliver_at(const JsonValue& value) {
  const auto text = text_of(value);
  if (!text) return;
  const auto time = wire::parse_rfc3339(*text);
  if (!time) return refuse("must be a time like 2026-01-31T09:15:00Z");
  if (*time > now_ + limits_.deliver_ahead_max) {
    return refuse(
        fmt::format("may be at most {} hours ahead", limits_.deliver_ahead_max.count() / 3600));
  }
  // A time that has passed asks for delivery at once.
  if (*time > now_) message_->deliver_at = *time;
}

void MessageReader::take_retention(const JsonValue& value, int64_t max, uint32_t hours_each) {
  if (has_retention_) {
    return refuse("give payloadRetentionPeriod (days) or payloadRetentionHours, not both");
  }
  const auto number = value.integer();
  if (!number || *number < 1 || *number > max) {
    return refuse(fmt::format("must be a whole number from 1 to {}", max));
  }
  has_retention_ = true;
  message_->payload_retention_hours = static_cast<uint32_t>(*number) * hours_each;
}

void MessageReader::read_retention_days(const JsonValue& value) {
  take_retention(value, kRetentionDaysMax, 24);
}
void MessageReader::read_retention_hours(const JsonValue& value) {
  take_retention(value, kRetentionHoursMax, 1);
}

void MessageReader::read_ordering_key(const JsonValue& value) {
  const auto text = text_of(value);
  if (!text) return;
  if (text->empty() || text->size() > kOrderingKeyBytesMax) {
    return refuse(fmt::format("must have 1 to {} bytes", kOrderingKeyBytesMax));
  }
  if (!message_->ordering_key.empty() && message_->ordering_key != *text) {
    return refuse("is given twice with different values");
  }
  message_->ordering_key = *text;
}

void MessageReader::read_params(const JsonValue& value) {
  if (const Status object = params_.assign(value); !object.ok()) {
    return refuse(object.error().message);
  }
  for (const auto& member : params_.members()) {
    param_ = member.key;
    const auto* const param = std::find_if(std::begin(kParams), std::end(kParams),
                                           [&](const Param& p) { return p.name == member.key; });
    if (param == std::end(kParams)) {
      refuse("is not known here; known are rawPayload, headers and orderingKey");
    } else if (!member.value.is_null()) {
      (this->*param->read)(member.value);
    }
  }
  param_ = {};
}

void MessageReader::read_raw_payload(const JsonValue& value) {
  const auto text = text_of(value);
  if (!text) return;
  // Client libraries send an empty object as `payload` beside it.
  payload_too_large_ = 0;
  raw_payload_ = true;
  take_payload(*text);
}

void MessageReader::read_headers(const JsonValue& value) {
  wire::JsonObject headers;
  if (const Status object = headers.assign(value); !object.ok()) {
    return refuse(object.error().message);
  }
  if (headers.members().size() > limits_.headers_max) {
    return refuse(fmt::format("has more than {} entries", limits_.headers_max));
  }
  for (const auto& member : headers.members()) read_header(member.key, member.value);
}

void MessageReader::read_header(std::string_view name, const JsonValue& value) {
  const auto text = text_of(value);
  if (!text) return;
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  if (lower == "content-type") {
    if (text->empty() || text->size() > kContentTypeBytesMax || !wire::is_header_value(*text)) {
      return refuse(
          fmt::format("'content-type' must have 1 to {} printable bytes", kContentTypeBytesMax));
    }
    message_->content_type = *text;
    return;
  }
  model::Header header{std::string(name), std::string(*text)};
  if (const Status status = catalog::check_header(param_, header); !status.ok()) {
    return refuse(status.error().message);
  }
  const bool twice =
      std::any_of(message_->headers.begin(), message_->headers.end(),
                  [&](const model::Header& h) { return wire::equals_lower(h.name, lower); });
  if (twice) return refuse(fmt::format("'{}' is given twice; keep one", lower));
  message_->headers.push_back(std::move(header));
}

// The inline application: who posts to an application that exists need not describe it, and a
// description beside it changes nothing.
void MessageReader::read_application(const JsonValue& value) {
  if (value.kind() != JsonKind::kObject) refuse("must be an object");
}

void MessageReader::refuse_endpoint_ids(const JsonValue&) {
  refuse("is not supported: a message goes to every endpoint whose filters let it through");
}

}  // namespace posthorn::ingest
