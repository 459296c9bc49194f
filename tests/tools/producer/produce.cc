// Records an imaginary shop as the tracer would record it, at a given speed.
//
//   smiley_test_producer EVENTS [--threads N] [--rate EVENTS_PER_SECOND] [--exception] [--stay] [--run ID]
//     [--blocks N] [--on-full block|drop|overwrite] [--names N] [--progress FILE] [--hesitate N] [--calls]
//
// Prints the run's id first. --stay keeps the process alive, with its threads open, until standard input ends.
// --blocks is the size of each ring in blocks of 64 KiB. --names writes this many strings into the catalogue first,
// to which no event refers. --calls records calls and returns only, as --detail calls does. --progress names a file
// of 8 bytes for each thread: at every moment it holds the number of events that the thread has published or counted
// as lost, and it survives a kill. --hesitate makes a thread wait, after N losses in a row, until the reader has
// freed blocks. shm/README.md describes the test points.
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "shm/base/run_id.h"
#include "shm/base/test_point.h"
#include "shm/catalogue.h"
#include "shm/cbor.h"
#include "shm/ring_writer.h"
#include "shm/segment.h"

namespace {

using namespace smiley::shm;

const char kSource[] =
    "# The imaginary shop.\n"
    "class Shop:\n"
    "    # Takes the money.\n"
    "    def pay(self, amount):\n"
    "        # refuse what cannot be paid\n"
    "        if amount < 0:\n"
    "            raise ValueError('negative')\n"
    "        self.total += amount\n"
    "        return self.total\n"
    "\n"
    "# Serves customers.\n"
    "def serve(shop, count):\n"
    "    for i in range(count):\n"
    "        x = i * 2\n"
    "        shop.pay(x)\n"
    "\n"
    "serve(Shop(), 1000)\n";

enum String : std::uint32_t { kFile = 1, kModule, kPay, kServe, kSelf, kAmount, kShop, kCount, kI, kX };
enum CodeId : std::uint32_t { kCodeModule = 1, kCodePay, kCodeServe };

struct Options {
  std::uint64_t events = 1000;
  unsigned threads = 1;
  double rate = 0;
  bool exception = false, stay = false, calls = false;
  std::string run;
  std::uint64_t blocks = 16, names = 0, hesitate = 0;
  OnFull on_full = OnFull::kBlock;
  std::atomic<std::uint64_t>* progress = nullptr;  // one for each thread
};

// Maps the numbers of the progress file, shared with its readers. Null: the file cannot be created.
std::atomic<std::uint64_t>* MapProgress(const char* path) {
  constexpr std::size_t kBytes = 4096;
  const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return nullptr;
  void* const memory =
      ftruncate(fd, kBytes) == 0 ? mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
  close(fd);
  return memory == MAP_FAILED ? nullptr : static_cast<std::atomic<std::uint64_t>*>(memory);
}

std::string Encode(const std::function<void(CborWriter&)>& write) {
  std::string out;
  CborWriter writer(&out);
  write(writer);
  writer.Finish();
  return out;
}

void WriteNames(CatalogueWriter* catalogue, std::uint64_t more) {
  const char* strings[] = {
      "/imaginary/shop.py", "<module>", "Shop.pay", "serve", "self", "amount", "shop", "count", "i", "x"};
  std::uint32_t id = 0;
  for (const char* text : strings) catalogue->Append(RecordType::kString, ++id, text);
  for (std::uint64_t n = 0; n < more; ++n) {
    catalogue->Append(RecordType::kString, ++id, "name_" + std::to_string(n) + std::string(100, 'x'));
  }
  catalogue->Append(RecordType::kSource, 1, Encode([](CborWriter& w) {
                      w.ArrayHeader(2);
                      w.Int(kFile);
                      w.Text(kSource);
                    }));
  const auto code = [&](std::uint32_t number, std::uint32_t name, int line,
                        const std::vector<std::uint32_t>& variables) {
    catalogue->Append(RecordType::kCode, number, Encode([&](CborWriter& w) {
                        w.ArrayHeader(5);
                        w.Int(kFile);
                        w.Int(name);
                        w.Int(line);
                        w.Int(1);
                        w.ArrayHeader(variables.size());
                        for (const std::uint32_t v : variables) w.Int(v);
                      }));
  };
  code(kCodeModule, kModule, 1, {});
  code(kCodePay, kPay, 4, {kSelf, kAmount});
  code(kCodeServe, kServe, 12, {kShop, kCount, kI, kX});
}

class Thread : public OpenFrames {
 public:
  Thread(const Options& options, const SegmentOwner& owner, CatalogueWriter* catalogue, std::uint32_t number)
      : options_(options), clock_(owner.clock) {
    catalogue->Append(RecordType::kThread, number, Encode([&](CborWriter& w) {
                        w.ArrayHeader(2);
                        w.Int(1000 + number);
                        w.Text(number == 1 ? std::string("MainThread") : "worker-" + std::to_string(number));
                      }));
    SegmentOptions ring;
    ring.index = number;
    ring.data_bytes = options.blocks * kBlockBytes;
    ring.on_full = options.on_full;
    auto segment = Segment::Create(owner, ring);
    if (!segment) {
      std::fprintf(stderr, "producer: %s\n", segment.status().message().c_str());
      std::exit(1);
    }
    RingWriter::Options writing;
    writing.frames = this;
    writing.wait = [](void*) {
      ::poll(nullptr, 0, 1);
      return true;
    };
    writer_ = std::make_unique<RingWriter>(std::move(*segment), clock_, writing);
    writer_->StartThread(number, 1);
    if (options.progress != nullptr) progress_ = &options.progress[number - 1];
    base_frame_ = (static_cast<std::uint64_t>(number) << 32);
  }

