// Thread rule: a FrameTable belongs to one thread.
//
// The variables of the frames that a Decoder knows: open ones, and generators' that wait to be resumed (bounded:
// the longest waiting are forgotten).
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/value.h"

namespace smiley::daemon {

struct FrameState {
  std::vector<std::pair<const std::string*, ValuePtr>> variables;
  std::uint32_t line = 0;    // where a suspended frame stands
  std::uint32_t thread = 0;  // that wrote it last, ...
  std::uint64_t epoch = 0;   // ... and how many gaps it had then
  bool changed = false;      // since TakeChangedFrames was asked last

  // Index in variables; adds the name with a null value when it is new.
  std::size_t Slot(const std::string* name);
  // Index in the event's list of changes where this variable stands, if this event (`serial`) has changed it.
  std::size_t* ChangeOf(std::size_t slot, std::uint64_t serial);

 private:
  friend class FrameTable;
  struct Change {
    std::uint64_t serial = 0;
    std::size_t index = SIZE_MAX;
  };
  std::vector<Change> changes_;
  std::unordered_map<const std::string*, std::size_t> slots_;  // used when there are many
  std::list<std::uint64_t>::iterator waiting_;
  bool suspended_ = false;
};

class FrameTable {
 public:
  static constexpr std::size_t kMaxSuspended = 100'000;

  FrameState* Find(std::uint64_t frame);
  FrameState& Get(std::uint64_t frame);
  void Forget(std::uint64_t frame);
  void Suspend(std::uint64_t frame);
  void Resume(std::uint64_t frame);
  template <typename Each>
  void ForEach(const Each& each) {
    for (auto& [frame, state] : frames_) each(frame, state);
  }

 private:
  std::unordered_map<std::uint64_t, FrameState> frames_;
  std::list<std::uint64_t> suspended_;  // longest waiting first
};

}  // namespace smiley::daemon
