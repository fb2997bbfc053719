// What retention decides to append.
#include "record/retention.h"

#include <gtest/gtest.h>

namespace posthorn::record {
namespace {

class FakeIndex : public store::RetentionIndex {
 public:
  Result<Seq> last_before(WallTime at) override {
    asked = at;
    return last;
  }
  Result<std::vector<store::PendingLane>> lanes_pending(Seq through, size_t limit) override {
    EXPECT_EQ(through, last);
    std::vector<store::PendingLane> some = lanes;
    if (some.size() > limit) some.resize(limit);
    return some;
  }

  Result<store::OverduePage> payloads_over(const store::OverdueQuery& query) override {
    queries.push_back(query);
    return page;
  }

  std::vector<store::OverdueQuery> queries;
  store::OverduePage page;
  WallTime asked;
  Seq last;
  std::vector<store::PendingLane> lanes;
};

store::PendingLane lane(uint8_t number) {
  store::PendingLane made;
  made.app.bytes.raw[19] = 1;
  made.endpoint.bytes.raw[19] = number;
  return made;
}

constexpr WallTime kNow{1'800'000'000'000'000};

TEST(Retention, ExpiresTheLanesThatHoldLongerThanTheLimit) {
  FakeIndex index;
  index.last = Seq{77};
  index.lanes = {lane(1), lane(2)};
  const auto commands = Retention({.hold_limit = seconds{1000}}).over(index, kNow);
  ASSERT_TRUE(commands.ok());
  EXPECT_EQ(index.asked, kNow - seconds{1000});
  ASSERT_EQ(commands->size(), 2u);
  EXPECT_EQ((*commands)[1].kind, model::CommandKind::kExpireLane);
  EXPECT_EQ((*commands)[1].endpoint, lane(2).endpoint);
  EXPECT_EQ((*commands)[1].app, lane(2).app);
  EXPECT_EQ((*commands)[1].through, Seq{77});
}

TEST(Retention, HasNothingToSayOfAYoungLogAndKeepsWithinItsStep) {
  FakeIndex index;
  index.lanes = {lane(1), lane(2), lane(3)};
  EXPECT_TRUE(Retention({}).over(index, kNow)->empty());
  index.last = Seq{1};
  EXPECT_EQ(Retention({.hold_limit = seconds{1}, .commands_max = 2}).over(index, kNow)->size(), 2u);
}

TEST(Retention, ExpungesOverduePayloadsAndGoesOnBehindThoseThatAreWaitedFor) {
  FakeIndex index;
  index.page.payloads = {{lane(1).app, Seq{5}}};
  index.page.last.seq = Seq{9};
  index.page.at_end = false;
  Retention retention({});
  const auto commands = retention.over(index, kNow);
  ASSERT_EQ(commands->size(), 1u);
  EXPECT_EQ((*commands)[0].kind, model::CommandKind::kExpungePayload);
  EXPECT_EQ((*commands)[0].message_seq, Seq{5});
  EXPECT_EQ(index.queries[0].until, kNow);
  index.page = {};
  EXPECT_TRUE(retention.over(index, kNow)->empty());
  EXPECT_EQ(index.queries[1].after.seq, Seq{9});
  EXPECT_TRUE(retention.over(index, kNow)->empty());
  EXPECT_EQ(index.queries[2].after.seq, Seq{});
}

}  // namespace
}  // namespace posthorn::record
