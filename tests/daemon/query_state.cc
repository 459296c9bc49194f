// A thread as it stood at one event, and the steps from there.
#include <boost/test/unit_test.hpp>

#include "daemon/find/position.h"
#include "daemon/live/live_archive.h"
#include "daemon/query/state.h"
#include "tests/daemon/served_home.h"

using namespace smiley;
using namespace smiley::daemon;

namespace {

bool Has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

struct Fixture : TestCore {
  Fixture() { StoreSampleRun(services().store, "sample"); }

  // The lines of the stream that answers a request, or its error.
  std::string Ask(const std::string& line) {
    RequestParser parser;
    bool broken = false;
    auto request = parser.Parse(line, &broken);
    BOOST_REQUIRE_MESSAGE(request.ok(), request.status().message());
    Reply reply = AnswerRequest(services(), *request, [] {});
    if (!reply.status) return "error: " + reply.status.message();
    BOOST_REQUIRE(reply.stream != nullptr);
    std::string out;
    for (;;) {
      auto next = reply.stream->Step(&out);
      if (!next.ok()) return "error: " + next.status().message();
      if (*next == Producer::Next::kDone) break;
    }
    end = reply.stream->EndMembers();
    return out;
  }
  std::string State(const std::string& at, const std::string& more = "") {
    return Ask(R"({"op":"state","run":"sample","at":")" + at + "\"" + more + "}");
  }
  // The position that a step leads to, "-" when there is none.
  std::string Step(const std::string& from, const std::string& kind, const std::string& more = "") {
    const std::string line =
        Ask(R"({"op":"step","run":"sample","from":")" + from + R"(","kind":")" + kind + "\"" + more + "}");
    if (line.starts_with("error: ")) return line;
    const std::size_t at = line.find(R"("position":")");
    return at == std::string::npos ? "-" : line.substr(at + 12, line.find('"', at + 12) - at - 12);
  }
  std::string end;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(query_state, Fixture)

BOOST_AUTO_TEST_CASE(places_are_read_as_people_write_them) {
  BOOST_TEST((ParsePosition("2:1017") == Position{2, 1017}));
  for (const char* bad : {"", ":", "2:", ":5", "0:1", "1:0", "a:1", "1:1 ", "1:-1", "99999999999:1"}) {
    BOOST_TEST(!ParsePosition(bad).has_value(), bad);
  }
  auto place = ParsePlace("/abs/my app.py:12#3");
  BOOST_REQUIRE(place.ok());
  BOOST_TEST(place->file == "/abs/my app.py");
  BOOST_TEST(place->line == 12u);
  BOOST_TEST(place->number == 3u);
  BOOST_TEST((ParsePlace("end")->kind == PlaceInRun::Kind::kEnd));
  for (const char* bad : {"", "app.py", "app.py:", "app.py:x", "app.py:0", "app.py:3#", "app.py:3#0", ":12"}) {
    BOOST_TEST(!ParsePlace(bad).ok(), bad);
  }
  BOOST_TEST(IsFile("/srv/shop/app.py", "app.py"));
  BOOST_TEST(IsFile("/srv/shop/app.py", "shop/app.py"));
  BOOST_TEST(!IsFile("/srv/shop/myapp.py", "app.py"));
  BOOST_TEST(IsFile("<string>", "<string>"));
}

BOOST_AUTO_TEST_CASE(shows_frames_with_every_variable_as_recorded_last) {
  // 1:6 is line 21 of g, called by f.
  const std::string state = State("1:6");
  BOOST_TEST(Has(state, R"({"type":"state","position":"1:6","process":1,"thread":1,"seq":6,)"));
  BOOST_TEST(Has(
      state,
      R"("frames":[{"frame":2,"depth":1,"function":"g","source":1,"file":"/abs/app.py","line":21,"text":"line 21",)"
      R"("variables":{"a":-3},"written":{"a":"1:5"}},)"
      R"({"frame":1,"depth":0,"function":"f","source":1,"file":"/abs/app.py","line":12,"text":"line 12",)"));
  // The patch at 1:4 changed the list's first level and left its inner list, which was read at 1:3.
  BOOST_TEST(Has(state, R"("variables":{"a":1,"b":{"$type":"list","id":7,"items":[)"
                        R"({"$type":"list","id":8,"items":[1,2],"asof":"1:3"},"x",3]},"c":"text"},)"
                        R"("written":{"a":"1:2","b":"1:4","c":"1:4"}})"));
  BOOST_TEST(Has(state, R"("frames_omitted":0,"frames_unknown":0)"));
  BOOST_TEST(Has(end, "\"count\":1,\"chunks_read\":"));
}

