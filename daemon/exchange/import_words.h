// Thread rule: an EventEncoder belongs to one thread at a time.
//
// Decoded events back into pieces and catalogue records, such that decoding them gives the same events: what an
// import of JSON Lines stores.
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

// An event as the JSON Lines say it.
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
    std::string cbor;  // empty: unbound
  };
  std::vector<Change> changed;
  std::string value;       // CBOR, empty = absent
  std::string value_text;  // when the value is a whole text
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
  // What is not stored yet.
  Status Finish();

 private:
  struct OpenCall {
    std::uint64_t frame = 0;
    std::uint32_t code = 0, line = 0;
  };
  struct Thread {
    Piece piece;
    bool open = false;   // the piece is begun
    bool begun = false;  // had an event
    std::uint64_t blocks = 0;
    std::uint64_t next_seq = 1, last_frame = 0, lost = 0;
    std::int64_t units = 0;       // time of the latest event
    std::vector<OpenCall> stack;  // outermost first
    std::uint32_t hidden = 0;     // open frames below it, unknown
  };
  struct Code {
    std::uint32_t first_line = 0;
    std::string file, function;
    std::uint32_t source = 0;
  };
  struct Process {
    std::uint32_t number = 0;
    std::unordered_map<std::string, std::uint32_t> strings;
    std::map<std::uint32_t, std::uint32_t> sources;           // number in the run to catalogue id
    std::map<std::string, std::vector<std::uint32_t>> codes;  // by source, file, function
    std::vector<Code> code_list;                              // id - 1
    std::unordered_map<std::uint64_t, OpenCall> waiting;      // suspended and closed-over frames: last code, line
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
