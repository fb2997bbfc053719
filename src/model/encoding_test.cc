#include "model/encoding.h"

#include <gtest/gtest.h>

#include "wire/crc32c.h"

namespace posthorn::model {
namespace {

constexpr uint32_t kSeed = 0x5EED;

template <typename Kind>
Id<Kind> make_id(uint8_t fill) {
  Id<Kind> id;
  id.bytes.raw.fill(fill);
  return id;
}

Message full_message() {
  Message m;
  m.app = make_id<ApplicationKind>(7);
  m.config_version = 12;
  m.event_type = "invoice.paid";
  m.channels = {"a", "", "long channel"};
  m.tags = {"t"};
  m.event_id = "evt-1";
  m.event_id_key.bytes.fill(3);
  m.idempotency_key = "key";
  m.idempotency.bytes.fill(4);
  m.body_hash.fill(5);
  m.content_type = "text/plain";
  m.headers = {{"x-a", "1"}, {"x-b", ""}};
  m.ordering_key = "customer-9";
  m.deliver_at = WallTime{123456789};
  m.payload_retention_hours = 48;
  m.source = SourcePosition{"kafka:orders", "3/77"};
  m.fifo_sequences = {0, 9, 10};
  m.payload = std::string("{\"a\":1}\0\xff", 9);
  return m;
}

Attempt full_attempt() {
  Attempt a;
  a.app = make_id<ApplicationKind>(1);
  a.endpoint = make_id<EndpointKind>(2);
  a.message = make_id<MessageKind>(3);
  a.message_seq = Seq{41};
  a.number = 3;
  a.trigger = Trigger::kManual;
  a.started_at = WallTime{5};
  a.scheduled_due = WallTime{6};
  a.config_version = 8;
  a.url = "https://example.com/hook";
  a.outcome = {.kind = OutcomeKind::kHttpError,
               .status = 503,
               .response_truncated = true,
               .timings = {1, 2, 3, 4, 5},
               .response = "try later",
               .response_headers = {{"retry-after", "3"}}};
  a.state_after = DeliveryState::kPending;
  a.next_due = WallTime{77};
  a.lane_floor = Seq{40};
  return a;
}

Stamp test_stamp() {
  IdBytes id;
  id.raw.fill(0xAB);
  return {.set_id = 6,
          .seq = Seq{42},
          .time = WallTime{1'700'000'000'000'000},
          .id = id,
          .seed = kSeed};
}

template <typename Noun>
std::string stamped(const Noun& noun) {
  std::string bytes;
  EXPECT_TRUE(encode(noun, bytes).ok());
  stamp(bytes.data(), test_stamp());
  return bytes;
}

TEST(Encoding, AMessageComesBackWithEveryField) {
  const std::string bytes = stamped(full_message());
  EXPECT_EQ(bytes.size() % kRecordAlignment, 0u);
  const auto view = parse_record(bytes, kSeed);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->size(), bytes.size());
  EXPECT_EQ(view->set_id, 6u);
  const auto got = decode_message(*view);
  ASSERT_TRUE(got.ok()) << got.error().message;
  const Message want = full_message();
  EXPECT_EQ(got->seq, Seq{42});
  EXPECT_EQ(got->accepted_at, test_stamp().time);
  EXPECT_EQ(got->id.bytes, test_stamp().id);
  EXPECT_EQ(got->app, want.app);
  EXPECT_EQ(got->config_version, want.config_version);
  EXPECT_EQ(got->event_type, want.event_type);
  EXPECT_EQ(got->channels, want.channels);
  EXPECT_EQ(got->tags, want.tags);
  EXPECT_EQ(got->event_id, want.event_id);
  EXPECT_EQ(got->event_id_key, want.event_id_key);
  EXPECT_EQ(got->idempotency_key, want.idempotency_key);
  EXPECT_EQ(got->idempotency, want.idempotency);
  EXPECT_EQ(got->body_hash, want.body_hash);
  EXPECT_EQ(got->content_type, want.content_type);
  EXPECT_EQ(got->headers, want.headers);
  EXPECT_EQ(got->ordering_key, want.ordering_key);
  EXPECT_EQ(got->deliver_at, want.deliver_at);
  EXPECT_EQ(got->payload_retention_hours, want.payload_retention_hours);
  EXPECT_EQ(got->source, want.source);
  EXPECT_EQ(got->fifo_sequences, want.fifo_sequences);
  EXPECT_EQ(got->payload, want.payload);
  EXPECT_FALSE(got->payload_expunged);
}

TEST(Encoding, AnAttemptComesBackWithEveryField) {
  const std::string bytes = stamped(full_attempt());
  const auto view = parse_record(bytes, kSeed);
  ASSERT_TRUE(view.ok());
  const auto got = decode_attempt(*view);
  ASSERT_TRUE(got.ok()) << got.error().message;
  const Attempt want = full_attempt();
  EXPECT_EQ(got->id.bytes, test_stamp().id);
  EXPECT_EQ(got->endpoint, want.endpoint);
  EXPECT_EQ(got->message, want.message);
  EXPECT_EQ(got->message_seq, want.message_seq);
  EXPECT_EQ(got->number, want.number);
  EXPECT_EQ(got->trigger, want.trigger);
  EXPECT_EQ(got->started_at, want.started_at);
  EXPECT_EQ(got->scheduled_due, want.scheduled_due);
  EXPECT_EQ(got->config_version, want.config_version);
  EXPECT_EQ(got->url, want.url);
  EXPECT_EQ(got->outcome.kind, want.outcome.kind);
  EXPECT_EQ(got->outcome.status, want.outcome.status);
  EXPECT_TRUE(got->outcome.response_truncated);
  EXPECT_EQ(got->outcome.timings.total_us, 5u);
  EXPECT_EQ(got->outcome.response, want.outcome.response);
  EXPECT_EQ(got->outcome.response_headers, want.outcome.response_headers);
  EXPECT_EQ(got->state_after, want.state_after);
  EXPECT_EQ(got->next_due, want.next_due);
  EXPECT_EQ(got->lane_floor, want.lane_floor);
}

TEST(Encoding, ACommandAndATargetSetComeBack) {
  Command command;
  command.kind = CommandKind::kExpireLane;
  command.app = make_id<ApplicationKind>(1);
  command.endpoint = make_id<EndpointKind>(2);
  command.through = Seq{3};
  command.message_seq = Seq{4};
  command.attempt_seq = Seq{5};
  const std::string bytes = stamped(command);
  const auto got = decode_command(*parse_record(bytes, kSeed));
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got->kind, command.kind);
  EXPECT_EQ(got->endpoint, command.endpoint);
  EXPECT_EQ(got->through, command.through);
  EXPECT_EQ(got->message_seq, command.message_seq);
  EXPECT_EQ(got->attempt_seq, command.attempt_seq);

