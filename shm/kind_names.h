// Thread rule: constants only.
//
// The events' names as people and scripts write them, everywhere: JSON, filter expressions, the page.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "shm/format.h"

namespace smiley::shm {

inline constexpr std::array<std::pair<Kind, std::string_view>, 23> kKindNames{{
    {Kind::kCall, "call"},
    {Kind::kLine, "line"},
    {Kind::kReturn, "return"},
    {Kind::kYield, "yield"},
    {Kind::kResume, "resume"},
    {Kind::kThrow, "throw"},
    {Kind::kRaise, "raise"},
    {Kind::kHandled, "handled"},
    {Kind::kUnwind, "unwind"},
    {Kind::kCCall, "c_call"},
    {Kind::kCReturn, "c_return"},
    {Kind::kCRaise, "c_raise"},
    {Kind::kStdout, "stdout"},
    {Kind::kStderr, "stderr"},
    {Kind::kThreadStart, "thread_start"},
    {Kind::kThreadEnd, "thread_end"},
    {Kind::kTask, "task"},
    {Kind::kMark, "mark"},
    {Kind::kGc, "gc"},
    {Kind::kFork, "fork"},
    {Kind::kChild, "child"},
    {Kind::kLost, "lost"},
    {Kind::kEnd, "end"},
}};

// Empty for what is no event.
constexpr std::string_view KindName(Kind kind) {
  const auto n = static_cast<std::size_t>(kind);
  return n >= 1 && n <= kKindNames.size() ? kKindNames[n - 1].second : std::string_view{};
}

constexpr std::optional<Kind> ParseKind(std::string_view name) {
  for (const auto& [kind, text] : kKindNames) {
    if (text == name) return kind;
  }
  return std::nullopt;
}

static_assert([] {
  for (std::size_t i = 0; i < kKindNames.size(); ++i) {
    if (static_cast<std::size_t>(kKindNames[i].first) != i + 1) return false;
  }
  return true;
}());

}  // namespace smiley::shm
