// pure: log records to bytes and back.
#include "model/encoding.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/encoding_fields.h"
#include "wire/crc32c.h"

namespace posthorn::model {
namespace {

// Offsets within the prefix.
constexpr size_t kHeaderLengthAt = 0;
constexpr size_t kPayloadLengthAt = 4;
constexpr size_t kHeaderCrcAt = 8;
constexpr size_t kPayloadCrcAt = 12;
constexpr size_t kTypeAt = 16;
constexpr size_t kVersionAt = 17;
constexpr size_t kSetIdAt = 20;
constexpr size_t kSeqAt = 24;
constexpr size_t kTimeAt = 32;
constexpr size_t kIdAt = 40;

size_t aligned(size_t size) { return (size + kRecordAlignment - 1) & ~(kRecordAlignment - 1); }

uint32_t header_crc(const char* record, size_t header_bytes, uint32_t seed) {
  const uint32_t lengths = wire::crc32c({record, kHeaderCrcAt}, seed);
  return wire::crc32c({record + kPayloadCrcAt, header_bytes - kPayloadCrcAt}, lengths);
}

struct RecordParts {
  RecordType type;
  size_t body_bytes;
  ByteView payload;
};

// Makes room for a header of `body_bytes` behind the prefix, appends the payload, and calls `fill`
// on the header.
template <typename Fill>
Status append_record(const RecordParts& parts, std::string& out, Fill fill) {
  const auto& [type, body_bytes, payload] = parts;
  const size_t header_bytes = aligned(kRecordPrefixBytes + body_bytes);
  if (header_bytes > kRecordHeaderBytesMax || payload.size() > kRecordPayloadBytesMax) {
    return error(Errc::kTooLarge, fmt::format("a record of {} + {} bytes is above the limit",
                                              header_bytes, payload.size()));
  }
  const size_t start = out.size();
  out.reserve(start + header_bytes + aligned(payload.size()));
  out.append(header_bytes, '\0');
  out.append(payload).append(aligned(payload.size()) - payload.size(), '\0');
  char* record = out.data() + start;
  store_le(record + kHeaderLengthAt, static_cast<uint32_t>(header_bytes));
  store_le(record + kPayloadLengthAt, static_cast<uint32_t>(payload.size()));
  store_le(record + kPayloadCrcAt, wire::crc32c(payload));
  record[kTypeAt] = static_cast<char>(type);
  record[kVersionAt] = static_cast<char>(kRecordVersion);
  FieldWriter writer(record + kRecordPrefixBytes);
  fill(writer);
  CHECK(writer.at() == record + kRecordPrefixBytes + body_bytes, "measured {} bytes, wrote {}",
        body_bytes, writer.at() - record - kRecordPrefixBytes);
  return {};
}

}  // namespace

Status encode(const Message& message, std::string& out) {
  return append_record({RecordType::kMessage, message_body_bytes(message), message.payload}, out,
                       [&](FieldWriter& w) { write_message_body(message, w); });
}

Status encode(const Attempt& attempt, std::string& out) {
  return append_record(
      {RecordType::kAttempt, attempt_body_bytes(attempt), attempt.outcome.response}, out,
      [&](FieldWriter& w) { write_attempt_body(attempt, w); });
}

Status encode(const Command& command, std::string& out) {
  return append_record({RecordType::kCommand, kCommandBodyBytes, {}}, out,
                       [&](FieldWriter& w) { write_command_body(command, w); });
}

Status encode(const TargetSet& set, std::string& out) {
  const size_t body_bytes = sizeof(uint32_t) + set.size() * IdBytes::kSize;
  return append_record({RecordType::kTargetSet, body_bytes, {}}, out, [&](FieldWriter& w) {
    w.u32(static_cast<uint32_t>(set.size()));
    for (const EndpointId& endpoint : set.endpoints()) w.id(endpoint.bytes);
  });
}

void stamp(char* record, const Stamp& stamp) {
  store_le(record + kSetIdAt, stamp.set_id);
  store_le(record + kSeqAt, stamp.seq.value);
  store_le(record + kTimeAt, stamp.time.us);
  std::memcpy(record + kIdAt, stamp.id.raw.data(), IdBytes::kSize);
  const auto header_bytes = load_le<uint32_t>(record + kHeaderLengthAt);
  store_le(record + kHeaderCrcAt, header_crc(record, header_bytes, stamp.seed));
}

size_t RecordLengths::size() const { return header_bytes + aligned(payload_bytes); }

size_t RecordView::size() const {
  return kRecordPrefixBytes + body.size() + aligned(payload_bytes);
}

Result<RecordLengths> parse_lengths(ByteView prefix) {
  if (prefix.size() < kRecordSealBytes) return error(Errc::kCorrupt, "a record is cut short");
  const RecordLengths lengths{load_le<uint32_t>(prefix.data() + kHeaderLengthAt),
                              load_le<uint32_t>(prefix.data() + kPayloadLengthAt)};
  if (lengths.header_bytes < kRecordPrefixBytes || lengths.header_bytes > kRecordHeaderBytesMax ||
      lengths.header_bytes % kRecordAlignment != 0 ||
      lengths.payload_bytes > kRecordPayloadBytesMax) {
    return error(Errc::kCorrupt, "a record's lengths are out of range");
  }
  return lengths;
}

Result<RecordView> parse_record(ByteView bytes, uint32_t seed) {
  PH_ASSIGN(const RecordLengths lengths, parse_lengths(bytes));
  if (bytes.size() < lengths.header_bytes) return error(Errc::kCorrupt, "a header is cut short");
  const char* record = bytes.data();
  if (header_crc(record, lengths.header_bytes, seed) != load_le<uint32_t>(record + kHeaderCrcAt)) {
    return error(Errc::kCorrupt, "a record's header fails its checksum");
  }
  RecordView view;
  view.type = static_cast<RecordType>(static_cast<uint8_t>(record[kTypeAt]));
  view.version = static_cast<uint8_t>(record[kVersionAt]);
  if (view.version > kRecordVersion) {
    return error(Errc::kUnsupported,
                 fmt::format("a record of version {}, this build reads up to {}", view.version,
                             kRecordVersion));
  }
  view.set_id = load_le<uint32_t>(record + kSetIdAt);
  view.seq = Seq{load_le<uint64_t>(record + kSeqAt)};
  view.time = WallTime{load_le<int64_t>(record + kTimeAt)};
  std::memcpy(view.id.raw.data(), record + kIdAt, IdBytes::kSize);
  view.payload_crc = load_le<uint32_t>(record + kPayloadCrcAt);
  view.payload_bytes = lengths.payload_bytes;
  view.body = bytes.substr(kRecordPrefixBytes, lengths.header_bytes - kRecordPrefixBytes);
  if (bytes.size() >= lengths.header_bytes + lengths.payload_bytes) {
    view.payload = bytes.substr(lengths.header_bytes, lengths.payload_bytes);
  }
  return view;
}

PayloadState payload_state(const RecordView& record) {
  if (record.payload.size() != record.payload_bytes) return PayloadState::kDamaged;
  if (wire::crc32c(record.payload) == record.payload_crc) return PayloadState::kIntact;
  const bool zeros = record.payload.find_first_not_of('\0') == ByteView::npos;
  return zeros ? PayloadState::kErased : PayloadState::kDamaged;
}

Result<Message> decode_message(const RecordView& record, bool with_payload) {
  if (record.type != RecordType::kMessage) return error(Errc::kCorrupt, "not a message record");
  Message message;
  message.id.bytes = record.id;
  message.seq = record.seq;
  message.accepted_at = record.time;
  ByteReader in(record.body);
  PH_TRY(read_message_body(in, message));
  if (!with_payload) return message;
  const PayloadState state = payload_state(record);
  if (state == PayloadState::kDamaged) {
    return error(Errc::kCorrupt,
                 fmt::format("the payload of message {} fails its checksum", record.seq.value));
  }
  message.payload_expunged = state == PayloadState::kErased;
  if (!message.payload_expunged) message.payload = record.payload;
  return message;
}

Result<Attempt> decode_attempt(const RecordView& record, bool with_response) {
  if (record.type != RecordType::kAttempt) return error(Errc::kCorrupt, "not an attempt record");
  Attempt attempt;
  attempt.id.bytes = record.id;
  attempt.seq = record.seq;
  attempt.recorded_at = record.time;
  ByteReader in(record.body);
  PH_TRY(read_attempt_body(in, attempt));
  if (!with_response) return attempt;
  const PayloadState state = payload_state(record);
  if (state == PayloadState::kDamaged) {
    return error(Errc::kCorrupt,
                 fmt::format("the response of attempt {} fails its checksum", record.seq.value));
  }
  if (state == PayloadState::kIntact) attempt.outcome.response = record.payload;
  return attempt;
}

Result<Command> decode_command(const RecordView& record) {
  if (record.type != RecordType::kCommand) return error(Errc::kCorrupt, "not a command record");
  Command command;
  command.seq = record.seq;
  command.recorded_at = record.time;
  ByteReader in(record.body);
  PH_TRY(read_command_body(in, command));
  return command;
}

Result<TargetSet> decode_target_set(const RecordView& record) {
  if (record.type != RecordType::kTargetSet) return error(Errc::kCorrupt, "not a target set");
  ByteReader in(record.body);
  const uint32_t count = in.u32();
  if (in.failed() || in.remaining() / IdBytes::kSize < count) {
    return error(Errc::kCorrupt, "a target set is cut short");
  }
  std::vector<EndpointId> endpoints;
  endpoints.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    endpoints.push_back(EndpointId::from_raw(in.bytes(IdBytes::kSize)));
  }
  // The order of the bytes is the order of the outcomes and FIFO sequences of the messages.
  if (!std::is_sorted(endpoints.begin(), endpoints.end()) ||
      std::adjacent_find(endpoints.begin(), endpoints.end()) != endpoints.end()) {
    return error(Errc::kCorrupt, "a target set is out of order");
  }
  return TargetSet(std::move(endpoints));
}

}  // namespace posthorn::model
