// URL parsing by hand: the few forms that are meant, and nothing that only some readers accept.
#include "wire/url.h"

#include <algorithm>

namespace posthorn::wire {
namespace {

constexpr size_t kHostBytesMax = 253;
constexpr size_t kLabelBytesMax = 63;
constexpr uint16_t kHttpPort = 80;
constexpr uint16_t kHttpsPort = 443;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Error refused(ByteView why) { return error(Errc::kInvalid, std::string(why)); }

std::string lower(ByteView text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  return out;
}

bool take_prefix(ByteView& text, ByteView prefix) {
  if (text.size() < prefix.size() || lower(text.substr(0, prefix.size())) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool is_label(ByteView label) {
  if (label.empty() || label.size() > kLabelBytesMax) return false;
  if (label.front() == '-' || label.back() == '-') return false;
  return std::all_of(label.begin(), label.end(),
                     [](char c) { return is_digit(c) || is_alpha(c) || c == '-' || c == '_'; });
}

// What some readers take for the last part of an IPv4 address: digits, or 0x and hex digits.
bool is_numeric_label(ByteView label) {
  if (label.size() >= 2 && label[0] == '0' && (label[1] | 0x20) == 'x') {
    label.remove_prefix(2);
    return std::all_of(label.begin(), label.end(), [](char c) { return hex_value(c) >= 0; });
  }
  return std::all_of(label.begin(), label.end(), is_digit);
}

Status set_name_or_v4(ByteView host, Url& url) {
  if (host.empty()) return refused("the URL has no host");
  if (host.size() > kHostBytesMax) return refused("the host name is too long");
  for (ByteView rest = host; !rest.empty();) {
    const ByteView label = rest.substr(0, rest.find('.'));
    if (!is_label(label)) return refused("the host is not a plain ASCII name or address");
    rest.remove_prefix(label.size());
    if (rest == ".") return refused("the host ends with a dot");
    if (!rest.empty()) rest.remove_prefix(1);
  }
  url.host = lower(host);
  const size_t dot = host.rfind('.');
  if (!is_numeric_label(host.substr(dot == ByteView::npos ? 0 : dot + 1))) return {};
  url.address = IpAddress::parse(host);
  if (!url.address || url.address->v6) {
    return refused("an IPv4 address is written as four decimal numbers");
  }
  return {};
}

Status set_port(ByteView text, Url& url) {
  uint32_t port = 0;
  if (text.empty() || text.size() > 5 || text[0] == '0') return refused("the port is not valid");
  for (const char c : text) {
    if (!is_digit(c)) return refused("the port is not valid");
    port = port * 10 + static_cast<uint32_t>(c - '0');
  }
  if (port > UINT16_MAX) return refused("the port is not valid");
  url.port = static_cast<uint16_t>(port);
  return {};
}

Status set_credentials(ByteView text, Url& url) {
  const size_t colon = std::min(text.find(':'), text.size());
  auto user = percent_decode(text.substr(0, colon));
  auto password = percent_decode(text.substr(std::min(colon + 1, text.size())));
  if (!user || !password) return refused("the user name or password is not percent-encoded well");
  // A colon in the name would move the border between name and password.
  if (user->find(':') != std::string::npos) return refused("the user name contains a colon");
  url.credentials = UrlCredentials{*std::move(user), *std::move(password)};
  return {};
}

Status set_authority(ByteView text, Url& url) {
  const size_t at = text.rfind('@');
  if (at != ByteView::npos) {
    if (text.find('@') != at) return refused("an @ in the user name or password must be %40");
    PH_TRY(set_credentials(text.substr(0, at), url));
    text.remove_prefix(at + 1);
  }
  ByteView after;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == ByteView::npos) return refused("the IPv6 address has no closing bracket");
    url.address = IpAddress::parse(text.substr(1, close - 1));
    if (!url.address || !url.address->v6) return refused("the IPv6 address is not valid");
    url.host = url.address->text();
    after = text.substr(close + 1);
  } else {
    const size_t colon = std::min(text.find(':'), text.size());
    PH_TRY(set_name_or_v4(text.substr(0, colon), url));
    after = text.substr(colon);
  }
  if (after.empty()) return {};
  if (after[0] != ':') return refused("the URL has text behind its host");
  return set_port(after.substr(1), url);
}

}  // namespace

std::string Url::authority() const {
  std::string text = address && address->v6 ? "[" + host + "]" : host;
  if (port != (https ? kHttpsPort : kHttpPort)) text += ":" + std::to_string(port);
  return text;
}

Result<Url> parse_url(ByteView text) {
  if (text.size() > kUrlBytesMax) return refused("the URL is longer than 65536 bytes");
  for (const char c : text) {
    if (c <= ' ' || c >= 0x7F || ByteView("\"<>\\").find(c) != ByteView::npos) {
      return refused("the URL has a character that must be percent-encoded");
    }
  }
  Url url;
  url.https = take_prefix(text, "https://");
  if (!url.https && !take_prefix(text, "http://")) {
    return refused("the URL must start with https:// or http://");
  }
  url.port = url.https ? kHttpsPort : kHttpPort;
  text = text.substr(0, text.find('#'));
  const size_t end = std::min(text.find_first_of("/?"), text.size());
  PH_TRY(set_authority(text.substr(0, end), url));
  const ByteView target = text.substr(end);
  if (!target.starts_with('/')) url.target = "/";
  url.target.append(target);
  return url;
}

std::optional<std::string> percent_decode(ByteView text, bool plus) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(plus && text[i] == '+' ? ' ' : text[i]);
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<char>(high << 4 | low));
    i += 2;
  }
  return out;
}

}  // namespace posthorn::wire
