#include "wire/json.h"

#include <gtest/gtest.h>

#include "wire/json_writer.h"
#include "wire/utf8.h"

namespace posthorn::wire {
namespace {

bool valid(ByteView text, size_t depth = 64) { return parse_json(text, {.depth = depth}).ok(); }

std::string text_of(ByteView json) {
  std::string scratch;
  const auto value = parse_json(json);
  if (!value.ok()) return "<invalid>";
  const auto text = value->text(scratch);
  return text ? std::string(*text) : "<nothing>";
}

TEST(Json, AcceptsTheGrammar) {
  for (const ByteView good :
       {"{}", "[]", " [ ] ", "0", "-0", "-0.0e-0", "1E+2", "\"\"", "true", "null", "[1,2]",
        "{\"a\":{\"b\":[{}]}}", "\t{\r\n\"a\" : 1 , \"a\" : 2 }\n", "\"\\u0000\\ud83d\\ude00\"",
        "[1e400, -123456789012345678901234567890]", "\"\\ud800\"", "{\"\":\"\"}",
        "\"caf\xc3\xa9\""}) {
    EXPECT_TRUE(valid(good)) << good;
  }
}

TEST(Json, NotesTheMembersOfTheOutermostObject) {
  std::vector<JsonMember> members;
  const auto noted = [&members](ByteView text) {
    std::string all;
    EXPECT_TRUE(parse_json(text, members).ok()) << text;
    for (const JsonMember& m : members) all.append(m.key.raw()).append("=").append(m.value.raw());
    return all;
  };
  EXPECT_EQ(noted(R"( { "a" : { "x":[1, {"y":2}] } , "\u0062":"}" ,"a":null, "c" :[] ,"d":{} } )"),
            R"("a"={ "x":[1, {"y":2}] }"\u0062"="}""a"=null"c"=[]"d"={})");
  EXPECT_EQ(noted(R"([{"a":1},{"b":2}])"), "");
  EXPECT_EQ(noted("{}"), "");
  EXPECT_EQ(noted("7"), "");
  std::string many = "{\"k0\":0";
  for (int i = 1; i < 100; ++i) many += ",\"k" + std::to_string(i) + "\":0";
  EXPECT_TRUE(parse_json(many + "}", members).ok());
  EXPECT_EQ(members.size(), JsonObject::kMembersMax + 1);
  EXPECT_FALSE(parse_json("{\"a\":1", members).ok());
}

TEST(Json, RefusesEverythingElse) {
  for (const ByteView bad : {"",
                             " ",
                             "{",
                             "}",
                             "[",
                             "]",
                             "[1,]",
                             "[,1]",
                             "{\"a\"}",
                             "{\"a\":}",
                             "{\"a\":1,}",
                             "{,}",
                             "{a:1}",
                             "{'a':1}",
                             "01",
                             "-",
                             "+1",
                             ".5",
                             "1.",
                             "1e",
                             "1e+",
                             "0x1",
                             "NaN",
                             "Infinity",
                             "tru",
                             "truex",
                             "nul",
                             "\"",
                             "\"a",
                             "\"\\\"",
                             "\"\\x\"",
                             "\"\\u12\"",
                             "\"\\u12g4\"",
                             "\"\n\"",
                             "\"\x01\"",
                             "[1 2]",
                             "{\"a\" 1}",
                             "{\"a\":1 \"b\":2}",
                             "1 2",
                             "[]]",
                             "{}{}",
                             "[}",
                             "{]",
                             "// c\n1",
                             "[1]\x0b",
                             "\xef\xbb\xbf{}",
                             "\"\xff\"",
                             "\"\xed\xa0\x80\"",
                             "\"\xc0\x80\"",
                             "{1:2}",
                             "{null:2}",
                             "[\"a\":1]"}) {
    EXPECT_FALSE(valid(bad)) << bad;
  }
  EXPECT_FALSE(valid(ByteView("{}\0", 3)));
  EXPECT_FALSE(valid(ByteView("\"\0\"", 3)));
}

