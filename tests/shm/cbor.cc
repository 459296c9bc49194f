#include "shm/cbor.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <functional>
#include <limits>

using smiley::shm::CborReader;
using smiley::shm::CborWriter;
using Type = CborReader::Type;

namespace {

std::string Written(const std::function<void(CborWriter&)>& write) {
  std::string out;
  {
    CborWriter writer(&out);
    write(writer);
  }
  return out;
}

std::string Hex(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    out += kDigits[(byte >> 4) & 15];
    out += kDigits[byte & 15];
  }
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(cbor)

BOOST_AUTO_TEST_CASE(writes_the_bytes_of_the_rfc) {
  const auto of_int = [](std::int64_t n) { return Hex(Written([n](CborWriter& w) { w.Int(n); })); };
  BOOST_TEST(of_int(0) == "00");
  BOOST_TEST(of_int(23) == "17");
  BOOST_TEST(of_int(24) == "1818");
  BOOST_TEST(of_int(1000) == "1903e8");
  BOOST_TEST(of_int(1000000) == "1a000f4240");
  BOOST_TEST(of_int(1000000000000) == "1b000000e8d4a51000");
  BOOST_TEST(of_int(-1) == "20");
  BOOST_TEST(of_int(-1000) == "3903e7");
  BOOST_TEST(of_int(INT64_MIN) == "3b7fffffffffffffff");
  BOOST_TEST(Hex(Written([](CborWriter& w) { w.Unsigned(UINT64_MAX); })) == "1bffffffffffffffff");
  BOOST_TEST(Hex(Written([](CborWriter& w) { w.Double(1.1); })) == "fb3ff199999999999a");
  BOOST_TEST(Hex(Written([](CborWriter& w) { w.Double(-0.0); })) == "fb8000000000000000");
  BOOST_TEST(Hex(Written([](CborWriter& w) { w.Text("IETF"); })) == "6449455446");
  BOOST_TEST(Hex(Written([](CborWriter& w) { w.Bytes("\x01\x02", 2); })) == "420102");
  BOOST_TEST(Hex(Written([](CborWriter& w) {
               w.Form(2);
               w.Int(10);
               w.Bool(true);
             })) == "c6820af5");
  BOOST_TEST(Hex(Written([](CborWriter& w) {
               const std::size_t at = w.BeginArray();
               w.Null();
               w.MapHeader(0);
               w.EndArray(at, 2);
             })) == "990002f6a0");
}

BOOST_AUTO_TEST_CASE(reads_what_it_wrote) {
  const std::string text(70000, 'x');
  const std::string bytes = Written([&](CborWriter& w) {
    w.ArrayHeader(6);
    w.Int(INT64_MIN);
    w.Unsigned(UINT64_MAX);
    w.Double(std::numeric_limits<double>::infinity());
    w.Text(text);
    w.Tag(7);
    w.MapHeader(1);
    w.Bool(false);
    w.Null();
    w.Bytes(std::string_view("\0\xff", 2));
  });
  CborReader reader(bytes);
  std::uint64_t count = 0;
  BOOST_REQUIRE(reader.ReadArray(&count));
  BOOST_TEST(count == 6u);
  BOOST_TEST(reader.Next().integer == INT64_MIN);
  BOOST_TEST(reader.Next().count == UINT64_MAX);
  BOOST_TEST(std::isinf(reader.Next().number));
  BOOST_TEST((reader.Next().text == text));
  BOOST_TEST(reader.Next().count == 7u);
  BOOST_TEST((reader.Peek() == Type::kMap));
  BOOST_TEST(reader.Skip());
  BOOST_TEST((reader.Next().text == std::string_view("\0\xff", 2)));
  BOOST_TEST((reader.Next().type == Type::kEnd));
  BOOST_TEST(reader.consumed() == bytes.size());
  BOOST_TEST(!reader.bad());
}

BOOST_AUTO_TEST_CASE(stops_at_the_end_of_a_fixed_room) {
  for (std::size_t size = 0; size < 40; ++size) {
    std::vector<unsigned char> room(size + 8, 0xee);
    CborWriter w(room.data(), size);
    w.ArrayHeader(3);
    w.Int(100000);
    w.Text("twelve chars");
    w.Double(2.5);
    const bool fits = size >= 1 + 5 + 13 + 9;
    BOOST_TEST(w.overflow() == !fits, "room " << size);
    BOOST_TEST(w.size() <= size);
    for (std::size_t i = size; i < room.size(); ++i) BOOST_TEST(room[i] == 0xee);
  }
}

BOOST_AUTO_TEST_CASE(nothing_follows_an_overflow_and_truncate_takes_it_back) {
  unsigned char room[4];
  CborWriter w(room, sizeof room);
  w.Int(1);
  const std::size_t before = w.size();
  w.Text("too long for the room");
  w.Null();
  BOOST_TEST(w.overflow());
  BOOST_TEST(w.size() == before);
  w.Truncate(before);
  w.Null();
  BOOST_TEST(!w.overflow());
  BOOST_TEST(Hex(w.view()) == "01f6");
}

BOOST_AUTO_TEST_CASE(appends_to_what_a_string_holds) {
  std::string out = "before";
  {
    CborWriter w(&out);
    for (int i = 0; i < 1000; ++i) w.Int(0);
    w.Finish();
    BOOST_TEST(out.size() == 1006u);
    w.Text("more");
  }
  BOOST_TEST(out.size() == 1011u);
  BOOST_TEST(out.substr(0, 7) == std::string("before\0", 7));
}

BOOST_AUTO_TEST_CASE(refuses_lengths_beyond_the_input_and_everything_indefinite) {
  using namespace std::string_view_literals;
  for (const std::string_view bytes :
       {"\x9b\xff\xff\xff\xff\xff\xff\xff\xff"sv, "\xbb\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00"sv,
        "\x7b\x00\x00\x00\x00\x00\x00\x00\x05help"sv, "\x82\x01"sv, "\x9f\x01\xff"sv, "\x7f\x61\x61\xff"sv, "\x1c"sv,
        "\x18"sv, "\xf7"sv, "\xf9\x3c\x00"sv, "\xc6"sv, "\x3b\xff\xff\xff\xff\xff\xff\xff\xff"sv, "\xff"sv}) {
    CborReader reader(bytes);
    BOOST_TEST(!reader.Skip(), Hex(bytes));
    BOOST_TEST(reader.bad());
    BOOST_TEST((reader.Next().type == Type::kBad));
  }
}

BOOST_AUTO_TEST_CASE(skips_a_million_levels_without_recursion) {
  std::string deep(1'000'000, '\x81');
  deep += '\x00';
  CborReader reader(deep);
  BOOST_TEST(reader.Skip());
  BOOST_TEST(reader.consumed() == deep.size());
}

BOOST_AUTO_TEST_CASE(a_typed_step_on_another_type_is_bad_from_then_on) {
  const std::string bytes = Written([](CborWriter& w) {
    w.Text("x");
    w.Int(1);
  });
  CborReader reader(bytes);
  std::int64_t number = 0;
  BOOST_TEST(!reader.ReadInt(&number));
  BOOST_TEST(!reader.ReadInt(&number));
  CborReader big(std::string_view("\x1b\x80\0\0\0\0\0\0\0", 9));
  BOOST_TEST(!big.ReadInt(&number));
}

BOOST_AUTO_TEST_SUITE_END()
