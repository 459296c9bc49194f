// Thread rule: plain values; one thread.
//
// The ring's algorithm (shm/ring_writer.cc, shm/ring_reader.cc) and the daemon's use of it (copy, check, commit with
// the cursor, free), step by step. A step is one access to shared memory, or one commit. The ring has two blocks of
// two words, and an event is one word. The producer may die before each step, the daemon once at any step.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/model/memory.h"

namespace smiley::model {

enum class Policy { kBlock, kDrop, kOverwrite };

// Believable mistakes. The search must find each.
enum class Bug {
  kNone,
  kPublishRelaxed,      // write_pos is stored relaxed
  kPublishFirst,        // write_pos moves before the word is written
  kOneBlockTooMany,     // the block that the reader still holds counts as free
  kLossClearedFirst,    // the header's count is cleared before the lost event is published
  kLossCountStale,      // only the first of several lost events is counted in shared memory
  kIntentLate,          // overwrite: the intent is stored after the first word
  kIntentUnfenced,      // overwrite: no release fence after the intent
  kNoSecondLook,        // overwrite: the copy is accepted without a second check of the intent
  kSecondLookUnfenced,  // overwrite: no acquire fence before the second check
  kFreeBeforeCommit,    // blocks are freed before their contents are stored
  kCursorBeforeCommit,  // the cursor is written before the piece, in a separate write
  kCursorForgotten,     // the piece is written without the cursor
  kReadRelaxed,         // write_pos is read relaxed
};

inline constexpr int kBlocks = 2, kWords = 2;
enum Location {
  kWrite,
  kRead,
  kIntent,
  kLostCount,
  kLostFirst,
  kHeader0,
  kHeader1,
  kWord00,
  kWord01,
  kWord10,
  kWord11
};

struct Producer {
  int pc = 0;
  std::uint8_t seq = 0;   // events begun
  std::uint8_t done = 0;  // events published or counted as lost
  std::uint8_t next_block = 0, used = 0, cached_read = 0, pending = 0, lost_first = 0;
  bool open = false, losing = false;
  ThreadViews views;
};

struct Consumer {
  int pc = 0;
  std::uint8_t position = 0, to = 0, write_pos = 0, header = 0;
  std::vector<std::uint8_t> copy;
  std::uint8_t deaths = 0;
  ThreadViews views;
};

// The contents of the disk.
struct Stored {
  std::uint8_t cursor = 0, next_seq = 1, events = 0, lost = 0;
};

struct State {
  Memory memory;
  Producer producer;
  Consumer consumer;
  Stored stored;
  std::string wrong;  // the broken promise; empty while all hold
  std::string Key() const;
};

class RingModel {
 public:
  RingModel(Policy policy, Bug bug, int events) : policy_(policy), bug_(bug), events_(events) {}
  // All states after one step.
  std::vector<State> Next(const State& state) const;
  // The mistake that shows when the producer dies now and a daemon drains the rest; empty when the equation holds.
  std::string AfterDeath(State state) const;
  bool Ended(const State& state) const { return state.producer.pc == kEnded; }

 private:
  static constexpr int kEnded = 100;
  void StepProducer(const State& state, std::vector<State>* out) const;
  void StepConsumer(const State& state, std::vector<State>* out) const;
  void StepLookAgain(const State& state, std::vector<State>* out) const;
  void StepStoring(State next, std::vector<State>* out) const;
  void StepOpening(State next, std::vector<State>* out) const;
  bool HasRoom(const Producer& producer) const;
  std::uint8_t Oldest(std::uint8_t freed_or_intent, std::uint8_t write_pos) const;
  void Commit(State* state, bool cursor, bool piece) const;
  void AfterLook(State* state, std::uint8_t limit) const;

  const Policy policy_;
  const Bug bug_;
  const int events_;
};

}  // namespace smiley::model
