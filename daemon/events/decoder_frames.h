// Thread rule: a FrameTable belongs to one thread.
//
// The variables of the frames that a Decoder knows: open frames, and suspended frames of generators. The values of
// the frames that wait longest are packed into bytes. Beyond kMaxSuspended the frame that waits longest is dropped.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/value/value.h"

namespace smiley::daemon {

struct FrameState {
  std::vector<std::pair<const std::string*, ValuePtr>> variables;
  std::uint32_t line = 0;    // of a suspended frame; 0 = not known
  std::uint32_t thread = 0;  // the thread that wrote the frame last
  std::uint64_t epoch = 0;   // that thread's gaps at that time
  bool changed = false;      // since the last TakeChangedFrames

  // The index in `variables`; adds a new name with a null value.
  std::size_t Slot(const std::string* name);
  // The index of this variable in the event's list of changes; SIZE_MAX: the event `serial` has not changed it.
  std::size_t* ChangeOf(std::size_t slot, std::uint64_t serial);

 private:
  friend class FrameTable;
  struct Change {
    std::uint64_t serial = 0;
    std::size_t index = SIZE_MAX;
  };
  std::vector<Change> changes_;
  std::unordered_map<const std::string*, std::size_t> slots_;  // filled when there are many variables
  std::list<std::uint64_t>::iterator waiting_;
  bool suspended_ = false;
  bool loose_ = false;  // suspended, and its values are not packed
  std::string packed_;  // the values as bytes; `variables` holds nulls as long as it is not empty
};

class FrameTable {
 public:
  FrameTable() = default;
  FrameTable(const FrameTable&) = delete;
  FrameTable& operator=(const FrameTable&) = delete;

  static constexpr std::size_t kMaxSuspended = 100'000;
  static constexpr std::size_t kLoose = 64;  // suspended frames whose values are not packed

  // Unpacks the frame's values. Null: the frame is not known.
  FrameState* Find(std::uint64_t frame);
  FrameState& Get(std::uint64_t frame);
  void Forget(std::uint64_t frame);
  void Suspend(std::uint64_t frame);
  void Resume(std::uint64_t frame);
  // Packed frames are visited without their values.
  template <typename Each>
  void ForEach(const Each& each) {
    for (auto& [frame, state] : frames_) each(frame, state);
  }
  // Calls `look` with the frame's values, and packs them again when they were packed.
  template <typename Look>
  void With(std::uint64_t frame, const Look& look) {
    const auto at = frames_.find(frame);
    if (at == frames_.end()) return;
    const bool packed = !at->second.packed_.empty();
    Unpack(&at->second);
    look(at->second);
    if (packed) Pack(&at->second);
  }

 private:
  static void Pack(FrameState* state);
  static void Unpack(FrameState* state);
  void Unsuspend(FrameState* state);

  std::unordered_map<std::uint64_t, FrameState> frames_;
  std::list<std::uint64_t> suspended_;  // the frame that waits longest first
  std::list<std::uint64_t>::iterator first_loose_ = suspended_.end();
  std::size_t loose_ = 0;
};

}  // namespace smiley::daemon
