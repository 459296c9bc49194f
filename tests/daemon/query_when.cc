// The events at which an expression becomes true, and the chunks that the search skips.
#include <boost/test/unit_test.hpp>

#include "daemon/events/event_filter.h"
#include "daemon/events/run_reader.h"
#include "tests/daemon/served_home.h"

using namespace smiley;
using namespace smiley::daemon;
using shm::Kind;

namespace {

bool Has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

struct Fixture : TestCore {
  // Positions found, with spaces between; `end` gets the end members.
  std::string When(const std::string& run, const std::string& where, const std::string& more = "") {
    std::string line;
    line = R"({"op":"when","run":")" + run + R"(","where":)";
    AppendJsonString(&line, where);
    RequestParser parser;
    bool broken = false;
    auto request = parser.Parse(line + more + "}", &broken);
    BOOST_REQUIRE_MESSAGE(request.ok(), request.status().message());
    Reply reply = AnswerRequest(services(), *request, [] {});
    if (!reply.status) return "error: " + reply.status.message();
    std::string out;
    for (;;) {
      auto next = reply.stream->Step(&out);
      BOOST_REQUIRE_MESSAGE(next.ok(), next.status().message());
      if (*next == Producer::Next::kDone) break;
    }
    end = reply.stream->EndMembers();
    lines = out;
    std::string positions;
    for (std::size_t at = out.find(R"("position":")"); at != std::string::npos;
         at = out.find(R"("position":")", at + 1)) {
      positions += (positions.empty() ? "" : " ") + out.substr(at + 12, out.find('"', at + 12) - at - 12);
    }
    return positions;
  }
  std::string end, lines;