TEST(Json, SaysWhereItWentWrong) {
  EXPECT_EQ(parse_json("{\"a\": tru}").error().message, "not valid JSON at byte 6: not a value");
}

TEST(Json, BoundsDepthAndStaysLinear) {
  const std::string open(64, '[');
  EXPECT_TRUE(valid(open + std::string(64, ']')));
  EXPECT_FALSE(valid(open + "[]" + std::string(64, ']')));
  EXPECT_TRUE(valid("[[[]]]", 3));
  EXPECT_FALSE(valid("[[{}]]", 2));
  EXPECT_FALSE(valid(std::string(1'000'000, '[')));
  std::string keys = "{";
  for (int i = 0; i < 1'000'000; ++i) keys += "\"k\":1,";
  EXPECT_TRUE(valid(keys + "\"k\":1}"));
}

TEST(Json, MixedNestingClosesWithTheRightBracket) {
  EXPECT_TRUE(valid("[{\"a\":[{\"b\":[]}]},{}]"));
  EXPECT_FALSE(valid("[{\"a\":[{\"b\":[}]}]"));
  EXPECT_FALSE(valid("{\"a\":[1,{\"b\":2]}}"));
}

TEST(Json, GivesThePayloadExactlyAsItWasWritten) {
  const ByteView body =
      "{ \"eventType\":\"a.b\",\"payload\" :  {\"x\": [1, 2.50, \"}]\\\"{[\\\\\"],\n \"y\":{} } ,"
      "\"channels\":null}";
  const auto value = parse_json(body);
  ASSERT_TRUE(value.ok());
  JsonObject object;
  ASSERT_TRUE(object.assign(*value).ok());
  EXPECT_EQ(object.members().size(), 3u);
  EXPECT_EQ(object.find("payload")->raw(), "{\"x\": [1, 2.50, \"}]\\\"{[\\\\\"],\n \"y\":{} }");
  EXPECT_TRUE(object.find("channels")->is_null());
  EXPECT_EQ(object.find("eventId"), nullptr);
}

TEST(Json, FindsTheEndOfAContainerWithEscapesAtEveryOffset) {
  for (const std::string escape : {"\\\\", "\\\"", "\\\\\\\"", "\\\\\\\\"}) {
    for (size_t pad = 0; pad < 140; ++pad) {
      std::string inner = "{\"k\":[\"";
      inner.append(pad, 'x').append(escape).append("\",\"}]{[\"]}");
      std::string text = "[";
      text.append(inner).append(",").append(inner).append("]");
      const auto value = parse_json(text);
      ASSERT_TRUE(value.ok()) << text;
      JsonElements elements(*value);
      EXPECT_EQ(elements.next()->raw(), inner);
      EXPECT_EQ(elements.next()->raw(), inner);
      EXPECT_FALSE(elements.next().has_value());
    }
  }
}

TEST(Json, WalksElementsAndMembersInOrder) {
  const auto value = parse_json("[ {\"a\":1 , \"b\" : [2]},3, \"x,]\" , [] ]");
  ASSERT_TRUE(value.ok());
  std::vector<std::string> seen;
  JsonElements elements(*value);
  while (const auto element = elements.next()) seen.emplace_back(element->raw());
  EXPECT_EQ(seen, (std::vector<std::string>{"{\"a\":1 , \"b\" : [2]}", "3", "\"x,]\"", "[]"}));
  JsonElements again(*value);
  JsonMembers members(*again.next());
  EXPECT_EQ(members.next()->value.raw(), "1");
  const auto second = members.next();
  EXPECT_EQ(second->key.raw(), "\"b\"");
  EXPECT_EQ(second->value.raw(), "[2]");
  EXPECT_FALSE(members.next().has_value());
  EXPECT_FALSE(JsonMembers(*parse_json("[]")).next().has_value());
  EXPECT_FALSE(JsonElements(*parse_json("{}")).next().has_value());
}

