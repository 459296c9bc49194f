// Thread rule: each object belongs to one thread at a time.
//
// One thread of one run as a sequence that can be compared with another's: what each event does, without times, ids
// and addresses. Two runs of one program that did the same give the same hashes.
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

// A value's contents: ids, times of reading, addresses in texts and the order of sets do not count.
std::uint64_t HashContents(const Value& value);
// The text with what looks like an address (0x and at least six hexadecimal digits) taken out.
std::string WithoutAddresses(std::string_view text);

struct DiffOptions {
  bool values = true;                // false: only what is called, run and raised
  std::vector<std::string> ignored;  // names of variables whose values do not count
};

struct DiffFrame {
  const CodeInfo* code = nullptr;
  std::uint32_t line = 0;
  std::uint32_t ran = 0;  // the line that ran up to the latest event
  std::uint64_t frame = 0;
};

struct DiffEvent {
  Event event;
  std::uint64_t flow = 0;                                          // kind, function, line, type of exception
  std::uint64_t contents = 0;                                      // values that are new here
  std::vector<std::pair<const std::string*, std::uint64_t>> news;  // variables that have another value now, hashes
  std::size_t depth = 0;                                           // frames open outside of the event's own
  bool enters() const {
    return event.kind == shm::Kind::kCall || event.kind == shm::Kind::kResume || event.kind == shm::Kind::kThrow;
  }
  bool leaves() const {
    return event.kind == shm::Kind::kReturn || event.kind == shm::Kind::kYield || event.kind == shm::Kind::kUnwind;
  }
};

class DiffReader {
 public:
  static Result<std::unique_ptr<DiffReader>> Open(Archive& archive, const RunInfo& run, std::uint32_t thread,
                                                  std::uint64_t from_seq, const DiffOptions& options,
                                                  std::shared_ptr<SourceLines> lines);
  // Events that say nothing of what the program does (of threads, tasks, garbage, losses) are passed over. False at
  // the end.
  bool Next(DiffEvent* event);
  // The frames open behind the latest event, outermost first; frames from before from_seq are not among them.
  const std::vector<DiffFrame>& stack() const { return stack_; }
  std::uint64_t events() const { return events_; }
  std::uint64_t lost() const { return lost_; }
  // The value of a variable of the latest event's frame; null when it is not known.
  ValuePtr Variable(const std::string& name) const;

 private:
  DiffReader() = default;
  std::uint64_t CodeHash(const CodeInfo* code);
  std::uint64_t LineHash(const CodeInfo* code, std::uint32_t line);
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
  std::unordered_map<const CodeInfo*, std::uint64_t> codes_;
  std::uint64_t last_frame_ = 0;
  std::uint32_t last_process_ = 0;
  std::uint64_t events_ = 0, lost_ = 0;
};

}  // namespace smiley::daemon
