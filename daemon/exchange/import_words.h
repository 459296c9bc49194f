// Thread rule: an EventEncoder belongs to one thread at a time.
//
// Encodes events into pieces and catalogue records. Decoding these gives the same events. Imports of JSON Lines and
// Chrome traces store them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/exchange/import_attachments.h"
#include "daemon/exchange/import_sink.h"
#include "shm/base/status.h"
#include "shm/format.h"

namespace smiley::daemon {

// One event, with the members of its JSON line.
struct JsonEvent {
  std::uint32_t process = 0, thread = 0;
  std::uint64_t seq = 0;
  std::int64_t time_ns = 0;
  shm::Kind kind{};
  bool has_code = false;  // file and function are present
  std::uint32_t source = 0, line = 0;
  std::string file, function;
  std::uint64_t frame = 0, parent = 0;
  bool has_depth = false;
  std::uint32_t depth = 0, task = 0;
  bool propagated = false;
  struct Change {
    std::string name;
    std::string cbor;  // empty = unbound
  };
  std::vector<Change> changed;
  std::string value;       // CBOR, empty = absent
  std::string value_text;  // the text, when value_is_text
  bool value_is_text = false;
  bool has_exception = false;
  std::string exception_type, exception_message;
  std::uint64_t lost_count = 0;
  std::int64_t lost_first_ns = 0, lost_last_ns = 0;
};

class EventEncoder {
 public:
  explicit EventEncoder(ImportSink* sink) : sink_(sink) {}
  Status Add(const JsonEvent& event);
  // Hands the unfinished pieces to the sink.
  Status Finish();

 private:
  struct OpenCall {
    std::uint64_t frame = 0;
    std::uint32_t code = 0, line = 0;
  };
  struct Thread {
    Piece piece;
    bool open = false;   // the piece has a header
    bool begun = false;  // the thread had an event
    std::uint64_t blocks = 0;
    std::uint64_t next_seq = 1, last_frame = 0, lost = 0;
    std::int64_t units = 0;       // time of the latest event in nanoseconds
    std::vector<OpenCall> stack;  // outermost first
    std::uint32_t hidden = 0;     // open frames further out, not known
  };
  struct Code {
    std::uint32_t first_line = 0;
    std::string file, function;
    std::uint32_t source = 0;
  };
  struct Process {
    std::uint32_t number = 0;
    std::unordered_map<std::string, std::uint32_t> strings;
    std::map<std::uint32_t, std::uint32_t> sources;           // catalogue ids by number in the run
    std::map<std::string, std::vector<std::uint32_t>> codes;  // ids by source, file and function
    std::vector<Code> code_list;                              // by id - 1
    std::unordered_map<std::uint64_t, OpenCall> waiting;      // code and line of suspended frames
  };

  Result<std::uint32_t> StringId(Process* process, const std::string& text);
  Result<std::uint32_t> CodeId(Process* process, const JsonEvent& event, std::uint32_t frame_code, bool fresh);
  Result<std::uint32_t> NewCode(Process* process, const JsonEvent& event, std::uint32_t first_line);
  Result<std::uint32_t> EnterFrame(Process* process, Thread* thread, const JsonEvent& event);
  bool FitsStack(const Process& process, const Thread& thread, const JsonEvent& event, bool* attach_code) const;
  Status AlignStack(Process* process, Thread* thread, const JsonEvent& event, bool* attach_code);
  void LeaveFrames(Process* process, Thread* thread, const JsonEvent& event);
  Status AppendContents(Process* process, const JsonEvent& event, std::vector<AttachmentWords>* attachments);
  Status Restack(Thread* thread, std::vector<OpenCall> stack, std::uint32_t depth);
  Status ClosePiece(Thread* thread);
  void OpenPiece(Thread* thread, const JsonEvent& event);
  Status Encode(Thread* thread, const JsonEvent& event, std::uint32_t id, std::uint32_t flags,
                const std::vector<AttachmentWords>& attachments);
  bool FitsCode(const Process& process, std::uint32_t code, const JsonEvent& event) const;

  ImportSink* sink_;
  std::map<std::uint32_t, Thread> threads_;
  std::map<std::uint32_t, Process> processes_;
  std::size_t open_words_ = 0;
};

}  // namespace smiley::daemon
