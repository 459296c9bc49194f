#include <boost/test/unit_test.hpp>
#include <functional>
#include <random>

#include "daemon/value/value.h"
#include "shm/cbor.h"

using namespace smiley;
using namespace smiley::daemon;
using shm::CborWriter;

namespace {

std::string Nested(int levels, bool tuple_in_dict) {
  std::string out;
  CborWriter w(&out);
  for (int i = 0; i < levels; ++i) {
    w.Form(4);
    w.Int(tuple_in_dict ? kFormDict : kFormList);
    w.Int(i + 1);
    w.Int(0);
    w.ArrayHeader(tuple_in_dict ? 2 : 1);
    if (tuple_in_dict) w.Int(1);
  }
  w.Null();
  w.Finish();
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(value_hostile)

BOOST_AUTO_TEST_CASE(depth_is_bounded_and_the_deepest_still_makes_the_round) {
  for (const bool dict : {false, true}) {
    const auto deepest = DecodeValue(Nested(kMaxValueDepth, dict), {1, 1});
    BOOST_REQUIRE(deepest.ok());
    std::string json;
    AppendJson(&json, **deepest, {1, 1});
    const auto back = CborFromJson(json);
    BOOST_REQUIRE(back.ok());
    BOOST_TEST((DecodeValue(*back, {1, 1}).ok()));
    BOOST_TEST(!DecodeValue(Nested(kMaxValueDepth + 1, dict), {1, 1}).ok());
    BOOST_TEST(!DecodeValue(Nested(100'000, dict), {1, 1}).ok());
  }
  std::string json;
  for (int i = 0; i < 900; ++i) json += R"({"$type":"list","items":[)";
  BOOST_TEST(!CborFromJson(json).ok());
  BOOST_TEST(!CborFromJson(std::string(1'000'000, '[')).ok());
}

BOOST_AUTO_TEST_CASE(wrappers_cannot_be_stacked) {
  std::string subclasses, earlier;
  for (int i = 0; i < 100'000; ++i) {
    subclasses += "\xc6\x83\x14\x61x";
    earlier += "\xc7\x83\x01\x01";
  }
  BOOST_TEST(!DecodeValue(subclasses + "\x01", {}).ok());
  BOOST_TEST(!DecodeValue(earlier + "\x01", {}).ok());
}

BOOST_AUTO_TEST_CASE(huge_counts_and_wrong_shapes_are_refused) {
  using namespace std::string_view_literals;
  for (const std::string_view bytes :
       {""sv, "\x80"sv, "\xa0"sv, "\xc6\x80"sv, "\xc6\x81\x18\x19"sv, "\xc6\x81\x00"sv, "\xc1\x01"sv,
        "\xc6\x84\x01\x01\x00\x9b\xff\xff\xff\xff\xff\xff\xff\xff"sv, "\xc6\x84\x06\x01\x00\x81\x01"sv,
        "\xc6\x9b\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv, "\xc6\x84\x01\x01\x20\x80"sv,
        "\x1b\xff\xff\xff\xff\xff\xff\xff\xff"sv, "\xc6\x82\x15\x01"sv, "\xc6\x85\x0b\x01\x00\x61x\x81\x01"sv,
        "\x01\x01"sv}) {
    BOOST_TEST(!DecodeValue(bytes, {}).ok());
  }
  std::size_t used = 0;
  BOOST_TEST(DecodeValue("\x01\x02", {}, &used).ok());
  BOOST_TEST(used == 1u);
}

BOOST_AUTO_TEST_CASE(whatever_decodes_can_be_shown_exported_and_imported) {
  std::mt19937_64 random(4711);
  // Plausible bytes: heads of forms, small numbers, short texts.
  constexpr unsigned char kUseful[] = {0xc6, 0xc7, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x87, 0x00, 0x01, 0x02, 0x03,
                                       0x06, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15,
                                       0x16, 0x17, 0x61, 0x41, 'a',  '7',  0xff, 0xf6, 0xf5, 0x20, 0x60, 0x40, 0x18};
  int decoded = 0;
  for (int round = 0; round < 300'000; ++round) {
    std::string bytes;
    if (round % 2 == 0)
      bytes = "\xc6" + std::string(1, static_cast<char>(0x81 + random() % 7)) +
              std::string(1, static_cast<char>(random() % 25));
    for (std::size_t i = random() % 24; i > 0; --i) bytes += static_cast<char>(kUseful[random() % sizeof kUseful]);
    std::size_t used = 0;
    const auto value = DecodeValue(bytes, {1, 5}, &used);
    if (!value) continue;
    ++decoded;
    std::string json, again;
    AppendJson(&json, **value, {1, 5});
    (void)Display(**value, random() % 40);
    const auto cbor = CborFromJson(json);
    BOOST_REQUIRE_MESSAGE(cbor.ok(), json);
    const auto imported = DecodeValue(*cbor, {1, 5});
    BOOST_REQUIRE_MESSAGE(imported.ok(), json);
    AppendJson(&again, **imported, {1, 5});
    BOOST_REQUIRE_EQUAL(json, again);
  }
  BOOST_TEST(decoded > 1000);
}

BOOST_AUTO_TEST_SUITE_END()
