// Renders MessageOut by hand: one of these is written for every accepted message.
#include "model/message_json.h"

#include "wire/base64.h"
#include "wire/json.h"
#include "wire/json_writer.h"
#include "wire/time_text.h"
#include "wire/utf8.h"

namespace posthorn::model {
namespace {

void append_string_member(std::string& out, std::string_view name_and_colon,
                          std::string_view text) {
  out.append(name_and_colon);
  wire::append_json_string(out, text);
}

void append_strings(std::string& out, const std::vector<std::string>& texts) {
  char before = '[';
  for (const std::string& text : texts) {
    out.push_back(before);
    wire::append_json_string(out, text);
    before = ',';
  }
  out.push_back(']');
}

bool is_json_object(std::string_view bytes) {
  const auto value = wire::parse_json(bytes);
  return value.ok() && value->kind() == wire::JsonKind::kObject;
}

void append_payload(std::string& out, const Message& message, const MessageJsonOptions& options) {
  out.append(",\"payload\":");
  if (message.payload_expunged) {
    out.append("{\"expired\":true}");
    return;
  }
  if (!options.with_content) {
    out.append("{}");
    return;
  }
  if (options.form == PayloadForm::kObject || is_json_object(message.payload)) {
    out.append(message.payload);
    return;
  }
  if (wire::is_utf8(message.payload)) {
    append_string_member(out, "{},\"payloadText\":", message.payload);
  } else {
    out.append("{},\"payloadBase64\":\"");
    wire::append_base64(out, message.payload);
    out.push_back('"');
  }
  append_string_member(out, ",\"contentType\":", message.content_type);
}

}  // namespace

void append_message(std::string& out, const Message& message, const MessageJsonOptions& options) {
  out.append("{\"id\":\"");
  message.id.append_text(out);
  out.append("\",\"eventId\":");
  if (message.event_id.empty()) {
    out.append("null");
  } else {
    wire::append_json_string(out, message.event_id);
  }
  append_string_member(out, ",\"eventType\":", message.event_type);
  append_payload(out, message, options);
  out.append(",\"channels\":");
  if (message.channels.empty()) {
    out.append("null");
  } else {
    append_strings(out, message.channels);
  }
  if (!message.tags.empty()) {
    out.append(",\"tags\":");
    append_strings(out, message.tags);
  }
  if (message.deliver_at.us != 0) {
    out.append(",\"deliverAt\":\"");
    wire::append_rfc3339(out, message.deliver_at);
    out.push_back('"');
  }
  out.append(",\"timestamp\":\"");
  wire::append_rfc3339(out, message.accepted_at);
  out.append("\"}");
}

}  // namespace posthorn::model
