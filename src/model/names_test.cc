// The grammar of the names that clients choose.
#include "model/names.h"

namespace posthorn::model {
namespace {

TEST(Names, AcceptsWhatTheContractAllows) {
  EXPECT_TRUE(is_uid("customer-1_a.B", "app_"));
  EXPECT_TRUE(is_uid(std::string(256, 'a'), "app_"));
  EXPECT_TRUE(is_event_type("invoice.paid"));
  EXPECT_TRUE(is_channel("project:1+2"));
  EXPECT_TRUE(is_tag("a/b\\c#d"));
}

TEST(Names, RefusesLengthsAndBytesOutsideTheGrammar) {
  EXPECT_FALSE(is_uid("", "app_"));
  EXPECT_FALSE(is_uid(std::string(257, 'a'), "app_"));
  EXPECT_FALSE(is_uid("app_1", "app_"));
  EXPECT_FALSE(is_uid("a b", "app_"));
  EXPECT_FALSE(is_event_type("invoice:paid"));
  EXPECT_FALSE(is_event_type(std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_channel(std::string(129, 'a')));
  EXPECT_FALSE(is_channel("a/b"));
  EXPECT_FALSE(is_tag("a:b"));
  EXPECT_FALSE(is_tag("caf\xc3\xa9"));
}

}  // namespace
}  // namespace posthorn::model
