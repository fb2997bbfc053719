// pure: just enough HTTP/1.1 to find where a message ends: head, Content-Length, body. For the
// benchmark programs, which talk only to each other and to the gateway; never for hostile input
// (the gateway's own strict parser is src/wire/http1).
#pragma once
#include <cstddef>
#include <string_view>

namespace posthorn::bench {

struct HttpFrame {
  std::string_view head;  // with the empty line
  std::string_view body;
  size_t bytes() const { return head.size() + body.size(); }
};

enum class FrameState { kIncomplete, kComplete, kBroken };

// Frames the message at the start of `in`. Without Content-Length the body is empty; with
// Transfer-Encoding it is broken.
FrameState frame_message(std::string_view in, HttpFrame* out);

// "HTTP/1.1 202 Accepted…" -> 202; 0 when it is no status line.
int status_of(std::string_view head);

// "POST /a/b HTTP/1.1…" -> "/a/b"; empty when it is no request line.
std::string_view target_of(std::string_view head);

}  // namespace posthorn::bench
