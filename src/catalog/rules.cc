// pure: the rules of rules.h. Limits of the REST contract are constants here, because clients
// rely on them; those of our own are in CatalogLimits.
#include "catalog/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "wire/url.h"

namespace posthorn::catalog {
namespace {

constexpr size_t kUidMax = 256;
constexpr size_t kEventTypeMax = 256;
constexpr size_t kChannelMax = 128;
constexpr size_t kEndpointChannelsMax = 10;
constexpr size_t kMetadataBytesMax = 4096;
constexpr size_t kHeaderValueMax = 4096;
constexpr size_t kHeaderNameMax = 256;

// Set by the delivery itself, by the connection, or meant for caches.
constexpr std::array<std::string_view, 26> kRefusedNames = {
    "age",
    "cache-control",
    "clear-site-data",
    "connection",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-type",
    "date",
    "expect",
    "expires",
    "host",
    "keep-alive",
    "pragma",
    "proxy-connection",
    "te",
    "trailer",
    "trailers",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "warning",
    "http2-settings",
    "forwarded",
};
constexpr std::array<std::string_view, 10> kRefusedPrefixes = {
    "webhook-", "svix-",   "x-svix-", "x-amz-",   "x-amzn-",
    "x-google", "x-goog-", "x-gfe",   "x-azure-", "x-fd-",
};

template <typename... Args>
Error refused(std::string_view field, fmt::format_string<Args...> format, Args&&... args) {
  return error(Errc::kInvalid,
               fmt::format("{}: {}", field, fmt::format(format, std::forward<Args>(args)...)));
}

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}
bool is_word(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return is_letter_or_digit(c) || others.find(c) != std::string_view::npos;
  });
}

Status check_word(std::string_view field, std::string_view text, size_t size_max,
                  std::string_view others) {
  if (text.empty()) return refused(field, "is empty; give 1 to {} characters", size_max);
  if (text.size() > size_max) {
    return refused(field, "has {} characters; at most {} are allowed", text.size(), size_max);
  }
  if (!is_word(text, others)) {
    return refused(field, "only letters, digits and {} are allowed", others);
  }
  return {};
}

Status check_uid(std::string_view uid, std::string_view own_prefix) {
  if (uid.empty()) return {};
  PH_TRY(check_word("uid", uid, kUidMax, "-_."));
  if (uid.starts_with(own_prefix)) {
    return refused("uid", "must not start with {}, which marks ids made by the server", own_prefix);
  }
  return {};
}

// Text that people read. The lowest control characters are refused as the contract says.
Status check_text(std::string_view field, std::string_view text, size_t size_max) {
  if (text.size() > size_max) {
    return refused(field, "has {} bytes; at most {} are allowed", text.size(), size_max);
  }
  const bool control = std::any_of(text.begin(), text.end(),
                                   [](char c) { return static_cast<unsigned char>(c) <= 8; });
  if (control) return refused(field, "has a control character; remove it");
  return {};
}

Status check_throttle(const std::optional<uint16_t>& rate) {
  if (rate && *rate == 0) {
    return refused("throttleRate", "must be 1 to 65535 messages a second, or absent for no limit");
  }
  return {};
}

// What a string takes as JSON text, with its quotes.
size_t json_bytes(std::string_view text) {
  size_t bytes = 2;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    bytes += c == '"' || c == '\\' ? 2 : byte < 0x20 ? 6 : 1;
  }
  return bytes;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

void sort_unique(std::vector<std::string>& texts) {
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
}

Status check_url(const std::string& url, bool https_only) {
  if (url.empty()) return refused("url", "is empty; give an https:// or http:// address");
  PH_ASSIGN(const wire::Url parsed, wire::parse_url(url).context("url"));
  if (!parsed.https && https_only) {
    return refused("url", "must start with https:// on this server");
  }
  return {};
}

