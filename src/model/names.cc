// The grammar of the names that clients choose.
#include "model/names.h"

#include <algorithm>

namespace posthorn::model {
namespace {

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

bool all_of(std::string_view text, size_t bytes_max, std::string_view also) {
  if (text.empty() || text.size() > bytes_max) return false;
  return std::all_of(text.begin(), text.end(), [also](char c) {
    return is_word(c) || also.find(c) != std::string_view::npos;
  });
}

}  // namespace

bool is_uid(std::string_view text, std::string_view own_prefix) {
  return all_of(text, kUidBytesMax, "") && !text.starts_with(own_prefix);
}
bool is_event_type(std::string_view text) { return all_of(text, kEventTypeBytesMax, ""); }
bool is_channel(std::string_view text) { return all_of(text, kChannelBytesMax, ":+"); }
bool is_tag(std::string_view text) { return all_of(text, kTagBytesMax, "/\\#"); }

}  // namespace posthorn::model
