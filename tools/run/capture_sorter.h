// Thread rule: belongs to one thread.
//
// Tells what C code and children wrote from what Python's own layers wrote, in the bytes of one captured stream: the
// ledger knows Python's writes by length and hash, and those are taken out: those of a process in their order, and
// none among bytes that were there before it was announced. Where equal texts remain, the first is taken. What Python
// wrote and is not found again whole (cut by the write of another process) stays: such a text is told twice, none is
// lost.
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
  // What was read just now.
  void Add(std::string_view bytes);
  // What is certainly not Python's, in order. `quiet`: nothing has come for a while, so nothing more belongs to what
  // is here.
  std::string Take(bool quiet);
  // Something waits for a write of Python's to be whole.
  bool holds() const { return !pending_.empty(); }

 private:
  static constexpr std::size_t kMostPending = 1u << 20;  // bytes held back, beside what one write is waited for
  static constexpr std::size_t kLongestWrite = 64u << 20;
  static constexpr std::size_t kMostLookedAt = 64;  // writes
  static constexpr int kPatience = 5;               // quiet times that a write which never came is waited for

  struct Expected {
    shm::Ledger::Write write;
    std::uint64_t from = 0;  // it cannot begin earlier in the stream
    int quiet = 0;
  };
  void Refresh();
  void Drop(std::size_t bytes);
  std::size_t Find(const Expected& expected) const;

  const shm::Ledger* ledger_;
  int stream_;
  std::uint64_t next_ = 1;  // ticket
  int stuck_ = 0;           // looks at a ticket that was drawn and not announced
  std::deque<Expected> expected_;
  std::string pending_;
  std::uint64_t begin_ = 0;  // of pending_, and
  std::uint64_t added_ = 0;  // of what was added last, in the stream
};

}  // namespace smiley::tools
