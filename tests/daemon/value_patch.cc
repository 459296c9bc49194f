#include <boost/test/unit_test.hpp>
#include <functional>

#include "daemon/value/value.h"
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

ValuePtr FromJson(const std::string& json, ReadAt at = {1, 1}) {
  const auto cbor = CborFromJson(json);
  BOOST_REQUIRE_MESSAGE(cbor.ok(), json);
  auto value = DecodeValue(*cbor, at);
  BOOST_REQUIRE(value.ok());
  return *value;
}

// The base, read at 1:1, after the patch at 1:2; "refused" when the patch does not fit.
std::string Patched(const std::string& base, const std::function<void(CborWriter&)>& patch) {
  const ValuePtr before = FromJson(base);
  const auto after = ApplyPatch(before, Made(patch), {1, 2});
  std::string json;
  AppendJson(&json, *before, {1, 1});
  BOOST_TEST(json == base);  // a shared value never changes
  if (!after) return "refused";
  json.clear();
  AppendJson(&json, **after, {1, 2});
  return json;
}

std::function<void(CborWriter&)> Op(int op, const std::function<void(CborWriter&)>& rest, int fields) {
  return [=](CborWriter& w) {
    w.ArrayHeader(1);
    w.ArrayHeader(static_cast<std::uint64_t>(fields) + 1);
    w.Int(op);
    rest(w);
  };
}

const std::string kList = R"({"$type":"list","id":1,"items":[1,2,3],"cut":4})";
const std::string kDict = R"({"$type":"dict","id":1,"items":[["a",1],[2,"b"],[1.0,5],[true,6]]})";
const std::string kObject = R"({"$type":"object","class":"m.C","id":1,"attributes":{"x":1,"y":2}})";

}  // namespace

BOOST_AUTO_TEST_SUITE(value_patch)

BOOST_AUTO_TEST_CASE(sets_an_item) {
  const auto set = [](int index) {
    return Op(
        0, [index](CborWriter& w) { w.Int(index), w.Text("new"); }, 2);
  };
  BOOST_TEST(Patched(kList, set(1)) == R"({"$type":"list","id":1,"items":[1,"new",3],"cut":4})");
  BOOST_TEST(Patched(kList, set(3)) == "refused");
  BOOST_TEST(Patched(R"({"$type":"deque","id":1,"items":[1]})", set(0)) ==
             R"({"$type":"deque","id":1,"items":["new"]})");
  BOOST_TEST(Patched(kDict, set(0)) == "refused");
  BOOST_TEST(Patched(kObject, set(0)) == "refused");
  BOOST_TEST(Patched("5", set(0)) == "refused");
  BOOST_TEST(Patched(R"({"$type":"list","id":1,"cut":3})", set(0)) == "refused");
}

BOOST_AUTO_TEST_CASE(truncates) {
  const auto to = [](int length) {
    return Op(
        1, [length](CborWriter& w) { w.Int(length); }, 1);
  };
  BOOST_TEST(Patched(kList, to(1)) == R"({"$type":"list","id":1,"items":[1],"cut":4})");
  BOOST_TEST(Patched(kList, to(3)) == kList);
  BOOST_TEST(Patched(kList, to(4)) == "refused");
  BOOST_TEST(Patched(kList, to(-1)) == "refused");
  BOOST_TEST(Patched(kDict, to(1)) == R"({"$type":"dict","id":1,"items":[["a",1]]})");
}

BOOST_AUTO_TEST_CASE(appends_any_number_of_items) {
  BOOST_TEST(Patched(kList, Op(
                                2, [](CborWriter& w) { w.Int(8), w.Null(); }, 2)) ==
             R"({"$type":"list","id":1,"items":[1,2,3,8,null],"cut":4})");
  BOOST_TEST(Patched(kList, Op(
                                2, [](CborWriter&) {}, 0)) == kList);
  BOOST_TEST(Patched(kDict, Op(
                                2, [](CborWriter& w) { w.Int(8); }, 1)) == "refused");
}