Status check_headers(const std::vector<model::Header>& headers, size_t count_max) {
  if (headers.size() > count_max) {
    return refused("headers", "{} are given; at most {} are allowed", headers.size(), count_max);
  }
  std::vector<std::string> names;
  for (const model::Header& header : headers) {
    PH_TRY(check_header("headers", header));
    names.push_back(lower(header.name));
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) return refused("headers", "'{}' is given twice; keep one", *twice);
  return {};
}

}  // namespace

Status check_event_type(std::string_view field, std::string_view text) {
  return check_word(field, text, kEventTypeMax, "-_.");
}

Status check_channel(std::string_view field, std::string_view text) {
  return check_word(field, text, kChannelMax, "-_.:+");
}

Status check_metadata(const model::Metadata& metadata) {
  size_t bytes = 2;
  for (const auto& [key, value] : metadata) bytes += json_bytes(key) + json_bytes(value) + 2;
  if (bytes > kMetadataBytesMax) {
    return refused("metadata", "takes {} bytes as JSON; at most {} are allowed", bytes,
                   kMetadataBytesMax);
  }
  return {};
}

Status check_header(std::string_view field, const model::Header& header) {
  constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";
  if (header.name.empty() || header.name.size() > kHeaderNameMax ||
      !is_word(header.name, kTokenMarks)) {
    return refused(field, "a header name must be 1 to {} letters, digits or {}", kHeaderNameMax,
                   kTokenMarks);
  }
  const std::string name = lower(header.name);
  const bool listed =
      std::find(kRefusedNames.begin(), kRefusedNames.end(), name) != kRefusedNames.end();
  const bool prefixed = std::any_of(kRefusedPrefixes.begin(), kRefusedPrefixes.end(),
                                    [&](std::string_view p) { return name.starts_with(p); });
  if (listed || prefixed) {
    return refused(field, "'{}' is set by the delivery itself or reserved; use another name", name);
  }
  if (header.value.size() > kHeaderValueMax) {
    return refused(field, "the value of '{}' has {} bytes; at most {} are allowed", name,
                   header.value.size(), kHeaderValueMax);
  }
  const bool printable = std::all_of(header.value.begin(), header.value.end(),
                                     [](char c) { return c == '\t' || (c >= ' ' && c < 0x7f); });
  if (!printable) return refused(field, "the value of '{}' must be printable ASCII", name);
  return {};
}

Status check_application(const ApplicationSpec& spec, const CatalogOptions& options) {
  PH_TRY(check_uid(spec.uid, AppId::prefix()));
  if (spec.name.empty()) return refused("name", "is empty; give the application a name");
  PH_TRY(check_text("name", spec.name, options.limits.name_bytes_max));
  PH_TRY(check_throttle(spec.throttle_rate));
  return check_metadata(spec.metadata);
}

Status check_endpoint(EndpointSpec& spec, const CatalogOptions& options) {
  const CatalogLimits& limits = options.limits;
  sort_unique(spec.event_types);
  sort_unique(spec.channels);
  PH_TRY(check_uid(spec.uid, EndpointId::prefix()));
  PH_TRY(check_url(spec.url, options.https_only));
  PH_TRY(check_text("description", spec.description, limits.description_bytes_max));
  PH_TRY(check_throttle(spec.throttle_rate));
  if (spec.version == 0) return refused("version", "must be 1 or more");
  if (spec.event_types.size() > limits.event_types_max) {
    return refused("eventTypes", "{} are given; at most {} are allowed", spec.event_types.size(),
                   limits.event_types_max);
  }
  for (const std::string& type : spec.event_types) PH_TRY(check_event_type("eventTypes", type));
  if (spec.channels.size() > kEndpointChannelsMax) {
    return refused("channels", "{} are given; at most {} are allowed", spec.channels.size(),
                   kEndpointChannelsMax);
  }
  for (const std::string& channel : spec.channels) PH_TRY(check_channel("channels", channel));
  PH_TRY(check_headers(spec.headers, limits.headers_max));
  return check_metadata(spec.metadata);
}

}  // namespace posthorn::catalog
