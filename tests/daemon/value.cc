#include "daemon/value/value.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <functional>
#include <limits>

#include "shm/cbor.h"

using namespace smiley;
using namespace smiley::daemon;
using shm::CborWriter;

namespace {

std::string Made(const std::function<void(CborWriter&)>& write) {
  std::string out;
  {
    CborWriter writer(&out);
    write(writer);
  }
  return out;
}

constexpr ReadAt kHere{1, 10};

std::string JsonOf(const Value& value) {
  std::string out;
  AppendJson(&out, value, kHere);
  return out;
}

// The JSON of a CBOR item; checks that importing it gives an equal value.
std::string Json(const std::string& cbor) {
  const auto value = DecodeValue(cbor, kHere);
  if (!value) return "refused: " + value.status().message();
  const std::string json = JsonOf(**value);
  const auto again = CborFromJson(json);
  BOOST_TEST(again.ok(), json << " is not read back");
  if (!again) return json;
  const auto imported = DecodeValue(*again, kHere);
  BOOST_TEST(imported.ok(), json << " is imported to bytes that do not decode");
  if (imported) BOOST_TEST(JsonOf(**imported) == json);
  return json;
}
std::string Json(const std::function<void(CborWriter&)>& write) { return Json(Made(write)); }

void Head(CborWriter& w, int items, int form) {
  w.Form(static_cast<std::uint64_t>(items));
  w.Int(form);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(value)

BOOST_AUTO_TEST_CASE(plain_values_are_themselves) {
  BOOST_TEST(Json([](CborWriter& w) { w.Null(); }) == "null");
  BOOST_TEST(Json([](CborWriter& w) { w.Bool(true); }) == "true");
  BOOST_TEST(Json([](CborWriter& w) { w.Bool(false); }) == "false");
  BOOST_TEST(Json([](CborWriter& w) { w.Int(-3); }) == "-3");
  BOOST_TEST(Json([](CborWriter& w) { w.Text("a\"b\\c\n\x01\x7f/ü€😀"); }) == "\"a\\\"b\\\\c\\n\\u0001\x7f/ü€😀\"");
}

BOOST_AUTO_TEST_CASE(integers_are_plain_as_far_as_every_json_reader_keeps_them) {
  constexpr std::int64_t kLimit = (std::int64_t{1} << 53) - 1;
  BOOST_TEST(Json([](CborWriter& w) { w.Int(kLimit); }) == "9007199254740991");
  BOOST_TEST(Json([](CborWriter& w) { w.Int(-kLimit); }) == "-9007199254740991");
  BOOST_TEST(Json([](CborWriter& w) { w.Int(kLimit + 1); }) == R"({"$type":"int","text":"9007199254740992"})");
  BOOST_TEST(Json([](CborWriter& w) { w.Int(-kLimit - 1); }) == R"({"$type":"int","text":"-9007199254740992"})");
  BOOST_TEST(Json([](CborWriter& w) { w.Int(INT64_MIN); }) == R"({"$type":"int","text":"-9223372036854775808"})");
}

BOOST_AUTO_TEST_CASE(big_integers_tell_their_bits_only_when_cut) {
  const auto big = [](std::uint64_t bits, const std::string& text) {
    return Json([&](CborWriter& w) {
      Head(w, 3, kFormBigInt);
      w.Unsigned(bits);
      w.Text(text);
    });
  };
  BOOST_TEST(big(64, "18446744073709551615") == R"({"$type":"int","text":"18446744073709551615"})");
  BOOST_TEST(big(3, "5") == "5");
  const std::string nines(256, '9'), cut = "1" + std::string(255, '0');
  BOOST_TEST(big(851, nines) == R"({"$type":"int","text":")" + nines + "\"}");
  BOOST_TEST(big(851, cut) == R"({"$type":"int","text":")" + cut + R"(","bits":851})");
  BOOST_TEST(big(848, cut) == R"({"$type":"int","text":")" + cut + "\"}");
  BOOST_TEST(big(3000, "-" + nines) == R"({"$type":"int","text":"-)" + nines + R"(","bits":3000})");
  for (const char* bad : {"", "-", "12a", "0012345678901234567890", "-0", "+1"}) {
    BOOST_TEST(big(70, bad).substr(0, 7) == "refused", bad);
  }
}

