// pure: the records of the log as bytes. Called by the engines of the store; the grammar is in
// docs/formats/log.md. Decoding accepts hostile bytes: it answers kCorrupt, never crashes.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/attempt.h"
#include "model/command.h"
#include "model/message.h"

namespace posthorn::model {

enum class RecordType : uint8_t { kMessage = 1, kAttempt = 2, kCommand = 3, kTargetSet = 4 };

inline constexpr uint8_t kRecordVersion = 1;
// The start of every record: lengths, checksums, type, set id, seq, time, id.
inline constexpr size_t kRecordPrefixBytes = 64;
// The part of the prefix that a group's checksum chains: lengths and both checksums.
inline constexpr size_t kRecordSealBytes = 16;
// Records begin at multiples of this within their file.
inline constexpr size_t kRecordAlignment = 8;
// Headers above this are refused when they are made and not believed when they are read.
inline constexpr size_t kRecordHeaderBytesMax = 8u << 20;
inline constexpr size_t kRecordPayloadBytesMax = 64u << 20;

// Append one record to `out`: complete but for what stamp() fills in. The checksum of the payload
// is made here. `out` must hold a multiple of kRecordAlignment bytes before and does so after.
// kTooLarge when a header would be above its limit.
Status encode(const Message& message, std::string& out);
Status encode(const Attempt& attempt, std::string& out);
Status encode(const Command& command, std::string& out);
Status encode(const TargetSet& set, std::string& out);

// What only the committer knows.
struct Stamp {
  uint32_t set_id = 0;  // messages and target sets
  Seq seq;
  WallTime time;
  IdBytes id;         // messages and attempts
  uint32_t seed = 0;  // of the header's checksum: from the segment's generation
};
// Writes it into the record that begins at `record`, and the checksum of the header.
void stamp(char* record, const Stamp& stamp);

// A record in a buffer; the views point into it.
struct RecordView {
  RecordType type = RecordType::kMessage;
  uint8_t version = 0;
  uint32_t set_id = 0;
  Seq seq;
  WallTime time;
  IdBytes id;
  uint32_t payload_crc = 0;
  uint32_t payload_bytes = 0;
  ByteView body;  // the header behind the prefix: fixed fields of the type, then tagged ones
  ByteView payload;

  // Of the whole record with its padding.
  size_t size() const;
};

// Both lengths of the record whose prefix `prefix` holds (at least kRecordSealBytes), unverified
// but within the limits; kCorrupt when they are not.
struct RecordLengths {
  uint32_t header_bytes = 0;
  uint32_t payload_bytes = 0;
  size_t size() const;
};
Result<RecordLengths> parse_lengths(ByteView prefix);

// The record at the start of `bytes`, its header verified with `seed`. The payload is not verified
// and may be missing when `bytes` ends with the header (`payload` is then empty). kCorrupt,
// kUnsupported for a newer record version.
Result<RecordView> parse_record(ByteView bytes, uint32_t seed);

// Payloads are erased in place: zeros of the same length with the checksum left as it was. So a
// payload is intact, or erased (all zeros, checksum of something else), or damaged.
enum class PayloadState : uint8_t { kIntact, kErased, kDamaged };
PayloadState payload_state(const RecordView& record);

// Decode what parse_record() gave. Targets of a message are not filled in (see set_id). An erased
// payload comes back empty with payload_expunged (messages) or an empty response (attempts); a
// damaged one is kCorrupt.
Result<Message> decode_message(const RecordView& record, bool with_payload = true);
Result<Attempt> decode_attempt(const RecordView& record, bool with_response = true);
Result<Command> decode_command(const RecordView& record);
Result<TargetSet> decode_target_set(const RecordView& record);

}  // namespace posthorn::model
