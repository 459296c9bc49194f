// Thread rule: all objects of one search belong to one thread at a time.
//
// Finds the events at which an expression becomes true. It walks the words and follows only the variables in the
// expression. A chunk is skipped when its summary rules out that it makes the expression true or changes a variable.
//
// An expression about one event alone (event, value, exception, NAME changed) becomes true at each event at which it
// holds. Any other expression is followed in each frame, and for events outside frames in each thread. It becomes
// true at an event where it holds and did not hold at the frame's event before. Before the first event it does not
// hold.
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

// The variables of the frames of one process, as far as the expression names them.
class WhenVariables {
 public:
  struct Frame {
    FrameVariables values;
    std::uint32_t thread = 0;
    std::uint64_t touched = 0;
    bool held = false;  // whether the expression held at the frame's event before; set by SetHeld
  };
  WhenVariables(const WhenQuestion& question, std::shared_ptr<const Names> names);

  const Names& names() const { return *names_; }
  // The variable's number, from 1; 0: the variable is not followed.
  std::size_t IndexOf(std::uint32_t string);
  const std::string* NameOf(std::size_t index) const { return interned_[index]; }
  Frame* Find(std::uint64_t frame);
  Frame& Get(std::uint64_t frame, std::uint32_t thread);
  void Forget(std::uint64_t frame);
  void SetHeld(Frame* frame, bool holds);
  // The number of frames in which the expression holds.
  std::size_t held() const { return held_; }
  // Events of the thread were lost: the values in its frames become unknown.
  void Lose(std::uint32_t thread);
  // The latest value of an object that was seen, through any variable.
  ValuePtr FindSeen(const ValuePtr& value) const;
  void NoteSeen(const ValuePtr& value);

 private:
  static constexpr std::size_t kMostFrames = 200'000, kMostObjects = 100'000;
  const WhenQuestion& question_;
  const std::shared_ptr<const Names> names_;
  std::vector<std::uint8_t> indexes_;         // by catalogue string: 255 = not looked up
  std::vector<const std::string*> interned_;  // by index
  std::unordered_map<std::uint64_t, Frame> frames_;
  std::unordered_map<std::uint64_t, ValuePtr> objects_;
  std::uint64_t clock_ = 0;
  std::size_t held_ = 0;
};

// Searches one thread, chunk by chunk.
class WhenThread {
 public:
  // Called for each event found, with the values of the expression's variables at that event.
  using Found = std::function<void(const Event& event, const FrameVariables* values)>;
  struct Labels {
    std::string thread;
    const std::unordered_map<std::uint32_t, std::string>* tasks = nullptr;  // by number, of the process
  };
  // `ahead` reads for all threads of the search and must outlive them.
  WhenThread(Archive& archive, std::string run, const ThreadInfo& thread, const WhenQuestion& question,
             std::shared_ptr<WhenVariables> variables, Labels labels, PieceAhead* ahead);
  // Reads one chunk or skips some. False: the thread's present end.
  Result<bool> Advance(const Found& found);
  // No later match happened before this time.
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
  void Fill(const PieceWalker& at, const CodeRecord* code);
  void Look(const PieceWalker& at, const ValuesByName& before, const Found& found);

  Archive& archive_;
  PieceAhead* const ahead_;
  const std::string run_;
  const ThreadInfo thread_;
  const WhenQuestion& question_;
  const std::shared_ptr<WhenVariables> variables_;
  const Labels labels_;
  std::vector<PieceEntry> entries_;  // to search, the next one last
  std::size_t looked_ahead_ = 0;     // how many entries, from the next one on, were requested or skipped
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