BOOST_AUTO_TEST_CASE(floats_are_shortest_and_always_look_like_floats) {
  const auto of = [](double number) { return Json([number](CborWriter& w) { w.Double(number); }); };
  BOOST_TEST(of(1.0) == "1.0");
  BOOST_TEST(of(-0.0) == "-0.0");
  BOOST_TEST(of(0.1) == "0.1");
  BOOST_TEST(of(1.0 / 3) == "0.3333333333333333");
  BOOST_TEST(of(100000.0) == "100000.0");
  BOOST_TEST(of(9007199254740993.0) == "9007199254740992.0");
  BOOST_TEST(of(1e16) == "1e+16");
  BOOST_TEST(of(1.5e300) == "1.5e+300");
  BOOST_TEST(of(0.0001) == "0.0001");
  BOOST_TEST(of(0.00001) == "1e-05");
  BOOST_TEST(of(-123.456) == "-123.456");
  BOOST_TEST(of(std::numeric_limits<double>::denorm_min()) == "5e-324");
  BOOST_TEST(of(std::numeric_limits<double>::max()) == "1.7976931348623157e+308");
  BOOST_TEST(of(std::nan("")) == R"({"$type":"float","text":"nan"})");
  BOOST_TEST(of(-std::nan("7")) == R"({"$type":"float","text":"nan"})");
  BOOST_TEST(of(INFINITY) == R"({"$type":"float","text":"inf"})");
  BOOST_TEST(of(-INFINITY) == R"({"$type":"float","text":"-inf"})");
  BOOST_TEST(Json([](CborWriter& w) {
               Head(w, 3, kFormComplex);
               w.Double(-0.0);
               w.Double(INFINITY);
             }) == R"({"$type":"complex","real":-0.0,"imag":{"$type":"float","text":"inf"}})");
}

