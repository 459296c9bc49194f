#include "daemon/events/run_reader.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <set>

#include "tests/daemon/piece_maker.h"

using namespace smiley;
using namespace smiley::daemon;
using shm::Kind;

namespace {

// An archive of one run in memory, which counts its open cursors.
class MemoryArchive : public Archive {
 public:
  struct Thread {
    ThreadInfo info;
    std::vector<Result<PiecePtr>> pieces;
  };
  RunInfo run;
  std::map<std::uint32_t, Thread> threads;
  std::set<std::uint32_t> processes_without_names;
  int open = 0, most_open = 0;

  MemoryArchive() {
    run.id = "r1";
    run.state = RunState::kEnded;
  }
  void Add(PiecePtr piece, std::int64_t first_ns = 0) {
    Thread& thread = threads[piece->thread];
    if (thread.info.thread == 0) {
      thread.info.process = piece->process;
      thread.info.thread = piece->thread;
      thread.info.first_ns = first_ns;
    }
    thread.pieces.emplace_back(std::move(piece));
  }

  std::vector<RunInfo> Runs() override { return {run}; }
  Result<RunInfo> FindRun(const std::string& id) override {
    if (id == run.id) return run;
    return Status(Code::kNotFound, "no such run");
  }
  Result<std::vector<ProcessInfo>> Processes(const std::string&) override { return std::vector<ProcessInfo>(); }
  Result<std::vector<ThreadInfo>> Threads(const std::string&) override {
    std::vector<ThreadInfo> infos;
    for (const auto& [number, thread] : threads) infos.push_back(thread.info);
    return infos;
  }
  Result<std::vector<TaskInfo>> Tasks(const std::string&) override { return std::vector<TaskInfo>(); }
  Result<std::vector<SourceInfo>> Sources(const std::string&) override { return std::vector<SourceInfo>(); }
  Result<std::vector<CatalogueEntry>> Catalogue(const std::string&, std::uint32_t) override {
    return std::vector<CatalogueEntry>();
  }
  Result<std::shared_ptr<const Names>> NamesOf(const std::string&, std::uint32_t process) override {
    if (processes_without_names.count(process) != 0) return Status(Code::kDamaged, "names are damaged");
    return std::shared_ptr<const Names>(std::make_shared<TestNames>());
  }
  Result<std::unique_ptr<PieceCursor>> Open(const std::string&, std::uint32_t thread,
                                            std::uint64_t from_seq) override {
    return std::unique_ptr<PieceCursor>(std::make_unique<Cursor>(*this, thread, from_seq));
  }
  Result<std::vector<PieceEntry>> Index(const std::string&, std::uint32_t, std::uint64_t, std::size_t) override {
    return std::vector<PieceEntry>();
  }
  Result<std::vector<PieceEntry>> IndexBefore(const std::string&, std::uint32_t, std::uint64_t,
                                              std::size_t) override {
    return std::vector<PieceEntry>();
  }
  Result<PiecePtr> ReadPiece(const std::string&, const PieceEntry& entry) override { return entry.piece; }
  Result<std::optional<DerivedItem>> LastDerived(const std::string&, const std::string&,
                                                 const std::string&) override {
    return std::optional<DerivedItem>();
  }

 private:
  class Cursor : public PieceCursor {
   public:
    Cursor(MemoryArchive& archive, std::uint32_t thread, std::uint64_t from_seq)
        : archive_(archive), thread_(thread) {
      archive_.most_open = std::max(archive_.most_open, ++archive_.open);
      const auto& pieces = archive_.threads[thread_].pieces;
      for (std::size_t i = 0; i < pieces.size(); ++i) {
        if (pieces[i].ok() && (*pieces[i])->state.first_seq <= from_seq) at_ = i;
      }
    }
    ~Cursor() override { --archive_.open; }
    Result<PiecePtr> Next() override {
      const auto& pieces = archive_.threads[thread_].pieces;
      return at_ < pieces.size() ? pieces[at_++] : Result<PiecePtr>(PiecePtr());
    }

