// Tests the rule for run ids, and that new ids obey it.
#include "shm/base/run_id.h"

#include <boost/test/unit_test.hpp>
#include <set>
#include <string>

#include "shm/format.h"
#include "shm/segment.h"

using namespace smiley::shm;

BOOST_AUTO_TEST_SUITE(run_id)

BOOST_AUTO_TEST_CASE(is_one_to_fifteen_lower_case_letters_and_digits_with_a_letter_first) {
  for (const char* good : {"a", "z9", "last", "abc12345", "a23456789012345"}) BOOST_TEST(IsRunId(good), good);
  for (const char* bad : {"", "1", "1abc", "A", "aB", "a b", "a.b", "a/b", "../a", "a_b", "a-b", "a2345678901234567",
                          "a234567890123456", "\xc3\xa4", "a\n"}) {
    BOOST_TEST(!IsRunId(bad), bad);
  }
  BOOST_TEST(!IsRunId(std::string_view("a\0b", 3)));
}

BOOST_AUTO_TEST_CASE(the_longest_fits_into_a_segments_header) {
  BOOST_TEST(kMaxRunIdBytes == sizeof(SegmentHeader::run) - 1);
  BOOST_TEST(IsRunId(std::string(kMaxRunIdBytes, 'a')));
  BOOST_TEST(!IsRunId(std::string(kMaxRunIdBytes + 1, 'a')));
}

BOOST_AUTO_TEST_CASE(new_ones_obey_the_rule_and_differ) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = NewRunId();
    BOOST_REQUIRE(id.size() == 8u);
    BOOST_REQUIRE(IsRunId(id));
    BOOST_REQUIRE(seen.insert(id).second);
  }
}

BOOST_AUTO_TEST_CASE(a_segments_name_obeys_the_rule) {
  BOOST_TEST(Segment::ParseName("smiley.01234567.abc1.17.r0.89abcdef").has_value());
  BOOST_TEST(!Segment::ParseName("smiley.01234567.1abc.17.r0.89abcdef").has_value());
}

BOOST_AUTO_TEST_CASE(a_segment_is_not_made_for_anything_else) {
  SegmentOwner owner;
  owner.run = "1abc";
  SegmentOptions options;
  options.data_bytes = kMinRingBlocks * kBlockBytes;
  const auto segment = Segment::Create(owner, options);
  BOOST_CHECK(segment.status().code() == smiley::Code::kInvalid);
  BOOST_TEST(segment.status().message().find("1abc") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
