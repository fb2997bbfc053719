// Full scans, random traffic, and the comparison of two indexes.
#include "store/testing/index_model.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace posthorn::store::segment {
namespace {

constexpr size_t kEndpointsOfApp = 5;

bool in_range(const EntryQuery& query, Seq seq) { return query.from <= seq && seq < query.to; }

// Calls visit(item) over the items in the direction asked for, until `limit` of them were taken.
template <typename Item, typename Entry, typename Make>
std::vector<Entry> scan(const std::vector<Item>& items, const EntryQuery& query, Make make) {
  std::vector<Entry> found;
  for (size_t i = 0; i < items.size() && found.size() < query.limit; ++i) {
    const Item& item = items[query.ascending ? i : items.size() - 1 - i];
    if (!in_range(query, item.place.seq)) continue;
    if (const std::optional<Entry> entry = make(item)) found.push_back(*entry);
  }
  return found;
}

MessageEntry entry_of(const ModelMessage& m) { return {m.place, m.set, m.first_delivery}; }

}  // namespace

Result<std::optional<MessageEntry>> IndexModel::message(Seq seq) {
  for (const ModelMessage& m : messages) {
    if (m.place.seq == seq) return std::optional(entry_of(m));
  }
  return std::optional<MessageEntry>();
}

Result<std::vector<MessageEntry>> IndexModel::messages_with_id(const MessageId& id) {
  std::vector<MessageEntry> found;
  for (const ModelMessage& m : messages) {
    if (m.id == id) found.push_back(entry_of(m));
  }
  return found;
}

Result<std::vector<AppEntry>> IndexModel::messages_of_app(const EntryQuery& query) {
  return scan<ModelMessage, AppEntry>(messages, query, [&](const ModelMessage& m) {
    return m.app.bytes.tail() == query.tail
               ? std::optional(AppEntry{m.place, m.set, m.type_hash, m.at})
               : std::nullopt;
  });
}

Result<std::vector<TargetEntry>> IndexModel::messages_to_endpoint(const EntryQuery& query) {
  return scan<ModelMessage, TargetEntry>(messages, query,
                                         [&](const ModelMessage& m) -> std::optional<TargetEntry> {
                                           const auto& endpoints = m.targets->endpoints();
                                           for (uint32_t i = 0; i < endpoints.size(); ++i) {
                                             if (endpoints[i].bytes.tail() == query.tail)
                                               return TargetEntry{m.place, m.first_delivery + i};
                                           }
                                           return std::nullopt;
                                         });
}

Result<std::vector<AttemptEntry>> IndexModel::attempts_to_endpoint(const EntryQuery& query,
                                                                   const AttemptFilter& filter) {
  return scan<ModelAttempt, AttemptEntry>(attempts, query, [&](const ModelAttempt& a) {
    return a.endpoint.bytes.tail() == query.tail && filter.passes(a.facet)
               ? std::optional(AttemptEntry{a.place, a.facet})
               : std::nullopt;
  });
}

Result<std::vector<AttemptEntry>> IndexModel::attempts_of_message(const OfMessage& query) {
  const EntryQuery all{0, query.from, kEndOfLog, true, query.limit};
  return scan<ModelAttempt, AttemptEntry>(attempts, all, [&](const ModelAttempt& a) {
    const bool wanted =
        a.message == query.message && (!query.endpoint || *query.endpoint == a.endpoint);
    return wanted ? std::optional(AttemptEntry{a.place, a.facet}) : std::nullopt;
  });
}

Result<std::vector<AttemptEntry>> IndexModel::attempts_with_id(const AttemptId& id) {
  std::vector<AttemptEntry> found;
  for (const ModelAttempt& a : attempts) {
    if (a.id == id) found.push_back({a.place, {}});
  }
  return found;
}

Result<model::Targets> IndexModel::target_set(SegmentNumber segment, uint32_t set) {
  for (const ModelMessage& m : messages) {
    if (m.place.segment == segment && m.set == set) return m.targets;
  }
  return error(Errc::kNotFound, "no such set");
}

Result<std::optional<DeliveryOrdinal>> IndexModel::delivery(Seq seq, const EndpointId& endpoint) {
  for (const ModelMessage& m : messages) {
    const size_t place = m.targets->index_of(endpoint);
    if (m.place.seq == seq && place != model::TargetSet::kAbsent)
      return std::optional(static_cast<DeliveryOrdinal>(m.first_delivery + place));
  }
  return std::optional<DeliveryOrdinal>();
}

