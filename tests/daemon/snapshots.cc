// Snapshots: the state at any event is the same whether decoding begins at the beginning or at a snapshot.
#include <boost/test/unit_test.hpp>
#include <random>

#include "daemon/background/snapshot_maker.h"
#include "daemon/find/position.h"
#include "daemon/find/state_reader.h"
#include "tests/daemon/served_home.h"

using namespace smiley;
using namespace smiley::daemon;
using shm::Kind;

namespace {

// A program with calls, deep recursion, suspended generators, patches and losses, in pieces of about `each` words.
// `inside`: each piece begins inside the last event of the piece before; some hold nothing else.
void StoreWildRun(Store& store, const std::string& id, int pieces, std::size_t each, bool inside = false) {
  Batch batch;
  batch.runs.push_back(MakeRunInfo(id));
  ProcessInfo process;
  process.process = process.pid = 1;
  batch.processes.emplace_back(id, process);
  ThreadInfo thread;
  thread.process = thread.thread = 1;
  thread.name = "MainThread";
  batch.threads.emplace_back(id, thread);
  AddNames(&batch, id);
  std::mt19937 random(7);
  const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  struct Open {
    std::uint64_t frame;
    std::uint32_t code;
  };
  std::vector<Open> stack, waiting;
  std::uint64_t last_frame = 0, seq = 1;
  PieceScanner scanner(0);
  shm::BlockHeader begin{};
  begin.magic = shm::kBlockMagic;
  begin.thread = 1;
  begin.first_seq = 1;
  begin.anchor_mono_ns = 1'000'000;
  scanner.EnterBlock(begin);
  for (int number = 0; number < pieces; ++number) {
    PieceMaker maker(seq);
    Piece& piece = maker.piece();
    piece.state = scanner.State();
    piece.time = scanner.Time();
    piece.run = id;
    const auto values = [&] {
      for (std::uint32_t name = 1; name <= 3; ++name) {
        const unsigned what = below(6);
        if (what == 0) maker.Set(name, CborInt(below(100'000)));
        if (what == 1) maker.Set(name, CborNested());
        if (what == 2) maker.Patch(name, CborAppend(static_cast<int>(below(50))));
        if (what == 3 && below(4) == 0) maker.Attach(Kind::kUnset, name, "");
      }
    };
    const bool last = number + 1 == pieces;
    if (inside && number > 0) {
      const bool goes_on = number % 7 == 6 && !last;
      piece.begins_inside = true;
      maker.Event(Kind::kMore, 0, 0, goes_on ? shm::kFlagMore : 0).Set(1 + below(3), CborInt(below(1000)));
      if (goes_on) {
        Sum(&scanner, &piece);
        batch.pieces.push_back(std::make_shared<const Piece>(piece));
        continue;
      }
    }
    while (piece.words.size() < each) {
      const unsigned what = below(20);
      ++seq;
      if (stack.empty() || (what < 4 && stack.size() < 60)) {
        const std::uint32_t code = 1 + below(3);
        maker.Call(code);
        stack.push_back({++last_frame, code});
        values();
      } else if (what < 6 && stack.size() > 1) {
        maker.Return(11);
        values();
        stack.pop_back();
      } else if (what == 6 && stack.size() > 1) {
        maker.Event(Kind::kYield, 31);
        values();
        waiting.push_back(stack.back());
        stack.pop_back();
      } else if (what == 7 && !waiting.empty() && stack.size() < 60) {
        const std::size_t which = below(static_cast<unsigned>(waiting.size()));
        maker.Event(Kind::kResume, waiting[which].code).Frame(waiting[which].frame);
        values();
        stack.push_back(waiting[which]);
        waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(which));
      } else if (what == 8 && below(200) == 0) {
        maker.Loss(seq - 1, 3, 1, 1);
        seq += 2;
      } else {
        maker.Line(10 + below(90));
        values();
      }
    }
    if (inside && !last) {
      ++seq;
      maker.Event(Kind::kLine, 10 + below(90), 1, shm::kFlagMore);
      values();
    }
    Sum(&scanner, &piece);
    batch.pieces.push_back(std::make_shared<const Piece>(piece));
    BOOST_REQUIRE(seq == piece.last_seq + 1);
  }
  const Status status = store.Commit(batch);
  BOOST_REQUIRE_MESSAGE(status.ok(), status.message());
}

std::string StateAt(Archive& archive, const std::string& run, std::uint64_t seq, std::uint64_t* read) {
  auto reader = StateReader::Open(archive, run, {1, seq});
  BOOST_REQUIRE_MESSAGE(reader.ok(), reader.status().message());
  for (;;) {
    auto there = (*reader)->Step();
    BOOST_REQUIRE_MESSAGE(there.ok(), there.status().message());
    if (*there) break;
  }
  std::string out = std::to_string((*reader)->event().seq) + " hidden " + std::to_string((*reader)->hidden());
  for (const StateReader::Frame& frame : (*reader)->frames()) {
    out += "\n" + std::to_string(frame.frame) + " depth " + std::to_string(frame.depth) + " line " +
           std::to_string(frame.line) + " " + (frame.code == nullptr ? "?" : frame.code->function);
    const auto* variables = (*reader)->Variables(frame.frame);
    std::map<std::string, std::string> sorted;
    if (variables != nullptr) {
      for (const auto& [name, value] : *variables) {
        std::string text = ToText({value->read_at.thread, value->read_at.seq}) + " ";
        AppendJson(&text, *value, value->read_at);
        sorted[*name] = text;
      }
    }
    for (const auto& [name, text] : sorted) out += " " + name + "=" + text;
  }
  *read = (*reader)->chunks_read();
  return out;
}

std::uint64_t MakeAll(Store& store, const std::string& run, const SnapshotOptions& options) {
  SnapshotMaker maker(store, run, options);
  for (;;) {
    auto done = maker.Step();
    BOOST_REQUIRE_MESSAGE(done.ok(), done.status().message());
    if (*done) return maker.snapshots();
  }
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(snapshots, TestCore)

BOOST_AUTO_TEST_CASE(a_state_found_from_a_snapshot_is_the_one_found_from_the_beginning) {
  Store& store = services().store;
  StoreWildRun(store, "wild", 60, 700);
  const std::uint64_t events = store.archive().FindRun("wild")->events;
  BOOST_REQUIRE(events > 5'000);
  std::map<std::uint64_t, std::string> expected;
  std::uint64_t read = 0;
  for (std::uint64_t seq = 1; seq <= events; seq += 97) expected[seq] = StateAt(store.archive(), "wild", seq, &read);
  BOOST_TEST(read > 50u);
  const SnapshotOptions options{0, 1, 0};
  BOOST_TEST(MakeAll(store, "wild", options) > 50u);
  for (const auto& [seq, state] : expected) {
    BOOST_TEST_CONTEXT("event " << seq) {
      BOOST_REQUIRE_EQUAL(StateAt(store.archive(), "wild", seq, &read), state);
      BOOST_TEST(read <= 2u);
    }
  }
  // A second maker finds nothing to do.
  BOOST_TEST(MakeAll(store, "wild", options) == 0u);
}

BOOST_AUTO_TEST_CASE(pieces_that_begin_inside_an_event_have_snapshots_too) {
  Store& store = services().store;
  StoreWildRun(store, "wild", 60, 300, true);
  const std::uint64_t events = store.archive().FindRun("wild")->events;
  std::map<std::uint64_t, std::string> expected;
  std::uint64_t read = 0;
  for (std::uint64_t seq = 1; seq <= events; seq += 23) expected[seq] = StateAt(store.archive(), "wild", seq, &read);
  BOOST_TEST(read > 50u);
  const SnapshotOptions options{0, 1, 0};
  BOOST_TEST(MakeAll(store, "wild", options) > 45u);
  for (const auto& [seq, state] : expected) {
    BOOST_TEST_CONTEXT("event " << seq) {
      BOOST_REQUIRE_EQUAL(StateAt(store.archive(), "wild", seq, &read), state);
      BOOST_TEST(read <= 4u);  // an event may continue in the next two pieces
    }
  }
  BOOST_TEST(MakeAll(store, "wild", options) == 0u);
}

BOOST_AUTO_TEST_CASE(snapshots_take_about_a_tenth_of_the_chunks_at_most) {
  Store& store = services().store;
  StoreWildRun(store, "wild", 200, 700);
  SnapshotMaker maker(store, "wild", {0, 1, 10});
  for (auto done = maker.Step(); !*done; done = maker.Step()) {
  }
  BOOST_TEST(maker.snapshots() > 1u);
  BOOST_TEST(maker.bytes() <= store.archive().FindRun("wild")->bytes / 7);
}

BOOST_AUTO_TEST_CASE(making_them_goes_on_where_it_ended) {
  Store& store = services().store;
  StoreWildRun(store, "wild", 30, 700);
  const SnapshotOptions options{0, 1, 0};
  const std::uint64_t all = MakeAll(store, "wild", options);
  std::uint64_t read = 0;
  const std::uint64_t events = store.archive().FindRun("wild")->events;
  const std::string whole = StateAt(store.archive(), "wild", events, &read);
  // Half of the snapshots are gone: the maker continues at the last one that is left.
  BOOST_REQUIRE(store.ClearDerived("wild").ok());
  SnapshotMaker maker(store, "wild", {0, 10, 0});
  for (auto done = maker.Step(); !*done; done = maker.Step()) {
  }
  BOOST_TEST(maker.snapshots() == 2u);
  const std::uint64_t rest = MakeAll(store, "wild", options);
  BOOST_TEST(rest > 5u);
  BOOST_TEST(rest < all);
  BOOST_TEST(StateAt(store.archive(), "wild", events, &read) == whole);
  BOOST_TEST(read <= 2u);
}

BOOST_AUTO_TEST_CASE(they_go_with_their_run) {
  Store& store = services().store;
  StoreWildRun(store, "wild", 10, 700);
  MakeAll(store, "wild", {0, 1, 0});
  const auto any = [&] { return store.archive().LastDerived("wild", "", std::string(20, '\xff')); };
  BOOST_TEST(any()->has_value());
  BOOST_REQUIRE(store.DeleteRun("wild").ok());
  BOOST_TEST(!any()->has_value());
  BOOST_TEST((store.PutDerived("wild", {{"k", "v"}}).code() == Code::kNotFound));
}

BOOST_AUTO_TEST_CASE(damaged_snapshots_are_passed_over) {
  Store& store = services().store;
  StoreWildRun(store, "wild", 10, 700);
  std::uint64_t read = 0;
  const std::uint64_t events = store.archive().FindRun("wild")->events;
  const std::string whole = StateAt(store.archive(), "wild", events, &read);
  BOOST_REQUIRE(store.PutDerived("wild", {{SnapshotKey(1, events / 2), std::string("\xff\xff\x01", 3)}}).ok());
  BOOST_TEST(StateAt(store.archive(), "wild", events, &read) == whole);
}

BOOST_AUTO_TEST_CASE(values_come_back_as_they_were) {
  const auto back = [](const std::string& cbor) {
    auto value = DecodeValue(cbor, {1, 5});
    BOOST_REQUIRE(value.ok());
    std::string again;
    EncodeValue(&again, **value);
    return again == cbor;
  };
  const auto form = [](const std::function<void(shm::CborWriter&)>& write) { return MadeCbor(write); };
  BOOST_TEST(back(CborInt(-5)));
  BOOST_TEST(back(CborText("text")));
  BOOST_TEST(back(CborNested()));
  BOOST_TEST(back(form([](shm::CborWriter& w) { w.Double(-0.0); })));
  BOOST_TEST(back(form([](shm::CborWriter& w) { w.Bytes("\xff"); })));
  BOOST_TEST(back(form([](shm::CborWriter& w) {  // a list within that was read earlier
    w.Form(4), w.Int(kFormList), w.Unsigned(1), w.Int(0), w.ArrayHeader(1);
    w.Tag(7), w.ArrayHeader(3), w.Unsigned(1), w.Unsigned(2);
    w.Form(4), w.Int(kFormTuple), w.Unsigned(2), w.Int(3), w.ArrayHeader(0);
  })));
  BOOST_TEST(back(form([](shm::CborWriter& w) {
    w.Form(5), w.Int(kFormObject), w.Unsigned(3), w.Int(1), w.Text("m.C"), w.ArrayHeader(2), w.Text("a"), w.Int(1);
  })));
  BOOST_TEST(back(form([](shm::CborWriter& w) {
    w.Form(7), w.Int(kFormException), w.Unsigned(3), w.Text("m.E"), w.ArrayHeader(1), w.Int(1), w.ArrayHeader(1);
    w.Text("note"), w.Null(), w.Form(2), w.Int(kFormRef), w.Int(3);
  })));
  BOOST_TEST(back(
      form([](shm::CborWriter& w) { w.Form(3), w.Int(kFormBigInt), w.Int(70), w.Text("1180591620717411303424"); })));
  BOOST_TEST(back(form([](shm::CborWriter& w) { w.Form(3), w.Int(kFormComplex), w.Double(1), w.Double(2); })));
  BOOST_TEST(back(form([](shm::CborWriter& w) { w.Form(3), w.Int(kFormText), w.Text("Path"), w.Text("/a"); })));
  BOOST_TEST(back(form([](shm::CborWriter& w) { w.Form(3), w.Int(kFormStrCut), w.Int(9), w.Text("begin"); })));
  BOOST_TEST(back(form([](shm::CborWriter& w) { w.Form(1), w.Int(kFormUnbound); })));
  BOOST_TEST(back(form([](shm::CborWriter& w) { w.Form(2), w.Int(kFormUnreadable), w.Text("m.X"); })));
  BOOST_TEST(back(form([](shm::CborWriter& w) {
    w.Form(4), w.Int(kFormSubclass), w.Text("m.L"), w.Int(5), w.ArrayHeader(2), w.Text("k"), w.Bool(true);
  })));
}

BOOST_AUTO_TEST_SUITE_END()
