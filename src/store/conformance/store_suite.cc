// The promises of a store, engine by engine.
#include "store/conformance/store_suite.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace posthorn::store {

using model::CommandKind;
using model::DeliveryState;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

EngineUnderTest engine_under_test(std::string name) {
  link_crash_suite();
  link_property_suite();
  return {std::move(name)};
}

StoreSuite::StoreSuite() : driver_(world_, GetParam().name) {}

void StoreSuite::SetUp() { ASSERT_TRUE(driver_.open().ok()); }

namespace {

std::vector<Seq> seqs_of(const std::vector<MessageRef>& messages) {
  std::vector<Seq> seqs;
  for (const MessageRef& message : messages) seqs.push_back(message->seq);
  return seqs;
}

std::vector<MessageRef> post_alike(StoreDriver& driver, size_t count,
                                   const model::Message& message) {
  std::vector<MessageRef> posted(count);
  for (MessageRef& each : posted) each = driver.post(message);
  return posted;
}

class Observer : public CommitObserver {
 public:
  void on_committed(std::span<const MessageRef> messages) override {
    for (const MessageRef& message : messages) seen.push_back(message);
  }
  std::vector<MessageRef> seen;
};

TEST_P(StoreSuite, AMessageIsReadBackAsItWasGiven) {
  model::Message given = message_to(1, {3, 1, 2}, std::string("{\"a\": 1}\0\xff", 10));
  given.channels = {"red"};
  given.tags = {"x"};
  given.headers = {{"x-h", "v"}};
  given.content_type = "application/cbor";
  given.event_id = "e-1";
  given.event_id_key = test_key(1);
  given.config_version = 9;
  const MessageRef posted = driver_.post(given);
  ASSERT_NE(posted, nullptr);
  EXPECT_GT(posted->seq, Seq{});
  EXPECT_FALSE(posted->id.empty());
  const auto read = driver_.log().read(posted->seq);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ((*read)->id, posted->id);
  EXPECT_EQ((*read)->accepted_at, posted->accepted_at);
  EXPECT_EQ((*read)->payload, given.payload);
  EXPECT_EQ((*read)->channels, given.channels);
  EXPECT_EQ((*read)->tags, given.tags);
  EXPECT_EQ((*read)->headers, given.headers);
  EXPECT_EQ((*read)->content_type, given.content_type);
  EXPECT_EQ((*read)->event_id, given.event_id);
  EXPECT_EQ((*read)->config_version, given.config_version);
  EXPECT_EQ(*(*read)->targets, *given.targets);
  const auto by_id = driver_.log().read(given.app, posted->id);
  ASSERT_TRUE(by_id.ok());
  EXPECT_EQ((*by_id)->seq, posted->seq);
}

TEST_P(StoreSuite, AMessageIsNotSeenByAnotherApp) {
  const MessageRef posted = driver_.post(message_to(1, {1}));
  EXPECT_EQ(driver_.log().read(test_app(2), posted->id).error().code, Errc::kNotFound);
  EXPECT_EQ(driver_.log().read(Seq{posted->seq.value + 1}).error().code, Errc::kNotFound);
}

TEST_P(StoreSuite, SeqsAndIdsGrowStrictlyOverMessagesAndAttempts) {
  IdBytes last;
  Seq seq;
  for (int round = 0; round < 50; ++round) {
    const MessageRef message = driver_.post(message_to(1, {1}));
    EXPECT_GT(message->seq, seq);
    EXPECT_GT(message->id.bytes, last);
    const auto attempt = driver_.attempt(attempt_of(*message, 1, DeliveryState::kDelivered));
    EXPECT_GT(attempt.seq, message->seq);
    EXPECT_GT(attempt.id.bytes, message->id.bytes);
    seq = attempt.seq;
    last = attempt.id.bytes;
  }
}

TEST_P(StoreSuite, IdsGrowAlsoWhenTheClockStepsBack) {
  const MessageRef before = driver_.post(message_to(1, {1}));
  world_.clocks().jump_wall(-std::chrono::hours{24 * 3650});
  const MessageRef after = driver_.post(message_to(1, {1}));
  EXPECT_GT(after->id, before->id);
  EXPECT_GE(after->accepted_at, before->accepted_at);
}

TEST_P(StoreSuite, TheObserverSeesMessagesInOrderBeforeTheAppender) {
  Observer observer;
  driver_.log().observe(driver_.loop(), &observer);
  size_t seen_at_answer = 0;
  Batch batch = batch_of(message_to(1, {1}));
  batch.items.push_back(batch_of(message_to(1, {2})).items.front());
  ASSERT_TRUE(driver_.log()
                  .append(std::move(batch), driver_.loop(),
                          [&](const AppendResult& result) {
                            ASSERT_TRUE(result.ok());
                            seen_at_answer = observer.seen.size();
                          })
                  .ok());
  driver_.settle();
  EXPECT_EQ(seen_at_answer, 2u);
  ASSERT_THAT(observer.seen, SizeIs(2));
  EXPECT_LT(observer.seen[0]->seq, observer.seen[1]->seq);
  driver_.log().observe(driver_.loop(), nullptr);
  driver_.post(message_to(1, {1}));
  EXPECT_THAT(observer.seen, SizeIs(2));
}

TEST_P(StoreSuite, TheItemsOfABatchAreAdjacent) {
  std::optional<AppendResult> first;
  std::optional<AppendResult> second;
  const auto three = [] {
    Batch batch;
    for (int i = 0; i < 3; ++i) batch.items.push_back(batch_of(message_to(1, {1})).items.front());
    return batch;
  };
  ASSERT_TRUE(driver_.start(three(), first).ok());
  ASSERT_TRUE(driver_.start(three(), second).ok());
  driver_.settle();
  for (const auto* answer : {&first, &second}) {
    const auto& results = ***answer;
    ASSERT_THAT(results, SizeIs(3));
    EXPECT_EQ(results[1].seq, results[0].seq.next());
    EXPECT_EQ(results[2].seq, results[1].seq.next());
  }
}

TEST_P(StoreSuite, ARepeatedKeyNamesTheFirstMessage) {
  model::Message message = message_to(1, {1});
  message.idempotency = test_key(7);
  const MessageRef first = driver_.post(message);
  ASSERT_NE(first, nullptr);
  Batch batch = batch_of(message_to(1, {1}));
  batch.items.push_back(batch_of(message).items.front());
  const AppendResult again = driver_.append(std::move(batch));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ((*again)[0].verdict, Verdict::kCommitted);
  EXPECT_EQ((*again)[1].verdict, Verdict::kDuplicateKey);
  EXPECT_EQ((*again)[1].seq, first->seq);
  const auto found = driver_.log().find_duplicate(test_key(7));
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ((*found)->message->id, first->id);
  EXPECT_FALSE(driver_.log().find_duplicate(test_key(8))->has_value());
}

TEST_P(StoreSuite, ARepeatedKeyWithinABatchIsOneMessage) {
  model::Message message = message_to(1, {1});
  message.event_id_key = test_key(3);
  Batch batch = batch_of(message);
  batch.items.push_back(batch_of(message).items.front());
  const AppendResult result = driver_.append(std::move(batch));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ((*result)[0].verdict, Verdict::kCommitted);
  EXPECT_EQ((*result)[1].verdict, Verdict::kDuplicateEventId);
  EXPECT_EQ((*result)[1].seq, (*result)[0].seq);
}

TEST_P(StoreSuite, ALaneReadsItsMessagesAndNoOthers) {
  std::vector<Seq> wanted;
  for (uint64_t i = 0; i < 200; ++i) {
    const bool ours = i % 3 == 0;
    const MessageRef message =
        driver_.post(message_to(1, ours ? std::vector<uint64_t>{5, 6} : std::vector<uint64_t>{6}));
    if (ours) wanted.push_back(message->seq);
  }
  std::vector<Seq> got;
  LaneQuery query;
  query.app = test_app(1);
  query.endpoint = test_endpoint(5);
  query.count_max = 7;
  while (true) {
    const auto read = driver_.log().read_lane(query);
    ASSERT_TRUE(read.ok()) << read.error().message;
    for (const Seq seq : seqs_of(read->messages)) got.push_back(seq);
    EXPECT_LE(read->messages.size(), 7u);
    query.from = read->next;
    if (read->at_end) break;
  }
  EXPECT_EQ(got, wanted);
  EXPECT_EQ(query.from, driver_.log().last_durable().next());
}

TEST_P(StoreSuite, ALaneReadStopsBehindTheMessageThatPassesItsBytes) {
  for (int i = 0; i < 5; ++i) driver_.post(message_to(1, {5}, std::string(1000, 'x')));
  LaneQuery query;
  query.app = test_app(1);
  query.endpoint = test_endpoint(5);
  query.payload_bytes_max = 1500;
  const auto read = driver_.log().read_lane(query);
  ASSERT_TRUE(read.ok());
  EXPECT_THAT(read->messages, SizeIs(2));
  EXPECT_FALSE(read->at_end);
}

TEST_P(StoreSuite, PagesOfMessagesGoBothWaysWithoutGapOrRepeat) {
  std::vector<Seq> all;
  for (uint64_t i = 0; i < 150; ++i) {
    const MessageRef message = driver_.post(message_to(1 + i % 2, {1}));
    if (i % 2 == 0) all.push_back(message->seq);
  }
  for (const bool ascending : {true, false}) {
    std::vector<Seq> got;
    MessageQuery query;
    query.app = test_app(1);
    query.ascending = ascending;
    query.limit = 11;
    while (true) {
      const auto page = driver_.log().list(query);
      ASSERT_TRUE(page.ok()) << page.error().message;
      for (const Seq seq : seqs_of(page->items)) got.push_back(seq);
      if (page->done) break;
      ASSERT_FALSE(page->items.empty());
      query.after = page->items.back()->id;
    }
    if (!ascending) std::reverse(got.begin(), got.end());
    EXPECT_EQ(got, all);
  }
}

TEST_P(StoreSuite, APageEndsWhenEnoughWasLookedAtAndTheNextGoesOn) {
  std::vector<Seq> fitting;
  for (int i = 0; i < 100; ++i) {
    model::Message message = message_to(1, {1});
    if (i % 13 == 0) message.channels = {"c"};
    message.event_type = i % 13 == 1 ? "rare" : "test.event";
    const MessageRef posted = driver_.post(message);
    if (i % 13 < 2) fitting.push_back(posted->seq);
    world_.run_for(seconds{1});
  }
  for (const bool ascending : {true, false}) {
    std::vector<Seq> got;
    for (const bool by_type : {true, false}) {
      MessageQuery query;
      query.app = test_app(1);
      query.ascending = ascending;
      query.look_max = 7;
      if (by_type)
        query.event_types = {"rare"};
      else
        query.channel = "c";
      size_t pages = 0;
      for (bool done = false; !done; ++pages) {
        const auto page = driver_.log().list(query);
        ASSERT_TRUE(page.ok()) << page.error().message;
        EXPECT_LE(page->items.size(), 2u);
        for (const Seq seq : seqs_of(page->items)) got.push_back(seq);
        done = page->done;
        ASSERT_EQ(page->looked_to.has_value(), !done);
        if (!done) query.after = MessageId{*page->looked_to};
      }
      EXPECT_GE(pages, 15u);  // 100 by sevens
      EXPECT_LE(pages, 18u);
    }
    std::sort(got.begin(), got.end());
    EXPECT_EQ(got, fitting);
  }
}

TEST_P(StoreSuite, ListsFilterByTypeChannelTagAndTime) {
  std::vector<MessageRef> posted;
  for (int i = 0; i < 12; ++i) {
    model::Message message = message_to(1, {1});
    message.event_type = i % 2 == 0 ? "even" : "odd";
    if (i % 3 == 0) message.channels = {"c"};
    if (i % 4 == 0) message.tags = {"t"};
    posted.push_back(driver_.post(message));
    world_.run_for(seconds{60});
  }
  const auto count = [&](auto change) {
    MessageQuery query;
    query.app = test_app(1);
    change(query);
    const auto page = driver_.log().list(query);
    EXPECT_TRUE(page.ok());
    return page.ok() ? page->items.size() : 0;
  };
  EXPECT_EQ(count([](MessageQuery& q) { q.event_types = {"even"}; }), 6u);
  EXPECT_EQ(count([](MessageQuery& q) { q.event_types = {"even", "odd"}; }), 12u);
  EXPECT_EQ(count([](MessageQuery& q) { q.channel = "c"; }), 4u);
  EXPECT_EQ(count([](MessageQuery& q) { q.tag = "t"; }), 3u);
  EXPECT_EQ(count([&](MessageQuery& q) { q.since = posted[4]->accepted_at; }), 8u);
  EXPECT_EQ(count([&](MessageQuery& q) { q.before = posted[4]->accepted_at; }), 4u);
  EXPECT_EQ(count([&](MessageQuery& q) {
              q.since = posted[2]->accepted_at;
              q.before = posted[9]->accepted_at;
              q.ascending = true;
              q.event_types = {"odd"};
            }),
            3u);
  MessageQuery bare;
  bare.app = test_app(1);
  bare.with_payload = false;
  EXPECT_EQ(driver_.log().list(bare)->items.front()->payload, "");
}

TEST_P(StoreSuite, AttemptsAreListedByMessageAndByEndpoint) {
  const MessageRef first = driver_.post(message_to(1, {1, 2}));
  const MessageRef second = driver_.post(message_to(1, {1}));
  std::vector<model::Attempt> made;
  for (uint16_t number = 1; number <= 3; ++number) {
    model::Attempt attempt = attempt_of(*first, 1, DeliveryState::kPending);
    attempt.number = number;
    made.push_back(driver_.attempt(attempt));
  }
  made.push_back(driver_.attempt(attempt_of(*first, 2, DeliveryState::kDelivered)));
  made.push_back(driver_.attempt(attempt_of(*second, 1, DeliveryState::kDelivered)));

  const auto ids = [&](AttemptQuery query) {
    query.app = test_app(1);
    std::vector<AttemptId> found;
    const auto page = driver_.history().list(query);
    EXPECT_TRUE(page.ok());
    if (page.ok()) {
      for (const model::Attempt& attempt : page->items) found.push_back(attempt.id);
    }
    return found;
  };
  AttemptQuery by_message;
  by_message.message = first->id;
  EXPECT_THAT(ids(by_message), ElementsAre(made[3].id, made[2].id, made[1].id, made[0].id));
  by_message.ascending = true;
  by_message.endpoint = test_endpoint(1);
  EXPECT_THAT(ids(by_message), ElementsAre(made[0].id, made[1].id, made[2].id));
  AttemptQuery by_endpoint;
  by_endpoint.endpoint = test_endpoint(1);
  EXPECT_THAT(ids(by_endpoint), ElementsAre(made[4].id, made[2].id, made[1].id, made[0].id));
  by_endpoint.after = made[2].id;
  EXPECT_THAT(ids(by_endpoint), ElementsAre(made[1].id, made[0].id));
  by_endpoint.ascending = true;
  EXPECT_THAT(ids(by_endpoint), ElementsAre(made[4].id));
  by_endpoint.after.reset();
  by_endpoint.state = DeliveryState::kDelivered;
  EXPECT_THAT(ids(by_endpoint), ElementsAre(made[4].id));
  by_endpoint.state.reset();
  by_endpoint.status_class = 500;
  EXPECT_THAT(ids(by_endpoint), SizeIs(3));
  by_endpoint.limit = 2;
  const auto page = driver_.history().list([&] {
    AttemptQuery query = by_endpoint;
    query.app = test_app(1);
    return query;
  }());
  EXPECT_FALSE(page->done);

  const auto one = driver_.history().attempt(test_app(1), made[1].id);
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(one->number, 2);
  EXPECT_EQ(one->outcome.response, "no");
  EXPECT_EQ(driver_.history().attempt(test_app(2), made[1].id).error().code, Errc::kNotFound);
  EXPECT_EQ(driver_.history().list(AttemptQuery{}).error().code, Errc::kInvalid);
}

TEST_P(StoreSuite, ADeliveryIsInTheStateOfItsLastAttempt) {
  const MessageRef message = driver_.post(message_to(1, {1, 2, 3}));
  driver_.attempt(attempt_of(*message, 1, DeliveryState::kDelivered));
  model::Attempt failed = attempt_of(*message, 2, DeliveryState::kPending);
  failed.next_due = WallTime{9'000'000'000'000'000};
  driver_.attempt(failed);
  const auto all = driver_.history().deliveries(message->seq);
  ASSERT_TRUE(all.ok());
  ASSERT_THAT(*all, SizeIs(3));
  EXPECT_EQ((*all)[0].state, DeliveryState::kDelivered);
  EXPECT_EQ((*all)[1].state, DeliveryState::kPending);
  EXPECT_EQ((*all)[1].attempts, 1);
  EXPECT_EQ((*all)[1].next_due, failed.next_due);
  EXPECT_EQ((*all)[2].state, DeliveryState::kPending);
  EXPECT_EQ((*all)[2].attempts, 0);
  model::Attempt last = attempt_of(*message, 2, DeliveryState::kDead);
  last.cause = model::DeadCause::kExhausted;
  last.number = 2;
  driver_.attempt(last);
  const auto dead = driver_.history().delivery(message->seq, test_endpoint(2));
  ASSERT_TRUE(dead.ok());
  EXPECT_EQ(dead->state, DeliveryState::kDead);
  EXPECT_EQ(dead->cause, model::DeadCause::kExhausted);
  EXPECT_EQ(dead->attempts, 2);
  EXPECT_EQ(driver_.history().delivery(message->seq, test_endpoint(9)).error().code,
            Errc::kNotFound);
}

TEST_P(StoreSuite, DeliveriesAreListedByState) {
  const std::vector<MessageRef> posted = post_alike(driver_, 9, message_to(1, {1, 2}));
  for (int i = 0; i < 9; i += 3) {
    driver_.attempt(attempt_of(*posted[i], 1, DeliveryState::kDelivered));
  }
  driver_.attempt(attempt_of(*posted[4], 1, DeliveryState::kDead));
  const auto list = [&](std::optional<DeliveryState> state) {
    DeliveryQuery query;
    query.app = test_app(1);
    query.endpoint = test_endpoint(1);
    query.state = state;
    query.ascending = true;
    const auto page = driver_.history().list(query);
    EXPECT_TRUE(page.ok());
    std::vector<Seq> seqs;
    for (const auto& found : page->items) seqs.push_back(found.message->seq);
    return seqs;
  };
  EXPECT_THAT(list(DeliveryState::kDelivered),
              ElementsAre(posted[0]->seq, posted[3]->seq, posted[6]->seq));
  EXPECT_THAT(list(DeliveryState::kDead), ElementsAre(posted[4]->seq));
  EXPECT_THAT(list(DeliveryState::kPending), SizeIs(5));
  EXPECT_THAT(list(std::nullopt), SizeIs(9));
  model::Command cancel;
  cancel.kind = CommandKind::kCancelLane;
  cancel.app = test_app(1);
  cancel.endpoint = test_endpoint(1);
  cancel.through = posted[7]->seq;
  driver_.command(cancel);
  EXPECT_THAT(list(DeliveryState::kPending), ElementsAre(posted[8]->seq));
  EXPECT_THAT(list(DeliveryState::kCancelled),
              ElementsAre(posted[1]->seq, posted[2]->seq, posted[5]->seq, posted[7]->seq));
  EXPECT_THAT(list(DeliveryState::kDelivered), SizeIs(3));
}

TEST_P(StoreSuite, RetriesAreDueUntilTheyAreAnswered) {
  const MessageRef message = driver_.post(message_to(1, {1, 2}));
  const WallTime soon = world_.clock().wall() + seconds{5};
  model::Attempt failed = attempt_of(*message, 1, DeliveryState::kPending);
  failed.next_due = soon;
  driver_.attempt(failed);
  DueQuery query;
  query.until = soon;
  const auto due = driver_.store().due().page(query);
  ASSERT_TRUE(due.ok());
  ASSERT_THAT(*due, SizeIs(1));
  EXPECT_EQ(due->front().seq, message->seq);
  EXPECT_EQ(due->front().endpoint, test_endpoint(1));
  EXPECT_EQ(due->front().app, test_app(1));
  EXPECT_EQ(due->front().attempts, 1);
  EXPECT_EQ(driver_.store().due().pending(), 1u);
  query.until = soon - microseconds{1};
  EXPECT_THAT(*driver_.store().due().page(query), IsEmpty());
  model::Attempt second = attempt_of(*message, 1, DeliveryState::kPending);
  second.number = 2;
  second.scheduled_due = soon;
  second.next_due = soon + seconds{60};
  driver_.attempt(second);
  query.until = soon + seconds{100};
  const auto later = driver_.store().due().page(query);
  ASSERT_THAT(*later, SizeIs(1));
  EXPECT_EQ(later->front().due, second.next_due);
  EXPECT_EQ(later->front().attempts, 2);
  model::Attempt third = attempt_of(*message, 1, DeliveryState::kDelivered);
  third.number = 3;
  third.scheduled_due = second.next_due;
  driver_.attempt(third);
  EXPECT_THAT(*driver_.store().due().page(query), IsEmpty());
  EXPECT_EQ(driver_.store().due().pending(), 0u);
}

TEST_P(StoreSuite, DuePagesGoOnBehindTheLastEntry) {
  const WallTime start = world_.clock().wall() + seconds{5};
  for (int i = 0; i < 25; ++i) {
    const MessageRef message = driver_.post(message_to(1, {1}));
    model::Attempt failed = attempt_of(*message, 1, DeliveryState::kPending);
    failed.next_due = start + seconds{i / 3};
    driver_.attempt(failed);
  }
  DueQuery query;
  query.until = start + seconds{100};
  query.limit = 4;
  size_t total = 0;
  while (true) {
    const auto page = driver_.store().due().page(query);
    ASSERT_TRUE(page.ok());
    total += page->size();
    for (size_t i = 1; i < page->size(); ++i) EXPECT_LT(key_of((*page)[i - 1]), key_of((*page)[i]));
    if (page->size() < query.limit) break;
    query.after = page->back();
  }
  EXPECT_EQ(total, 25u);
}

TEST_P(StoreSuite, AMessageWithADeliveryTimeIsDueThen) {
  model::Message message = message_to(1, {1, 2});
  message.deliver_at = world_.clock().wall() + seconds{3600};
  const MessageRef posted = driver_.post(message);
  DueQuery query;
  query.until = message.deliver_at;
  const auto due = driver_.store().due().page(query);
  ASSERT_THAT(*due, SizeIs(2));
  EXPECT_EQ(due->front().attempts, 0);
  const auto lane = driver_.store().lanes().find(test_endpoint(1));
  ASSERT_TRUE(lane.has_value());
  EXPECT_EQ(lane->targeted, 1u);
  EXPECT_FALSE(lane->has_untried());
}

TEST_P(StoreSuite, ACancelledLaneHasNothingDue) {
  const MessageRef message = driver_.post(message_to(1, {1, 2}));
  for (const uint64_t endpoint : {1, 2}) {
    model::Attempt failed = attempt_of(*message, endpoint, DeliveryState::kPending);
    failed.next_due = world_.clock().wall() + seconds{1};
    driver_.attempt(failed);
  }
  model::Command cancel;
  cancel.kind = CommandKind::kCancelLane;
  cancel.app = test_app(1);
  cancel.endpoint = test_endpoint(1);
  cancel.through = message->seq;
  driver_.command(cancel);
  DueQuery query;
  query.until = world_.clock().wall() + seconds{100};
  const auto due = driver_.store().due().page(query);
  ASSERT_THAT(*due, SizeIs(1));
  EXPECT_EQ(due->front().endpoint, test_endpoint(2));
  EXPECT_EQ(driver_.history().delivery(message->seq, test_endpoint(1))->state,
            DeliveryState::kCancelled);
  // A resend is due at once and outlives the cancel.
  model::Command resend;
  resend.kind = CommandKind::kResend;
  resend.app = test_app(1);
  resend.endpoint = test_endpoint(1);
  resend.message_seq = message->seq;
  driver_.command(resend);
  const auto again = driver_.store().due().page(query);
  ASSERT_THAT(*again, SizeIs(2));
  EXPECT_EQ(again->front().trigger, model::Trigger::kManual);
  EXPECT_EQ(again->front().endpoint, test_endpoint(1));
}

TEST_P(StoreSuite, AManualSuccessSettlesTheRetryThatWaited) {
  const MessageRef message = driver_.post(message_to(1, {1}));
  model::Attempt failed = attempt_of(*message, 1, DeliveryState::kPending);
  failed.next_due = world_.clock().wall() + seconds{60};
  driver_.attempt(failed);
  model::Attempt manual = attempt_of(*message, 1, DeliveryState::kDelivered);
  manual.number = 2;
  manual.trigger = model::Trigger::kManual;
  driver_.attempt(manual);
  DueQuery query;
  query.until = world_.clock().wall() + seconds{1000};
  EXPECT_THAT(*driver_.store().due().page(query), IsEmpty());
}

TEST_P(StoreSuite, ALaneKnowsWhatItHasTried) {
  const std::vector<MessageRef> posted = post_alike(driver_, 4, message_to(1, {1}));
  const auto lane = [&] { return *driver_.store().lanes().find(test_endpoint(1)); };
  EXPECT_EQ(lane().floor, posted[0]->seq);
  EXPECT_EQ(lane().last_targeted, posted[3]->seq);
  EXPECT_EQ(lane().targeted, 4u);
  EXPECT_TRUE(lane().has_untried());
  const auto try_at = [&](int index, int floor, DeliveryState state) {
    model::Attempt attempt = attempt_of(*posted[index], 1, state);
    attempt.lane_floor = posted[floor]->seq;
    driver_.attempt(attempt);
  };
  try_at(2, 0, DeliveryState::kDelivered);
  EXPECT_THAT(lane().tried_above, ElementsAre(posted[2]->seq));
  EXPECT_EQ(lane().floor, posted[0]->seq);
  try_at(0, 0, DeliveryState::kPending);
  EXPECT_EQ(lane().failures_in_row, 1u);
  try_at(1, 1, DeliveryState::kDelivered);
  EXPECT_EQ(lane().floor, posted[2]->seq.next());
  EXPECT_THAT(lane().tried_above, IsEmpty());
  EXPECT_EQ(lane().settled, 2u);
  EXPECT_EQ(lane().failures_in_row, 0u);
  EXPECT_TRUE(lane().has_untried());
  try_at(3, 3, DeliveryState::kDelivered);
  EXPECT_FALSE(lane().has_untried());
  EXPECT_FALSE(driver_.store().lanes().find(test_endpoint(2)).has_value());
  EXPECT_THAT(driver_.store().lanes().all(), SizeIs(1));
}

TEST_P(StoreSuite, AnExpungedPayloadIsGoneAndItsMessageStays) {
  const MessageRef message = driver_.post(message_to(1, {1}, "secret"));
  const auto attempt = driver_.attempt(attempt_of(*message, 1, DeliveryState::kPending));
  model::Command expunge;
  expunge.kind = CommandKind::kExpungePayload;
  expunge.app = test_app(1);
  expunge.message_seq = message->seq;
  driver_.command(expunge);
  expunge.kind = CommandKind::kExpungeResponse;
  expunge.attempt_seq = attempt.seq;
  driver_.command(expunge);
  for (int round = 0; round < 2; ++round) {
    const auto read = driver_.log().read(message->seq);
    ASSERT_TRUE(read.ok());
    EXPECT_TRUE((*read)->payload_expunged);
    EXPECT_EQ((*read)->payload, "");
    EXPECT_EQ((*read)->event_type, "test.event");
    const auto erased = driver_.history().attempt(test_app(1), attempt.id);
    ASSERT_TRUE(erased.ok());
    EXPECT_EQ(erased->outcome.response, "");
    EXPECT_EQ(erased->outcome.status, 500);
    ASSERT_TRUE(driver_.maintain().ok());
  }
}

TEST_P(StoreSuite, AClosedStoreRefuses) {
  ASSERT_TRUE(driver_.store().close().ok());
  EXPECT_EQ(driver_.append(batch_of(message_to(1, {1}))).error().code, Errc::kUnavailable);
}

TEST_P(PersistentStoreSuite, EverythingIsThereAfterARestart) {
  std::vector<MessageRef> posted;
  for (int i = 0; i < 40; ++i) {
    model::Message message = message_to(1, {1, 2}, "payload " + std::to_string(i));
    message.idempotency = test_key(100 + static_cast<uint64_t>(i));
    posted.push_back(driver_.post(message));
    if (i % 2 == 0) driver_.attempt(attempt_of(*posted.back(), 1, DeliveryState::kDelivered));
  }
  model::Attempt failed = attempt_of(*posted[1], 1, DeliveryState::kPending);
  failed.next_due = world_.clock().wall() + seconds{60};
  driver_.attempt(failed);
  const auto lanes = driver_.store().lanes().all();
  const Seq last = driver_.log().last_durable();
  for (int restart = 0; restart < 2; ++restart) {
    ASSERT_TRUE(driver_.open().ok());
    EXPECT_EQ(driver_.log().last_durable(), last);
    EXPECT_EQ(driver_.store().lanes().all(), lanes);
    for (const MessageRef& message : posted) {
      const auto read = driver_.log().read(message->seq);
      ASSERT_TRUE(read.ok()) << read.error().message;
      EXPECT_EQ((*read)->payload, message->payload);
      EXPECT_EQ(*(*read)->targets, *message->targets);
    }
    DueQuery query;
    query.until = failed.next_due;
    EXPECT_THAT(*driver_.store().due().page(query), SizeIs(1));
    EXPECT_EQ(driver_.history().delivery(posted[0]->seq, test_endpoint(1))->state,
              DeliveryState::kDelivered);
  }
  model::Message again = message_to(1, {1});
  again.idempotency = test_key(100);
  const auto duplicate = driver_.log().find_duplicate(test_key(100));
  ASSERT_TRUE(duplicate.ok());
  ASSERT_TRUE(duplicate->has_value());
  EXPECT_EQ((*duplicate)->message->id, posted[0]->id);
  const MessageRef next = driver_.post(message_to(1, {1}));
  EXPECT_EQ(next->seq, last.next());
  EXPECT_GT(next->id, posted.back()->id);
}

}  // namespace
}  // namespace posthorn::store
