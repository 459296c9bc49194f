#include "daemon/events/event_json.h"

#include <boost/test/unit_test.hpp>

#include "tests/daemon/piece_maker.h"

using namespace smiley;
using namespace smiley::daemon;
using shm::Kind;

namespace {

std::string Line(const Event& event) {
  std::string out;
  AppendEventJson(&out, event);
  return out;
}

struct Fixture {
  std::shared_ptr<TestNames> names = std::make_shared<TestNames>();
  Decoder decoder{names};
  std::vector<std::string> Lines(PieceMaker& piece) {
    decoder.Start(piece.Done());
    std::vector<std::string> lines;
    for (const Event& event : Drain(decoder)) lines.push_back(Line(event));
    return lines;
  }
};

const std::string kHead = R"({"type":"event","process":1,"thread":1,)";
const std::string kPlace = R"("source":1,"file":"/abs/app.py",)";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(event_json, Fixture)

BOOST_AUTO_TEST_CASE(events_are_written_as_the_contract_says) {
  PieceMaker piece;
  piece.Event(Kind::kThreadStart, 0).Call(1).Set(1, CborInt(-3)).Event(Kind::kTask, 4).Call(2);
  piece.Event(Kind::kRaise, 21, 1, shm::kFlagPropagated);
  piece.Attach(Kind::kException, 0,
               MadeCbor([](shm::CborWriter& w) { w.ArrayHeader(2), w.Text("KeyError"), w.Text("'k'"); }));
  piece.Return(21).Attach(Kind::kValue, 0, "\xf6").Line(12).Set(2, CborList(7, {1, 2}));
  piece.Event(Kind::kStdout, 0).Attach(Kind::kText, 0, CborText("hi\n"));
  const auto lines = Lines(piece);
  BOOST_REQUIRE_EQUAL(lines.size(), 8u);
  BOOST_TEST(lines[0] == kHead + R"("seq":1,"time_ns":1000001,"event":"thread_start"})");
  BOOST_TEST(lines[1] == kHead + R"("seq":2,"time_ns":1000002,"event":"call",)" + kPlace +
                             R"("line":10,"function":"f","frame":1,"depth":0,"changed":{"a":-3}})");
  BOOST_TEST(lines[2] == kHead + R"("seq":3,"time_ns":1000003,"event":"task","task":4})");
  BOOST_TEST(lines[3] == kHead + R"("seq":4,"time_ns":1000004,"event":"call",)" + kPlace +
                             R"("line":20,"function":"g","frame":2,"parent":1,"depth":1,"task":4})");
  BOOST_TEST(lines[4] == kHead + R"("seq":5,"time_ns":1000005,"event":"raise",)" + kPlace +
                             R"("line":21,"function":"g","frame":2,"parent":1,"depth":1,"task":4,)"
                             R"("exception":{"type":"KeyError","message":"'k'"},"propagated":true})");
  BOOST_TEST(lines[5] == kHead + R"("seq":6,"time_ns":1000006,"event":"return",)" + kPlace +
                             R"("line":21,"function":"g","frame":2,"parent":1,"depth":1,"task":4,"value":null})");
  BOOST_TEST(lines[6] == kHead + R"("seq":7,"time_ns":1000007,"event":"line",)" + kPlace +
                             R"("line":12,"function":"f","frame":1,"depth":0,"task":4,)"
                             R"("changed":{"b":{"$type":"list","id":7,"items":[1,2]}}})");
  BOOST_TEST(lines[7] == kHead + R"("seq":8,"time_ns":1000008,"event":"stdout",)" + kPlace +
                             R"("line":12,"function":"f","frame":1,"depth":0,"task":4,"value":"hi\n"})");
}

BOOST_AUTO_TEST_CASE(losses_have_their_count_and_span) {
  PieceMaker piece;
  piece.Loss(1, 5, 10, 20);
  BOOST_TEST(Lines(piece)[0] ==
             kHead + R"("seq":1,"time_ns":1000000,"event":"lost","count":5,"first_ns":1000010,"last_ns":1000020})");
}

BOOST_AUTO_TEST_CASE(parts_that_a_patch_did_not_touch_are_older) {
  PieceMaker piece;
  piece.Call(1).Set(1, MadeCbor([](shm::CborWriter& w) {
                      w.Form(4), w.Int(kFormList), w.Int(1), w.Int(0), w.ArrayHeader(1);
                      w.Raw(CborList(2, {5}));
                    }));
  piece.Line(11).Patch(1, CborAppend(6));
  const std::string line = Lines(piece)[1];
  BOOST_TEST(line.ends_with(
      R"("changed":{"a":{"$type":"list","id":1,"items":[{"$type":"list","id":2,"items":[5],"asof":"1:1"},6]}}})"));
}

BOOST_AUTO_TEST_CASE(all_kinds_have_names_and_an_exception_needs_no_message) {
  Event event;
  event.process = event.thread = 1;
  for (int kind = 1; kind <= 23; ++kind) {
    event.kind = static_cast<Kind>(kind);
    BOOST_TEST(Line(event).find(R"("event":"")") == std::string::npos);
  }
  event.kind = Kind::kUnwind;
  event.exception_type = "m.\xed\xa0\x80";
  BOOST_TEST(Line(event).find(R"("exception":{"type":{"$type":"str","base64":"bS7toIA="},"message":""})") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_other_lines) {
  RunInfo run;
  run.id = "k3";
  run.command = {"app.py", "3 \""};
  run.cwd = "/home";
  run.python = "3.11.2";
  run.start_ns = 17;
  run.detail = "values";
  std::string out;
  AppendRunLine(&out, run);
  BOOST_TEST(
      out ==
      R"({"type":"run","version":1,"id":"k3","command":["app.py","3 \""],"cwd":"/home","python":"3.11.2","start_ns":17,"detail":"values"})");
  out.clear();
  AppendEndLine(&out, run, 5, 2);
  BOOST_TEST(out ==
             R"({"type":"end","exit_code":null,"signal":null,"end_ns":null,"events":5,"lost":2,"complete":false})");
  run.exit_code = 0;
  run.signal = 9;
  run.end_ns = 99;
  run.complete = true;
  out.clear();
  AppendEndLine(&out, run, 5, 0);
  BOOST_TEST(out == R"({"type":"end","exit_code":0,"signal":9,"end_ns":99,"events":5,"lost":0,"complete":true})");
  ProcessInfo process;
  process.process = 2;
  process.pid = 4711;
  process.python = "3.11.2";
  out.clear();
  AppendProcessLine(&out, process);
  BOOST_TEST(out == R"({"type":"process","process":2,"pid":4711,"parent":null,"command":[],"python":"3.11.2"})");
  process.parent = 1;
  out.clear();
  AppendProcessLine(&out, process);
  BOOST_TEST(out == R"({"type":"process","process":2,"pid":4711,"parent":1,"command":[],"python":"3.11.2"})");
  out.clear();
  ThreadInfo thread;
  thread.process = 1;
  thread.thread = 3;
  thread.name = "Thread-1 (f)";
  AppendThreadLine(&out, thread);
  BOOST_TEST(out == R"j({"type":"thread","process":1,"thread":3,"name":"Thread-1 (f)"})j");
  out.clear();
  AppendTaskLine(&out, TaskInfo{1, 2, "late"});
  BOOST_TEST(out == R"({"type":"task","process":1,"task":2,"name":"late"})");
  out.clear();
  AppendSourceLine(&out, SourceInfo{1, "/abs/app.py", "00ff", "x = 1\n"});
  BOOST_TEST(out == R"({"type":"source","source":1,"file":"/abs/app.py","sha256":"00ff","text":"x = 1\n"})");
}

BOOST_AUTO_TEST_SUITE_END()
