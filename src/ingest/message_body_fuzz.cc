// Any bytes as a request body: refused or read, and a payload is always a slice of the body.
#include "ingest/message_body.h"

#include "base/check.h"
#include "model/message_json.h"

using namespace posthorn;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string body(reinterpret_cast<const char*>(data), size);
  const auto json = wire::parse_json(body);
  if (!json.ok()) return 0;
  ingest::MessageLimits limits;
  limits.payload_bytes_max = 4096;
  ingest::MessageReader reader(limits);
  const ingest::ReadMessage read = reader.read(*json, WallTime{1'800'000'000'000'000}, {"body"});
  if (read.message == nullptr) {
    CHECK(read.refusal.error.code == Errc::kInvalid || read.refusal.error.code == Errc::kTooLarge,
          "a refusal says why");
    return 0;
  }
  CHECK(!read.message->event_type.empty(), "a message has a type");
  CHECK(read.message->payload.size() <= limits.payload_bytes_max, "payloads are bounded");
  if (read.payload_is_object) {
    CHECK(body.find(read.message->payload) != std::string::npos, "the payload is as given");
  }
  model::MessageJsonOptions options;
  if (read.payload_is_object) options.form = model::PayloadForm::kObject;
  std::string out;
  model::append_message(out, *read.message, options);
  CHECK(wire::parse_json(out, wire::JsonLimits{.depth = 128}).ok(), "an answer is JSON: {}", out);
  return 0;
}
