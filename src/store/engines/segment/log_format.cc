// pure: headers of segments and groups.
#include "store/engines/segment/log_format.h"

#include <fmt/format.h>

#include "model/encoding.h"
#include "wire/crc32c.h"

namespace posthorn::store::segment {
namespace {

// Segment header.
constexpr size_t kVersionAt = 4;
constexpr size_t kNumberAt = 8;
constexpr size_t kSegmentGenerationAt = 16;
constexpr size_t kFirstGroupAt = 24;
constexpr size_t kFirstSeqAt = 32;
constexpr size_t kCreatedAt = 40;
constexpr size_t kSegmentCrcAt = 48;

// Group header.
constexpr size_t kLengthAt = 4;
constexpr size_t kGenerationAt = 8;
constexpr size_t kGroupNumberAt = 16;
constexpr size_t kDurableBeforeAt = 24;
constexpr size_t kRecordsAt = 32;
constexpr size_t kBodyCrcAt = 36;
constexpr size_t kReservedAt = 40;
constexpr size_t kGroupCrcAt = 44;
static_assert(kReservedAt + sizeof(uint32_t) == kGroupCrcAt);
static_assert(kGroupCrcAt + sizeof(uint32_t) == kGroupHeaderBytes);

}  // namespace

std::array<char, kSegmentHeaderBytes> encode_segment_header(const SegmentHeader& header) {
  std::array<char, kSegmentHeaderBytes> block{};
  store_le(block.data(), kSegmentMagic);
  store_le(block.data() + kVersionAt, kFormatVersion);
  store_le(block.data() + kNumberAt, header.number.value);
  store_le(block.data() + kSegmentGenerationAt, header.generation);
  store_le(block.data() + kFirstGroupAt, header.first_group);
  store_le(block.data() + kFirstSeqAt, header.first_seq.value);
  store_le(block.data() + kCreatedAt, header.created_at.us);
  store_le(block.data() + kSegmentCrcAt, wire::crc32c({block.data(), kSegmentCrcAt}));
  return block;
}

Result<std::optional<SegmentHeader>> parse_segment_header(ByteView block) {
  std::optional<SegmentHeader> none;
  if (block.size() < kSegmentCrcAt + sizeof(uint32_t)) return none;
  const char* at = block.data();
  if (load_le<uint32_t>(at) != kSegmentMagic) return none;
  if (load_le<uint32_t>(at + kSegmentCrcAt) != wire::crc32c(block.substr(0, kSegmentCrcAt))) {
    return none;
  }
  const auto version = load_le<uint32_t>(at + kVersionAt);
  if (version > kFormatVersion) {
    return error(
        Errc::kUnsupported,
        fmt::format("a segment of format {}, this build reads up to {}", version, kFormatVersion));
  }
  SegmentHeader header;
  header.number.value = load_le<uint64_t>(at + kNumberAt);
  header.generation = load_le<uint64_t>(at + kSegmentGenerationAt);
  header.first_group = load_le<uint64_t>(at + kFirstGroupAt);
  header.first_seq.value = load_le<uint64_t>(at + kFirstSeqAt);
  header.created_at.us = load_le<int64_t>(at + kCreatedAt);
  return std::optional(header);
}

std::array<char, kGroupHeaderBytes> encode_group_header(const GroupHeader& header) {
  std::array<char, kGroupHeaderBytes> bytes{};
  store_le(bytes.data(), kGroupMagic);
  store_le(bytes.data() + kLengthAt, header.length);
  store_le(bytes.data() + kGenerationAt, header.generation);
  store_le(bytes.data() + kGroupNumberAt, header.number);
  store_le(bytes.data() + kDurableBeforeAt, header.durable_before);
  store_le(bytes.data() + kRecordsAt, header.records);
  store_le(bytes.data() + kBodyCrcAt, header.body_crc);
  store_le(bytes.data() + kGroupCrcAt,
           wire::crc32c({bytes.data(), kGroupCrcAt}, seed_of(header.generation)));
  return bytes;
}

std::optional<GroupHeader> parse_group_header(ByteView bytes, uint64_t generation) {
  if (bytes.size() < kGroupHeaderBytes) return std::nullopt;
  const char* at = bytes.data();
  if (load_le<uint32_t>(at) != kGroupMagic || load_le<uint64_t>(at + kGenerationAt) != generation ||
      load_le<uint32_t>(at + kGroupCrcAt) !=
          wire::crc32c(bytes.substr(0, kGroupCrcAt), seed_of(generation))) {
    return std::nullopt;
  }
  GroupHeader header;
  header.generation = generation;
  header.length = load_le<uint32_t>(at + kLengthAt);
  header.number = load_le<uint64_t>(at + kGroupNumberAt);
  header.durable_before = load_le<uint64_t>(at + kDurableBeforeAt);
  header.records = load_le<uint32_t>(at + kRecordsAt);
  header.body_crc = load_le<uint32_t>(at + kBodyCrcAt);
  const bool plausible = header.length <= kGroupBytesMax &&
                         header.length % model::kRecordAlignment == 0 &&
                         header.durable_before < header.number;
  if (!plausible) return std::nullopt;
  return header;
}

bool group_body_is_sound(const GroupHeader& header, ByteView body, bool allow_erased) {
  const uint32_t seed = seed_of(header.generation);
  uint32_t crc = seed;
  uint32_t records = 0;
  while (!body.empty()) {
    const auto record = model::parse_record(body, seed);
    if (!record.ok() || record->size() > body.size()) return false;
    const model::PayloadState payload = model::payload_state(*record);
    const bool sound = payload == model::PayloadState::kIntact ||
                       (allow_erased && payload == model::PayloadState::kErased);
    if (!sound) return false;
    crc = wire::crc32c(body.substr(0, model::kRecordSealBytes), crc);
    ++records;
    body.remove_prefix(record->size());
  }
  return records == header.records && crc == header.body_crc;
}

}  // namespace posthorn::store::segment