  std::uint32_t Snapshot(OpenFrame* out) const override {
    std::size_t shown = 0;
    for (auto frame = open_.rbegin(); frame != open_.rend() && shown < kShownFrames; ++frame) out[shown++] = *frame;
    return static_cast<std::uint32_t>(open_.size());
  }

  void Run() {
    Event(Kind::kThreadStart, 0);
    Call(kCodeModule);
    Event(Kind::kLine, 17);
    Call(kCodeServe, [&] {
      Object(kShop, 1);
      Int(kCount, static_cast<std::int64_t>(options_.events));
    });
    while (options_.calls && events_ + 12 < options_.events) {
      Call(kCodePay);
      Event(Kind::kReturn, 9);
      Pace();
    }
    for (std::int64_t i = 0; events_ + 12 < options_.events; ++i) {
      Event(Kind::kLine, 13);
      Event(Kind::kLine, 14, [&] { Int(kI, i); });
      Event(Kind::kLine, 15, [&] { Int(kX, i * 2); });
      Call(kCodePay, [&] {
        Object(kSelf, 1);
        Int(kAmount, i * 2);
      });
      Event(Kind::kLine, 6);
      Event(Kind::kLine, 8);
      Event(Kind::kLine, 9);
      Event(Kind::kReturn, 9, [&] { Value(i); });
      Pace();
    }
    if (options_.exception) {
      Call(kCodePay, [&] {
        Object(kSelf, 1);
        Int(kAmount, -1);
      });
      Event(Kind::kLine, 6);
      Event(Kind::kLine, 7);
      Event(Kind::kRaise, 7, [&] { Exception(); });
      Event(Kind::kUnwind, 7, [&] { Exception(); });
      Event(Kind::kUnwind, 15, [&] { Exception(); });
      Event(Kind::kUnwind, 17, [&] { Exception(); });
    } else {
      Event(Kind::kReturn, 13, [&] { Value(0); });
      Event(Kind::kReturn, 17, [&] { Value(0); });
    }
  }
  void End() {
    Event(Kind::kThreadEnd, 0);
    writer_->EndThread();
    auto segment = writer_->Release();
    segment->header().state.store(SegmentState::kClosed, std::memory_order_release);
  }

