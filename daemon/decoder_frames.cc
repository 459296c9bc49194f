#include "daemon/decoder_frames.h"

namespace smiley::daemon {
namespace {

constexpr std::size_t kScanned = 32;  // up to so many names are searched one by one

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

FrameState* FrameTable::Find(std::uint64_t frame) {
  const auto at = frames_.find(frame);
  return at == frames_.end() ? nullptr : &at->second;
}

FrameState& FrameTable::Get(std::uint64_t frame) { return frames_[frame]; }

void FrameTable::Forget(std::uint64_t frame) {
  const auto at = frames_.find(frame);
  if (at == frames_.end()) return;
  if (at->second.suspended_) suspended_.erase(at->second.waiting_);
  frames_.erase(at);
}

void FrameTable::Suspend(std::uint64_t frame) {
  FrameState* state = Find(frame);
  if (state == nullptr || state->suspended_) return;
  suspended_.push_back(frame);
  state->waiting_ = std::prev(suspended_.end());
  state->suspended_ = true;
  if (suspended_.size() > kMaxSuspended) Forget(suspended_.front());
}

void FrameTable::Resume(std::uint64_t frame) {
  FrameState* state = Find(frame);
  if (state == nullptr || !state->suspended_) return;
  suspended_.erase(state->waiting_);
  state->suspended_ = false;
}

}  // namespace smiley::daemon
