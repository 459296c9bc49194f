// Thread rule: a FrameTable belongs to one thread.
//
// The variables of the frames that a Decoder knows: open ones, and generators' that wait to be resumed (bounded: what
// waits longer than others is kept as bytes, and the longest waiting are forgotten).
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
  bool loose_ = false;  // suspended, and among the latest
  std::string packed_;  // the values as bytes, null in `variables` meanwhile
};

class FrameTable {
 public:
  FrameTable() = default;
  FrameTable(const FrameTable&) = delete;
  FrameTable& operator=(const FrameTable&) = delete;

  static constexpr std::size_t kMaxSuspended = 100'000;
  static constexpr std::size_t kLoose = 64;  // of the suspended, whose values are not packed

  // With its values unpacked.
  FrameState* Find(std::uint64_t frame);
  FrameState& Get(std::uint64_t frame);
  void Forget(std::uint64_t frame);
  void Suspend(std::uint64_t frame);
  void Resume(std::uint64_t frame);
  // As they are: packed ones without their values.
  template <typename Each>
  void ForEach(const Each& each) {
    for (auto& [frame, state] : frames_) each(frame, state);
  }
  // Like Find, for a look: what was packed is packed again afterwards.
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
  std::list<std::uint64_t> suspended_;  // longest waiting first
  std::list<std::uint64_t>::iterator first_loose_ = suspended_.end();
  std::size_t loose_ = 0;
};

}  // namespace smiley::daemon