 private:
  template <typename Attach>
  void Event(Kind kind, std::uint32_t id, Attach attach) {
    ++events_;
    // A block's header shows the frames as they are before its first event.
    if (writer_->Begin(kind, 0, id, clock_.NowUnits())) {
      attach();
      writer_->Commit();
      lost_in_a_row_ = 0;
    } else if (++lost_in_a_row_ == 1) {
      freed_at_loss_ = writer_->segment().header().read_pos.load();
    }
    if (progress_ != nullptr) progress_->store(events_, std::memory_order_relaxed);
    if (options_.hesitate != 0 && lost_in_a_row_ == options_.hesitate) Hesitate();
    if (kind == Kind::kLine) open_.back().line = id;
    if (kind == Kind::kReturn || kind == Kind::kUnwind) open_.pop_back();
  }
  void Event(Kind kind, std::uint32_t id) {
    Event(kind, id, [] {});
  }
  template <typename Attach>
  void Call(std::uint32_t code, Attach attach) {
    const std::uint64_t frame = base_frame_ + ++frames_;
    const bool name_it = writer_->NoteCallFrame(frame);
    Event(Kind::kCall, code, [&] {
      if (name_it) writer_->AttachWords(Kind::kFrame, 0, &frame, 1);
      attach();
    });
    open_.push_back({frame, code, 0});
  }
  void Call(std::uint32_t code) {
    Call(code, [] {});
  }
  void Attach(Kind kind, std::uint32_t id, CborWriter& w) { writer_->Attach(kind, 0, id, w.data(), w.size()); }
  void Int(std::uint32_t name, std::int64_t value) {
    char room[16];
    CborWriter w(room, sizeof room);
    w.Int(value);
    Attach(Kind::kSet, name, w);
  }
  void Value(std::int64_t value) {
    char room[16];
    CborWriter w(room, sizeof room);
    w.Int(value);
    Attach(Kind::kValue, 0, w);
  }
  void Object(std::uint32_t name, std::uint64_t id) {
    char room[64];
    CborWriter w(room, sizeof room);
    w.Form(5);
    w.Int(11);
    w.Unsigned(id);
    w.Int(0);
    w.Text("__main__.Shop");
    w.ArrayHeader(2);
    w.Text("total");
    w.Int(0);
    Attach(Kind::kSet, name, w);
  }
  void Exception() {
    char room[64];
    CborWriter w(room, sizeof room);
    w.ArrayHeader(2);
    w.Text("ValueError");
    w.Text("negative");
    Attach(Kind::kException, 0, w);
  }
  void Hesitate() {
    const std::atomic<std::uint64_t>& freed = writer_->segment().header().read_pos;
    while (freed.load() == freed_at_loss_) ::poll(nullptr, 0, 1);
  }
  void Pace() {
    if (options_.rate <= 0) return;
    const double due = static_cast<double>(events_) / options_.rate;
    const double now = static_cast<double>(MonotonicNs() - begin_ns_) / 1e9;
    if (due > now) ::poll(nullptr, 0, static_cast<int>((due - now) * 1000) + 1);
  }

