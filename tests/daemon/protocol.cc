#include <boost/test/unit_test.hpp>
#include <random>

#include "daemon/protocol/request.h"

using namespace smiley;
using namespace smiley::daemon;

namespace {

Result<Request> Parse(const std::string& line, bool* broken = nullptr) {
  static RequestParser parser;
  bool ignored = false;
  return parser.Parse(line, broken != nullptr ? broken : &ignored);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(protocol)

BOOST_AUTO_TEST_CASE(fields_have_types_and_unknown_ones_are_kept_out_of_the_way) {
  auto request = Parse(
      R"({"op":"replay","id":"a\"b","run":"last","limit":5,"source":true,"runs":["a","b"],"x":{"y":[1]},"z":[1],"n":null})");
  BOOST_REQUIRE(request.ok());
  BOOST_TEST(request->op == "replay");
  BOOST_TEST(request->id_json == R"("a\"b")");
  BOOST_TEST(**request->Text("run") == "last");
  BOOST_TEST(**request->Integer("limit", 0, 10) == 5);
  BOOST_TEST(*request->Flag("source", false));
  BOOST_TEST(request->Texts("runs")->size() == 2u);
  BOOST_TEST(!request->Text("n")->has_value());
  BOOST_TEST(!request->Text("absent")->has_value());
  BOOST_TEST(!request->Text("limit").ok());
  BOOST_TEST(!request->Integer("limit", 6, 10).ok());
  BOOST_TEST(!request->Flag("run", false).ok());
  BOOST_TEST(request->NeedText("absent").status().message() == "'absent' is missing");
}

BOOST_AUTO_TEST_CASE(texts_that_json_cannot_carry_come_as_base64) {
  auto request = Parse(
      R"({"op":"begin","command":["a",{"$type":"str","base64":"7bKA"}],"cwd":{"$type":"str","base64":"7bKA"}})");
  BOOST_REQUIRE(request.ok());
  BOOST_TEST(request->Texts("command")->at(1) == "\xed\xb2\x80");
  BOOST_TEST(**request->Text("cwd") == "\xed\xb2\x80");
  auto bad = Parse(R"({"op":"begin","cwd":{"$type":"str","base64":"7bK"}})");
  BOOST_REQUIRE(bad.ok());
  BOOST_TEST(!bad->Text("cwd")->has_value());
}

BOOST_AUTO_TEST_CASE(what_is_no_request_is_refused) {
  bool broken = false;
  for (const char* line :
       {"", "x", "{", "[1]", "1", "{\"op\":\"a\"} x", "{\"op\":\"\\ud800\"}", "\xff", "{\"op\":1,}"}) {
    BOOST_TEST(!Parse(line, &broken).ok());
    BOOST_TEST(broken, line);
  }
  BOOST_TEST(!Parse("{}", &broken).ok());
  BOOST_TEST(!broken);
  BOOST_TEST(!Parse(R"({"op":1})", &broken).ok());
  BOOST_TEST(!Parse(R"({"op":"a","id":[1]})", &broken).ok());
  BOOST_TEST(!broken);
}

BOOST_AUTO_TEST_CASE(length_and_depth_are_bounded) {
  bool broken = false;
  std::string deep = R"({"op":"a","x":)";
  for (int i = 0; i < 40; ++i) deep += '[';
  for (int i = 0; i < 40; ++i) deep += ']';
  BOOST_TEST(!Parse(deep + "}", &broken).ok());
  BOOST_TEST(broken);
  // A long line first: the depth stays bounded when the parser has grown.
  BOOST_TEST(Parse(R"({"op":"a","x":")" + std::string(500'000, 'x') + "\"}").ok());
  BOOST_TEST(!Parse(deep + "}").ok());
  BOOST_TEST(!Parse(R"({"op":"a","x":")" + std::string(1 << 20, 'x') + "\"}").ok());
  BOOST_TEST(!Parse(R"({"op":"a","id":")" + std::string(300, 'x') + "\"}").ok());
}

BOOST_AUTO_TEST_CASE(random_lines_do_no_harm) {
  const std::string good =
      R"({"op":"replay","id":1,"run":"last","where":"a == 1","limit":5,"runs":["a",{"$type":"str","base64":"7bKA"}]})";
  std::mt19937 random(5);
  for (int i = 0; i < 20'000; ++i) {
    std::string line = good;
    for (unsigned n = 1 + random() % 4; n > 0; --n) line[random() % line.size()] = static_cast<char>(random());
    line.resize(random() % 8 == 0 ? random() % line.size() : line.size());
    auto request = Parse(line);
    if (request.ok()) BOOST_TEST(request->id_json.size() <= 256u);
    static_cast<void>(ParseAnswer(line));
  }
}

BOOST_AUTO_TEST_SUITE_END()
