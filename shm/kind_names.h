// Thread rule: constants only.
//
// The table of event kinds: each row holds one kind, its name and its properties. JSON, filter expressions and the
// page use this name. A new kind gets its number in format.h, which moves kLastEvent, and its row here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "shm/format.h"

namespace smiley::shm {

// The meaning of an event word's id.
enum class KindId : std::uint8_t {
  kNone,  // the id is 0
  kCode,  // a code object of the catalogue
  kLine,  // a line number, 0 = none known
  kName,  // a string of the catalogue
  kTask,  // a task of the catalogue, 0 = no task
};

// The effect of an event on its thread's open frames.
enum class FrameStep : std::uint8_t {
  kNone,
  kEnter,  // the event's frame becomes the innermost
  kPause,  // the event leaves the innermost frame, which may be entered again
  kEnd,    // the event ends the innermost frame
};

// The place of an event in its thread.
enum class KindScope : std::uint8_t {
  kThread,   // in the thread, with or without open frames
  kInFrame,  // while the innermost frame runs
  kControl,  // in the innermost frame, as a step of its control flow
};

struct KindTraits {
  Kind kind;
  std::string_view name;
  KindScope scope;
  FrameStep step;
  KindId id;
  Kind carries;  // the attachment that it may have besides variables: kValue, kException or kText; kPad = none
};

inline constexpr auto kKindTraits = std::to_array<KindTraits>({
    {Kind::kCall, "call", KindScope::kControl, FrameStep::kEnter, KindId::kCode, Kind::kPad},
    {Kind::kLine, "line", KindScope::kControl, FrameStep::kNone, KindId::kLine, Kind::kPad},
    {Kind::kReturn, "return", KindScope::kControl, FrameStep::kEnd, KindId::kLine, Kind::kValue},
    {Kind::kYield, "yield", KindScope::kControl, FrameStep::kPause, KindId::kLine, Kind::kValue},
    {Kind::kResume, "resume", KindScope::kControl, FrameStep::kEnter, KindId::kCode, Kind::kValue},
    {Kind::kThrow, "throw", KindScope::kControl, FrameStep::kEnter, KindId::kCode, Kind::kException},
    {Kind::kRaise, "raise", KindScope::kControl, FrameStep::kNone, KindId::kLine, Kind::kException},
    {Kind::kHandled, "handled", KindScope::kControl, FrameStep::kNone, KindId::kLine, Kind::kException},
    {Kind::kUnwind, "unwind", KindScope::kControl, FrameStep::kEnd, KindId::kLine, Kind::kException},
    {Kind::kCCall, "c_call", KindScope::kControl, FrameStep::kNone, KindId::kName, Kind::kPad},
    {Kind::kCReturn, "c_return", KindScope::kControl, FrameStep::kNone, KindId::kName, Kind::kPad},
    {Kind::kCRaise, "c_raise", KindScope::kControl, FrameStep::kNone, KindId::kName, Kind::kPad},
    {Kind::kStdout, "stdout", KindScope::kInFrame, FrameStep::kNone, KindId::kNone, Kind::kText},
    {Kind::kStderr, "stderr", KindScope::kInFrame, FrameStep::kNone, KindId::kNone, Kind::kText},
    {Kind::kThreadStart, "thread_start", KindScope::kThread, FrameStep::kNone, KindId::kNone, Kind::kPad},
    {Kind::kThreadEnd, "thread_end", KindScope::kThread, FrameStep::kNone, KindId::kNone, Kind::kPad},
    {Kind::kTask, "task", KindScope::kThread, FrameStep::kNone, KindId::kTask, Kind::kPad},
    {Kind::kMark, "mark", KindScope::kInFrame, FrameStep::kNone, KindId::kName, Kind::kPad},
    {Kind::kGc, "gc", KindScope::kInFrame, FrameStep::kNone, KindId::kNone, Kind::kValue},
    {Kind::kFork, "fork", KindScope::kThread, FrameStep::kNone, KindId::kNone, Kind::kValue},
    {Kind::kChild, "child", KindScope::kThread, FrameStep::kNone, KindId::kNone, Kind::kValue},
    {Kind::kLost, "lost", KindScope::kThread, FrameStep::kNone, KindId::kNone, Kind::kPad},
    {Kind::kEnd, "end", KindScope::kThread, FrameStep::kNone, KindId::kNone, Kind::kPad},
});

// The table has a row for each kind from 1 to kLastEvent, in order, and no name twice. A frame is entered, paused or
// ended only by a step of its control flow.
static_assert(kKindTraits.size() == static_cast<std::size_t>(kLastEvent));
static_assert([] {
  for (std::size_t i = 0; i < kKindTraits.size(); ++i) {
    const KindTraits& row = kKindTraits[i];
    if (static_cast<std::size_t>(row.kind) != i + 1 || row.name.empty()) return false;
    if (row.step != FrameStep::kNone && row.scope != KindScope::kControl) return false;
    for (std::size_t other = 0; other < i; ++other) {
      if (kKindTraits[other].name == row.name) return false;
    }
  }
  return true;
}());

// A set of event kinds: bit n is the kind with number n.
using KindSet = std::uint32_t;
static_assert(static_cast<unsigned>(Kind::kMore) < 32);
// REQUIRES an event's kind.
constexpr KindSet KindBit(Kind kind) { return KindSet{1} << static_cast<unsigned>(kind); }
// False for an attachment's kind.
constexpr bool Contains(KindSet set, Kind kind) {
  return (std::uint64_t{set} >> static_cast<unsigned>(kind) & 1) != 0;
}

// The set of the kinds for whose row `has` returns true.
template <typename Property>
constexpr KindSet SelectKinds(const Property& has) {
  KindSet set = 0;
  for (const KindTraits& row : kKindTraits) set |= has(row) ? KindBit(row.kind) : 0;
  return set;
}

inline constexpr KindSet kKindsInFrame = SelectKinds([](const auto& row) { return row.scope != KindScope::kThread; });
inline constexpr KindSet kControlKinds =
    SelectKinds([](const auto& row) { return row.scope == KindScope::kControl; });
inline constexpr KindSet kEnteringKinds = SelectKinds([](const auto& row) { return row.step == FrameStep::kEnter; });
inline constexpr KindSet kEndingKinds = SelectKinds([](const auto& row) { return row.step == FrameStep::kEnd; });
inline constexpr KindSet kLeavingKinds =
    kEndingKinds | SelectKinds([](const auto& row) { return row.step == FrameStep::kPause; });
inline constexpr KindSet kKindsWithLine = SelectKinds([](const auto& row) { return row.id == KindId::kLine; });
inline constexpr KindSet kKindsWithName = SelectKinds([](const auto& row) { return row.id == KindId::kName; });
inline constexpr KindSet kKindsWithException =
    SelectKinds([](const auto& row) { return row.carries == Kind::kException; });
inline constexpr KindSet kOutputKinds = SelectKinds([](const auto& row) { return row.carries == Kind::kText; });

constexpr bool HappensInFrame(Kind kind) { return Contains(kKindsInFrame, kind); }
constexpr bool IsControlFlow(Kind kind) { return Contains(kControlKinds, kind); }
constexpr bool EntersFrame(Kind kind) { return Contains(kEnteringKinds, kind); }
constexpr bool LeavesFrame(Kind kind) { return Contains(kLeavingKinds, kind); }
constexpr bool EndsFrame(Kind kind) { return Contains(kEndingKinds, kind); }
constexpr bool HasLine(Kind kind) { return Contains(kKindsWithLine, kind); }
constexpr bool HasName(Kind kind) { return Contains(kKindsWithName, kind); }
constexpr bool HasException(Kind kind) { return Contains(kKindsWithException, kind); }
constexpr bool IsOutput(Kind kind) { return Contains(kOutputKinds, kind); }

// The kind's name. Empty: not an event's kind.
constexpr std::string_view KindName(Kind kind) {
  const auto n = static_cast<std::size_t>(kind);
  return n >= 1 && n <= kKindTraits.size() ? kKindTraits[n - 1].name : std::string_view{};
}

constexpr std::optional<Kind> ParseKind(std::string_view name) {
  for (const KindTraits& row : kKindTraits) {
    if (row.name == name) return row.kind;
  }
  return std::nullopt;
}

}  // namespace smiley::shm