TEST(Json, RefusesAKeyGivenTwiceEvenInDisguise) {
  JsonObject object;
  EXPECT_FALSE(object.assign(*parse_json("{\"a\":1,\"b\":2,\"a\":3}")).ok());
  EXPECT_FALSE(object.assign(*parse_json("{\"payload\":1,\"p\\u0061yload\":2}")).ok());
  EXPECT_FALSE(object.assign(*parse_json("{\"\\ud800\":1}")).ok());
  EXPECT_FALSE(object.assign(*parse_json("[]")).ok());
  ASSERT_TRUE(object.assign(*parse_json("{\"p\\u0061y\":1,\"x\":2}")).ok());
  EXPECT_EQ(object.find("pay")->raw(), "1");
  std::string many = "{\"k\":1";
  for (int i = 0; i < 64; ++i) many += ",\"k" + std::to_string(i) + "\":1";
  EXPECT_FALSE(object.assign(*parse_json(many + "}")).ok());
}

TEST(Json, ReadsScalarsStrictly) {
  EXPECT_EQ(parse_json("-9223372036854775808")->integer(), INT64_MIN);
  EXPECT_EQ(parse_json("9223372036854775808")->integer(), std::nullopt);
  EXPECT_EQ(parse_json("1.0")->integer(), std::nullopt);
  EXPECT_EQ(parse_json("1e3")->integer(), std::nullopt);
  EXPECT_EQ(parse_json("\"1\"")->integer(), std::nullopt);
  EXPECT_EQ(parse_json("1e3")->number(), 1000.0);
  EXPECT_EQ(parse_json("1e400")->number(), std::nullopt);
  EXPECT_EQ(parse_json("false")->boolean(), false);
  EXPECT_EQ(parse_json("0")->boolean(), std::nullopt);
}

TEST(Json, Unescapes) {
  EXPECT_EQ(text_of("\"plain\""), "plain");
  EXPECT_EQ(text_of("\"a\\n\\t\\r\\b\\f\\/\\\\\\\"z\""), "a\n\t\r\b\f/\\\"z");
  EXPECT_EQ(text_of("\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\""),
            "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  EXPECT_EQ(text_of("\"\\u0000\""), std::string(1, '\0'));
  for (const ByteView lone : {"\"\\ud800\"", "\"\\udc00\"", "\"\\ud800x\"", "\"\\ud800\\u0041\""}) {
    EXPECT_EQ(text_of(lone), "<nothing>") << lone;
  }
  EXPECT_EQ(text_of("1"), "<nothing>");
}

TEST(JsonWriter, PlacesCommasAndEscapes) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.key("a\"b");
  json.begin_array();
  json.integer(-1);
  json.number(0.5);
  json.number(1.0 / 0.0);
  json.boolean(true);
  json.null();
  json.begin_object();
  json.end_object();
  json.raw("{ }");
  json.end_array();
  json.key("text");
  json.string(ByteView("\x01\n\"\\\x7f\xc3\xa9\xff", 8));
  json.key("at");
  json.time(WallTime{1});
  json.key("none");
  json.time(WallTime{});
  json.end_object();
  EXPECT_EQ(out,
            "{\"a\\\"b\":[-1,0.5,null,true,null,{},{ }],\"text\":\"\\u0001\\n\\\"\\\\\x7f\xc3\xa9"
            "\xef\xbf\xbd\",\"at\":\"1970-01-01T00:00:00.000001Z\",\"none\":null}");
  EXPECT_TRUE(valid(out));
}

TEST(Utf8, RepairsAndCutsBetweenCodePoints) {
  std::string out;
  append_repaired(out, "a\xf0\x9f\x98\x80\xf0\x9f z\xc3");
  EXPECT_EQ(out, "a\xf0\x9f\x98\x80\xef\xbf\xbd\xef\xbf\xbd z\xef\xbf\xbd");
  EXPECT_TRUE(is_utf8(out));
  EXPECT_EQ(utf8_prefix("a\xc3\xa9", 2), "a");
  EXPECT_EQ(utf8_prefix("a\xc3\xa9", 3), "a\xc3\xa9");
  EXPECT_EQ(utf8_prefix("abc", 2), "ab");
}

}  // namespace
}  // namespace posthorn::wire
