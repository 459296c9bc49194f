// Thread rule: a CaptureSorter belongs to one thread.
//
// Separates the text of C code and child processes from the text of Python's own layers, within one captured stream.
//
// Python's layers announce each write in the ledger, with its length and hash. The sorter finds these writes in the
// stream and removes them. It removes the writes of one process in their order, and looks for a write only in bytes
// that came after its announcement. Of equal texts it removes the first. A write that another process cut in two is
// not found; its text is recorded twice, and none is lost.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "shm/ledger.h"

namespace smiley::tools {

class CaptureSorter {
 public:
  // `stream`: 1 or 2.
  CaptureSorter(const shm::Ledger* ledger, int stream) : ledger_(ledger), stream_(stream) {}
  // Adds bytes that were just read.
  void Add(std::string_view bytes);
  // Takes the text that is certainly not Python's, in order. `quiet`: no bytes came for a while, so no pending write
  // will be completed.
  std::string Take(bool quiet);
  // True while bytes are pending, because a write of Python may be incomplete.
  bool holds() const { return !pending_.empty(); }

 private:
  static constexpr std::size_t kMostPending = 1u << 20;  // bytes, beside those of the awaited write
  static constexpr std::size_t kLongestWrite = 64u << 20;
  static constexpr std::size_t kMostLookedAt = 64;  // announced writes that one search compares
  static constexpr int kPatience = 5;               // quiet calls of Take until a missing write is given up

  // A write that was announced and not yet found in the stream.
  struct Expected {
    shm::Ledger::Write write;
    std::uint64_t from = 0;  // the earliest position in the stream at which it can begin
    int quiet = 0;           // quiet calls of Take since its announcement
  };
  void Refresh();
  void Drop(std::size_t bytes);
  std::size_t Find(const Expected& expected) const;

  const shm::Ledger* ledger_;
  int stream_;
  std::uint64_t next_ = 1;  // the next ticket to read
  int stuck_ = 0;           // reads of a ticket that was taken and not announced
  std::deque<Expected> expected_;
  std::string pending_;
  std::uint64_t begin_ = 0;  // position of pending_ in the stream
  std::uint64_t added_ = 0;  // position of the bytes that were added last
};

}  // namespace smiley::tools
