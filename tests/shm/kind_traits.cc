// Tests each property of the event kinds in the table of kinds.
#include <boost/test/unit_test.hpp>
#include <set>
#include <string>

#include "shm/kind_names.h"

using namespace smiley::shm;

namespace {

using Names = std::set<std::string>;

Names NamesIn(KindSet set) {
  Names names;
  for (const KindTraits& row : kKindTraits) {
    if (Contains(set, row.kind)) names.insert(std::string(row.name));
  }
  return names;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(kind_traits)

BOOST_AUTO_TEST_CASE(names_lead_to_kinds_and_back) {
  for (const KindTraits& row : kKindTraits) {
    BOOST_TEST((ParseKind(row.name) == row.kind));
    BOOST_TEST(KindName(row.kind) == row.name);
  }
  BOOST_TEST(!ParseKind("").has_value());
  BOOST_TEST(!ParseKind("Call").has_value());
  BOOST_TEST(KindName(Kind::kPad).empty());
  BOOST_TEST(KindName(Kind::kMore).empty());
  BOOST_TEST(KindName(Kind::kSet).empty());
}

BOOST_AUTO_TEST_CASE(sets_hold_the_kinds_with_the_property) {
  BOOST_TEST((NamesIn(kEnteringKinds) == Names{"call", "resume", "throw"}));
  BOOST_TEST((NamesIn(kLeavingKinds) == Names{"return", "yield", "unwind"}));
  BOOST_TEST((NamesIn(kEndingKinds) == Names{"return", "unwind"}));
  BOOST_TEST((NamesIn(kKindsWithLine) == Names{"line", "return", "yield", "raise", "handled", "unwind"}));
  BOOST_TEST((NamesIn(kKindsWithName) == Names{"c_call", "c_return", "c_raise", "mark"}));
  BOOST_TEST((NamesIn(kKindsWithException) == Names{"throw", "raise", "handled", "unwind"}));
  BOOST_TEST((NamesIn(kOutputKinds) == Names{"stdout", "stderr"}));
  BOOST_TEST((NamesIn(kKindsInFrame & ~kControlKinds) == Names{"stdout", "stderr", "mark", "gc"}));
  BOOST_TEST(
      (NamesIn(~kKindsInFrame) == Names{"thread_start", "thread_end", "task", "fork", "child", "lost", "end"}));
}

BOOST_AUTO_TEST_CASE(no_set_holds_padding_continuations_or_attachments) {
  for (unsigned number = 0; number < 64; ++number) {
    const Kind kind = static_cast<Kind>(number);
    if (!KindName(kind).empty()) continue;
    BOOST_TEST(!HappensInFrame(kind));
    BOOST_TEST(!EntersFrame(kind));
    BOOST_TEST(!LeavesFrame(kind));
    BOOST_TEST(!HasLine(kind));
    BOOST_TEST(!HasName(kind));
    BOOST_TEST(!HasException(kind));
    BOOST_TEST(!IsOutput(kind));
  }
}

BOOST_AUTO_TEST_SUITE_END()
