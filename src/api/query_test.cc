// Query strings: decoding, types, and what is refused.
#include "api/query.h"

#include <gtest/gtest.h>

namespace posthorn::api {
namespace {

using model::IssueList;

TEST(Query, DecodesNamesAndValues) {
  IssueList issues;
  const Query query("a=1&b=x%2Fy+z&&a=2&c", issues);
  EXPECT_EQ(query.text("a"), "2");
  EXPECT_EQ(query.text("b"), "x/y z");
  EXPECT_EQ(query.text("c"), "");
  EXPECT_EQ(query.text("d"), std::nullopt);
  EXPECT_TRUE(issues.empty());
}

TEST(Query, ReadsListsInBothForms) {
  IssueList issues;
  Query query("t=a,b&t[]=c&t%5B%5D=d,,e", issues);
  EXPECT_EQ(query.list("t", 5), (std::vector<std::string>{"a", "b", "c", "d", "e"}));
  EXPECT_TRUE(issues.empty());
  query.list("t", 4);
  EXPECT_EQ(issues.issues().size(), 1u);
}

TEST(Query, ReadsTypedValues) {
  IssueList issues;
  Query query("n=250&f=true&g=false&t=2026-01-31T09:15:00%2B01:00&u=2026-01-31T09:15:00+01:00",
              issues);
  EXPECT_EQ(query.number("n", 1, 250), 250u);
  EXPECT_TRUE(query.flag("f", false));
  EXPECT_FALSE(query.flag("g", true));
  EXPECT_TRUE(query.flag("absent", true));
  EXPECT_EQ(query.time("t"), WallTime{1'769'847'300'000'000});
  EXPECT_EQ(query.time("u"), query.time("t"));
  EXPECT_TRUE(issues.empty());
}

TEST(Query, ReadsIteratorsInBothDirections) {
  MessageId id;
  id.bytes.raw[3] = 9;
  IssueList issues;
  Query query("i=" + id.text() + "&p=-" + id.text() + "&x=msg_short&e=", issues);
  bool backwards = true;
  EXPECT_EQ(query.iterator<MessageKind>("i", backwards), id);
  EXPECT_FALSE(backwards);
  EXPECT_EQ(query.iterator<MessageKind>("p", backwards), id);
  EXPECT_TRUE(backwards);
  EXPECT_EQ(query.iterator<MessageKind>("e", backwards), std::nullopt);
  EXPECT_TRUE(issues.empty());
  EXPECT_EQ(query.iterator<MessageKind>("x", backwards), std::nullopt);
  EXPECT_EQ(query.iterator<ApplicationKind>("i", backwards), std::nullopt);
  ASSERT_EQ(issues.issues().size(), 2u);
  EXPECT_EQ(issues.issues()[0].loc, (std::vector<std::string>{"query", "x"}));
}

TEST(Query, RefusesWhatItCannotRead) {
  for (const std::string_view text : {"a=%", "a=%2", "a=%zz", "%=1"}) {
    IssueList issues;
    const Query query(text, issues);
    EXPECT_FALSE(issues.empty()) << text;
  }
  for (const std::string_view value : {"0", "251", "-1", "1x", "", "99999999999999999999", "1.5"}) {
    IssueList issues;
    Query query("n=" + std::string(value) + "&f=1&t=today", issues);
    EXPECT_EQ(query.number("n", 1, 250), std::nullopt) << value;
    query.flag("f", true);
    query.time("t");
    EXPECT_EQ(issues.issues().size(), 3u) << value;
  }
  IssueList issues;
  std::string many;
  for (int i = 0; i < 100; ++i) many += "a=1&";
  const Query query(many, issues);
  EXPECT_FALSE(issues.empty());
}

}  // namespace
}  // namespace posthorn::api
