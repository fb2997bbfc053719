// pure: bodies of record headers.
#include "model/encoding_fields.h"

#include <fmt/format.h>

namespace posthorn::model {
namespace {

constexpr size_t kTagBytes = sizeof(uint16_t) + sizeof(uint32_t);
constexpr std::string_view kDefaultContentType = "application/json";

enum class MessageTag : uint16_t {
  kEventType = 1,
  kChannels,
  kTags,
  kEventId,
  kEventIdKey,
  kIdempotencyKey,
  kIdempotency,
  kBodyHash,
  kContentType,
  kHeaders,
  kOrderingKey,
  kDeliverAt,
  kPayloadRetention,
  kSource,
  kFifoSequences,
};
enum class AttemptTag : uint16_t { kUrl = 1, kResponseHeaders };

ByteView view(const std::array<uint8_t, 16>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
bool is_set(const std::array<uint8_t, 16>& bytes) { return bytes != std::array<uint8_t, 16>{}; }

size_t size_of(ByteView text) { return text.size(); }
size_t size_of(const std::vector<std::string>& list) {
  size_t total = 0;
  for (const std::string& text : list) total += sizeof(uint32_t) + text.size();
  return total;
}
size_t size_of(const std::vector<Header>& list) {
  size_t total = 0;
  for (const Header& h : list) total += 2 * sizeof(uint32_t) + h.name.size() + h.value.size();
  return total;
}
size_t size_of(const std::vector<uint64_t>& list) { return list.size() * sizeof(uint64_t); }
size_t size_of(const SourcePosition& s) {
  return 2 * sizeof(uint32_t) + s.source.size() + s.position.size();
}
size_t size_of(uint64_t) { return sizeof(uint64_t); }

void put(FieldWriter& w, ByteView text) { w.bytes(text); }
void put(FieldWriter& w, const std::vector<std::string>& list) {
  for (const std::string& text : list) w.string32(text);
}
void put(FieldWriter& w, const std::vector<Header>& list) {
  for (const Header& h : list) {
    w.string32(h.name);
    w.string32(h.value);
  }
}
void put(FieldWriter& w, const std::vector<uint64_t>& list) {
  for (const uint64_t v : list) w.u64(v);
}
void put(FieldWriter& w, const SourcePosition& s) {
  w.string32(s.source);
  w.string32(s.position);
}
void put(FieldWriter& w, uint64_t v) { w.u64(v); }

// Two visitors over the tagged fields of a noun: one measures, one writes.
struct Measure {
  size_t total = 0;
  template <typename Tag, typename Value>
  void field(Tag, const Value& value) {
    total += kTagBytes + size_of(value);
  }
};
struct Write {
  FieldWriter& w;
  template <typename Tag, typename Value>
  void field(Tag tag, const Value& value) {
    w.u16(static_cast<uint16_t>(tag));
    w.u32(static_cast<uint32_t>(size_of(value)));
    put(w, value);
  }
};

template <typename Visitor>
void visit_tags(const Message& m, Visitor& v) {
  using enum MessageTag;
  if (!m.event_type.empty()) v.field(kEventType, ByteView(m.event_type));
  if (!m.channels.empty()) v.field(kChannels, m.channels);
  if (!m.tags.empty()) v.field(kTags, m.tags);
  if (!m.event_id.empty()) v.field(kEventId, ByteView(m.event_id));
  if (!m.event_id_key.empty()) v.field(kEventIdKey, view(m.event_id_key.bytes));
  if (!m.idempotency_key.empty()) v.field(kIdempotencyKey, ByteView(m.idempotency_key));
  if (!m.idempotency.empty()) v.field(kIdempotency, view(m.idempotency.bytes));
  if (is_set(m.body_hash)) v.field(kBodyHash, view(m.body_hash));
  if (m.content_type != kDefaultContentType) v.field(kContentType, ByteView(m.content_type));
  if (!m.headers.empty()) v.field(kHeaders, m.headers);
  if (!m.ordering_key.empty()) v.field(kOrderingKey, ByteView(m.ordering_key));
  if (m.deliver_at.us != 0) v.field(kDeliverAt, static_cast<uint64_t>(m.deliver_at.us));
  if (m.payload_retention_hours != 0) {
    v.field(kPayloadRetention, static_cast<uint64_t>(m.payload_retention_hours));
  }
  if (m.source) v.field(kSource, *m.source);
  if (!m.fifo_sequences.empty()) v.field(kFifoSequences, m.fifo_sequences);
}

template <typename Visitor>
void visit_tags(const Attempt& a, Visitor& v) {
  using enum AttemptTag;
  if (!a.url.empty()) v.field(kUrl, ByteView(a.url));
  if (!a.outcome.response_headers.empty()) {
    v.field(kResponseHeaders, a.outcome.response_headers);
  }
}

bool take(ByteView in, std::string& to) {
  to = in;
  return true;
}
bool take(ByteView in, std::vector<std::string>& to) {
  ByteReader reader(in);
  while (reader.remaining() > 0 && !reader.failed()) to.emplace_back(reader.string32());
  return reader.complete();
}
bool take(ByteView in, std::vector<Header>& to) {
  ByteReader reader(in);
  while (reader.remaining() > 0 && !reader.failed()) {
    Header header;
    header.name = reader.string32();
    header.value = reader.string32();
    to.push_back(std::move(header));
  }
  return reader.complete();
}
bool take(ByteView in, std::array<uint8_t, 16>& to) {
  if (in.size() != to.size()) return false;
  std::memcpy(to.data(), in.data(), to.size());
  return true;
}
bool take(ByteView in, uint64_t& to) {
  if (in.size() != sizeof to) return false;
  to = load_le<uint64_t>(in.data());
  return true;
}
bool take(ByteView in, std::vector<uint64_t>& to) {
  if (in.size() % sizeof(uint64_t) != 0) return false;
  for (size_t at = 0; at < in.size(); at += sizeof(uint64_t)) {
    to.push_back(load_le<uint64_t>(in.data() + at));
  }
  return true;
}
bool take(ByteView in, std::optional<SourcePosition>& to) {
  ByteReader reader(in);
  SourcePosition& position = to.emplace();
  position.source = reader.string32();
  position.position = reader.string32();
  return reader.complete();
}

bool take_tag(MessageTag tag, ByteView in, Message& m) {
  using enum MessageTag;
  uint64_t number = 0;
  switch (tag) {
    case kEventType:
      return take(in, m.event_type);
    case kChannels:
      return take(in, m.channels);
    case kTags:
      return take(in, m.tags);
    case kEventId:
      return take(in, m.event_id);
    case kEventIdKey:
      return take(in, m.event_id_key.bytes);
    case kIdempotencyKey:
      return take(in, m.idempotency_key);
    case kIdempotency:
      return take(in, m.idempotency.bytes);
    case kBodyHash:
      return take(in, m.body_hash);
    case kContentType:
      return take(in, m.content_type);
    case kHeaders:
      return take(in, m.headers);
    case kOrderingKey:
      return take(in, m.ordering_key);
    case kDeliverAt:
      if (!take(in, number)) return false;
      m.deliver_at.us = static_cast<int64_t>(number);
      return true;
    case kPayloadRetention:
      if (!take(in, number)) return false;
      m.payload_retention_hours = static_cast<uint32_t>(number);
      return true;
    case kSource:
      return take(in, m.source);
    case kFifoSequences:
      return take(in, m.fifo_sequences);
  }
  return true;  // of a later build: skipped
}

bool take_tag(AttemptTag tag, ByteView in, Attempt& a) {
  switch (tag) {
    case AttemptTag::kUrl:
      return take(in, a.url);
    case AttemptTag::kResponseHeaders:
      return take(in, a.outcome.response_headers);
  }
  return true;
}

// Up to the end or to tag 0, which is the padding.
template <typename Tag, typename Noun>
Status read_tags(ByteReader& in, Noun& noun) {
  while (in.remaining() >= kTagBytes) {
    const uint16_t tag = in.u16();
    if (tag == 0) break;
    const ByteView value = in.string32();
    if (in.failed() || !take_tag(static_cast<Tag>(tag), value, noun)) {
      return error(Errc::kCorrupt, fmt::format("field {} of a record is malformed", tag));
    }
  }
  if (in.failed()) return error(Errc::kCorrupt, "a record's fields are cut short");
  return {};
}

IdBytes read_id(ByteReader& in) {
  const ByteView raw = in.bytes(IdBytes::kSize);
  return raw.empty() ? IdBytes{} : IdBytes::from_raw(raw);
}

// app, configuration version.
constexpr size_t kMessageFixedBytes = IdBytes::kSize + sizeof(uint64_t);
// Names, seqs and versions, times, small integers, timings; see write_attempt_body().
constexpr size_t kAttemptFixedBytes =
    3 * IdBytes::kSize + 3 * sizeof(uint64_t) + 3 * sizeof(int64_t) + 10 + 5 * sizeof(uint32_t);

}  // namespace

size_t message_body_bytes(const Message& message) {
  Measure measure;
  visit_tags(message, measure);
  return kMessageFixedBytes + measure.total;
}

void write_message_body(const Message& message, FieldWriter& w) {
  w.id(message.app.bytes);
  w.u64(message.config_version);
  Write write{w};
  visit_tags(message, write);
}

Status read_message_body(ByteReader& in, Message& message) {
  message.app.bytes = read_id(in);
  message.config_version = in.u64();
  return read_tags<MessageTag>(in, message);
}

size_t attempt_body_bytes(const Attempt& attempt) {
  Measure measure;
  visit_tags(attempt, measure);
  return kAttemptFixedBytes + measure.total;
}

void write_attempt_body(const Attempt& a, FieldWriter& w) {
  w.id(a.app.bytes);
  w.id(a.endpoint.bytes);
  w.id(a.message.bytes);
  w.u64(a.message_seq.value);
  w.u64(a.lane_floor.value);
  w.u64(a.config_version);
  w.u64(static_cast<uint64_t>(a.started_at.us));
  w.u64(static_cast<uint64_t>(a.scheduled_due.us));
  w.u64(static_cast<uint64_t>(a.next_due.us));
  w.u16(a.number);
  w.u16(static_cast<uint16_t>(a.outcome.status));
  w.u8(static_cast<uint8_t>(a.trigger));
  w.u8(static_cast<uint8_t>(a.outcome.kind));
  w.u8(a.outcome.response_truncated ? 1 : 0);
  w.u8(static_cast<uint8_t>(a.state_after));
  w.u8(static_cast<uint8_t>(a.cause));
  w.u8(0);
  w.u32(a.outcome.timings.dns_us);
  w.u32(a.outcome.timings.connect_us);
  w.u32(a.outcome.timings.tls_us);
  w.u32(a.outcome.timings.first_byte_us);
  w.u32(a.outcome.timings.total_us);
  Write write{w};
  visit_tags(a, write);
}

Status read_attempt_body(ByteReader& in, Attempt& a) {
  a.app.bytes = read_id(in);
  a.endpoint.bytes = read_id(in);
  a.message.bytes = read_id(in);
  a.message_seq = Seq{in.u64()};
  a.lane_floor = Seq{in.u64()};
  a.config_version = in.u64();
  a.started_at.us = static_cast<int64_t>(in.u64());
  a.scheduled_due.us = static_cast<int64_t>(in.u64());
  a.next_due.us = static_cast<int64_t>(in.u64());
  a.number = in.u16();
  a.outcome.status = static_cast<int16_t>(in.u16());
  a.trigger = static_cast<Trigger>(in.u8());
  a.outcome.kind = static_cast<OutcomeKind>(in.u8());
  a.outcome.response_truncated = (in.u8() & 1) != 0;
  a.state_after = static_cast<DeliveryState>(in.u8());
  a.cause = static_cast<DeadCause>(in.u8());
  in.u8();
  a.outcome.timings.dns_us = in.u32();
  a.outcome.timings.connect_us = in.u32();
  a.outcome.timings.tls_us = in.u32();
  a.outcome.timings.first_byte_us = in.u32();
  a.outcome.timings.total_us = in.u32();
  if (a.state_after < DeliveryState::kPending || a.state_after > DeliveryState::kFiltered ||
      a.cause > DeadCause::kUnknownOutcome || a.trigger > Trigger::kManual ||
      a.outcome.kind < OutcomeKind::kDelivered || a.outcome.kind > OutcomeKind::kCancelled) {
    return error(Errc::kCorrupt, "an attempt holds a value that this version does not have");
  }
  return read_tags<AttemptTag>(in, a);
}

void write_command_body(const Command& c, FieldWriter& w) {
  w.u32(static_cast<uint32_t>(c.kind));
  w.id(c.app.bytes);
  w.id(c.endpoint.bytes);
  w.u64(c.through.value);
  w.u64(c.message_seq.value);
  w.u64(c.attempt_seq.value);
}

Status read_command_body(ByteReader& in, Command& c) {
  c.kind = static_cast<CommandKind>(in.u32());
  c.app.bytes = read_id(in);
  c.endpoint.bytes = read_id(in);
  c.through = Seq{in.u64()};
  c.message_seq = Seq{in.u64()};
  c.attempt_seq = Seq{in.u64()};
  if (c.kind < CommandKind::kCancelLane || c.kind > CommandKind::kExpireLane) {
    return error(Errc::kCorrupt, "a command of a kind that this version does not have");
  }
  if (in.failed()) return error(Errc::kCorrupt, "a command is cut short");
  return {};
}

}  // namespace posthorn::model
