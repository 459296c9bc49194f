#include <boost/test/unit_test.hpp>
#include <functional>

#include "daemon/value/value.h"

using namespace smiley::daemon;

namespace {

std::string Shown(const std::string& json, std::size_t width = 200) {
  const auto cbor = CborFromJson(json);
  BOOST_REQUIRE_MESSAGE(cbor.ok(), json);
  const auto value = DecodeValue(*cbor, {1, 1});
  BOOST_REQUIRE(value.ok());
  return Display(**value, width);
}

std::string Str(const std::string& text) {
  std::string json;
  AppendJsonString(&json, text);
  return Shown(json);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(value_display)

BOOST_AUTO_TEST_CASE(looks_like_python) {
  BOOST_TEST(Shown("null") == "None");
  BOOST_TEST(Shown("true") == "True");
  BOOST_TEST(Shown("-5") == "-5");
  BOOST_TEST(Shown("2.0") == "2.0");
  BOOST_TEST(Shown(R"({"$type":"float","text":"-inf"})") == "-inf");
  BOOST_TEST(Shown(R"({"$type":"complex","real":1.0,"imag":-2.5})") == "(1.0-2.5j)");
  BOOST_TEST(Shown(R"({"$type":"dict","id":1,"items":[["a",1],[2,null]]})") == "{'a': 1, 2: None}");
  BOOST_TEST(Shown(R"({"$type":"list","id":1,"items":[1,2],"cut":3})") == "[1, 2, …+3]");
  BOOST_TEST(Shown(R"({"$type":"list","id":1,"cut":3})") == "[…+3]");
  BOOST_TEST(Shown(R"({"$type":"tuple","id":1,"items":[1]})") == "(1,)");
  BOOST_TEST(Shown(R"({"$type":"set","id":1,"items":[]})") == "set()");
  BOOST_TEST(Shown(R"({"$type":"set","id":1,"items":[1]})") == "{1}");
  BOOST_TEST(Shown(R"({"$type":"frozenset","id":1,"items":[1]})") == "frozenset({1})");
  BOOST_TEST(Shown(R"({"$type":"deque","id":1,"items":[1]})") == "deque([1])");
  BOOST_TEST(Shown(R"({"$type":"Counter","id":1,"items":[["a",2]]})") == "Counter({'a': 2})");
  BOOST_TEST(Shown(R"({"$type":"bytes","base64":"AGEn"})") == "b\"\\x00a'\"");
  BOOST_TEST(Shown(R"({"$type":"object","class":"m.Shop","id":1,"attributes":{"total":5,"open":true}})") ==
             "<Shop total=5 open=True>");
  BOOST_TEST(Shown(R"({"$type":"object","class":"m.Shop","id":1,"attributes":{"total":5},"cut":2})") ==
             "<Shop total=5 …+2>");
  BOOST_TEST(Shown(R"({"$type":"object","class":"m.Shop","id":1})") == "<Shop>");
  BOOST_TEST(Shown(R"({"$type":"exception","class":"m.Odd","id":1,"args":["x",1]})") == "Odd('x', 1)");
  BOOST_TEST(Shown(R"({"$type":"list","class":"m.Mine","id":1,"items":[1]})") == "Mine([1])");
  BOOST_TEST(Shown(R"({"$type":"tuple","class":"m.Point","id":1,"items":[1,2]})") == "Point(1, 2)");
  BOOST_TEST(Shown(R"j({"$type":"range","text":"range(0, 3)"})j") == "range(0, 3)");
  BOOST_TEST(Shown(R"({"$type":"enum","class":"m.Color","text":"Color.RED"})") == "Color.RED");
  BOOST_TEST(Shown(R"({"$type":"Decimal","text":"1.50"})") == "Decimal('1.50')");
  BOOST_TEST(Shown(R"({"$type":"function","text":"m.f"})") == "<function m.f>");
  BOOST_TEST(Shown(R"({"$type":"redacted"})") == "<redacted>");
  BOOST_TEST(Shown(R"({"$type":"lost"})") == "unknown (lost)");
  BOOST_TEST(Shown(R"({"$type":"unbound"})") == "<unbound>");
}

BOOST_AUTO_TEST_CASE(nothing_reaches_a_terminal_that_moves_or_hides) {
  BOOST_TEST(Str("a\n\t\x1b[31m") == R"('a\n\t\x1b[31m')");
  BOOST_TEST(Str("it's") == "\"it's\"");
  BOOST_TEST(Str("both ' and \"") == R"('both \' and "')");
  BOOST_TEST(Str("back\\slash") == R"('back\\slash')");
  BOOST_TEST(Str("äöü 😀 日本") == "'äöü 😀 日本'");
  BOOST_TEST(Str("\xc2\x9b") == R"('\x9b')");
  BOOST_TEST(Str("\u202e") == R"('\u202e')");  // NOLINT(misc-misleading-bidirectional): escaped
  BOOST_TEST(Str("\u2066") == R"('\u2066')");  // NOLINT(misc-misleading-bidirectional): escaped
  BOOST_TEST(Str("\xed\xa0\x80") == R"('\ud800')");
  BOOST_TEST(Shown(R"({"$type":"object","class":"m.\u001b[0m","id":1,"attributes":{"a\nb":1}})") ==
             R"(<\x1b[0m a\nb=1>)");
}

BOOST_AUTO_TEST_CASE(width_bounds_what_is_shown) {
  BOOST_TEST(Shown("\"" + std::string(1000, 'x') + "\"", 20).size() <= 26u);
  BOOST_TEST(Shown(R"({"$type":"str","text":"abc","cut":9})") == "'abc…'");
  std::string items;
  for (int i = 0; i < 500; ++i) items += (i > 0 ? ",[\"key" : "[\"key") + std::to_string(i) + "\",1]";
  const std::string dict = Shown(R"({"$type":"dict","id":1,"items":[)" + items + "]}", 40);
  BOOST_TEST(dict.size() <= 60u);
  BOOST_TEST(dict.ends_with("…}"));
  std::string nested = "1";
  for (int i = 0; i < 90; ++i) nested = R"({"$type":"list","id":1,"items":[)" + nested + "]}";
  BOOST_TEST(Shown(nested, 30).size() <= 70u);
}

BOOST_AUTO_TEST_SUITE_END()
