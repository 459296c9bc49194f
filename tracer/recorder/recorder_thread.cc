// The life of a thread's recorder from the first event to the thread's end: ring, name, forks.
#include <Python.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tracer/recorder/python_thread.h"
#include "tracer/recorder/recorder.h"
#include "tracer/recorder/waiting.h"

namespace smiley::tracer {
namespace {

std::uint32_t g_serial = 0;
constexpr int kNameTries = 64;   // calls
constexpr int kWaitsToGrow = 8;  // waits of half a millisecond

}  // namespace

constinit thread_local ThreadRecorder* ThreadRecorder::current_ = nullptr;

std::uint32_t ThreadRecorder::NextSerial() { return ++g_serial; }

ThreadRecorder::ThreadRecorder() : process_(Process::instance()), tasks_(process_), serial_(++g_serial) {
  encoder_ = std::make_unique<Encoder>(&process_->capture());
  comparer_ = std::make_unique<Comparer>(&process_->capture(), encoder_.get());
  values_ = process_->options().detail == Detail::kValues;
  arguments_ = values_ || process_->options().detail == Detail::kArguments;
  stop_seq_ = process_->control().stop_events();
}

ThreadRecorder* ThreadRecorder::FindCurrent() {
  const std::uint64_t turn = Process::turn();
  ThreadRecorder* self = current_;
  if (self == nullptr) {
    Process* process = Process::instance();
    if (process == nullptr || process->off()) return nullptr;
    self = new ThreadRecorder;
    current_ = self;
    OnThreadEnd(
        [](void* recorder) {
          current_ = nullptr;
          static_cast<ThreadRecorder*>(recorder)->EndThread();
        },
        self);
  }
  if (Process::forked.load(std::memory_order_relaxed) && !self->process_->ReopenAfterFork()) return nullptr;
  if (self->process_->off()) return nullptr;
  if (self->generation_ != self->process_->generation() && !self->Start()) return nullptr;
  if (self->stretch_ != self->process_->stretch()) [[unlikely]] {
    if (self->grows_) self->Grow();
    if (self->stretch_ != self->process_->stretch()) self->Rejoin();
  }
  if (self->stop_seq_ != 0 && self->writer_ && self->writer_->last_seq() >= self->stop_seq_) [[unlikely]] {
    self->Stop();
    return nullptr;
  }
  if (self->unrecorded_) return nullptr;
  self->turn_ = self->stop_seq_ == 0 ? turn : 0;
  return self;
}

// Takes a ring and writes the thread's first event. Runs once more in a forked child.
bool ThreadRecorder::Start() {
  const bool forked = generation_ != 0;
  generation_ = process_->generation();
  if (forked) AfterFork();
  number_ = process_->NextThread();
  const std::string name = PythonThreadName();
  name_tries_ = name == kUnnamedThread ? kNameTries : 0;
  process_->NameThread(number_, static_cast<std::uint64_t>(syscall(SYS_gettid)), name);
  auto ring = process_->TakeRing();
  if (ring == nullptr) {
    unrecorded_ = true;
    process_->CountUnrecorded(1, 0);
    return false;
  }
  waits_ = 0;
  writer_ = std::make_unique<shm::RingWriter>(std::move(ring), process_->clock(), WriterOptions());
  writer_->StartThread(number_, 1);
  writer_->Begin(shm::Kind::kThreadStart, 0, 0, process_->clock().NowUnits());
  writer_->Commit();
  return true;
}

// Replaces a ring that was often full by a larger one. The old ring is kept for later threads.
void ThreadRecorder::Grow() {
  grows_ = false;
  stretch_ = ~stretch_;
  if (!writer_) return;
  auto larger = process_->TakeLargerRing(writer_->segment().data_bytes());
  if (larger == nullptr) return;
  auto writer = std::make_unique<shm::RingWriter>(std::move(larger), process_->clock(), WriterOptions());
  if (!writer->GoOnFrom(writer_.get())) {
    process_->GiveRing(writer->Release());
    return;
  }
  process_->GiveRing(writer_->Release());
  writer_ = std::move(writer);
}

// A thread runs its first calls before the threading module has its name.
void ThreadRecorder::NameAgain() {
  if (name_tries_ == 0) return;
  --name_tries_;
  const std::string name = PythonThreadName();
  if (name == kUnnamedThread) return;
  name_tries_ = 0;
  process_->NameThread(number_, static_cast<std::uint64_t>(syscall(SYS_gettid)), name);
}

void ThreadRecorder::AfterFork() {
  if (writer_) {
    if (auto segment = writer_->Release()) {
      segment->Abandon();
      static_cast<void>(segment.release());  // the mapping belongs to the parent: the destructor must not run
    }
    writer_.reset();
  }
  unrecorded_ = false;
  comparer_->ForgetSent();
  tasks_.Forget();
  // Open frames continue in the child and get numbers of the child.
  for (FrameEntry* entry : stack_) {
    entry->id = process_->NextFrame();
    Forget(entry);
    if (!process_->Describe(entry->code, entry->object))
      process_->SwitchOff("no room for the code of a forked child");
  }
  for (auto& [key, entry] : Suspended()) {
    entry->id = process_->NextFrame();
    Forget(entry);
  }
}

void ThreadRecorder::EndThread() {
  if (writer_ && !Process::forked.load() && generation_ == process_->generation()) {
    while (!stack_.empty()) {
      Drop(stack_.back());
      stack_.pop_back();
    }
    writer_->Begin(shm::Kind::kThreadEnd, 0, 0, process_->clock().NowUnits());
    writer_->Commit();
    const bool reusable = writer_->EndThread();
    auto segment = writer_->Release();
    if (segment && reusable) {
      process_->GiveRing(std::move(segment));
    } else if (segment) {
      segment->header().state.store(shm::SegmentState::kClosed, std::memory_order_release);
    }
  }
  for (FrameEntry* entry : spare_) delete entry;
  delete this;
}

std::unordered_map<void*, FrameEntry*>& ThreadRecorder::Suspended() {
  static auto* frames = new std::unordered_map<void*, FrameEntry*>;
  return *frames;
}

bool ThreadRecorder::Wait(void* self) {
  ThreadRecorder* recorder = static_cast<ThreadRecorder*>(self);
  if (++recorder->waits_ == kWaitsToGrow) {
    recorder->grows_ = true;
    recorder->stretch_ = ~recorder->stretch_;
    recorder->turn_ = 0;  // the next event takes the slow path and calls Grow
  }
  return WaitForRoom(recorder->process_, &recorder->writer_->segment(), &recorder->wait_began_ns_,
                     &recorder->wait_seen_, &recorder->warned_);
}

}  // namespace smiley::tracer
