// Thread rule: guarded by the GIL, except the ring pool (its own lock: threads end without the GIL) and the flags,
// which are atomic.
//
// The traced process: its identity in the run, its catalogue, its rings. One instance, never destroyed: at exit and
// in forked children nothing of it may run by itself.
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
#include "tracer/values/encoder.h"

namespace smiley::tracer {

class Process {
 public:
  Process(const SmileyStartConfig* config, Options options);

  // Opens the catalogue. Fails with one line for people; nothing is left behind.
  // `own`: the folder of smiley's own modules, whose code is never recorded.
  Status Open(const std::string& own);
  // In a forked child, from its first event: a process of its own in the same run. False: not recorded.
  bool ReopenAfterFork() SMILEY_UNCHECKED;  // no other thread is there

  const Options& options() const { return options_; }
  const Filters& filters() const { return filters_; }
  const FrameFilter& where() const { return where_; }
  CaptureContext& capture() { return capture_; }
  CodeTable& codes() { return codes_; }
  SourceTexts& sources() { return sources_; }
  const shm::Clock& clock() const { return owner_.clock; }
  const shm::Home& home() const { return owner_.home; }
  const char* smiley() const { return config_->smiley; }

  // Changes with each fork: ids given before belong to the parent's catalogue.
  std::uint32_t generation() const { return generation_; }
  std::uint32_t StringId(std::string_view text);  // 0: no room left
  // Writes the code object (and its names and source) to the catalogue unless it is there. False: no room left.
  bool Describe(CodeInfo* info, PyCodeObject* code);
  std::uint32_t NameId(Slot* slot);  // of the slot, written when it came later
  std::uint64_t NextFrame() { return ++frames_; }
  std::uint32_t NextThread() { return ++threads_; }
  void NameThread(std::uint32_t number, std::uint64_t native_id, std::string_view name);
  std::uint32_t NextTask() { return ++tasks_; }
  void NameTask(std::uint32_t number, std::string_view name);  // again when it got another name
  void Note(std::string_view kind, std::string_view text);

  // A ring for one more thread: one of an ended thread, or a new one; null when there is no room.
  std::unique_ptr<shm::Segment> TakeRing();
  // For one that keeps filling a ring of that size: always a new one, so that it is found behind the other. Null:
  // there is none larger, or no memory.
  std::unique_ptr<shm::Segment> TakeLargerRing(std::size_t than_bytes);
  void GiveRing(std::unique_ptr<shm::Segment> ring);  // any thread, without the GIL
  void CountUnrecorded(std::uint32_t threads, std::uint64_t events);

  // Something is missing from here on: marks the run incomplete and says why on stderr. Recording goes on.
  void Incomplete(const char* why);
  // Stops recording for good, says so once on stderr, marks the run incomplete. Never throws.
  void SwitchOff(const char* why);
  // Nothing is recorded: paused, waiting for where to begin, or switched off.
  bool off() const { return state_.load(std::memory_order_relaxed) != State::kOn; }
  // Nothing will be recorded here any more.
  bool ended() const { return state_.load(std::memory_order_relaxed) == State::kOff; }
  bool paused() const { return state_.load(std::memory_order_relaxed) == State::kPaused; }
  bool waiting() const { return state_.load(std::memory_order_relaxed) == State::kWaiting; }
  void Pause() { Change(State::kOn, State::kPaused); }
  // From here on recording goes on, in frames that run already as well. REQUIRES not to be switched off.
  void BeginStretch();
  // How often that was: frames of a stretch before are looked at anew.
  std::uint32_t stretch() const { return stretch_; }
  const std::string& run() const { return owner_.run; }
  const Control& control() const { return control_; }

  static Process* instance() { return instance_; }
  static void Install(Process* process) {
    instance_ = process;
    AdvanceTurn();
  }
  // Set in the child by the fork handler (with Turn behind it); cleared by ReopenAfterFork.
  static std::atomic<bool> forked;
  // Another number, never 0, whenever what a thread's recorder found out about the process may hold no more: a fork,
  // recording paused, gone on or switched off. So that an event has one thing to ask.
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
  std::unordered_map<std::string, std::uint32_t> code_ids_;  // by content
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

// The options that the configuration asks for, defaults applied.
Options OptionsFrom(const SmileyStartConfig& config);

}  // namespace smiley::tracer
