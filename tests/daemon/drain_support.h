// Thread rule: each object belongs to one thread at a time.
//
// Shared by the tests of the drainer: a home of its own, a program as a tracer would record it (in this process or in
// a child), and checks of the stored events.
#pragma once

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "daemon/core.h"
#include "shm/catalogue.h"
#include "shm/cbor.h"
#include "shm/ring_reader.h"
#include "shm/ring_writer.h"

namespace smiley::daemon::testing {

class DrainHome {
 public:
  DrainHome() {
    std::string dir = (std::filesystem::temp_directory_path() / "smiley-drain-XXXXXX").string();
    if (!mkdtemp(dir.data())) throw std::runtime_error("mkdtemp");
    auto home = shm::Home::OpenAt(dir);
    if (!home.ok()) throw std::runtime_error(home.status().message());
    home_ = *home;
  }
  ~DrainHome() {
    for (const auto& found : shm::Segment::List(home_)) static_cast<void>(shm::Segment::Remove(home_, found));
    std::error_code ignored;
    std::filesystem::remove_all(home_.dir, ignored);
  }
  DrainHome(const DrainHome&) = delete;
  DrainHome& operator=(const DrainHome&) = delete;
  const shm::Home& operator*() const { return home_; }
  const shm::Home* operator->() const { return &home_; }

 private:
  shm::Home home_;
};

// Waits until `condition` holds, which it checks every few milliseconds. False: it does not hold in time.
inline bool Eventually(const std::function<bool()>& condition,
                       std::chrono::seconds limit = std::chrono::seconds(60)) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    poll(nullptr, 0, 3);
  }
  return true;
}

inline std::string Cbor(const std::function<void(shm::CborWriter&)>& write) {
  std::string out;
  {
    shm::CborWriter writer(&out);
    write(writer);
  }
  return out;
}

// One traced process: its catalogue (strings 1 "/app.py", 2 "f", 3 "x"; source 1; code 1) and rings.
class TracedProcess {
 public:
  TracedProcess(const shm::Home& home, const std::string& run, std::uint64_t token, std::uint64_t parent_token = 0) {
    owner_.home = home;
    owner_.run = run;
    owner_.identity = shm::SelfIdentity();
    owner_.process_token = token;
    owner_.clock = shm::Clock::Monotonic();
    owner_.wall_minus_mono_ns = 1'000'000'000'000;
    auto made = shm::CatalogueWriter::Create(owner_, Cbor([&](shm::CborWriter& w) {
                                               w.MapHeader(6);
                                               w.Text("command");
                                               w.ArrayHeader(2);
                                               w.Text("app.py");
                                               w.Text("3");
                                               w.Text("cwd");
                                               w.Text("/somewhere");
                                               w.Text("python");
                                               w.Text("3.11.2");
                                               w.Text("start_mono_ns");
                                               w.Unsigned(shm::MonotonicNs());
                                               w.Text("parent_token");
                                               w.Unsigned(parent_token);
                                               w.Text("detail");
                                               w.Text("values");
                                             }));
    if (!made.ok()) throw std::runtime_error(made.status().message());
    catalogue_ = std::move(*made);
    Append(shm::RecordType::kString, 1, "/app.py");
    Append(shm::RecordType::kString, 2, "f");
    Append(shm::RecordType::kString, 3, "x");
    Append(shm::RecordType::kSource, 1, Cbor([](shm::CborWriter& w) {
             w.ArrayHeader(2);
             w.Unsigned(1);
             w.Text("def f(x):\n  return x\n");
           }));
    Append(shm::RecordType::kCode, 1, Cbor([](shm::CborWriter& w) {
             w.ArrayHeader(5);
             w.Unsigned(1);
             w.Unsigned(2);
             w.Unsigned(10);
             w.Unsigned(1);
             w.ArrayHeader(1);
             w.Unsigned(3);
           }));
  }
  void Append(shm::RecordType type, std::uint32_t id, const std::string& payload) {
    if (!catalogue_->Append(type, id, payload)) throw std::runtime_error("catalogue full");
  }
  std::unique_ptr<shm::RingWriter> Ring(std::size_t blocks, shm::OnFull on_full = shm::OnFull::kBlock) {
    shm::SegmentOptions options;
    options.kind = shm::SegmentKind::kRing;
    options.index = next_ring_++;
    options.data_bytes = blocks * shm::kBlockBytes;
    options.on_full = on_full;
    auto made = shm::Segment::Create(owner_, options);
    if (!made.ok()) throw std::runtime_error(made.status().message());
    shm::RingWriter::Options writer;
    writer.wait = [](void*) {
      poll(nullptr, 0, 1);
      return true;
    };
    return std::make_unique<shm::RingWriter>(std::move(*made), owner_.clock, writer);
  }
  shm::CatalogueWriter& catalogue() { return *catalogue_; }
  const shm::SegmentOwner& owner() const { return owner_; }

 private:
  shm::SegmentOwner owner_;
  std::unique_ptr<shm::CatalogueWriter> catalogue_;
  std::uint32_t next_ring_ = 0;
};

