#include "daemon/events/decoder_frames.h"

#include "daemon/events/snapshot.h"

namespace smiley::daemon {
namespace {

constexpr std::size_t kScanned = 32;  // beyond this many names a hash table finds the slot

}  // namespace

std::size_t FrameState::Slot(const std::string* name) {
  if (variables.size() <= kScanned) {
    for (std::size_t i = 0; i < variables.size(); ++i) {
      if (variables[i].first == name) return i;
    }
  } else if (const auto at = slots_.find(name); at != slots_.end()) {
    return at->second;
  }
  variables.emplace_back(name, nullptr);
  changes_.emplace_back();
  if (variables.size() == kScanned + 1) {
    for (std::size_t i = 0; i < variables.size(); ++i) slots_.emplace(variables[i].first, i);
  } else if (variables.size() > kScanned) {
    slots_.emplace(name, variables.size() - 1);
  }
  return variables.size() - 1;
}

std::size_t* FrameState::ChangeOf(std::size_t slot, std::uint64_t serial) {
  Change& change = changes_[slot];
  if (change.serial != serial) change = {serial, SIZE_MAX};
  return &change.index;
}

// Ten thousand coroutines with trees of five hundred nodes each take half a gigabyte as trees, and about 20 MB
// packed.
void FrameTable::Pack(FrameState* state) {
  FrameSnapshot values;
  for (std::size_t i = 0; i < state->variables.size(); ++i) {
    ValuePtr& value = state->variables[i].second;
    if (value != nullptr) values.variables.emplace_back(static_cast<std::uint32_t>(i), std::move(value));
    value = nullptr;
  }
  if (!values.variables.empty()) state->packed_ = EncodeFrame(values);
}

void FrameTable::Unpack(FrameState* state) {
  if (state->packed_.empty()) return;
  FrameSnapshot values;
  if (DecodeFrame(state->packed_, &values)) {
    for (auto& [index, value] : values.variables) state->variables[index].second = std::move(value);
  } else {  // the bytes are too deep to decode
    for (auto& variable : state->variables) variable.second = MakeLost();
  }
  state->packed_ = std::string();
}

FrameState* FrameTable::Find(std::uint64_t frame) {
  const auto at = frames_.find(frame);
  if (at == frames_.end()) return nullptr;
  Unpack(&at->second);
  return &at->second;
}

FrameState& FrameTable::Get(std::uint64_t frame) {
  FrameState& state = frames_[frame];
  Unpack(&state);
  return state;
}

void FrameTable::Unsuspend(FrameState* state) {
  if (!state->suspended_) return;
  if (state->loose_) {
    if (first_loose_ == state->waiting_) ++first_loose_;
    --loose_;
  }
  suspended_.erase(state->waiting_);
  state->suspended_ = state->loose_ = false;
}

void FrameTable::Forget(std::uint64_t frame) {
  const auto at = frames_.find(frame);
  if (at == frames_.end()) return;
  Unsuspend(&at->second);
  frames_.erase(at);
}

void FrameTable::Suspend(std::uint64_t frame) {
  const auto at = frames_.find(frame);
  if (at == frames_.end() || at->second.suspended_) return;
  FrameState& state = at->second;
  suspended_.push_back(frame);
  state.waiting_ = std::prev(suspended_.end());
  state.suspended_ = state.loose_ = true;
  if (loose_++ == 0) first_loose_ = state.waiting_;
  if (loose_ > kLoose) {
    FrameState& longest = frames_[*first_loose_++];
    longest.loose_ = false;
    --loose_;
    Pack(&longest);
  }
  if (suspended_.size() > kMaxSuspended) Forget(suspended_.front());
}

void FrameTable::Resume(std::uint64_t frame) {
  if (FrameState* state = Find(frame)) Unsuspend(state);
}

}  // namespace smiley::daemon
