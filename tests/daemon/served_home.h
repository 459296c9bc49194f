// Thread rule: each object belongs to one thread.
//
// A home of its own with the daemon's core and server in this process, and sample runs for requests.
#pragma once

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "daemon/core.h"
#include "daemon/exchange/import.h"
#include "daemon/protocol/client.h"
#include "daemon/query/answer.h"
#include "daemon/run/piece_scan.h"
#include "daemon/server/server.h"
#include "daemon/store/store.h"
#include "tests/daemon/piece_maker.h"

namespace smiley::daemon {

class TestHome {
 public:
  explicit TestHome(const std::string& below = "") {
    char name[] = "/tmp/smiley-test-XXXXXX";
    root_ = ::mkdtemp(name);
    const std::filesystem::path dir = below.empty() ? root_ / "home" : root_ / below / "home";
    std::filesystem::create_directories(dir.parent_path());
    auto home = shm::Home::OpenAt(dir);
    BOOST_REQUIRE_MESSAGE(home.ok(), home.status().message());
    home_ = *home;
  }
  ~TestHome() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  const shm::Home& home() const { return home_; }

 private:
  std::filesystem::path root_;
  shm::Home home_;
};

inline std::string Contents(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// A store without a daemon.
inline Result<std::unique_ptr<Store>> TryOpenAt(const std::filesystem::path& dir, bool read_only) {
  Store::Options options;
  options.dir = dir;
  options.read_only = read_only;
  options.reserve_bytes = 0;
  return Store::Open(options);
}

// Opens the store; fails the test when it does not open.
inline std::unique_ptr<Store> OpenAt(const std::filesystem::path& dir, bool read_only) {
  auto store = TryOpenAt(dir, read_only);
  BOOST_REQUIRE_MESSAGE(store.ok(), store.status().message());
  return std::move(*store);
}

// The core without a server, for imports and exports.
class TestCore {
 public:
  explicit TestCore(const std::string& below = "") : home_(below) {
    DaemonCore::Options options;
    options.reserve_bytes = 0;
    auto core = DaemonCore::Start(home_.home(), options);
    BOOST_REQUIRE_MESSAGE(core.ok(), core.status().message());
    core_ = std::move(*core);
    services_ = std::make_unique<Services>(core_->services());
  }
  const shm::Home& home() const { return home_.home(); }
  const Services& services() const { return *services_; }
  DaemonCore& core() { return *core_; }

 private:
  TestHome home_;
  std::unique_ptr<DaemonCore> core_;
  std::unique_ptr<Services> services_;
};

class ServedHome : public TestCore {
 public:
  explicit ServedHome(const std::string& below = "") : TestCore(below) {
    Server::Options options;
    options.request_stop = [this] { stop_requested = true; };
    auto server = Server::Start(services(), options);
    BOOST_REQUIRE_MESSAGE(server.ok(), server.status().message());
    server_ = std::move(*server);
  }
  std::unique_ptr<Client> Connect() {
    Client::Options options;
    options.timeout = std::chrono::seconds(120);
    auto client = Client::Connect(home(), options);
    BOOST_REQUIRE_MESSAGE(client.ok(), client.status().message());
    return std::move(*client);
  }
  Server& server() { return *server_; }
  std::atomic<bool> stop_requested{false};

 private:
  std::unique_ptr<Server> server_;
};

// All lines of a stream; the end line last.
inline std::vector<std::string> ReadStream(Client& client, const std::string& request) {
  std::vector<std::string> lines;
  auto head = client.Ask(request);
  BOOST_REQUIRE_MESSAGE(head.ok(), head.status().message());
  for (;;) {
    std::string line;
    auto more = client.NextLine(&line);
    BOOST_REQUIRE_MESSAGE(more.ok(), more.status().message());
    lines.push_back(line);
    if (!*more) return lines;
  }
}
inline std::string ReadFrames(Client& client, const std::string& request) {
  auto head = client.Ask(request);
  BOOST_REQUIRE_MESSAGE(head.ok(), head.status().message());
  std::string all, bytes;
  for (;;) {
    auto more = client.NextFrame(&bytes);
    BOOST_REQUIRE_MESSAGE(more.ok(), more.status().message());
    if (!*more) return all;
    all += bytes;
  }
}
// All bytes of a producer.
inline std::string Produce(Producer& producer) {
  std::string out;
  for (;;) {
    auto next = producer.Step(&out);
    BOOST_REQUIRE_MESSAGE(next.ok(), next.status().message());
    if (*next != Producer::Next::kMore) return out;
  }
}
// Feeds an import in portions and returns its outcome.
inline Result<Importer::Outcome> ImportBytes(const Services& services, std::string_view bytes, std::size_t portion) {
  Importer importer(services.archive, services.store, services.home.dir);
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, portion);
    if (Status status = importer.Feed(part); !status) return status;
    bytes.remove_prefix(part.size());
  }
  return importer.Finish();
}