BOOST_AUTO_TEST_CASE(sets_and_deletes_keys_that_are_the_same_in_type_and_value) {
  const auto set = [](const std::function<void(CborWriter&)>& key) {
    return Op(
        3, [key](CborWriter& w) { key(w), w.Int(99); }, 2);
  };
  BOOST_TEST(Patched(kDict, set([](CborWriter& w) { w.Int(2); })) ==
             R"({"$type":"dict","id":1,"items":[["a",1],[2,99],[1.0,5],[true,6]]})");
  BOOST_TEST(Patched(kDict, set([](CborWriter& w) { w.Int(1); })) ==
             R"({"$type":"dict","id":1,"items":[["a",1],[2,"b"],[1.0,5],[true,6],[1,99]]})");
  BOOST_TEST(Patched(kDict, set([](CborWriter& w) { w.Bool(true); })) ==
             R"({"$type":"dict","id":1,"items":[["a",1],[2,"b"],[1.0,5],[true,99]]})");
  BOOST_TEST(Patched(kList, set([](CborWriter& w) { w.Int(1); })) == "refused");
  const auto del = [](const std::function<void(CborWriter&)>& key) { return Op(4, key, 1); };
  BOOST_TEST(Patched(kDict, del([](CborWriter& w) { w.Double(1); })) ==
             R"({"$type":"dict","id":1,"items":[["a",1],[2,"b"],[true,6]]})");
  BOOST_TEST(Patched(kDict, del([](CborWriter& w) { w.Text("zz"); })) == "refused");
}

BOOST_AUTO_TEST_CASE(sets_and_deletes_attributes) {
  const auto set = [](const std::string& name) {
    return Op(
        5, [name](CborWriter& w) { w.Text(name), w.Int(99); }, 2);
  };
  BOOST_TEST(Patched(kObject, set("y")) == R"({"$type":"object","class":"m.C","id":1,"attributes":{"x":1,"y":99}})");
  BOOST_TEST(Patched(kObject, set("z")) ==
             R"({"$type":"object","class":"m.C","id":1,"attributes":{"x":1,"y":2,"z":99}})");
  BOOST_TEST(Patched(kObject, Op(
                                  6, [](CborWriter& w) { w.Text("x"); }, 1)) ==
             R"({"$type":"object","class":"m.C","id":1,"attributes":{"y":2}})");
  BOOST_TEST(Patched(kObject, Op(
                                  6, [](CborWriter& w) { w.Text("q"); }, 1)) == "refused");
  BOOST_TEST(Patched(kList, set("x")) == "refused");
}

BOOST_AUTO_TEST_CASE(changes_how_many_were_cut) {
  BOOST_TEST(Patched(kList, Op(
                                7, [](CborWriter& w) { w.Int(0); }, 1)) ==
             R"({"$type":"list","id":1,"items":[1,2,3]})");
}

BOOST_AUTO_TEST_CASE(goes_to_what_a_subclass_stands_on_and_to_its_attributes) {
  const std::string base = R"({"$type":"list","class":"m.L","id":1,"items":[1]})";
  BOOST_TEST(Patched(base, Op(
                               2, [](CborWriter& w) { w.Int(2); }, 1)) ==
             R"({"$type":"list","class":"m.L","id":1,"items":[1,2]})");
  BOOST_TEST(Patched(base, Op(
                               5, [](CborWriter& w) { w.Text("n"), w.Int(2); }, 2)) ==
             R"({"$type":"list","class":"m.L","id":1,"items":[1],"attributes":{"n":2}})");
}

BOOST_AUTO_TEST_CASE(runs_operations_in_order) {
  BOOST_TEST(Patched(kList, [](CborWriter& w) {
               w.ArrayHeader(3);
               w.ArrayHeader(2), w.Int(1), w.Int(0);
               w.ArrayHeader(2), w.Int(2), w.Text("only");
               w.ArrayHeader(2), w.Int(7), w.Int(1);
             }) == R"({"$type":"list","id":1,"items":["only"],"cut":1})");
}

