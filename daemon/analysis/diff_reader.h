// Thread rule: each object belongs to one thread at a time.
//
// Reads one thread of a run as a sequence of hashes without times, ids and addresses. Two runs of a program that did
// the same give the same hashes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/events/event.h"
#include "daemon/events/event_lines.h"
#include "daemon/events/run_reader.h"
#include "daemon/run/archive.h"
#include "shm/base/status.h"

namespace smiley::daemon {

// The hash of a value's contents. Ids, times of reading, addresses in texts and the order of sets do not count.
std::uint64_t HashContents(const Value& value);
// The text without addresses (0x and at least six hexadecimal digits).
std::string WithoutAddresses(std::string_view text);

struct DiffOptions {
  bool values = true;                // false: only calls, lines and exceptions count
  std::vector<std::string> ignored;  // names of variables that do not count
};

struct DiffFrame {
  const CodeRecord* code = nullptr;
  std::uint32_t line = 0;
  std::uint32_t ran = 0;  // the line that ran before the latest event
  std::uint64_t frame = 0;
};

struct DiffEvent {
  Event event;
  std::uint64_t flow = 0;      // hash of kind, function, line and type of exception
  std::uint64_t contents = 0;  // hash of the values that are new here
  std::vector<std::pair<const std::string*, std::uint64_t>>
      news;               // variables with a new value, and the hash of that value
  std::size_t depth = 0;  // open frames further out than the event's
  bool enters() const { return EntersFrame(event.kind); }
  bool leaves() const { return LeavesFrame(event.kind); }
};

class DiffReader {
 public:
  static Result<std::unique_ptr<DiffReader>> Open(Archive& archive, const RunInfo& run, std::uint32_t thread,
                                                  std::uint64_t from_seq, const DiffOptions& options,
                                                  std::shared_ptr<SourceLines> lines);
  // Goes to the next event. Skips events that are not the program's work: threads, tasks, garbage collection, losses.
  // False: the end.
  bool Next(DiffEvent* event);
  // The frames open after the latest event, outermost first, without frames that were entered before from_seq.
  const std::vector<DiffFrame>& stack() const { return stack_; }
  std::uint64_t events() const { return events_; }
  std::uint64_t lost() const { return lost_; }
  // The value of a variable of the latest event's frame; null = not known.
  ValuePtr Variable(const std::string& name) const;

 private:
  DiffReader() = default;
  std::uint64_t CodeHash(const CodeRecord* code);
  std::uint64_t LineHash(const CodeRecord* code, std::uint32_t line);
  void HashValues(DiffEvent* event);

  struct FrameHashes {
    std::vector<std::pair<const std::string*, std::uint64_t>> values;
  };
  std::unique_ptr<RunReader> reader_;
  std::shared_ptr<SourceLines> lines_;
  std::string cwd_;
  DiffOptions options_;
  std::uint64_t from_seq_ = 0;
  std::vector<DiffFrame> stack_;
  bool leave_ = false;                                    // the latest event left its frame
  std::unordered_map<std::uint64_t, FrameHashes> known_;  // by frame
  std::unordered_map<const CodeRecord*, std::uint64_t> codes_;
  std::uint64_t last_frame_ = 0;
  std::uint32_t last_process_ = 0;
  std::uint64_t events_ = 0, lost_ = 0;
};

}  // namespace smiley::daemon