// Reads until the other end closes, or until no byte comes for some seconds.
inline std::string ReadToEnd(int fd) {
  std::string all;
  char bytes[4096];
  for (;;) {
    pollfd state{fd, POLLIN, 0};
    if (::poll(&state, 1, 20'000) <= 0) return all + "<still open>";
    const ssize_t got = ::recv(fd, bytes, sizeof(bytes), 0);
    if (got <= 0) return all;
    all.append(bytes, static_cast<std::size_t>(got));
  }
}

// Fills in the summary that the drainer computes. REQUIRES a scanner at the beginning of the piece.
inline void Sum(PieceScanner* scanner, Piece* piece) {
  const auto scanned = scanner->Scan(piece->words.data(), piece->words.size());
  BOOST_REQUIRE(!scanned.damaged);
  scanner->Summarize(scanned, piece);
}

inline PiecePtr Summed(Piece piece) {
  if (piece.state.anchor_mono_ns == 0) piece.state.anchor_mono_ns = static_cast<std::uint64_t>(piece.time.anchor_ns);
  PieceScanner scanner(0);
  scanner.EnterBlock(piece.state);
  Sum(&scanner, &piece);
  return std::make_shared<const Piece>(std::move(piece));
}

// "app.py" of process 1: codes 1 "f" (10), 2 "g" (20), 3 "gen" (30), strings 1 "a", 2 "b", 3 "c".
inline void AddNames(Batch* batch, const std::string& run, std::uint32_t process = 1) {
  const auto add = [&](shm::RecordType type, std::uint32_t id, std::string payload) {
    CatalogueEntry entry;
    entry.run = run;
    entry.process = process;
    entry.type = type;
    entry.id = id;
    entry.payload = std::move(payload);
    batch->catalogue.push_back(std::move(entry));
  };
  const char* strings[] = {"a", "b", "c", "/abs/app.py", "f", "g", "gen", "len"};
  for (std::uint32_t i = 0; i < 8; ++i) add(shm::RecordType::kString, i + 1, strings[i]);
  add(shm::RecordType::kSource, 1, MadeCbor([](shm::CborWriter& w) {
        w.ArrayHeader(2);
        w.Unsigned(4);
        w.Unsigned(1);
      }));
  for (std::uint32_t i = 0; i < 3; ++i) {
    add(shm::RecordType::kCode, i + 1, MadeCbor([i](shm::CborWriter& w) {
          w.ArrayHeader(6);
          w.Unsigned(4);
          w.Unsigned(5 + i);
          w.Unsigned(10 * (i + 1));
          w.Unsigned(1);
          w.ArrayHeader(1);
          w.Unsigned(1);
          w.ArrayHeader(0);
        }));
  }
}

inline std::string CborException(const char* type, const char* message) {
  return MadeCbor([&](shm::CborWriter& w) {
    w.ArrayHeader(2);
    w.Text(type);
    w.Text(message);
  });
}
// [[1, 2], "x"]: a nested list, so that a patch leaves a part that is older.
inline std::string CborNested() {
  return MadeCbor([](shm::CborWriter& w) {
    w.Form(4);
    w.Int(kFormList);
    w.Unsigned(7);
    w.Int(0);
    w.ArrayHeader(2);
    w.Form(4);
    w.Int(kFormList);
    w.Unsigned(8);
    w.Int(0);
    w.ArrayHeader(2);
    w.Int(1);
    w.Int(2);
    w.Text("x");
  });
}

inline RunInfo MakeRunInfo(const std::string& id, std::int64_t start_ns = 1'000'000) {
  RunInfo run;
  run.id = id;
  run.command = {"app.py", "3", "\xed\xb2\x80"};  // the last one is a lone surrogate
  run.cwd = "/abs";
  run.python = "3.11.2";
  run.detail = "values";
  run.name = "nightly";
  run.start_ns = start_ns;
  run.end_ns = start_ns + 5'000'000;
  run.state = RunState::kEnded;
  run.exit_code = 1;
  run.notes = {"a note"};
  return run;
}

// Every kind of event in two threads, a loss in the second.
inline void StoreSampleRun(Store& store, const std::string& id, std::int64_t start_ns = 1'000'000) {
  using shm::Kind;
  Batch batch;
  batch.runs.push_back(MakeRunInfo(id, start_ns));
  ProcessInfo process;
  process.process = 1;
  process.pid = 4711;
  process.command = {"app.py", "3"};
  process.python = "3.11.2";
  process.kind = "first";
  process.start_ns = start_ns;
  process.end_ns = start_ns + 4'000'000;
  batch.processes.emplace_back(id, process);
  for (std::uint32_t number = 1; number <= 2; ++number) {
    ThreadInfo thread;
    thread.process = 1;
    thread.thread = number;
    thread.native_id = 4710 + number;
    thread.name = number == 1 ? "MainThread" : "worker \"2\"";
    thread.ended = true;
    batch.threads.emplace_back(id, thread);
  }
  batch.tasks.emplace_back(id, TaskInfo{1, 1, "late"});
  SourceInfo source;
  source.source = 1;
  source.file = "/abs/app.py";
  std::string text;
  for (int line = 1; line <= 40; ++line) text += "line " + std::to_string(line) + "\n";
  source.text = text;
  source.sha256 = "abf1f49fd0950dcb863dd5555604f8fb05035e5c03393da0ead0616d32bd6578";
  batch.sources.emplace_back(id, source);
  AddNames(&batch, id);

  PieceMaker first;
  first.Event(Kind::kThreadStart, 0).Call(1).Set(1, CborInt(1)).Line(11).Set(2, CborNested());
  first.Line(12).Patch(2, CborAppend(3)).Set(3, CborText("text")).Call(2).Set(1, CborInt(-3));
  first.Line(21).Event(Kind::kRaise, 21).Attach(Kind::kException, 0, CborException("KeyError", "'k'"));
  first.Event(Kind::kUnwind, 21).Attach(Kind::kException, 0, CborException("KeyError", "'k'"));
  first.Event(Kind::kRaise, 12, 1, shm::kFlagPropagated)
      .Attach(Kind::kException, 0, CborException("KeyError", "'k'"));
  first.Event(Kind::kHandled, 12).Attach(Kind::kException, 0, CborException("KeyError", "'k'"));
  Piece piece = first.piece();
  piece.run = id;
  PieceMaker second(11);
  second.Open({{1, 1, 12}}).Base(100, 2);
  second.Event(Kind::kStdout, 0).Attach(Kind::kText, 0, CborText("hello\n")).Event(Kind::kTask, 1);
  second.Call(3).Event(Kind::kYield, 31).Attach(Kind::kValue, 0, CborInt(5));
  second.Event(Kind::kResume, 3).Frame(3).Attach(Kind::kValue, 0, CborText("sent")).Line(32);
  second.Event(Kind::kThrow, 3, 1).Frame(9).Attach(Kind::kException, 0, CborException("ValueError", ""));
  second.Event(Kind::kUnwind, 33).Attach(Kind::kException, 0, CborException("ValueError", ""));
  second.Event(Kind::kCCall, 8).Event(Kind::kCReturn, 8).Event(Kind::kMark, 2).Set(1, CborInt(2)).Event(Kind::kGc, 0);
  second.Return(34).Attach(Kind::kUnset, 1, "");
  second.Event(Kind::kTask, 0).Event(Kind::kFork, 0).Attach(Kind::kValue, 0, CborInt(4712)).Event(Kind::kChild, 0);
  second.Return(13).Attach(Kind::kValue, 0, CborList(9, {1, 2})).Event(Kind::kThreadEnd, 0).Event(Kind::kEnd, 0);
  Piece more = second.piece();
  more.run = id;
  PieceMaker other(1, 2);
  other.Call(1).Set(1, CborInt(10)).Line(11);
  other.Loss(3, 5, 10, 20);
  Piece lossy = other.piece();
  lossy.run = id;
  // After the loss four frames are open, and the header shows one of them.
  PieceMaker after(8, 2);
  after.Open({{6, 2, 22}}, 3).Base(200, 6);
  after.Line(23).Set(2, CborList(12, {1})).Event(Kind::kStderr, 0).Attach(Kind::kText, 0, CborText("oops"));
  after.Return(23).Event(Kind::kReturn, 14).Event(Kind::kThreadEnd, 0);
  Piece rest = after.piece();
  rest.run = id;
  batch.pieces = {Summed(piece), Summed(more), Summed(lossy), Summed(rest)};
  const Status status = store.Commit(batch);
  BOOST_REQUIRE_MESSAGE(status.ok(), status.message());
}

// Stores a run of `events` line events in one thread, in this state.
inline void StoreLongRun(Store& store, const std::string& id, std::uint64_t events,
                         RunState state = RunState::kEnded) {
  Batch batch;
  RunInfo run = MakeRunInfo(id);
  run.state = state;
  if (state == RunState::kRunning) {
    run.end_ns = 0;
    run.exit_code.reset();
  }
  run.complete = state == RunState::kEnded;
  batch.runs.push_back(run);
  ProcessInfo process;
  process.process = 1;
  process.pid = 1;
  batch.processes.emplace_back(id, process);
  ThreadInfo thread;
  thread.process = 1;
  thread.thread = 1;
  thread.name = "MainThread";
  batch.threads.emplace_back(id, thread);
  SourceInfo source;
  source.source = 1;
  source.file = "/abs/app.py";
  batch.sources.emplace_back(id, source);
  AddNames(&batch, id);
  for (std::uint64_t seq = 1; seq <= events;) {
    PieceMaker maker(seq);
    if (seq > 1) maker.Open({{1, 1, 11}}).Base(seq, 1);
    if (seq == 1) maker.Call(1).Set(1, CborInt(0));
    std::uint64_t made = seq == 1 ? 1 : 0;
    for (; made < 2000 && seq + made <= events; ++made) {
      maker.Line(11 + static_cast<std::uint32_t>((seq + made) % 3))
          .Set(1, CborInt(static_cast<std::int64_t>(seq + made)));
    }
    Piece piece = maker.piece();
    piece.run = id;
    batch.pieces.push_back(Summed(piece));
    seq += made;
  }
  const Status status = store.Commit(batch);
  BOOST_REQUIRE_MESSAGE(status.ok(), status.message());
}

}  // namespace smiley::daemon