BOOST_AUTO_TEST_CASE(refuses_broken_patches) {
  const auto broken = [](const std::string& bytes) { return ApplyPatch(FromJson(kList), bytes, {1, 2}).ok(); };
  using namespace std::string_literals;
  BOOST_TEST(!broken(""));
  BOOST_TEST(!broken("\x01"));
  BOOST_TEST(!broken("\x81\x80"));
  BOOST_TEST(!broken("\x81\x82\x0a\x00"s));
  BOOST_TEST(!broken("\x81\x83\x00\x00"s));
  BOOST_TEST(!broken("\x81\x82\x02\x80"s));
  BOOST_TEST(!broken("\x80\x00"s));
  BOOST_TEST(broken("\x80"));
}

BOOST_AUTO_TEST_CASE(what_is_lost_stays_lost) {
  const std::string patch = Made(Op(
      2, [](CborWriter& w) { w.Int(2); }, 1));
  for (const ValuePtr& base : {ValuePtr(), MakeLost()}) {
    const auto after = ApplyPatch(base, patch, {1, 2});
    BOOST_REQUIRE(after.ok());
    BOOST_TEST((*after)->Is(kFormLost));
  }
}

BOOST_AUTO_TEST_CASE(untouched_parts_keep_the_time_at_which_they_were_read) {
  const std::string base =
      R"({"$type":"list","id":1,"items":[{"$type":"list","id":2,"items":[1]},{"$type":"list","id":3,"items":[]}]})";
  BOOST_TEST(
      Patched(base, Op(
                        0, [](CborWriter& w) { w.Int(1), w.Form(3), w.Int(kFormTuple), w.Int(4), w.Int(9); }, 2)) ==
      R"({"$type":"list","id":1,"items":[{"$type":"list","id":2,"items":[1],"asof":"1:1"},{"$type":"tuple","id":4,"cut":9}]})");
}

BOOST_AUTO_TEST_CASE(a_value_that_nobody_else_holds_is_changed_in_place) {
  ValuePtr alone = FromJson(kList);
  const Value* before = alone.get();
  auto after = ApplyPatch(std::move(alone),
                          Made(Op(
                              2, [](CborWriter& w) { w.Int(2); }, 1)),
                          {1, 2});
  BOOST_REQUIRE(after.ok());
  BOOST_TEST(after->get() == before);
  const ValuePtr shared = *after;
  auto copied = ApplyPatch(std::move(*after),
                           Made(Op(
                               1, [](CborWriter& w) { w.Int(0); }, 1)),
                           {1, 3});
  BOOST_REQUIRE(copied.ok());
  BOOST_TEST(copied->get() != shared.get());
  BOOST_TEST(shared->items.size() == 4u);
}

BOOST_AUTO_TEST_CASE(removes_an_item_a_pair_or_an_attribute_by_place) {
  const auto remove = [](int op, std::int64_t index) {
    return [op, index](CborWriter& w) {
      w.ArrayHeader(1);
      w.ArrayHeader(2);
      w.Int(op);
      w.Int(index);
    };
  };
  BOOST_TEST(Patched(R"({"$type":"list","id":1,"items":[1,2,3]})", remove(8, 0)) ==
             R"({"$type":"list","id":1,"items":[2,3]})");
  BOOST_TEST(Patched(R"({"$type":"list","id":1,"items":[1,2,3]})", remove(8, 3)) == "refused");
  BOOST_TEST(Patched(R"({"$type":"dict","id":1,"items":[["a",1],["b",2]]})", remove(8, 0)) ==
             R"({"$type":"dict","id":1,"items":[["b",2]]})");
  BOOST_TEST(Patched(R"({"$type":"dict","id":1,"items":[["a",1]]})", remove(8, 1)) == "refused");
  BOOST_TEST(Patched("5", remove(8, 0)) == "refused");
  const std::string object = R"({"$type":"object","class":"m.C","id":1,"attributes":{"x":1,"y":2}})";
  BOOST_TEST(Patched(object, remove(9, 0)) == R"({"$type":"object","class":"m.C","id":1,"attributes":{"y":2}})");
  BOOST_TEST(Patched(object, remove(9, 2)) == "refused");
}

BOOST_AUTO_TEST_SUITE_END()