Result<std::optional<MessageEntry>> IndexModel::message_of_delivery(SegmentNumber segment,
                                                                    DeliveryOrdinal delivery) {
  for (const ModelMessage& m : messages) {
    if (m.place.segment == segment && m.first_delivery <= delivery &&
        delivery < m.first_delivery + m.targets->size())
      return std::optional(entry_of(m));
  }
  return std::optional<MessageEntry>();
}

Result<Seq> IndexModel::first_at(WallTime at) {
  IdBytes wanted;
  wanted.set_time(at);
  for (const ModelMessage& m : messages) {
    if (m.id.bytes.time() >= wanted.time()) return m.place.seq;
  }
  return kEndOfLog;
}

void IndexModel::remove(const std::vector<SegmentNumber>& gone) {
  const auto is_gone = [&](const auto& record) {
    return std::find(gone.begin(), gone.end(), record.place.segment) != gone.end();
  };
  std::erase_if(messages, is_gone);
  std::erase_if(attempts, is_gone);
}

struct IndexTraffic::Sets {
  std::map<std::pair<size_t, uint32_t>, uint32_t> numbers;
};

IndexTraffic::IndexTraffic(uint64_t seed, size_t apps) : rng_(seed), now_{1'700'000'000'000'000} {
  for (size_t i = 0; i < apps * (kEndpointsOfApp + 1); ++i) {
    IdBytes id;
    rng_.fill(id.raw);
    if (i < apps)
      apps_.push_back(AppId{id});
    else
      endpoints_.push_back(EndpointId{id});
  }
}

IdBytes IndexTraffic::next_id() {
  now_ = now_ + microseconds(rng_.below(9000));
  IdBytes id;
  rng_.fill(id.raw);
  id.set_time(now_);
  ++counter_;
  for (int i = 0; i < 5; ++i) id.raw[9 - i] = static_cast<uint8_t>(counter_ >> (8 * i));
  return id;
}

std::unique_ptr<OpenIndex> IndexTraffic::segment(size_t records, IndexModel& model) {
  auto index = std::make_unique<OpenIndex>(SegmentNumber{++segment_});
  Sets sets;
  for (size_t i = 0; i < records; ++i) {
    seq_ += 1 + rng_.below(3);  // commands take numbers too
    if (model.messages.empty() || rng_.below(2) == 0)
      add_message(*index, sets, model);
    else
      add_attempt(*index, model);
  }
  return index;
}

void IndexTraffic::add_message(OpenIndex& index, Sets& sets, IndexModel& model) {
  // The product of two draws: the first apps get most of the traffic.
  const size_t app = rng_.below(rng_.below(apps_.size()) + 1);
  const auto mask = static_cast<uint32_t>(rng_.below(rng_.below(1 << kEndpointsOfApp) + 1));
  model::Targets& targets = targets_[{app, mask}];
  if (!targets) {
    std::vector<EndpointId> chosen;
    for (size_t i = 0; i < kEndpointsOfApp; ++i) {
      if (mask >> i & 1) chosen.push_back(endpoints_[app * kEndpointsOfApp + i]);
    }
    targets = std::make_shared<model::TargetSet>(std::move(chosen));
  }
  const auto [set, is_new] =
      sets.numbers.try_emplace({app, mask}, static_cast<uint32_t>(sets.numbers.size()));
  if (is_new) index.add_set(set->second, targets);
  ModelMessage m;
  m.place = {index.segment(), Seq{seq_}, static_cast<uint32_t>(seq_ * 8)};
  m.id = MessageId{next_id()};
  m.app = apps_[app];
  m.set = set->second;
  m.type_hash = static_cast<uint32_t>(rng_.below(3));
  m.at = now_;
  m.targets = targets;
  m.first_delivery =
      index.add_message({m.place.seq, m.place.offset, m.id, m.app, m.set, m.type_hash, m.at});
  model.messages.push_back(std::move(m));
}

void IndexTraffic::add_attempt(OpenIndex& index, IndexModel& model) {
  const size_t back = rng_.below(rng_.below(model.messages.size()) + 1);
  const ModelMessage& m = model.messages[model.messages.size() - 1 - back];
  if (m.targets->size() == 0) return;
  ModelAttempt a;
  a.place = {index.segment(), Seq{seq_}, static_cast<uint32_t>(seq_ * 8)};
  a.id = AttemptId{next_id()};
  a.endpoint = m.targets->endpoints()[rng_.below(m.targets->size())];
  a.message = m.place.seq;
  a.facet.value = static_cast<uint8_t>((1 + rng_.below(5)) | rng_.below(6) << 3);
  index.add_attempt({a.place.seq, a.place.offset, a.id, a.endpoint, a.message, a.facet});
  model.attempts.push_back(a);
}

