// Field lines: one strict reading, sixteen bytes at a time where the processor can.
#include "wire/http1_lines.h"

#include <array>

#include "base/check.h"
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace posthorn::wire {
namespace {

constexpr size_t kLengthDigitsMax = 18;  // fits 63 bits

constexpr std::array<bool, 256> make_token_chars() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<size_t>(c)] = true;
  for (const char c : ByteView("!#$%&'*+-.^_`|~")) table[static_cast<uint8_t>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> kTokenChars = make_token_chars();

bool is_blank(char c) { return c == ' ' || c == '\t'; }

ByteView trim(ByteView text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

HttpParse fail(FieldLine& line, ByteView reason) {
  line.error = {400, reason};
  return HttpParse::kError;
}

// Calls `visit` for each member of a comma-separated list.
template <typename Visit>
void each_member(ByteView list, const Visit& visit) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    visit(trim(list.substr(0, comma)));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

bool note_length(ByteView value, FieldFacts& facts, HttpError& error) {
  error = {400, "bad Content-Length"};
  if (value.empty() || ++facts.content_lengths > 1) return false;
  uint64_t length = 0;
  for (const char c : value) {
    if (c < '0' || c > '9') return false;
    length = length * 10 + static_cast<uint64_t>(c - '0');
  }
  if (value.size() > kLengthDigitsMax) {
    error = {413, "Content-Length too large"};
    return false;
  }
  facts.content_length = length;
  return true;
}

bool note_host(ByteView value, FieldFacts& facts, HttpError& error) {
  error = {400, "bad Host"};
  if (value.empty() || ++facts.hosts > 1) return false;
  for (const char c : value) {
    const bool good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      ByteView("-._~!$&'()*+;=%:[]").find(c) != ByteView::npos;
    if (!good) return false;
  }
  return true;
}

}  // namespace

bool is_token_char(char c) { return kTokenChars[static_cast<uint8_t>(c)]; }

const char* find_control(const char* at, const char* end) {
#if defined(__SSE2__)
  const __m128i last_control = _mm_set1_epi8(0x1F);
  const __m128i tab = _mm_set1_epi8('\t');
  const __m128i del = _mm_set1_epi8(0x7F);
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes);
    const __m128i bad =
        _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, tab), low), _mm_cmpeq_epi8(bytes, del));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(bad));
    if (mask != 0) return at + __builtin_ctz(mask);
  }
#endif
  for (; at < end; ++at) {
    const auto c = static_cast<uint8_t>(*at);
    if ((c < 0x20 && c != '\t') || c == 0x7F) return at;
  }
  return end;
}

HttpParse parse_field_line(ByteView buffer, FieldLine& line) {
  const char* const begin = buffer.data() + line.at;
  const char* const end = buffer.data() + buffer.size();
  if (begin == end) return HttpParse::kNeedMore;
  if (*begin == '\r') {
    if (end - begin < 2) return HttpParse::kNeedMore;
    if (begin[1] != '\n') return fail(line, "CR without LF");
    line.end_of_head = true;
    line.at += 2;
    return HttpParse::kDone;
  }
  if (is_blank(*begin)) return fail(line, "folded header field");
  const char* at = begin;
  while (at < end && is_token_char(*at)) ++at;
  if (at == end) return HttpParse::kNeedMore;
  if (*at != ':') return fail(line, "bad header name");
  if (at == begin) return fail(line, "empty header name");
  line.name = ByteView(begin, static_cast<size_t>(at - begin));
  const char* const value = at + 1;
  const char* const stop = find_control(value, end);
  if (end - stop < 2 && (stop == end || *stop == '\r')) return HttpParse::kNeedMore;
  if (*stop != '\r') return fail(line, *stop == '\n' ? "LF without CR" : "control byte in header");
  if (stop[1] != '\n') return fail(line, "CR without LF");
  line.value = trim(ByteView(value, static_cast<size_t>(stop - value)));
  line.at = static_cast<size_t>(stop + 2 - buffer.data());
  return HttpParse::kDone;
}

bool note_field(ByteView name, ByteView value, FieldFacts& facts, HttpError& error) {
  switch (name.size()) {
    case 4:
      if (equals_lower(name, "host")) return note_host(value, facts, error);
      return true;
    case 6:
      if (!equals_lower(name, "expect")) return true;
      (equals_lower(value, "100-continue") ? facts.expect_continue : facts.expect_other) = true;
      return true;
    case 10:
      if (!equals_lower(name, "connection")) return true;
      each_member(value, [&facts](ByteView member) {
        if (equals_lower(member, "close")) facts.close = true;
        if (equals_lower(member, "keep-alive")) facts.keep_alive = true;
      });
      return true;
    case 14:
      if (equals_lower(name, "content-length")) return note_length(value, facts, error);
      return true;
    case 17:
      if (!equals_lower(name, "transfer-encoding")) return true;
      error = {400, "Transfer-Encoding other than chunked"};
      return ++facts.transfer_encodings == 1 && equals_lower(value, "chunked");
    default:
      return true;
  }
}

HttpParse FieldsParser::parse(ByteView buffer, size_t& at, HeaderList& headers) {
  FieldLine line;
  line.at = at;
  while (true) {
    const HttpParse result = parse_field_line(buffer, line);
    if (result == HttpParse::kError) error_ = line.error;
    if (result == HttpParse::kError) return result;
    const size_t needed = result == HttpParse::kDone ? line.at : buffer.size() + 1;
    if (needed > limits_.head_bytes) {
      error_ = {431, "header fields too large"};
      return HttpParse::kError;
    }
    if (result == HttpParse::kNeedMore) return result;
    at = line.at;
    if (line.end_of_head) return HttpParse::kDone;
    if (headers.size() >= limits_.headers) {
      error_ = {431, "too many header fields"};
      return HttpParse::kError;
    }
    if (!note_field(line.name, line.value, facts_, error_)) return HttpParse::kError;
    headers.add(line.name, line.value);
  }
}

}  // namespace posthorn::wire
