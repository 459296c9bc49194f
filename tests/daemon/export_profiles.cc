#include <boost/test/unit_test.hpp>
#include <fstream>
#include <iterator>

#include "daemon/exchange/export.h"
#include "tests/daemon/stored_calls.h"

using namespace smiley;
using namespace smiley::daemon;
using shm::Kind;

namespace {

struct Fixture {
  TestCore core;
  std::string Exported(const std::vector<Piece>& pieces, const std::string& format) {
    StorePieces(core.core().store(), "r1", pieces);
    auto producer = MakeExport(core.services().archive, "r1", format);
    BOOST_REQUIRE_MESSAGE(producer.ok(), producer.status().message());
    return Produce(**producer);
  }
};

std::vector<Piece> Sample() {
  PieceMaker one, two(1, 2);
  one.Call(1).Event(Kind::kCall, 2, 1000).Event(Kind::kRaise, 21, 500);
  one.Attach(Kind::kException, 0, CborException("KeyError", "'k'")).Event(Kind::kReturn, 21, 500);
  one.Event(Kind::kCall, 2, 1000).Event(Kind::kReturn, 21, 3000);  // the run ends within f
  two.Call(3).Event(Kind::kReturn, 31, 50);
  return {one.piece(), two.piece()};
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(export_profiles, Fixture)

BOOST_AUTO_TEST_CASE(collapsed_has_a_line_for_each_chain) {
  BOOST_TEST(Exported(Sample(), "collapsed") ==
             "T1;f (/abs/app.py:10) 2000\n"
             "T1;f (/abs/app.py:10);g (/abs/app.py:20) 4000\n"
             "T2;gen (/abs/app.py:30) 50\n");
}

BOOST_AUTO_TEST_CASE(speedscope_has_a_profile_for_each_thread) {
  BOOST_TEST(
      Exported(Sample(), "speedscope") ==
      R"({"$schema":"https://www.speedscope.app/file-format-schema.json","exporter":"smiley","name":"<no text>",)"
      R"("activeProfileIndex":0,"profiles":[{"type":"evented","name":"T1","unit":"nanoseconds","startValue":0,"events":[)"
      R"({"type":"O","frame":0,"at":0},{"type":"O","frame":1,"at":1000},{"type":"C","frame":1,"at":2000},)"
      R"({"type":"O","frame":1,"at":3000},{"type":"C","frame":1,"at":6000},{"type":"C","frame":0,"at":6000}],)"
      R"("endValue":6000},{"type":"evented","name":"T2","unit":"nanoseconds","startValue":0,"events":[)"
      R"({"type":"O","frame":2,"at":0},{"type":"C","frame":2,"at":50}],"endValue":50}],)"
      R"("shared":{"frames":[{"name":"f","file":"/abs/app.py","line":10},{"name":"g","file":"/abs/app.py","line":20},)"
      R"({"name":"gen","file":"/abs/app.py","line":30}]}})"
      "\n");
}

BOOST_AUTO_TEST_CASE(chrome_has_calls_as_complete_events) {
  const std::string out = Exported(Sample(), "chrome");
  BOOST_TEST(
      out.starts_with(R"({"displayTimeUnit":"ns","traceEvents":[{"ph":"M","name":"process_name","pid":4711,)"));
  BOOST_TEST(
      out.find(
          R"~({"ph":"X","cat":"call","name":"g (/abs/app.py:20)","ts":1.001,"dur":1.000,"pid":4711,"tid":1})~") !=
      std::string::npos);
  BOOST_TEST(out.find(R"({"ph":"i","s":"t","cat":"raise","name":"KeyError","ts":1.501,"pid":4711,"tid":1})") !=
             std::string::npos);
  BOOST_TEST(out.find(R"~("name":"f (/abs/app.py:10)","ts":0.001,"dur":6.000,)~") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(pstats_is_what_marshal_reads) {
  const std::string out = Exported(Sample(), "pstats");
  // ("/abs/app.py", 20, "g"): (2, 2, …)
  std::string g = "(";
  g += std::string("\3\0\0\0u\13\0\0\0/abs/app.pyi\24\0\0\0u\1\0\0\0g(\5\0\0\0i\2\0\0\0i\2\0\0\0g", 47);
  BOOST_TEST((out.find(g) != std::string::npos));
  BOOST_TEST(out.front() == '{');
  BOOST_TEST(out.back() == '0');
}

BOOST_AUTO_TEST_CASE(other_formats_are_refused_by_name) {
  const auto refused = MakeExport(core.services().archive, "r1", "svg");
  BOOST_REQUIRE(!refused.ok());
  BOOST_TEST(refused.status().message() ==
             "there is no format 'svg': it is one of smiley, jsonl, pstats, chrome, speedscope, collapsed");
}

// The pages that a reader opens first must name every format.
BOOST_AUTO_TEST_CASE(the_pages_name_every_format) {
  for (const char* const page : {"README.md", "daemon/exchange/EXPORT.md", "daemon/protocol/PROTOCOL.md"}) {
    std::ifstream file(std::string(SMILEY_SOURCE_DIR) + "/" + page);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    for (const ExportFormat& format : ExportFormats()) {
      BOOST_TEST(text.find(format.name) != std::string::npos, page << " does not name " << format.name);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