BOOST_AUTO_TEST_CASE(a_frame_that_the_event_leaves_is_still_there) {
  const std::string state = State("1:8");  // g is left by its exception
  BOOST_TEST(Has(state, R"("event":"unwind")"));
  BOOST_TEST(Has(state, R"("frames":[{"frame":2,"depth":1,"function":"g")"));
  BOOST_TEST(Has(State("1:9"), R"("frames":[{"frame":1,"depth":0,"function":"f")"));
}

BOOST_AUTO_TEST_CASE(places_that_are_no_numbers_are_found) {
  BOOST_TEST(Has(State("start"), R"("position":"1:2")"));
  BOOST_TEST(Has(State("end"), R"("position":"1:27")"));  // the last return; later events are in no function
  BOOST_TEST(Has(State("end", R"(,"thread":2)"), R"("position":"2:11")"));
  BOOST_TEST(Has(State("exception"), R"("position":"1:7")"));
  BOOST_TEST(Has(State("app.py:12"), R"("position":"1:4")"));
  BOOST_TEST(Has(State("app.py:11#1", R"(,"thread":2)"), R"("position":"2:2")"));
  BOOST_TEST(State("app.py:12#2") == "error: app.py:12 was run 1 time only, not 2");
  BOOST_TEST(State("other.py:12") == "error: no event of run sample is at line other.py:12");
  BOOST_TEST(State("exception", R"(,"thread":2)") == "error: no exception was raised in run sample");
  BOOST_TEST(Has(State("1:999"), "error: thread 1 of run sample ends at 1:29"));
  BOOST_TEST(Has(State("7:1"), "error: run sample has no thread 7"));
  BOOST_TEST(Has(State("nowhere"), "error: 'nowhere' is no place in a run"));
}

