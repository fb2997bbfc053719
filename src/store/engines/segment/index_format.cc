// pure: encoding of index keys and values.
#include "store/engines/segment/index_format.h"

#include <algorithm>

#include "wire/crc32c.h"

namespace posthorn::store::segment {

IdHead id_head(const IdBytes& id) {
  IdHead head;
  std::copy_n(id.raw.begin(), kIdHeadBytes, head.begin());
  return head;
}

TableShape index_shape(IndexTable table) {
  switch (table) {
    case kMessages:
      return {table, 4, 12 + kIdHeadBytes, {}};
    case kAppMessages:
      return {table, 12, 20, {}};
    case kSetMessages:
      return {table, 8, 8, {}};
    case kSets:
      return {table, 8, IdBytes::kSize, {}};
    case kEndpointSets:
      return {table, 12, 4, {}};
    case kEndpointAttempts:
      return {table, 12, 5, {}};
    case kMessageAttempts:
      return {table, 20, 5, {}};
    case kAttempts:
      return {table, 4, 4 + kIdHeadBytes, {}};
    case kAppRuns:
      return {table, 16, 24, kTailFilter};
    case kTargetRuns:
      return {table, 16, 12, kTailFilter};
    case kAttemptRuns:
      return {table, 16, 10, kTailFilter};
    case kLateAttempts:
      return {table, 16, 13, kTailFilter};
    case kSpans:
      return {table, 8, 68, {}};
  }
  CHECK(false, "no index table {}", static_cast<int>(table));
}

KeyBytes& KeyBytes::u32(uint32_t value) {
  store_le(raw_.data() + size_, __builtin_bswap32(value));
  size_ += sizeof value;
  return *this;
}
KeyBytes& KeyBytes::u64(uint64_t value) {
  store_le(raw_.data() + size_, __builtin_bswap64(value));
  size_ += sizeof value;
  return *this;
}
KeyBytes& KeyBytes::tail(uint64_t id_tail) {
  store_le(raw_.data() + size_, id_tail);
  size_ += sizeof id_tail;
  return *this;
}

uint32_t key_u32(ByteView key, size_t at) {
  return __builtin_bswap32(load_le<uint32_t>(key.data() + at));
}
uint64_t key_u64(ByteView key, size_t at) {
  return __builtin_bswap64(load_le<uint64_t>(key.data() + at));
}

FacetMask facet_bits(AttemptFacet facet) {
  return static_cast<FacetMask>(1u << (facet.value & 7) | 1u << (8 + (facet.value >> 3 & 7)));
}

bool may_pass(FacetMask mask, const AttemptFilter& filter) {
  return (mask & filter.states) != 0 && (mask >> 8 & filter.status_classes) != 0;
}

AttemptFacet only_facet(FacetMask mask) {
  const int state = __builtin_ctz(mask | 1u << 7);
  const int status_class = __builtin_ctz(mask >> 8 | 1u << 7);
  return {static_cast<uint8_t>(state | status_class << 3)};
}

std::string encode_run(IndexTable table, const RunEntry& entry) {
  std::string bytes(KeyBytes().tail(entry.tail).u64(entry.seq.value).view());
  ByteWriter out(bytes);
  out.u32(entry.offset);
  out.u32(entry.count);
  if (table == kAttemptRuns) out.u16(entry.facets);
  if (table == kTargetRuns) out.u32(entry.delivery);
  if (table == kAppRuns) {
    out.u32(entry.set);
    out.u32(entry.type_hash);
    out.u64(static_cast<uint64_t>(entry.at.us));
  }
  return bytes;
}

RunEntry decode_run(IndexTable table, ByteView entry) {
  RunEntry run;
  run.tail = load_le<uint64_t>(entry.data());
  run.seq = Seq{key_u64(entry, 8)};
  ByteReader in(entry.substr(16));
  run.offset = in.u32();
  run.count = in.u32();
  if (table == kAttemptRuns) run.facets = in.u16();
  if (table == kTargetRuns) run.delivery = in.u32();
  if (table == kAppRuns) {
    run.set = in.u32();
    run.type_hash = in.u32();
    run.at = WallTime{static_cast<int64_t>(in.u64())};
  }
  return run;
}

// The finalizer of splitmix64, which no two seqs share a value of.
uint64_t late_key(Seq message) {
  uint64_t z = message.value;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

std::string encode_late(const LateAttempt& late) {
  std::string bytes(KeyBytes().u64(late_key(late.message)).u64(late.seq.value).view());
  ByteWriter out(bytes);
  out.u32(late.offset);
  out.u8(late.facet.value);
  out.u64(late.tail);
  return bytes;
}

LateAttempt decode_late(ByteView entry) {
  LateAttempt late;
  late.seq = Seq{key_u64(entry, 8)};
  ByteReader in(entry.substr(16));
  late.offset = in.u32();
  late.facet.value = in.u8();
  late.tail = in.u64();
  return late;
}

std::string encode_span(const SegmentSpan& span) {
  std::string bytes(KeyBytes().u64(span.segment.value).view());
  ByteWriter out(bytes);
  out.u64(span.first.value);
  out.u64(span.last.value);
  out.u32(span.messages);
  out.u32(span.attempts);
  out.u32(span.deliveries);
  out.bytes(span.first_id.view());
  out.bytes(span.last_id.view());
  return bytes;
}

std::optional<SegmentSpan> decode_span(ByteView bytes) {
  const TableShape shape = index_shape(kSpans);
  if (bytes.size() != shape.entry_bytes()) return std::nullopt;
  SegmentSpan span;
  span.segment.value = key_u64(bytes, 0);
  ByteReader in(bytes.substr(8));
  span.first.value = in.u64();
  span.last.value = in.u64();
  span.messages = in.u32();
  span.attempts = in.u32();
  span.deliveries = in.u32();
  span.first_id = IdBytes::from_raw(in.bytes(IdBytes::kSize));
  span.last_id = IdBytes::from_raw(in.bytes(IdBytes::kSize));
  const bool sane = in.complete() && span.first <= span.last && span.segment.value != 0;
  return sane ? std::optional(span) : std::nullopt;
}

AttemptFacet AttemptFacet::of(const model::Attempt& attempt) {
  const int status_class = std::clamp(attempt.outcome.status / 100, 0, 5);
  return {static_cast<uint8_t>(static_cast<uint8_t>(attempt.state_after) | status_class << 3)};
}

uint32_t event_type_hash(std::string_view event_type) { return wire::crc32c(event_type); }

}  // namespace posthorn::store::segment
