// pure: request templates of the load generator.
#include "load_request.h"

#include "stamp.h"

namespace posthorn::bench {

LoadBody::LoadBody(const LoadOptions& options) {
  const std::string payload = make_payload(options.payload_bytes, options.run);
  if (options.batch_events > 1) bytes_ = "[";
  for (size_t i = 0; i < options.batch_events; ++i) {
    if (i > 0) bytes_.push_back(',');
    bytes_.append("{\"eventType\":\"bench.event\",\"payload\":");
    payloads_at_.push_back(bytes_.size());
    bytes_.append(payload).push_back('}');
  }
  if (options.batch_events > 1) bytes_.push_back(']');
}

void LoadBody::stamp(uint64_t first_n, uint64_t intended_ns) {
  for (const size_t at : payloads_at_) write_stamp(bytes_.data() + at, first_n++, intended_ns);
}

std::vector<std::string> make_heads(const LoadOptions& options) {
  const size_t body_bytes = LoadBody(options).bytes().size();
  std::vector<std::string> heads;
  for (const std::string& app : options.apps) {
    std::string head = "POST /api/v1/app/" + app + "/msg";
    if (options.batch_events > 1) head += "/batch";
    head += " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(options.port) + "\r\n";
    if (!options.token.empty()) head += "Authorization: Bearer " + options.token + "\r\n";
    head += "Accept: application/json\r\nContent-Type: application/json\r\n";
    head += "Content-Length: " + std::to_string(body_bytes) + "\r\n\r\n";
    heads.push_back(std::move(head));
  }
  return heads;
}

}  // namespace posthorn::bench