// Writes `count` events: calls, lines with values now and then, returns. The id of line events is their seq mod 2^24.
inline void WriteEvents(shm::RingWriter& ring, std::uint64_t count, std::uint64_t* frame) {
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t seq = ring.last_seq() + 1;
    const std::uint64_t now = shm::MonotonicNs() >> 2;
    if (seq % 10 == 1) {
      const bool attach = ring.NoteCallFrame(++*frame);
      ring.Begin(shm::Kind::kCall, 0, 1, now);
      if (attach) ring.AttachWords(shm::Kind::kFrame, 0, frame, 1);
    } else if (seq % 10 == 0) {
      ring.Begin(shm::Kind::kReturn, 0, 12, now);
    } else {
      ring.Begin(shm::Kind::kLine, 0, static_cast<std::uint32_t>(seq), now);
      if (seq % 4 == 0) {
        const std::string value = Cbor([seq](shm::CborWriter& w) { w.Unsigned(seq); });
        ring.Attach(shm::Kind::kSet, 0, 3, value.data(), value.size());
      }
      if (seq % 997 == 0) {
        const std::string value = Cbor([seq](shm::CborWriter& w) { w.Text(std::string(20'000 + seq % 5000, 'x')); });
        ring.Attach(shm::Kind::kSet, 0, 3, value.data(), value.size());
      }
    }
    ring.Commit();
  }
}

// Records a whole program in a child process: `threads` threads that take turns, with `events` events each.
inline void BeProgram(const shm::Home& home, const std::string& run, int threads, std::uint64_t events,
                      std::size_t blocks, shm::OnFull on_full = shm::OnFull::kBlock, std::uint64_t token = 77) {
  TracedProcess process(home, run, token);
  std::vector<std::unique_ptr<shm::RingWriter>> rings;
  std::vector<std::uint64_t> frames(static_cast<std::size_t>(threads), 0);
  for (int i = 0; i < threads; ++i) {
    rings.push_back(process.Ring(blocks, on_full));
    rings.back()->StartThread(static_cast<std::uint32_t>(i + 1), 1);
  }
  for (std::uint64_t done = 0; done < events; done += 1000) {
    for (int i = 0; i < threads; ++i) {
      WriteEvents(*rings[static_cast<std::size_t>(i)], std::min<std::uint64_t>(1000, events - done),
                  &frames[static_cast<std::size_t>(i)]);
    }
  }
  for (auto& ring : rings) ring->EndThread();
}

// Runs `work` in a child process. The destructor kills the process when it still runs.
class Child {
 public:
  explicit Child(const std::function<void()>& work) {
    pid_ = fork();
    if (pid_ == 0) {
      alarm(120);  // a child that never ends fails the test
      work();
      _exit(0);
    }
  }
  ~Child() { Kill(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  pid_t pid() const { return pid_; }
  int Wait() {
    int status = 0;
    if (pid_ > 0) waitpid(pid_, &status, 0);
    pid_ = -1;
    return status;
  }
  bool Ended(int* status) {
    if (pid_ <= 0) return true;
    if (waitpid(pid_, status, WNOHANG) != pid_) return false;
    pid_ = -1;
    return true;
  }
  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    Wait();
  }

 private:
  pid_t pid_;
};

struct ThreadCount {
  std::uint64_t events = 0, lost = 0, next_seq = 1, bad = 0, pieces = 0;
};

// Walks every piece of a run and checks that each thread's numbers follow without gap or repeat.
inline std::map<std::uint32_t, ThreadCount> CountRun(Archive& archive, const std::string& run) {
  std::map<std::uint32_t, ThreadCount> counts;
  const auto threads = archive.Threads(run);
  if (!threads.ok()) return counts;
  for (const ThreadInfo& thread : *threads) {
    ThreadCount& count = counts[thread.thread];
    auto cursor = archive.Open(run, thread.thread, 0);
    if (!cursor.ok()) {
      ++count.bad;
      continue;
    }
    while (true) {
      auto piece = (*cursor)->Next();
      if (!piece.ok()) {
        ++count.bad;
        continue;
      }
      if (!*piece) break;
      ++count.pieces;
      const Piece& p = **piece;
      if (p.state.first_seq != count.next_seq) ++count.bad;
      shm::WordParser parser(p.state, p.words.data(), p.words.size());
      shm::RawEvent event;
      shm::WordParser::Step step;
      while ((step = parser.Next(&event)) != shm::WordParser::Step::kEnd) {
        if (step == shm::WordParser::Step::kDamaged) {
          ++count.bad;
          break;
        }
        if (step == shm::WordParser::Step::kMore) continue;
        if (event.kind == shm::Kind::kLost) {
          std::uint64_t loss[4];
          std::memcpy(loss, event.attachments.at(0).bytes, sizeof loss);
          count.lost += loss[1];
        } else {
          ++count.events;
          if (event.kind == shm::Kind::kLine && event.id != (event.seq & shm::kMaxId)) ++count.bad;
        }
      }
      count.next_seq = parser.next_seq();
    }
  }
  return counts;
}

inline std::unique_ptr<DaemonCore> StartCore(const shm::Home& home, DaemonCore::Options options = {}) {
  auto core = DaemonCore::Start(home, std::move(options));
  if (!core.ok()) throw std::runtime_error(core.status().message());
  return std::move(*core);
}

inline bool RunEnded(Archive& archive, const std::string& run) {
  const auto info = archive.FindRun(run);
  return info.ok() && info->state == RunState::kEnded;
}

}  // namespace smiley::daemon::testing
