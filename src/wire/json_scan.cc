// Containers are skipped 64 bytes a step: quotes become a mask of what lies inside strings, and
// only the brackets outside are looked at (the idea of simdjson's first stage).
#include "wire/json_scan.h"

#include <cstddef>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace posthorn::wire {
namespace {

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// What carries from one block to the next.
struct SkipState {
  size_t depth = 0;
  uint64_t in_string = 0;  // all ones inside a string
  bool escaped = false;    // the next byte is escaped
};

#if defined(__SSE2__)
constexpr std::ptrdiff_t kBlock = 64;

struct BlockMasks {
  uint64_t quotes = 0, backslashes = 0, opening = 0, closing = 0;
};

BlockMasks load_block(const char* at) {
  // '[' and '{', ']' and '}' differ in one bit only.
  const __m128i fold = _mm_set1_epi8(0x20);
  BlockMasks masks;
  const auto bits = [](__m128i equal, int part) {
    return static_cast<uint64_t>(static_cast<unsigned>(_mm_movemask_epi8(equal))) << (16 * part);
  };
  for (int part = 0; part < 4; ++part) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 16 * part));
    const __m128i folded = _mm_or_si128(bytes, fold);
    masks.quotes |= bits(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), part);
    masks.backslashes |= bits(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')), part);
    masks.opening |= bits(_mm_cmpeq_epi8(folded, _mm_set1_epi8('{')), part);
    masks.closing |= bits(_mm_cmpeq_epi8(folded, _mm_set1_epi8('}')), part);
  }
  return masks;
}

// All ones where one of the 16 bytes is a quote, a backslash or a control byte.
__m128i string_specials(const char* at) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
  return _mm_or_si128(control, _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                            _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))));
}

// `at` has 16 plain bytes. The result, 16 before the first block that has a special byte.
const char* skip_plain_blocks(const char* at, const char* end) {
  for (at += 16; end - at >= kBlock; at += kBlock) {
    const __m128i front = _mm_or_si128(string_specials(at), string_specials(at + 16));
    const __m128i back = _mm_or_si128(string_specials(at + 32), string_specials(at + 48));
    if (_mm_movemask_epi8(_mm_or_si128(front, back)) != 0) break;
  }
  return at - 16;
}

// The bytes of the block that a backslash in front of them escapes.
uint64_t escaped_bytes(uint64_t backslashes, bool& carry) {
  uint64_t escaped = carry ? 1 : 0;
  backslashes &= ~escaped;
  carry = false;
  while (backslashes != 0) {
    const int bit = __builtin_ctzll(backslashes);
    carry = bit == 63;
    escaped |= carry ? 0 : uint64_t{2} << bit;
    backslashes &= ~(uint64_t{3} << bit);
  }
  return escaped;
}

// Bit n of the result: the parity of bits 0 to n.
uint64_t prefix_parity(uint64_t bits) {
  for (int shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
  return bits;
}

// The offset behind the bracket that closes the container, or -1 when it is not in this block.
int skip_block(const char* at, SkipState& state) {
  BlockMasks masks = load_block(at);
  if (masks.backslashes != 0 || state.escaped) {
    masks.quotes &= ~escaped_bytes(masks.backslashes, state.escaped);
  }
  const uint64_t in_string = prefix_parity(masks.quotes) ^ state.in_string;
  state.in_string = static_cast<uint64_t>(static_cast<int64_t>(in_string) >> 63);
  uint64_t brackets = (masks.opening | masks.closing) & ~in_string;
  for (; brackets != 0; brackets &= brackets - 1) {
    const int bit = __builtin_ctzll(brackets);
    state.depth += (masks.opening >> bit & 1) != 0 ? 1 : static_cast<size_t>(-1);
    if (state.depth == 0) return bit + 1;
  }
  return -1;
}
#endif

const char* container_end(const char* at, const char* end) {
  SkipState state;
#if defined(__SSE2__)
  for (; end - at >= kBlock; at += kBlock) {
    const int found = skip_block(at, state);
    if (found >= 0) return at + found;
  }
#endif
  for (; at < end; ++at) {
    if (state.escaped) {
      state.escaped = false;
    } else if (*at == '"') {
      state.in_string = ~state.in_string;
    } else if (*at == '\\') {
      state.escaped = true;
    } else if (state.in_string == 0 && ((*at | 0x20) == '{' || (*at | 0x20) == '}')) {
      state.depth += (*at | 0x20) == '{' ? 1 : static_cast<size_t>(-1);
      if (state.depth == 0) return at + 1;
    }
  }
  return end;
}

}  // namespace

const char* find_string_special(const char* at, const char* end) {
#if defined(__SSE2__)
  // Most strings are short; a long one goes on by whole blocks.
  for (int probe = 0; end - at >= 16; at += 16, ++probe) {
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(string_specials(at)));
    if (mask != 0) return at + __builtin_ctz(mask);
    if (probe == 2) at = skip_plain_blocks(at, end);
  }
#endif
  while (at < end && static_cast<uint8_t>(*at) >= 0x20 && *at != '"' && *at != '\\') ++at;
  return at;
}

const char* string_end(const char* at, const char* end) {
  ++at;
  while (true) {
    at = find_string_special(at, end);
    if (at == end) return end;
    if (*at == '"') return at + 1;
    at = end - at >= 2 ? at + 2 : end;
  }
}

const char* value_end(const char* at, const char* end) {
  if (at == end) return end;
  if (*at == '"') return string_end(at, end);
  if (*at == '{' || *at == '[') return container_end(at, end);
  while (at < end && !is_space(*at) && *at != ',' && *at != '}' && *at != ']') ++at;
  return at;
}

const char* skip_space(const char* at, const char* end) {
  while (at < end && is_space(*at)) ++at;
  return at;
}

}  // namespace posthorn::wire
