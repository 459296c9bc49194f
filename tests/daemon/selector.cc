#include <boost/test/unit_test.hpp>

#include "daemon/run/archive.h"
#include "tests/daemon/served_home.h"

using namespace smiley;
using namespace smiley::daemon;

namespace {

void AddRun(Store& store, const std::string& id, std::int64_t start_ns, int exit_code,
            RunState state = RunState::kEnded) {
  Batch batch;
  RunInfo run = MakeRunInfo(id, start_ns);
  run.exit_code = exit_code;
  run.state = state;
  batch.runs.push_back(run);
  BOOST_REQUIRE(store.Commit(batch).ok());
}

struct Runs : TestCore {
  Runs() {
    AddRun(core().store(), "ka1", 100, 0);
    AddRun(core().store(), "ka2", 200, 3);
    AddRun(core().store(), "kb3", 300, 0);
    AddRun(core().store(), "lasty", 50, 1);
    AddRun(core().store(), "zimport", 900, 0, RunState::kImporting);
  }
  std::string Find(const std::string& selector) {
    auto run = SelectRun(services().archive, selector);
    return run ? run->id : "error: " + run.status().message();
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(selector, Runs)

BOOST_AUTO_TEST_CASE(ids_and_unique_beginnings_name_a_run) {
  BOOST_TEST(Find("ka1") == "ka1");
  BOOST_TEST(Find("kb") == "kb3");
  BOOST_TEST(Find("lasty") == "lasty");
}

BOOST_AUTO_TEST_CASE(last_counts_back_by_start) {
  BOOST_TEST(Find("last") == "kb3");
  BOOST_TEST(Find("last~0") == "kb3");
  BOOST_TEST(Find("last~1") == "ka2");
  BOOST_TEST(Find("last~3") == "lasty");
  BOOST_TEST(Find("last:failed") == "ka2");
  BOOST_TEST(Find("last:failed~1") == "lasty");
  BOOST_TEST(Find("last~4") == "error: there are only 4 runs, 'last~4' goes further back");
}

BOOST_AUTO_TEST_CASE(what_fits_none_or_several_says_so) {
  BOOST_TEST(Find("x") == "error: no run begins with 'x': smiley-list shows them");
  BOOST_TEST(Find("1abc") == "error: no run begins with '1abc': smiley-list shows them");
  BOOST_TEST(Find("k") == "error: 'k' fits 3 runs: kb3, ka2, ka1");
  BOOST_TEST(Find("").find("which run?") != std::string::npos);
  BOOST_TEST(Find("last~x").find("no run begins with") != std::string::npos);
  BOOST_TEST(Find("k\n1").find('\n') == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_run_that_is_being_imported_does_not_exist) { BOOST_TEST(Find("zimport").find("error") == 0u); }

BOOST_AUTO_TEST_SUITE_END()
