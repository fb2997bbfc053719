// The grammar of the names that clients choose: uids, event types, channels, tags. Each answers
// whether the text is acceptable as it stands; limits are those of the REST contract.
#pragma once
#include <string_view>

namespace posthorn::model {

inline constexpr size_t kUidBytesMax = 256;
inline constexpr size_t kEventTypeBytesMax = 256;
inline constexpr size_t kChannelBytesMax = 128;
inline constexpr size_t kTagBytesMax = 128;
inline constexpr size_t kChannelsMax = 10;
inline constexpr size_t kTagsMax = 5;

// [a-zA-Z0-9\-_.]{1,256}; `own_prefix` is what it may not start with ("app_"), because every path
// part takes an id or a uid.
bool is_uid(std::string_view text, std::string_view own_prefix);
// [a-zA-Z0-9\-_.]{1,256}
bool is_event_type(std::string_view text);
// [a-zA-Z0-9\-_.:+]{1,128}
bool is_channel(std::string_view text);
// [a-zA-Z0-9\-_./\\#]{1,128}
bool is_tag(std::string_view text);

}  // namespace posthorn::model