  const TargetSet set({make_id<EndpointKind>(9), make_id<EndpointKind>(2)});
  const std::string set_bytes = stamped(set);
  const auto set_back = decode_target_set(*parse_record(set_bytes, kSeed));
  ASSERT_TRUE(set_back.ok());
  EXPECT_EQ(*set_back, set);
}

TEST(Encoding, FieldsOfALaterBuildAreSkipped) {
  Message m;
  m.event_type = "x";
  std::string bytes = stamped(m);
  // The tag of the only field becomes one that nobody knows.
  const size_t tag_at = kRecordPrefixBytes + IdBytes::kSize + sizeof(uint64_t);
  store_le(bytes.data() + tag_at, uint16_t{999});
  stamp(bytes.data(), test_stamp());
  const auto got = decode_message(*parse_record(bytes, kSeed));
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got->event_type, "");
}

TEST(Encoding, ARecordOfANewerVersionIsRefused) {
  std::string bytes = stamped(Message{});
  bytes[17] = 2;
  stamp(bytes.data(), test_stamp());
  EXPECT_EQ(parse_record(bytes, kSeed).error().code, Errc::kUnsupported);
}

TEST(Encoding, EveryFlippedBitIsNoticed) {
  const std::string good = stamped(full_message());
  const size_t header_bytes = parse_lengths(good)->header_bytes;
  const size_t used = header_bytes + full_message().payload.size();
  for (size_t bit = 0; bit < used * 8; ++bit) {
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    const auto view = parse_record(bytes, kSeed);
    EXPECT_FALSE(view.ok() && decode_message(*view).ok()) << "bit " << bit;
  }
}

TEST(Encoding, ARecordOfAnotherGenerationIsNotBelieved) {
  const std::string bytes = stamped(full_message());
  EXPECT_EQ(parse_record(bytes, kSeed + 1).error().code, Errc::kCorrupt);
}

TEST(Encoding, AnErasedPayloadIsToldFromADamagedOne) {
  std::string bytes = stamped(full_message());
  const size_t payload_at = parse_lengths(bytes)->header_bytes;
  const size_t payload_bytes = full_message().payload.size();
  std::memset(bytes.data() + payload_at, 0, payload_bytes - 1);
  EXPECT_EQ(payload_state(*parse_record(bytes, kSeed)), PayloadState::kDamaged);
  EXPECT_EQ(decode_message(*parse_record(bytes, kSeed)).error().code, Errc::kCorrupt);
  std::memset(bytes.data() + payload_at, 0, payload_bytes);
  EXPECT_EQ(payload_state(*parse_record(bytes, kSeed)), PayloadState::kErased);
  const auto got = decode_message(*parse_record(bytes, kSeed));
  ASSERT_TRUE(got.ok());
  EXPECT_TRUE(got->payload_expunged);
  EXPECT_EQ(got->payload, "");
}

TEST(Encoding, EveryCutIsRefused) {
  const std::string good = stamped(full_attempt());
  for (size_t size = 0; size < good.size() - kRecordAlignment; ++size) {
    const auto view = parse_record(ByteView(good).substr(0, size), kSeed);
    EXPECT_FALSE(view.ok() && decode_attempt(*view).ok()) << "cut at " << size;
  }
}

TEST(Encoding, ATargetSetOutOfOrderIsRefused) {
  std::string bytes = stamped(TargetSet({make_id<EndpointKind>(2), make_id<EndpointKind>(9)}));
  const size_t first_at = kRecordPrefixBytes + sizeof(uint32_t);
  std::swap_ranges(bytes.begin() + first_at, bytes.begin() + first_at + IdBytes::kSize,
                   bytes.begin() + first_at + IdBytes::kSize);
  stamp(bytes.data(), test_stamp());
  EXPECT_EQ(decode_target_set(*parse_record(bytes, kSeed)).error().code, Errc::kCorrupt);
}

}  // namespace
}  // namespace posthorn::model
