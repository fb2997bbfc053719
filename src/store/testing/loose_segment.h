// Turns fuzz input into a segment file whose checksums hold, so that what lies behind them is
// fuzzed too; and back, for seeds.
//
//   input := { flags u8, length u32, bytes }*
//   flags: bit 0, a group (bytes are its records, sealed as far as their lengths make sense), else
//   bytes as they are; bits 1-2, added to the number of the group; bit 3, its checksum is spoilt
#pragma once
#include <string>

#include "model/encoding.h"
#include "store/engines/segment/log_format.h"
#include "wire/crc32c.h"

namespace posthorn::store::segment {

inline constexpr uint64_t kLooseGeneration = 0x1122334455667788;

// Puts the checksums of the records right, one behind the other; answers how many there are.
inline uint32_t seal_records(std::string& body, uint32_t& chain) {
  const uint32_t seed = seed_of(kLooseGeneration);
  chain = seed;
  uint32_t records = 0;
  for (size_t at = 0; at + model::kRecordPrefixBytes <= body.size();) {
    char* record = body.data() + at;
    const auto lengths = model::parse_lengths({record, body.size() - at});
    if (!lengths.ok()) break;
    const uint64_t size = uint64_t{lengths->header_bytes} + lengths->payload_bytes;
    if (lengths->header_bytes < model::kRecordPrefixBytes || at + size > body.size()) break;
    const uint32_t payload_crc =
        wire::crc32c({record + lengths->header_bytes, lengths->payload_bytes});
    store_le(record + 12, payload_crc);
    model::Stamp stamp;
    stamp.set_id = load_le<uint32_t>(record + 20);
    stamp.seq = Seq{load_le<uint64_t>(record + 24)};
    stamp.time = WallTime{load_le<int64_t>(record + 32)};
    stamp.id = IdBytes::from_raw({record + 40, IdBytes::kSize});
    stamp.seed = seed;
    model::stamp(record, stamp);
    chain = wire::crc32c({record, model::kRecordSealBytes}, chain);
    ++records;
    at += (size + model::kRecordAlignment - 1) / model::kRecordAlignment * model::kRecordAlignment;
  }
  return records;
}

inline std::string segment_from_loose(ByteView input) {
  SegmentHeader header{SegmentNumber{1}, kLooseGeneration, 1, Seq{1}, {}};
  const auto block = encode_segment_header(header);
  std::string file(block.data(), block.size());
  uint64_t number = 0;
  ByteReader in(input);
  while (in.remaining() > 5) {
    const uint8_t flags = in.u8();
    const uint32_t length = in.u32();
    std::string bytes(in.bytes(std::min<size_t>(length, in.remaining())));
    bytes.resize((bytes.size() + 7) / 8 * 8);
    if ((flags & 1) != 0) {
      GroupHeader group;
      group.generation = kLooseGeneration;
      group.durable_before = number;
      number += 1 + (flags >> 1 & 3);
      group.number = number;
      group.length = static_cast<uint32_t>(bytes.size());
      group.records = seal_records(bytes, group.body_crc);
      if ((flags & 8) != 0) ++group.body_crc;
      const auto encoded = encode_group_header(group);
      file.append(encoded.data(), encoded.size());
    }
    file += bytes;
  }
  return file;
}

inline std::string loose_from_segment(ByteView file) {
  std::string loose;
  const auto generation = load_le<uint64_t>(file.data() + kSegmentHeaderBytes + 8);
  ByteView rest = file.substr(kSegmentHeaderBytes);
  while (const auto group = parse_group_header(rest, generation)) {
    ByteWriter out(loose);
    out.u8(1);
    out.u32(group->length);
    out.bytes(rest.substr(kGroupHeaderBytes, group->length));
    rest.remove_prefix(kGroupHeaderBytes + group->length);
  }
  return loose;
}

}  // namespace posthorn::store::segment