BOOST_AUTO_TEST_CASE(texts_that_are_cut_or_have_lone_surrogates) {
  const auto of = [](int form, std::uint64_t cut, std::string_view text) {
    return Json([&](CborWriter& w) {
      Head(w, 3, form);
      w.Unsigned(cut);
      w.Bytes(text);
    });
  };
  BOOST_TEST(of(kFormStrCut, 7, "ab") == R"({"$type":"str","text":"ab","cut":7})");
  BOOST_TEST(of(kFormStrRaw, 0, "a\xed\xa0\x80") == R"({"$type":"str","base64":"Ye2ggA=="})");
  BOOST_TEST(of(kFormStrRaw, 3, "a\xed\xa0\x80") == R"({"$type":"str","base64":"Ye2ggA==","cut":3})");
  BOOST_TEST(of(kFormStrRaw, 0, "plain") == "\"plain\"");
  BOOST_TEST(of(kFormBytesCut, 9, std::string_view("\0\xff", 2)) == R"({"$type":"bytes","base64":"AP8=","cut":9})");
  BOOST_TEST(Json([](CborWriter& w) { w.Bytes(""); }) == R"({"$type":"bytes","base64":""})");
  BOOST_TEST(Json([](CborWriter& w) {
               Head(w, 4, kFormBytearray);
               w.Int(4);
               w.Int(0);
               w.Bytes("abc");
             }) == R"({"$type":"bytearray","id":4,"base64":"YWJj"})");
  // Text that is no UTF-8 at all must not become broken JSON.
  BOOST_TEST(Json(std::string("\x62\xff\xfe", 3)) == R"({"$type":"str","base64":"//4="})");
}

BOOST_AUTO_TEST_CASE(containers_say_what_was_cut) {
  const char* names[] = {"",      "list", "tuple",       "set",     "frozenset",
                         "deque", "dict", "defaultdict", "Counter", "OrderedDict"};
  for (int form = 1; form <= 9; ++form) {
    const std::string head = std::string(R"({"$type":")") + names[form] + R"(","id":7,)";
    BOOST_TEST(Json([&](CborWriter& w) {
                 Head(w, 4, form);
                 w.Int(7);
                 w.Int(3);
                 w.ArrayHeader(2);
                 w.Int(1);
                 w.Text("x");
               }) == head + (form >= 6 ? R"("items":[[1,"x"]],"cut":3})" : R"("items":[1,"x"],"cut":3})"));
    BOOST_TEST(Json([&](CborWriter& w) {
                 Head(w, 4, form);
                 w.Int(7);
                 w.Int(0);
                 w.ArrayHeader(0);
               }) == head + R"("items":[]})");
    for (const int cut : {0, 12}) {
      BOOST_TEST(Json([&](CborWriter& w) {
                   Head(w, 3, form);
                   w.Int(7);
                   w.Int(cut);
                 }) == head + R"("cut":)" + std::to_string(cut) + "}");
    }
  }
}

BOOST_AUTO_TEST_CASE(objects_and_their_attributes) {
  const auto object = [](int cut, std::vector<std::string> names, bool attributes = true) {
    return Json([&](CborWriter& w) {
      Head(w, attributes ? 5 : 4, kFormObject);
      w.Int(9);
      w.Int(cut);
      w.Text("mod.Shop");
      if (!attributes) return;
      w.ArrayHeader(2 * names.size());
      for (const std::string& name : names) {
        w.Bytes(name);
        w.Int(5);
      }
    });
  };
  BOOST_TEST(object(0, {"total"}) == R"({"$type":"object","class":"mod.Shop","id":9,"attributes":{"total":5}})");
  BOOST_TEST(object(2, {}) == R"({"$type":"object","class":"mod.Shop","id":9,"attributes":{},"cut":2})");
  BOOST_TEST(object(0, {}, false) == R"({"$type":"object","class":"mod.Shop","id":9})");
  BOOST_TEST(object(4, {}, false) == R"({"$type":"object","class":"mod.Shop","id":9,"cut":4})");
  BOOST_TEST(
      object(0, {"a", "b\xed\xb0\x80"}) ==
      R"({"$type":"object","class":"mod.Shop","id":9,"attributes":[["a",5],[{"$type":"str","base64":"Yu2wgA=="},5]]})");
  BOOST_TEST(Json([](CborWriter& w) {
               Head(w, 2, kFormUnreadable);
               w.Text("mod.Odd");
             }) == R"({"$type":"object","class":"mod.Odd"})");
}

BOOST_AUTO_TEST_CASE(subclasses_of_builtins_have_both_class_and_contents) {
  const auto subclass = [](const std::function<void(CborWriter&)>& inner, bool attributes = false) {
    return Json([&](CborWriter& w) {
      Head(w, attributes ? 4 : 3, kFormSubclass);
      w.Text("m.Mine");
      inner(w);
      if (!attributes) return;
      w.ArrayHeader(2);
      w.Text("x");
      w.Bool(true);
    });
  };
  BOOST_TEST(subclass([](CborWriter& w) { w.Int(5); }) == R"({"$type":"int","class":"m.Mine","text":"5"})");
  BOOST_TEST(subclass([](CborWriter& w) { w.Double(1); }, true) ==
             R"({"$type":"float","class":"m.Mine","text":"1.0","attributes":{"x":true}})");
  BOOST_TEST(subclass([](CborWriter& w) { w.Double(INFINITY); }) ==
             R"({"$type":"float","class":"m.Mine","text":"inf"})");
  BOOST_TEST(subclass([](CborWriter& w) { w.Text("hi"); }) == R"({"$type":"str","class":"m.Mine","text":"hi"})");
  BOOST_TEST(subclass([](CborWriter& w) { w.Bytes("hi"); }) ==
             R"({"$type":"bytes","class":"m.Mine","base64":"aGk="})");
  const auto list = [](CborWriter& w) {
    Head(w, 4, kFormList);
    w.Int(3);
    w.Int(1);
    w.ArrayHeader(1);
    w.Int(8);
  };
  BOOST_TEST(subclass(list, true) ==
             R"({"$type":"list","class":"m.Mine","id":3,"items":[8],"attributes":{"x":true},"cut":1})");
  const auto text = [](CborWriter& w) {
    Head(w, 3, kFormText);
    w.Text("datetime");
    w.Text("2026-01-02 03:04:05");
  };
  BOOST_TEST(subclass(text, true) ==
             R"({"$type":"datetime","class":"m.Mine","text":"2026-01-02 03:04:05","attributes":{"x":true}})");
  BOOST_TEST(subclass([](CborWriter& w) { Head(w, 1, kFormRedacted); }) ==
             R"({"$type":"redacted","class":"m.Mine"})");
  BOOST_TEST(subclass([](CborWriter& w) { w.Null(); }).substr(0, 7) == "refused");
  BOOST_TEST(subclass([](CborWriter& w) {
               Head(w, 3, kFormSubclass);
               w.Text("m.Other");
               w.Int(1);
             }).substr(0, 7) == "refused");
}

BOOST_AUTO_TEST_CASE(text_forms_and_markers) {
  BOOST_TEST(Json([](CborWriter& w) {
               Head(w, 3, kFormText);
               w.Text("range");
               w.Text("range(0, 3)");
             }) == R"j({"$type":"range","text":"range(0, 3)"})j");
  BOOST_TEST(Json([](CborWriter& w) {
               Head(w, 4, kFormText);
               w.Text("enum");
               w.Text("Color.RED");
               w.Text("m.Color");
             }) == R"({"$type":"enum","class":"m.Color","text":"Color.RED"})");
  BOOST_TEST(Json([](CborWriter& w) {
               Head(w, 2, kFormRef);
               w.Int(7);
             }) == R"({"$type":"ref","id":7})");
  BOOST_TEST(Json([](CborWriter& w) { Head(w, 1, kFormRedacted); }) == R"({"$type":"redacted"})");
  BOOST_TEST(Json([](CborWriter& w) { Head(w, 1, kFormLost); }) == R"({"$type":"lost"})");
  BOOST_TEST(Json([](CborWriter& w) { Head(w, 1, kFormUnbound); }) == R"({"$type":"unbound"})");
  for (const char* reserved : {"list", "str", "object", "ref", "unbound", ""}) {
    BOOST_TEST(Json([&](CborWriter& w) {
                 Head(w, 3, kFormText);
                 w.Text(reserved);
                 w.Text("x");
               }).substr(0, 7) == "refused",
               reserved);
  }
}

BOOST_AUTO_TEST_CASE(exceptions_with_all_that_hangs_on_them) {
  const auto plain = [](CborWriter& w) {
    Head(w, 7, kFormException);
    w.Int(2);
    w.Text("KeyError");
    w.ArrayHeader(1);
    w.Text("k");
    w.ArrayHeader(0);
    w.Null();
    w.Null();
  };
  BOOST_TEST(Json(plain) == R"({"$type":"exception","class":"KeyError","id":2,"args":["k"]})");
  BOOST_TEST(
      Json([&](CborWriter& w) {
        Head(w, 7, kFormException);
        w.Int(1);
        w.Text("m.Odd");
        w.ArrayHeader(0);
        w.ArrayHeader(2);
        w.Text("a note");
        w.Bytes("\xed\xa0\x80");
        plain(w);
        Head(w, 2, kFormRef);
        w.Int(1);
      }) ==
      R"({"$type":"exception","class":"m.Odd","id":1,"args":[],"notes":["a note",{"$type":"str","base64":"7aCA"}],)"
      R"("cause":{"$type":"exception","class":"KeyError","id":2,"args":["k"]},"context":{"$type":"ref","id":1}})");
}

BOOST_AUTO_TEST_CASE(older_parts_say_when_they_were_read_and_survive_import) {
  // [[1], 2, (3,), {"k": Object}] where some parts were read earlier.
  const std::string json =
      R"({"$type":"list","id":1,"items":[{"$type":"list","id":2,"items":[1],"asof":"1:4"},2,)"
      R"({"$type":"tuple","id":3,"items":[3]},{"$type":"object","class":"m.C","id":5,"attributes":{"a":)"
      R"({"$type":"dict","id":6,"cut":2,"asof":"2:9"}},"asof":"1:7"},)"
      R"({"$type":"list","class":"m.L","id":8,"items":[],"asof":"1:3"}]})";
  const auto cbor = CborFromJson(json);
  BOOST_REQUIRE(cbor.ok());
  BOOST_TEST(Json(*cbor) == json);
  const auto value = DecodeValue(*cbor, kHere);
  BOOST_REQUIRE(value.ok());
  BOOST_TEST((*value)->items[0]->read_at.seq == 4u);
  BOOST_TEST((*value)->items[2]->read_at.seq == kHere.seq);
}

BOOST_AUTO_TEST_CASE(the_first_level_and_scalars_never_say_it) {
  const auto value = DecodeValue(Made([](CborWriter& w) {
                                   Head(w, 4, kFormList);
                                   w.Int(1);
                                   w.Int(0);
                                   w.ArrayHeader(3);
                                   w.Int(5);
                                   Head(w, 3, kFormStrCut);
                                   w.Int(1);
                                   w.Text("x");
                                   Head(w, 3, kFormList);
                                   w.Int(2);
                                   w.Int(3);
                                 }),
                                 ReadAt{1, 3});
  BOOST_REQUIRE(value.ok());
  BOOST_TEST(
      JsonOf(**value) ==
      R"({"$type":"list","id":1,"items":[5,{"$type":"str","text":"x","cut":1},{"$type":"list","id":2,"cut":3,"asof":"1:3"}]})");
}

BOOST_AUTO_TEST_CASE(import_refuses_what_is_not_of_the_contract) {
  for (const char* json :
       {"", "nul", "[1]", "{}", R"({"$type":5})", R"({"$type":"list","items":5})",
        R"({"$type":"dict","items":[[1]]})", R"({"$type":"int","text":"x"})", R"({"$type":"float","text":"0x1"})",
        R"({"$type":"bytes","base64":"A"})", R"({"$type":"bytes","base64":"AB=="})", R"({"$type":"odd"})",
        R"({"$type":"object"})", R"({"$type":"complex","real":1.0})", R"({"$type":"list","id":-1,"items":[]})",
        R"({"$type":"str"})", R"({"$type":"ref","id":"x"})", "1 2", "\"\xff\""}) {
    BOOST_TEST(!CborFromJson(json).ok(), json);
  }
  BOOST_TEST((CborFromJson("1").ok()));
}

BOOST_AUTO_TEST_CASE(names_that_no_json_key_can_be) {
  const std::string plain = "x", odd = "y\xed\xa0\x80";
  std::string out;
  AppendJsonNames(&out, {{&plain, MakeUnbound()}}, kHere);
  BOOST_TEST(out == R"({"x":{"$type":"unbound"}})");
  out.clear();
  AppendJsonNames(&out, {{&plain, MakeLost()}, {&odd, MakeLost()}}, kHere);
  BOOST_TEST(out == R"([["x",{"$type":"lost"}],[{"$type":"str","base64":"ee2ggA=="},{"$type":"lost"}]])");
  const auto text = TextFromJson(R"({"$type":"str","base64":"ee2ggA=="})");
  BOOST_REQUIRE(text.ok());
  BOOST_TEST(*text == odd);
}

BOOST_AUTO_TEST_SUITE_END()
