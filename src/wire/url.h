// URLs of endpoints: one strict parser for the check when an endpoint is saved and for the dialling
// of each attempt, so that both always mean the same host. Fuzzed by url_fuzz.cc.
#pragma once
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/ip.h"
#include "base/result.h"

namespace posthorn::wire {

constexpr size_t kUrlBytesMax = 65'536;

struct UrlCredentials {
  std::string user;  // percent-decoded
  std::string password;
};

struct Url {
  bool https = true;
  std::string host;                  // in lower case; an address without brackets
  std::optional<IpAddress> address;  // when the host is an address
  uint16_t port = 443;
  std::string target;                         // path and query as given; at least "/"
  std::optional<UrlCredentials> credentials;  // for Basic authentication; never to be shown

  // What a Host header says: the port only when it is not the scheme's, brackets around IPv6.
  std::string authority() const;
};

// kInvalid, with a sentence that says what is wrong and never repeats the URL, for everything but
// `http` and `https` with a plain ASCII host name (LDH labels and underscores), four decimal octets
// or an IPv6 address in brackets, a port from 1 to 65535, and a path and query of visible ASCII
// without quotes, angle brackets and backslashes. A fragment is dropped.
Result<Url> parse_url(ByteView text);

// %XX decoded; with `plus`, '+' is a space. Nothing when a percent sign stands alone.
std::optional<std::string> percent_decode(ByteView text, bool plus = false);

}  // namespace posthorn::wire
