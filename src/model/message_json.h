// How a message looks to an API client (MessageOut). The payload goes out as the very bytes that
// came in.
#pragma once
#include <string>

#include "model/message.h"

namespace posthorn::model {

// Says whether the payload bytes are one JSON object, where the caller knows it already.
enum class PayloadForm : uint8_t { kUnknown, kObject };

struct MessageJsonOptions {
  bool with_content = true;  // false: the payload reads {}
  PayloadForm form = PayloadForm::kUnknown;
};

// Appends one JSON object. A payload that is not a JSON object is answered as {}, beside it
// `payloadText` (UTF-8) or `payloadBase64`, and `contentType`; one that is gone as
// {"expired":true}.
void append_message(std::string& out, const Message& message, const MessageJsonOptions& options);

}  // namespace posthorn::model