   private:
    MemoryArchive& archive_;
    std::uint32_t thread_;
    std::size_t at_ = 0;
  };
};

std::string Order(RunReader& reader) {
  std::string out;
  Event event;
  while (reader.Next(&event)) {
    if (!out.empty()) out += ' ';
    out.append(std::to_string(event.thread)).append(":").append(std::to_string(event.seq));
  }
  return out;
}

std::unique_ptr<RunReader> Opened(Archive& archive, const RunReader::Options& options = {}) {
  auto reader = RunReader::Open(archive, "r1", options);
  BOOST_REQUIRE(reader.ok());
  return std::move(*reader);
}

// `times`: the times of a thread's events, in units.
PieceMaker At(std::uint32_t thread, const std::vector<std::uint32_t>& times, std::uint64_t first_seq = 1,
              std::uint32_t process = 1) {
  PieceMaker piece(first_seq, thread);
  piece.piece().process = process;
  std::uint32_t before = 0;
  for (const std::uint32_t time : times) {
    piece.Event(Kind::kGc, 0, time - before);
    before = time;
  }
  return piece;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(run_reader)

BOOST_AUTO_TEST_CASE(threads_are_merged_by_time_then_process_thread_and_number) {
  MemoryArchive archive;
  archive.Add(At(1, {10, 30, 30, 50}).Done());
  archive.Add(At(1, {60, 60}, 5).Done());
  archive.Add(At(2, {20, 30, 55}).Done());
  archive.Add(At(3, {30, 40}, 1, 2).Done());
  archive.Add(At(4, {30}).Done());
  BOOST_TEST(Order(*Opened(archive)) == "1:1 2:1 1:2 1:3 2:2 4:1 3:1 3:2 1:4 2:3 1:5 1:6");
  BOOST_TEST(archive.open == 0);
}

BOOST_AUTO_TEST_CASE(threads_and_a_position_can_be_chosen) {
  MemoryArchive archive;
  archive.Add(At(1, {10, 20}).Done());
  archive.Add(At(1, {30, 40, 50}, 3).Done());
  archive.Add(At(2, {15}).Done());
  archive.Add(At(3, {16}).Done());
  BOOST_TEST(Order(*Opened(archive, {{2, 3}, 0})) == "2:1 3:1");
  BOOST_TEST(Order(*Opened(archive, {{1}, 4})) == "1:4 1:5");
  BOOST_TEST(Order(*Opened(archive, {{1}, 2})) == "1:2 1:3 1:4 1:5");
  BOOST_TEST(Order(*Opened(archive, {{1}, 9})).empty());
  BOOST_TEST(!RunReader::Open(archive, "r1", {{}, 4}).ok());
  BOOST_TEST(!RunReader::Open(archive, "other", {}).ok());
}

BOOST_AUTO_TEST_CASE(ten_thousand_short_threads_are_never_open_at_once) {
  MemoryArchive archive;
  std::string expected;
  for (std::uint32_t i = 1; i <= 10'000; ++i) {
    PieceMaker piece = At(i, {10, 20});
    const std::int64_t start = 1'000'000 + std::int64_t{10'000'000} * i;
    piece.piece().time.anchor_ns = start;
    archive.Add(piece.Done(), start + 10);
    if (i > 1) expected += ' ';
    expected.append(std::to_string(i)).append(":1 ").append(std::to_string(i)).append(":2");
  }
  BOOST_TEST((Order(*Opened(archive)) == expected));
  BOOST_TEST(archive.most_open <= 2);
}

BOOST_AUTO_TEST_CASE(a_running_run_goes_on_where_it_was) {
  MemoryArchive archive;
  archive.run.state = RunState::kRunning;
  archive.Add(At(1, {10, 20}).Done());
  PieceMaker cut(3);
  cut.Event(Kind::kGc, 0, 25, shm::kFlagMore);
  archive.Add(cut.Done());
  auto reader = Opened(archive);
  BOOST_TEST(Order(*reader) == "1:1 1:2");  // the third event waits for its continuation
  BOOST_TEST(Order(*reader) == "");
  PieceMaker rest(4);
  rest.piece().begins_inside = true;
  rest.Base(25).Event(Kind::kMore, 0, 0).Event(Kind::kGc, 0, 5);
  archive.Add(rest.Done());
  archive.Add(At(2, {27}).Done());
  BOOST_TEST(Order(*reader) == "1:3 2:1 1:4");
  PieceMaker last(5);
  last.Base(30).Event(Kind::kGc, 0, 5, shm::kFlagMore);
  archive.Add(last.Done());
  BOOST_TEST(Order(*reader) == "");
  archive.run.state = RunState::kEnded;
  BOOST_TEST(Order(*reader) == "1:5");  // no more can come
  BOOST_TEST(Order(*reader) == "");
  BOOST_TEST(archive.open == 0);
}

BOOST_AUTO_TEST_CASE(damage_is_told_and_reading_goes_on_behind_it) {
  MemoryArchive archive;
  PieceMaker first, third(20);
  first.Call(1).Set(1, CborInt(1));
  third.Open({{1, 1, 11}}).Base(50, 1).Line(12);
  archive.Add(first.Done());
  archive.threads[1].pieces.emplace_back(Status(Code::kDamaged, "chunk 2 fails its check"));
  archive.Add(third.Done());
  archive.Add(At(2, {5}).Done());
  auto reader = Opened(archive);
  BOOST_TEST(Order(*reader) == "1:1 2:1 1:20");
  BOOST_TEST(reader->status().message() == "chunk 2 fails its check");
  BOOST_TEST(State(reader->DecoderOf(1), 1) == R"(a={"$type":"lost"})");
}

BOOST_AUTO_TEST_CASE(a_process_without_names_does_not_hide_the_others) {
  MemoryArchive archive;
  archive.Add(At(1, {10}).Done());
  archive.Add(At(2, {11}, 1, 2).Done());
  archive.processes_without_names = {1};
  auto reader = Opened(archive);
  BOOST_TEST(Order(*reader) == "2:1");
  BOOST_TEST(!reader->status().ok());
}

BOOST_AUTO_TEST_CASE(variables_are_those_at_the_event_given_and_not_later) {
  MemoryArchive archive;
  PieceMaker one, two(1, 2);
  one.Call(3)
      .Set(1, CborList(1, {}))
      .Event(Kind::kYield, 31, 10)
      .Event(Kind::kResume, 3, 10)
      .Frame(1)
      .Patch(1, CborAppend(1));
  one.Event(Kind::kYield, 31, 10);
  two.Call(1).Frame(2).Event(Kind::kResume, 3, 50).Frame(1).Set(1, CborInt(9)).Event(Kind::kReturn, 32);
  archive.Add(one.Done());
  archive.Add(two.Done());
  auto reader = Opened(archive);
  std::vector<std::string> states;
  Event event;
  while (reader->Next(&event)) {
    if (event.frame == 1) states.push_back(State(reader->DecoderOf(1), 1));
  }
  const std::string before = R"(a={"$type":"list","id":1,"items":[]})",
                    after = R"(a={"$type":"list","id":1,"items":[1]})";
  const std::vector<std::string> expected{before, before, after, after, "a=9", "a=9"};
  BOOST_TEST(states == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