  void Commit(const std::string& run, const std::vector<Piece>& pieces) {
    Batch batch;
    batch.runs.push_back(MakeRunInfo(run));
    ProcessInfo process;
    process.process = process.pid = 1;
    batch.processes.emplace_back(run, process);
    AddNames(&batch, run);
    for (Piece piece : pieces) {
      piece.run = run;
      ThreadInfo thread;
      thread.process = 1;
      thread.thread = piece.thread;
      thread.name = "thread " + std::to_string(piece.thread);
      batch.threads.emplace_back(run, thread);
      batch.pieces.push_back(Summed(piece));
    }
    const Status status = services().store.Commit(batch);
    BOOST_REQUIRE_MESSAGE(status.ok(), status.message());
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(query_when, Fixture)

BOOST_AUTO_TEST_CASE(it_becomes_true_once_for_each_time_that_it_was_not) {
  PieceMaker one;
  one.Call(1).Set(1, CborInt(1)).Line(11).Set(1, CborInt(-1)).Line(12).Line(13).Set(1, CborInt(-2));
  one.Call(1).Set(1, CborInt(-5)).Line(11).Set(1, CborInt(3)).Return(11);  // another frame, followed on its own
  one.Line(14).Set(1, CborInt(4)).Line(15).Set(1, CborInt(-9)).Return(15);
  Commit("r", {one.piece()});
  BOOST_TEST(When("r", "a < 0") == "1:2 1:5 1:9");
  BOOST_TEST(Has(lines, R"("variables":{"a":-1})"));
  BOOST_TEST(When("r", "a < 0 and line > 12") == "1:4 1:9");
  BOOST_TEST(When("r", "a < 0 and event == line") == "1:2 1:3 1:4 1:9");
  BOOST_TEST(When("r", "a changed") == "1:1 1:2 1:4 1:5 1:6 1:8 1:9");
  BOOST_TEST(When("r", "f.a == 3") == "1:6");
  BOOST_TEST(When("r", "g.a == 3") == "");
  BOOST_TEST(When("r", "not a < 0") == "1:1 1:6 1:8");
  BOOST_TEST(When("r", "function == \"f\"") == "1:1 1:5");
  BOOST_TEST(When("r", "depth == 1") == "1:5");
  BOOST_TEST(When("r", "a < 0", R"(,"limit":2)") == "1:2 1:5");
  BOOST_TEST(When("r", "a < 0", R"(,"last":2)") == "1:5 1:9");
  BOOST_TEST(When("r", "a < 0", R"(,"reverse":true)") == "1:9 1:5 1:2");
  BOOST_TEST(When("r", "a < 0", R"(,"count":true)") == "");
  BOOST_TEST(Has(end, "\"count\":3,"));
  BOOST_TEST(Has(When("r", "a <"), "error: expression, character"));
  BOOST_TEST(Has(When("r", "a", R"(,"thread":9)"), "error: run r has no thread 9"));
}

BOOST_AUTO_TEST_CASE(threads_come_in_the_order_of_time) {
  PieceMaker one, two(1, 2);
  one.Call(1).Set(1, CborInt(-1)).Event(Kind::kReturn, 11, 50).Call(1).Set(1, CborInt(-1));
  two.Event(Kind::kCall, 1, 20)
      .Frame(40)
      .Set(1, CborInt(-1))
      .Event(Kind::kReturn, 11, 5)
      .Event(Kind::kCall, 1, 100)
      .Set(1, CborInt(-1));
  Commit("r", {one.piece(), two.piece()});
  BOOST_TEST(When("r", "a < 0") == "1:1 2:1 1:3 2:3");
  BOOST_TEST(When("r", "a < 0", R"(,"thread":2)") == "2:1 2:3");
  BOOST_TEST(When("r", "a < 0 and thread == \"thread 2\"") == "2:1 2:3");
}

BOOST_AUTO_TEST_CASE(a_loss_makes_what_was_known_unknown) {
  PieceMaker one;
  one.Call(1).Set(1, CborInt(-1)).Set(2, CborList(4, {1})).Line(11);
  one.Loss(3, 2, 1, 1).Line(12).Patch(2, CborAppend(7)).Line(13).Set(1, CborInt(-2));
  Commit("r", {one.piece()});
  BOOST_TEST(When("r", "a < 0") == "1:1 1:6");
  BOOST_TEST(When("r", "7 in b") == "");
}

BOOST_AUTO_TEST_CASE(an_object_is_compared_with_what_was_seen_of_it_last) {
  const auto object = [](int total) {
    return MadeCbor([total](shm::CborWriter& w) {
      w.Form(5), w.Int(kFormObject), w.Unsigned(77), w.Int(0), w.Text("m.Order"), w.ArrayHeader(2), w.Text("total");
      w.Int(total);
    });
  };
  PieceMaker one;
  one.Call(1).Set(1, object(1)).Return(11);  // new
  one.Call(1).Set(1, object(1)).Return(11);  // not changed
  one.Call(2).Set(2, object(2)).Return(21);  // changed through another name
  one.Call(1).Set(1, object(2)).Line(11).Set(1, object(3)).Return(11);
  Commit("r", {one.piece()});
  BOOST_TEST(When("r", "a.total changed") == "1:1 1:7 1:8");
}

BOOST_AUTO_TEST_CASE(chunks_that_cannot_decide_are_not_read) {
  // 40 chunks of which only the 20th writes b; a is written everywhere.
  std::vector<Piece> pieces;
  std::uint64_t seq = 1;
  for (int number = 0; number < 40; ++number) {
    PieceMaker maker(seq);
    if (number == 0) {
      maker.Call(1).Set(2, CborList(4, {1}));
    } else {
      maker.Open({{1, 1, 11}}).Base(seq, 1).Line(11);
    }
    for (int i = 1; i < 100; ++i) maker.Line(11 + static_cast<std::uint32_t>(i % 5)).Set(1, CborInt(i));
    // The value before lies 19 chunks back, and is still known.
    if (number == 19) maker.Line(30).Patch(2, CborAppend(7));
    if (number == 30) maker.Event(Kind::kRaise, 33).Attach(Kind::kException, 0, CborException("KeyError", "'k'"));
    if (number == 35) maker.Line(30);
    seq += 100 + (number == 19 || number == 30 || number == 35 ? 1 : 0);
    pieces.push_back(maker.piece());
  }
  Commit("r", pieces);
  BOOST_TEST(When("r", "7 in b and 1 in b") == "1:2001");
  BOOST_TEST(Has(end, "\"count\":1,\"chunks_read\":2,\"chunks_skipped\":38"));
  BOOST_TEST(When("r", "b[1] == 7 and a >= 0") == "1:2001");
  BOOST_TEST(When("r", "event == raise and exception ~ \"Key\"") == "1:3102");
  BOOST_TEST(Has(end, "\"chunks_read\":1,\"chunks_skipped\":39"));
  // Lines that a chunk does not show.
  BOOST_TEST(When("r", "event == line and line == 30") == "1:2001 1:3603");
  BOOST_TEST(Has(end, "\"chunks_read\":3,\"chunks_skipped\":37"));
  BOOST_TEST(When("r", "event == raise and 33 <= line") == "1:3102");
  BOOST_TEST(When("r", "line in [99, 100] or line > 33") == "");
  BOOST_TEST(Has(end, "\"chunks_read\":0,\"chunks_skipped\":40"));
  // The chunk behind a line that held is read: it becomes true again only because other lines came in between.
  BOOST_TEST(When("r", "line == 30") == "1:2001 1:3603");
  BOOST_TEST(Has(end, "\"chunks_read\":5,\"chunks_skipped\":35"));
  BOOST_TEST(When("r", "c == 1") == "");
  BOOST_TEST(Has(end, "\"chunks_read\":0,\"chunks_skipped\":40"));
  BOOST_TEST(When("r", "function == \"g\"") == "");
  BOOST_TEST(Has(end, "\"chunks_read\":0,"));
  BOOST_TEST(When("r", "thread == 2 and a == 5") == "");
}

BOOST_AUTO_TEST_CASE(an_event_without_a_line_shows_the_first_of_its_function) {
  PieceMaker one, two(101);
  one.Call(1);
  for (int i = 1; i < 100; ++i) one.Line(20);
  two.Open({{1, 1, 20}}).Base(101, 1).Call(2).Event(Kind::kReturn, 0).Line(30).Line(31);  // g, of line 20
  Commit("r", {one.piece(), two.piece()});
  BOOST_TEST(When("r", "event == return and line == 20") == "1:102");
  BOOST_TEST(When("r", "event == return and line == 30") == "");
}

BOOST_AUTO_TEST_CASE(depths_of_one_line_are_told_apart_however_deep) {
  PieceMaker one;
  constexpr int kDeep = 600;
  for (int depth = 0; depth < kDeep; ++depth) one.Call(1);
  for (int depth = 0; depth < kDeep; ++depth) one.Line(12).Return(12);  // the innermost first
  Commit("r", {one.piece()});
  BOOST_TEST(When("r", "event == line and depth == 259") == "1:1281");
  BOOST_TEST(When("r", "event == line and depth in (3, 259, 515)") == "1:769 1:1281 1:1793");
  BOOST_TEST(When("r", "event == line and depth > 597") == "1:601 1:603");
}

BOOST_AUTO_TEST_CASE(agrees_with_looking_at_every_event) {
  StoreSampleRun(services().store, "sample");
  StoreLongRun(services().store, "long", 9'000);
  // Thread by thread: frames of the sample's threads have the same numbers.
  for (const auto& [run, thread] : {std::pair<std::string, std::uint32_t>("sample", 1), {"sample", 2}, {"long", 1}}) {
    for (const char* where : {"event == raise",
                              "a == 1",
                              "a % 2",
                              "value == 5",
                              "exception ~ \"Key\"",
                              "c == \"text\"",
                              "a changed and event == line",
                              "line == 12",
                              "line > 12",
                              "12 >= line",
                              "line != 12",
                              "not line == 12",
                              "line in (11, 13) and depth == 0",
                              "line < 0",
                              "function in (\"f\", \"gen\")",
                              "depth == 1",
                              "task == \"late\"",
                              "event == stdout or a == -3",
                              "a > 4000 and a < 4010",
                              "b",
                              "not b",
                              "process == 1",
                              "thread == \"MainThread\" and a"}) {
      auto expression = shm::Expression::Parse(where);
      if (!expression) continue;
      BOOST_TEST_CONTEXT(run << " thread " << thread << " " << where) {
        Archive& archive = services().archive;
        EventFilter filter(*expression);
        filter.SetNames(*archive.Threads(run), *archive.Tasks(run));
        const bool momentary = expression->Asks(shm::Field::kEvent) || expression->Asks(shm::Field::kValue) ||
                               expression->Asks(shm::Field::kException) || expression->AsksChanged();
        std::map<std::pair<std::uint32_t, std::uint64_t>, bool> held;
        std::string expected;
        RunReader::Options only;
        only.threads = {thread};
        auto reader = RunReader::Open(archive, run, only);
        BOOST_REQUIRE(reader.ok());
        Event event;
        while ((*reader)->Next(&event)) {
          const bool holds = filter.Matches(event, &(*reader)->DecoderOf(event.process));
          const bool frame = event.frame != 0;
          bool& was = held[{frame ? 0 : event.thread, event.frame}];
          if (holds && (momentary || !was)) {
            expected +=
                (expected.empty() ? "" : " ") + std::to_string(event.thread) + ":" + std::to_string(event.seq);
          }
          was = holds;
        }
        BOOST_TEST(When(run, where, ",\"thread\":" + std::to_string(thread)) == expected);
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