BOOST_AUTO_TEST_CASE(tells_what_other_threads_did_and_what_was_written) {
  const std::string state = State("1:29");
  BOOST_TEST(Has(state, R"("threads":[{"process":1,"thread":2,"name":"worker \"2\"")"));
  BOOST_TEST(Has(state, R"("output":[{"position":"1:11","stream":"stdout","text":"hello\n"})"));
  // The variable has no value before its first write.
  BOOST_TEST(Has(State("1:10"), R"("output":[],"output_cut":false})"));
  BOOST_TEST(Has(State("1:11"), R"("text":"hello\n")"));
}

BOOST_AUTO_TEST_CASE(inside_a_loss_it_is_the_loss) {
  const std::string state = State("2:5");
  BOOST_TEST(Has(state, R"("position":"2:3")"));
  BOOST_TEST(Has(state, R"("event":"lost","count":5)"));
  // Values from before the loss are not known any more.
  BOOST_TEST(Has(State("2:8"), R"("frames_unknown":3)"));
}

BOOST_AUTO_TEST_CASE(steps_go_forwards_and_backwards) {
  BOOST_TEST(Step("1:4", "next") == "1:5");
  BOOST_TEST(Step("1:4", "previous") == "1:3");
  BOOST_TEST(Step("1:1", "previous") == "-");
  BOOST_TEST(Step("1:29", "next") == "-");
  BOOST_TEST(Step("1:4", "over") == "1:9");       // not into g
  BOOST_TEST(Step("1:9", "back-over") == "1:4");  // g lies between
  BOOST_TEST(Step("1:6", "out") == "1:9");
  BOOST_TEST(Step("1:6", "back-out") == "1:4");
  BOOST_TEST(Step("1:6", "over") == "1:7");
  BOOST_TEST(Step("1:8", "over") == "1:9");  // g ends there, so that the step ends in f
  BOOST_TEST(Step("1:2", "change", R"(,"name":"b")") == "1:3");
  BOOST_TEST(Step("1:3", "change", R"(,"name":"b")") == "1:4");
  BOOST_TEST(Step("1:9", "previous-change", R"(,"name":"a")") == "1:2");  // f's, not g's
  BOOST_TEST(Step("1:9", "previous-change", R"(,"name":"a","frame":2)") == "1:5");
  BOOST_TEST(Step("1:1", "line", R"(,"file":"app.py","line":12)") == "1:4");
  BOOST_TEST(Step("1:9", "previous-line", R"(,"file":"app.py","line":21)") == "1:6");
  BOOST_TEST(Step("1:1", "call", R"(,"function":"g")") == "1:5");
  BOOST_TEST(Step("1:1", "exception") == "1:7");
  BOOST_TEST(Step("1:7", "exception") == "-");  // the next exception came from a callee
  BOOST_TEST(Step("1:29", "previous-exception", R"(,"name":"KeyError")") == "1:7");
  BOOST_TEST(Step("1:29", "previous-exception", R"(,"name":"Key")") == "-");
  BOOST_TEST(Step("2:3", "next") == "2:8");  // behind the loss
  BOOST_TEST(Has(Step("1:4", "sideways"), "error: there is no step 'sideways'"));
  BOOST_TEST(Has(Step("1:1", "change", R"(,"name":"a")"), "error: no function runs at that position"));
  BOOST_TEST(Has(Step("1:4", "change"), "error: 'name' is missing"));
}

BOOST_AUTO_TEST_CASE(chunks_that_cannot_hold_it_are_not_read) {
  StoreLongRun(services().store, "long", 50'000);
  Ask(R"({"op":"step","run":"long","from":"1:1","kind":"change","name":"b"})");
  BOOST_TEST(Has(end, "\"count\":0,\"chunks_read\":0,\"chunks_skipped\":25"));
  const std::string line =
      Ask(R"({"op":"step","run":"long","from":"1:49999","kind":"previous-call","function":"f"})");
  BOOST_TEST(Has(line, R"("position":"1:1")"));
  BOOST_TEST(Has(end, "\"chunks_read\":1,"));
  BOOST_TEST(Has(Ask(R"({"op":"state","run":"long","at":"1:40000"})"),
                 R"("variables":{"a":40000},"written":{"a":"1:40000"})"));
  BOOST_TEST(Has(Ask(R"({"op":"state","run":"long","at":"app.py:12#10000"})"), R"("line":12)"));
}

BOOST_AUTO_TEST_CASE(walks_words_to_the_same_events_as_the_decoder) {
  Archive& archive = services().archive;
  for (std::uint32_t thread = 1; thread <= 2; ++thread) {
    auto entries = archive.Index("sample", thread, 1, 100);
    BOOST_REQUIRE(entries.ok());
    auto names = archive.NamesOf("sample", 1);
    Decoder decoder(*names);
    PieceWalker walker;
    std::size_t compared = 0;
    for (const PieceEntry& entry : *entries) {
      auto piece = archive.ReadPiece("sample", entry);
      BOOST_REQUIRE(piece.ok());
      walker.Start(**piece);
      decoder.Start(*piece);
      Event event;
      while (decoder.Next(&event)) {
        BOOST_TEST_CONTEXT("thread " << thread << " event " << event.seq) {
          BOOST_REQUIRE(walker.Next());
          BOOST_TEST((walker.kind == event.kind));
          BOOST_TEST(walker.seq == event.seq);
          BOOST_TEST(walker.TimeNs() == event.time_ns);
          BOOST_TEST(walker.frame == event.frame);
          if (event.frame != 0) BOOST_TEST(walker.open == event.depth + 1);
          if (walker.line != 0) BOOST_TEST(walker.line == event.line);
          ++compared;
        }
      }
      BOOST_TEST(!walker.Next());
    }
    BOOST_TEST(compared > 5u);
  }
}

BOOST_AUTO_TEST_CASE(what_is_not_stored_yet_is_found_behind_what_is) {
  Store& store = services().store;
  StoreLongRun(store, "going", 4'000, RunState::kRunning);
  LiveArchive live(store);
  RunInfo info = MakeRunInfo("going");
  info.state = RunState::kRunning;
  live.DrainBegin(info);
  ThreadInfo thread;
  thread.process = thread.thread = 1;
  live.DrainThread("going", thread);
  PieceMaker maker(4001);
  maker.Open({{1, 1, 11}}).Base(4001, 1).Line(13).Set(2, CborInt(7)).Line(14);
  Piece piece = maker.piece();
  piece.run = "going";
  live.DrainPart(Summed(piece));
  auto forward = live.Index("going", 1, 3'999, 10);
  BOOST_REQUIRE(forward.ok());
  BOOST_REQUIRE(forward->size() >= 2);
  BOOST_TEST(forward->back().arrival == 0u);
  BOOST_TEST(forward->back().piece->first_seq == 4001u);
  BOOST_TEST(live.Index("going", 1, 1, 1)->size() == 1u);
  auto backward = live.IndexBefore("going", 1, 5'000, 2);
  BOOST_REQUIRE(backward->size() == 2);
  BOOST_TEST(backward->at(1).piece->first_seq == 4001u);
  BOOST_TEST(live.IndexBefore("going", 1, 4'001, 2)->back().piece->last_seq == 4000u);
  BOOST_TEST((*live.ReadPiece("going", forward->back()))->words.size() == 3u);
}

BOOST_AUTO_TEST_SUITE_END()