namespace {

class Questions {
 public:
  Questions(IndexReader& model, IndexReader& index, IndexTraffic& traffic, const IndexModel& facts)
      : model_(model), index_(index), traffic_(traffic), rng_(traffic.rng()), facts_(facts) {}

  void ask() {
    ask_lists();
    if (!facts_.messages.empty()) ask_about(random_of(facts_.messages));
    if (facts_.attempts.empty()) return;
    const ModelAttempt& attempt = random_of(facts_.attempts);
    auto found = index_.attempts_with_id(attempt.id).value();
    for (AttemptEntry& entry : found) entry.facet = {};
    EXPECT_EQ(found, model_.attempts_with_id(attempt.id).value());
  }

 private:
  template <typename Item>
  const Item& random_of(const std::vector<Item>& items) {
    return items[rng_.below(items.size())];
  }
  EntryQuery query(uint64_t tail) {
    EntryQuery query{tail, {}, kEndOfLog, rng_.below(2) == 0, 1 + rng_.below(20)};
    const uint64_t last = facts_.messages.empty() ? 1 : facts_.messages.back().place.seq.value;
    if (rng_.below(2) == 0) query.from = Seq{rng_.below(last + 10)};
    if (rng_.below(2) == 0) query.to = Seq{query.from.value + rng_.below(last)};
    if (rng_.below(5) == 0) query.limit = 10000;
    return query;
  }
  void ask_lists() {
    const EntryQuery of_app = query(random_of(traffic_.apps()).bytes.tail());
    EXPECT_EQ(index_.messages_of_app(of_app).value(), model_.messages_of_app(of_app).value());
    const EntryQuery of_endpoint = query(random_of(traffic_.endpoints()).bytes.tail());
    EXPECT_EQ(index_.messages_to_endpoint(of_endpoint).value(),
              model_.messages_to_endpoint(of_endpoint).value());
    AttemptFilter filter;
    if (rng_.below(2) == 0) filter.states = static_cast<uint8_t>(1u << (1 + rng_.below(5)));
    if (rng_.below(2) == 0) filter.status_classes = static_cast<uint8_t>(1u << rng_.below(6));
    EXPECT_EQ(index_.attempts_to_endpoint(of_endpoint, filter).value(),
              model_.attempts_to_endpoint(of_endpoint, filter).value());
    const WallTime at = traffic_.now() - microseconds(rng_.below(60'000'000));
    EXPECT_EQ(index_.first_at(at).value(), model_.first_at(at).value());
  }
  void ask_about(const ModelMessage& m) {
    EXPECT_EQ(index_.message(m.place.seq).value(), model_.message(m.place.seq).value());
    const Seq near{m.place.seq.value + 1};
    EXPECT_EQ(index_.message(near).value(), model_.message(near).value());
    EXPECT_EQ(index_.messages_with_id(m.id).value(), model_.messages_with_id(m.id).value());
    const EndpointId& endpoint = random_of(traffic_.endpoints());
    EXPECT_EQ(index_.delivery(m.place.seq, endpoint).value(),
              model_.delivery(m.place.seq, endpoint).value());
    IndexReader::OfMessage of{m.place.seq, std::nullopt, {}, 1 + rng_.below(20)};
    EXPECT_EQ(index_.attempts_of_message(of).value(), model_.attempts_of_message(of).value());
    of.from = Seq{m.place.seq.value + rng_.below(1000)};
    if (m.targets->size() > 0) of.endpoint = random_of(m.targets->endpoints());
    EXPECT_EQ(index_.attempts_of_message(of).value(), model_.attempts_of_message(of).value());
    if (m.targets->size() == 0) return;
    EXPECT_EQ(*index_.target_set(m.place.segment, m.set).value(), *m.targets);
    const auto ordinal =
        static_cast<DeliveryOrdinal>(m.first_delivery + rng_.below(m.targets->size()));
    EXPECT_EQ(index_.message_of_delivery(m.place.segment, ordinal).value(), entry_of(m));
  }

  IndexReader& model_;
  IndexReader& index_;
  IndexTraffic& traffic_;
  Rng& rng_;
  const IndexModel& facts_;
};

}  // namespace

void expect_same_answers(IndexModel& model, IndexReader& index, IndexTraffic& traffic,
                         int questions) {
  Questions asked(model, index, traffic, model);
  for (int i = 0; i < questions && !::testing::Test::HasFailure(); ++i) asked.ask();
}

}  // namespace posthorn::store::segment
