// Writing JSON into a buffer the caller reuses. Commas come by themselves; brackets and keys are
// the caller's to pair.
#pragma once
#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/units.h"

namespace posthorn::wire {

// Appends to `out`, which must outlive the writer.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}
  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }
  void key(ByteView name);
  // Any bytes: what is not UTF-8 becomes U+FFFD.
  void string(ByteView text);
  void integer(int64_t value);
  // Not finite: null.
  void number(double value);
  void boolean(bool value) { raw(value ? "true" : "false"); }
  void null() { raw("null"); }
  // RFC 3339; null for no time.
  void time(WallTime value);
  // A whole value that is JSON already, such as a payload.
  void raw(ByteView json);

 private:
  void open(char bracket) {
    comma();
    out_.push_back(bracket);
    need_comma_ = false;
  }
  void close(char bracket) {
    out_.push_back(bracket);
    need_comma_ = true;
  }
  void comma() {
    if (need_comma_) out_.push_back(',');
    need_comma_ = true;
  }
  std::string& out_;
  bool need_comma_ = false;
};

// Appends `text` as a JSON string, quotes included.
void append_json_string(std::string& out, ByteView text);

}  // namespace posthorn::wire
