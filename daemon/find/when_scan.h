// Thread rule: each object belongs to one thread at a time; those of one search to the same.
//
// Finds the events at which an expression becomes true. Words are walked, only the variables that the expression
// names are followed, and chunks that can neither make it true nor change one of these are passed over by their
// summaries.
//
// * An expression that asks what belongs to one event alone (event, value, exception, NAME changed) becomes true at
// each
//   event at which it holds.
// * Any other is followed in each frame by itself (events outside frames: in each thread): it becomes true at an
// event
//   where it holds and did not at the frame's event before; before its first event it does not hold.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/events/event.h"
#include "daemon/events/event_filter.h"
#include "daemon/events/piece_ahead.h"
#include "daemon/events/piece_walk.h"
#include "daemon/find/when_masks.h"
#include "daemon/run/archive.h"

namespace smiley::daemon {

// The variables of one process's frames that the expression names.
class WhenVariables {
 public:
  struct Frame {
    FrameVariables values;
    std::uint32_t thread = 0;
    std::uint64_t touched = 0;
    bool held = false;  // the expression, at the frame's event before; set by Hold
  };
  WhenVariables(const WhenQuestion& question, std::shared_ptr<const Names> names);

  const Names& names() const { return *names_; }
  // 0: not followed; else a number from 1.
  std::size_t IndexOf(std::uint32_t string);
  const std::string* NameOf(std::size_t index) const { return interned_[index]; }
  Frame* Find(std::uint64_t frame);
  Frame& Get(std::uint64_t frame, std::uint32_t thread);
  void Forget(std::uint64_t frame);
  void Hold(Frame* frame, bool holds);
  // How many frames the expression holds in.
  std::size_t held() const { return held_; }
  // A thread's events were lost: what its frames hold is not known.
  void Lose(std::uint32_t thread);
  // The value that an object had when it was seen last, through whichever variable.
  ValuePtr Seen(const ValuePtr& value) const;
  void See(const ValuePtr& value);

 private:
  static constexpr std::size_t kMostFrames = 200'000, kMostObjects = 100'000;
  const WhenQuestion& question_;
  const std::shared_ptr<const Names> names_;
  std::vector<std::uint8_t> indexes_;         // by catalogue string: 255 not asked yet
  std::vector<const std::string*> interned_;  // by index
  std::unordered_map<std::uint64_t, Frame> frames_;
  std::unordered_map<std::uint64_t, ValuePtr> objects_;
  std::uint64_t clock_ = 0;
  std::size_t held_ = 0;
};

// One thread's events, chunk by chunk.
class WhenThread {
 public:
  // Gets each event found, with the values of the expression's variables then.
  using Found = std::function<void(const Event& event, const FrameVariables* values)>;
  struct Labels {
    std::string thread;
    const std::unordered_map<std::uint32_t, std::string>* tasks = nullptr;  // of the process
  };
  // `ahead` reads for all threads of the search, and must outlive them.
  WhenThread(Archive& archive, std::string run, const ThreadInfo& thread, const WhenQuestion& question,
             std::shared_ptr<WhenVariables> variables, Labels labels, PieceAhead* ahead);
  // Reads one chunk or passes over some. False: the thread's present end.
  Result<bool> Advance(const Found& found);
  // What is still to come happened at or after this.
  std::int64_t not_before_ns() const { return not_before_ns_; }
  const ThreadInfo& thread() const { return thread_; }
  std::uint64_t chunks_read() const { return read_; }
  std::uint64_t chunks_skipped() const { return skipped_; }
  std::uint64_t events() const { return events_; }

 private:
  Status Load();
  bool MayMatter(const Piece& summary);
  void ReadAhead();
  std::uint64_t Changed(const Piece& summary);
  Status Read(const PieceEntry& entry, const Found& found);
  bool Fold(const PieceWalker& at, Event* event, ValuesByName* before);
  void Fill(const PieceWalker& at, const CodeInfo* code);
  void Look(const PieceWalker& at, const ValuesByName& before, const Found& found);

  Archive& archive_;
  PieceAhead* const ahead_;
  const std::string run_;
  const ThreadInfo thread_;
  const WhenQuestion& question_;
  const std::shared_ptr<WhenVariables> variables_;
  const Labels labels_;
  std::vector<PieceEntry> entries_;  // to do, the next one last
  std::size_t looked_ahead_ = 0;     // of these, how many from the next one on were asked for or passed over
  std::uint64_t next_first_ = 1, last_arrival_ = 0, expected_ = 0;
  bool loaded_all_ = false;
  WhenMasks masks_;
  PieceWalker walker_;
  Event event_;
  bool held_outside_ = false;
  std::uint32_t task_ = 0;
  std::int64_t not_before_ns_;
  std::uint64_t read_ = 0, skipped_ = 0, events_ = 0;
};

}  // namespace smiley::daemon
