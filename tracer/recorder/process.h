// Thread rule: guarded by the GIL. Exceptions: the pool of rings has a lock, because threads end without the GIL, and
// the flags are atomic.
//
// The traced process: its identity in the run, its catalogue and its rings. There is one instance. It is never
// destroyed, because none of its code may run by itself at exit or in a forked child.
#pragma once

#include <Python.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "shm/base/mutex.h"
#include "shm/catalogue.h"
#include "shm/clock.h"
#include "shm/segment.h"
#include "tracer/code/code_info.h"
#include "tracer/code/code_table.h"
#include "tracer/code/control.h"
#include "tracer/code/filters.h"
#include "tracer/code/frame_filter.h"
#include "tracer/code/sources.h"
#include "tracer/config/options.h"
#include "tracer/config/start_config.h"
#include "tracer/values/capture_context.h"

namespace smiley::tracer {

class Process {
 public:
  Process(const SmileyStartConfig* config, Options options);

  // Opens the catalogue. Fails with one line for the user and leaves no files. `own`: the folder of smiley's own
  // modules, whose code is never recorded.
  Status Open(const std::string& own);
  // Called at the first event of a forked child, which becomes another process of the same run. False: the child is
  // not recorded.
  bool ReopenAfterFork() SMILEY_UNCHECKED;  // the child has no other thread

  const Options& options() const { return options_; }
  const Filters& filters() const { return filters_; }
  const FrameFilter& where() const { return where_; }
  CaptureContext& capture() { return capture_; }
  CodeTable& codes() { return codes_; }
  SourceTexts& sources() { return sources_; }
  const shm::Clock& clock() const { return owner_.clock; }
  const shm::Home& home() const { return owner_.home; }
  const char* smiley() const { return config_->smiley; }

  // Grows with each fork. Ids of an earlier generation belong to the parent's catalogue.
  std::uint32_t generation() const { return generation_; }
  // The text's string id in the catalogue; writes the text first if needed. 0: no room left.
  std::uint32_t StringId(std::string_view text);
  // Writes the code object, its names and its source to the catalogue unless they are there. False: no room left.
  bool Describe(CodeInfo* info, PyCodeObject* code);
  // The string id of the slot's name; writes it first if the slot was added later. 0: no room left.
  std::uint32_t NameId(Slot* slot);
  std::uint64_t NextFrame() { return ++frames_; }
  std::uint32_t NextThread() { return ++threads_; }
  void NameThread(std::uint32_t number, std::uint64_t native_id, std::string_view name);
  std::uint32_t NextTask() { return ++tasks_; }
  void NameTask(std::uint32_t number, std::string_view name);  // may be called again with another name
  void Note(std::string_view kind, std::string_view text);

  // A ring for another thread: that of an ended thread, or a new one. Null: no room.
  std::unique_ptr<shm::Segment> TakeRing();
  // A larger ring for a thread that keeps filling one of `than_bytes`. It is always a new one, so that readers find
  // it behind the other. Null: no ring is larger, or no room.
  std::unique_ptr<shm::Segment> TakeLargerRing(std::size_t than_bytes);
  void GiveRing(std::unique_ptr<shm::Segment> ring);  // any thread, without the GIL
  void CountUnrecorded(std::uint32_t threads, std::uint64_t events);

  // Marks the run incomplete and reports why on stderr. Recording continues.
  void Incomplete(const char* why);
  // Ends recording, reports it once on stderr, and marks the run incomplete. Never throws.
  void SwitchOff(const char* why);
  // Whether nothing is recorded now: paused, waiting for --start-at, or switched off.
  bool off() const { return state_.load(std::memory_order_relaxed) != State::kOn; }
  // Whether recording was switched off and cannot continue.
  bool ended() const { return state_.load(std::memory_order_relaxed) == State::kOff; }
  bool paused() const { return state_.load(std::memory_order_relaxed) == State::kPaused; }
  bool waiting() const { return state_.load(std::memory_order_relaxed) == State::kWaiting; }
  void Pause() { Change(State::kOn, State::kPaused); }
  // Begins or continues recording, also in frames that run already. REQUIRES !ended().
  void BeginStretch();
  // The number of calls of BeginStretch. A thread whose recorder has another number takes in its running frames.
  std::uint32_t stretch() const { return stretch_; }
  const std::string& run() const { return owner_.run; }
  const Control& control() const { return control_; }

  static Process* instance() { return instance_; }
  static void Install(Process* process) {
    instance_ = process;
    AdvanceTurn();
  }
  // Set in the child by the fork handler, which then calls AdvanceTurn; cleared by ReopenAfterFork.
  static std::atomic<bool> forked;
  // A number, never 0, that changes at each fork and whenever recording pauses, continues or is switched off. A
  // recorder whose turn is the same needs no other check.
  static std::uint64_t turn() { return turn_.load(std::memory_order_relaxed); }
  static void AdvanceTurn() { turn_.fetch_add(1); }

 private:
  std::string ProcessRecord(bool fork) const;
  Status OpenCatalogue(bool fork);

  static Process* instance_;
  static std::atomic<std::uint64_t> turn_;
  const SmileyStartConfig* config_;
  Options options_;
  std::string cwd_;
  Filters filters_;
  FrameFilter where_;
  CaptureContext capture_;
  CodeTable codes_;
  SourceTexts sources_;
  shm::SegmentOwner owner_;
  std::unique_ptr<shm::CatalogueWriter> catalogue_;
  std::unordered_map<std::string, std::uint32_t> strings_;
  std::unordered_map<std::string, std::uint32_t> code_ids_;  // by the code's catalogue entry
  std::uint32_t generation_ = 1;
  std::uint32_t next_string_ = 0, next_code_ = 0, threads_ = 0, tasks_ = 0;
  std::uint64_t frames_ = 0;
  std::uint64_t parent_token_ = 0, parent_start_ = 0;
  std::uint32_t parent_pid_ = 0;
  shm::Mutex ring_mutex_;
  std::vector<std::unique_ptr<shm::Segment>> idle_rings_ SMILEY_GUARDED_BY(ring_mutex_);
  std::unique_ptr<shm::Segment> MakeRing(std::uint32_t index, std::size_t bytes);  // null: no memory
  std::uint32_t next_ring_ = 0;
  enum class State : std::uint8_t { kOn, kPaused, kWaiting, kOff };
  void Change(State from, State to) {
    state_.compare_exchange_strong(from, to);
    AdvanceTurn();
  }
  std::atomic<State> state_{State::kOn};
  std::uint32_t stretch_ = 0;
  Control control_;
};

// The configuration as options, with defaults applied.
Options OptionsFrom(const SmileyStartConfig& config);

}  // namespace smiley::tracer