  const Options& options_;
  Clock clock_;
  std::unique_ptr<RingWriter> writer_;
  std::vector<OpenFrame> open_;
  std::uint64_t base_frame_ = 0, frames_ = 0, events_ = 0, lost_in_a_row_ = 0, freed_at_loss_ = 0;
  std::uint64_t begin_ns_ = MonotonicNs();
  std::atomic<std::uint64_t>* progress_ = nullptr;
};

// Fills *options from the command line; false when a file cannot be created.
bool ParseOptions(int argc, char** argv, Options* options) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const char* next = i + 1 < argc ? argv[i + 1] : "0";
    if (word == "--threads") {
      options->threads = static_cast<unsigned>(std::atoi(next));
      ++i;
    } else if (word == "--rate") {
      options->rate = std::atof(next);
      ++i;
    } else if (word == "--run") {
      options->run = next;
      ++i;
    } else if (word == "--blocks") {
      options->blocks = std::strtoull(next, nullptr, 10);
      ++i;
    } else if (word == "--hesitate") {
      options->hesitate = std::strtoull(next, nullptr, 10);
      ++i;
    } else if (word == "--names") {
      options->names = std::strtoull(next, nullptr, 10);
      ++i;
    } else if (word == "--on-full") {
      const std::string policy = next;
      options->on_full = policy == "drop"        ? OnFull::kDrop
                         : policy == "overwrite" ? OnFull::kOverwrite
                                                 : OnFull::kBlock;
      ++i;
    } else if (word == "--progress") {
      options->progress = MapProgress(next);
      if (options->progress == nullptr) {
        std::fprintf(stderr, "producer: cannot create %s\n", next);
        return false;
      }
      ++i;
    } else if (word == "--exception") {
      options->exception = true;
    } else if (word == "--calls") {
      options->calls = true;
    } else if (word == "--stay") {
      options->stay = true;
    } else {
      options->events = std::strtoull(word.c_str(), nullptr, 10);
    }
  }
  return true;
}

// The owner of the segments of the imaginary process. *start is its start, in nanoseconds of the monotonic clock.
SegmentOwner MakeOwner(const Options& options, const Home& home, std::uint64_t* start) {
  SegmentOwner owner;
  owner.home = home;
  owner.run = options.run.empty() ? NewRunId() : options.run;
  owner.identity = SelfIdentity();
  owner.process_token = std::random_device()() | 1u;
  owner.clock = Clock::Detect();
  timespec wall{};
  clock_gettime(CLOCK_REALTIME, &wall);
  *start = MonotonicNs();
  owner.wall_minus_mono_ns = wall.tv_sec * 1'000'000'000LL + wall.tv_nsec - static_cast<std::int64_t>(*start);
  return owner;
}

// The catalogue's record of the imaginary process.
std::string DescribeProcess(const Options& options, std::uint64_t start) {
  return Encode([&](CborWriter& w) {
    w.MapHeader(8);
    w.Text("command");
    w.ArrayHeader(2);
    w.Text("shop.py");
    w.Text(std::to_string(options.events));
    w.Text("cwd");
    w.Text("/imaginary");
    w.Text("python");
    w.Text("3.11.2");
    w.Text("start_mono_ns");
    w.Unsigned(start);
    w.Text("parent_pid");
    w.Int(0);
    w.Text("parent_token");
    w.Int(0);
    w.Text("detail");
    w.Text("values");
    w.Text("kind");
    w.Text("first");
  });
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!ParseOptions(argc, argv, &options)) return 1;
  ArmTestPoints(nullptr);
  auto home = Home::Open();
  if (!home) {
    std::fprintf(stderr, "producer: %s\n", home.status().message().c_str());
    return 1;
  }
  std::uint64_t start = 0;
  const SegmentOwner owner = MakeOwner(options, *home, &start);
  auto catalogue = CatalogueWriter::Create(owner, DescribeProcess(options, start));
  if (!catalogue) {
    std::fprintf(stderr, "producer: %s\n", catalogue.status().message().c_str());
    return 1;
  }
  WriteNames(catalogue->get(), options.names);
  std::printf("%s\n", owner.run.c_str());
  std::fflush(stdout);
  std::vector<std::unique_ptr<Thread>> threads;
  for (unsigned n = 1; n <= options.threads; ++n) {
    threads.push_back(std::make_unique<Thread>(options, owner, catalogue->get(), n));
  }
  std::vector<std::thread> running;
  running.reserve(threads.size());
  for (auto& thread : threads) running.emplace_back([&thread] { thread->Run(); });
  for (auto& thread : running) thread.join();
  if (options.stay) {
    char byte;
    while (::read(STDIN_FILENO, &byte, 1) > 0) {
    }
  }
  for (auto& thread : threads) thread->End();
  (*catalogue)->Close();
  return 0;
}
