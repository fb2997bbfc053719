// pure: the tables of index and run files: their numbers, keys and values. Keys are big-endian, so
// that byte order is number order; values are little-endian. Grammar: docs/formats/index.md.
#pragma once
#include <array>
#include <span>
#include <string>

#include "store/engines/segment/segment_index.h"

namespace posthorn::store::segment {

// Numbers on disk: never reused.
enum IndexTable : uint8_t {
  kMessages = 1,          // seq → offset, set, first delivery, id head
  kAppMessages = 2,       // app tail, seq → offset, set, event type hash, accepted at
  kSetMessages = 3,       // set, seq → offset, first delivery
  kSets = 4,              // set, place in the set → endpoint id
  kEndpointSets = 5,      // endpoint tail, set → place in the set
  kEndpointAttempts = 6,  // endpoint tail, seq → offset, facet
  kMessageAttempts = 7,   // message seq, endpoint tail, attempt seq → offset, facet
  kAttempts = 8,          // seq → offset, id head
  // Merged over segments; here seqs are whole, above they count from the segment's first.
  kAppRuns = 9,       // app tail, seq → one message, or all of a segment
  kTargetRuns = 10,   // endpoint tail, seq → one message to the endpoint, or all of a segment
  kAttemptRuns = 11,  // endpoint tail, seq → one attempt, or all of a segment
  kLateAttempts =
      12,       // hash of message seq, attempt seq → an attempt on an older segment's message
  kSpans = 13,  // segment → span; run files only
};

inline constexpr size_t kIdHeadBytes = 10;  // the time part and the counter
using IdHead = std::array<uint8_t, kIdHeadBytes>;
IdHead id_head(const IdBytes& id);

inline constexpr FilterShape kTailFilter{
    .key_bytes = 8, .layers = 1, .bits_per_key = 10, .probes = 6};
TableShape index_shape(IndexTable table);

// A key under construction; up to 24 bytes.
class KeyBytes {
 public:
  KeyBytes& u32(uint32_t value);
  KeyBytes& u64(uint64_t value);
  KeyBytes& tail(uint64_t id_tail);  // as it lies in the id
  ByteView view() const { return {raw_.data(), size_}; }

 private:
  std::array<char, 24> raw_;
  size_t size_ = 0;
};
uint32_t key_u32(ByteView key, size_t at);
uint64_t key_u64(ByteView key, size_t at);
// The number whose order is the byte order of tails.
inline uint64_t tail_order(uint64_t id_tail) { return __builtin_bswap64(id_tail); }

// Which states and status classes occur among attempts: bit of state, or 8 + class.
using FacetMask = uint16_t;
FacetMask facet_bits(AttemptFacet facet);
bool may_pass(FacetMask mask, const AttemptFilter& filter);

// An entry of a run: one record in full (count 1), or a mark that stands for `count` records of
// the segment that `seq`, the first of them, lies in.
struct RunEntry {
  uint64_t tail = 0;
  Seq seq;
  uint32_t offset = 0;
  uint32_t count = 1;
  FacetMask facets = 0;          // kAttemptRuns: of all of them
  DeliveryOrdinal delivery = 0;  // kTargetRuns, count 1
  uint32_t set = 0;              // kAppRuns, count 1, as are the next two
  uint32_t type_hash = 0;
  WallTime at;
};
std::string encode_run(IndexTable table, const RunEntry& entry);
RunEntry decode_run(IndexTable table, ByteView entry);
// The facet of an attempt that is alone in a mask.
AttemptFacet only_facet(FacetMask mask);
// With at most so many records an app or endpoint gets an entry for each, above it a mark.
inline constexpr size_t kRunEntriesMax = 4;

// Spreads seqs evenly and reversibly, for filters.
uint64_t late_key(Seq message);

struct LateAttempt {
  Seq message;
  Seq seq;
  uint32_t offset = 0;
  AttemptFacet facet;
  uint64_t tail = 0;  // of the endpoint
};
std::string encode_late(const LateAttempt& late);
LateAttempt decode_late(ByteView entry);  // `message` is left out

std::string encode_span(const SegmentSpan& span);
// Empty when the bytes are not a span.
std::optional<SegmentSpan> decode_span(ByteView bytes);

}  // namespace posthorn::store::segment
