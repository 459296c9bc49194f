// Thread rule: an Archive may be used from any thread; a PieceCursor belongs to one thread.
//
// What queries read: stored chunks, then the in-memory tail of runs that are still going, as one sequence.
// Implementations: LiveArchive (in the daemon: store + tail) and StoreArchive (a store opened read-only).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/run/piece.h"
#include "shm/base/status.h"
#include "shm/format.h"

namespace smiley::daemon {

enum class RunState { kRunning, kEnded, kImporting };

struct RunInfo {
  std::string id;
  std::vector<std::string> command;
  std::string cwd, python, detail, name;  // name empty = none
  std::int64_t start_ns = 0;
  std::int64_t end_ns = 0;  // 0 = still going
  RunState state = RunState::kRunning;
  std::optional<int> exit_code;  // of the first process
  std::optional<int> signal;
  bool complete = false;                          // ended, nothing lost, no "incomplete" note
  bool flawed = false;                            // an "incomplete" note was made
  bool pinned = false;                            // kept by the quota and by whoever tidies up
  std::uint64_t events = 0, lost = 0, bytes = 0;  // bytes stored
  std::uint32_t processes = 0, threads = 0, exceptions = 0;
  std::string uncaught;            // type of the exception that ended the first process, empty = none
  std::vector<std::string> notes;  // what people must be told
};
struct ProcessInfo {
  std::uint32_t process = 0;
  std::uint32_t pid = 0;
  std::uint32_t parent = 0;  // 0 = none
  std::vector<std::string> command;
  std::string python, kind;
  std::int64_t start_ns = 0, end_ns = 0;  // end 0 = still going
  std::uint64_t token = 0;                // SegmentHeader::process_token; 0 after import
};
struct ThreadInfo {
  std::uint32_t process = 0, thread = 0;
  std::uint64_t native_id = 0;
  std::string name;
  std::uint64_t events = 0, lost = 0;
  std::int64_t first_ns = 0, last_ns = 0;
  bool ended = false;
  std::uint32_t local = 0;  // its number within the process (BlockHeader::thread)
};
struct TaskInfo {
  std::uint32_t process = 0, task = 0;
  std::string name;
};
struct SourceInfo {
  std::uint32_t source = 0;  // number in the run, from 1
  std::string file;
  std::string sha256;  // hex of text
  std::string text;    // UTF-8, surrogates passed through
};
struct CodeInfo {
  std::string file, function;
  std::uint32_t first_line = 0;
  std::uint32_t source = 0;  // number in the run, 0 = none
  std::vector<std::string> variables;
  // The names that each line reads and writes, by line; empty where the recording does not tell (imports of JSON
  // Lines).
  struct Line {
    std::uint32_t line = 0;
    std::vector<std::string> reads, writes;
  };
  std::vector<Line> lines;
};

// Names of one process; immutable entries, grows while the process lives. Returned references stay valid as long
// as the Names object.
class Names {
 public:
  virtual ~Names() = default;
  virtual const CodeInfo* FindCode(std::uint32_t id) const = 0;       // null = unknown
  virtual const std::string* FindString(std::uint32_t id) const = 0;  // null = unknown
  // A task's number in the run; the process's own where no record says another.
  virtual std::uint32_t FindTask(std::uint32_t id) const { return id; }
};

// One record of a process's catalogue, as drained (shm/FORMAT.md, "Catalogue payloads").
struct CatalogueEntry {
  std::string run;
  std::uint32_t process = 0;
  shm::RecordType type{};
  std::uint32_t id = 0;
  std::string payload;
};

class PieceCursor {
 public:
  virtual ~PieceCursor() = default;
  // The next piece of the thread; nullptr at the (present) end. kDamaged: a chunk that fails its check was skipped;
  // call again to go on behind it.
  virtual Result<PiecePtr> Next() = 0;
};

// Key and value of data that was derived from a run's chunks (daemon/store/STORE.md, "Derived data").
using DerivedItem = std::pair<std::string, std::string>;

// A piece as the index tells of it.
struct PieceEntry {
  PiecePtr piece;             // its summary; with its words when it is not stored yet
  std::uint64_t arrival = 0;  // of its chunk; 0 = not stored yet
  std::uint64_t bytes = 0;    // of its chunk
};

class Archive {
 public:
  virtual ~Archive() = default;
  virtual std::vector<RunInfo> Runs() = 0;                     // newest start first
  virtual Result<RunInfo> FindRun(const std::string& id) = 0;  // exact id
  virtual Result<std::vector<ProcessInfo>> Processes(const std::string& run) = 0;
  virtual Result<std::vector<ThreadInfo>> Threads(const std::string& run) = 0;
  // One of them; kNotFound when there is none of that number. Cheap for one that is going on.
  virtual Result<ThreadInfo> FindThread(const std::string& run, std::uint32_t thread);
  virtual Result<std::vector<TaskInfo>> Tasks(const std::string& run) = 0;
  // With texts. Ordered by number.
  virtual Result<std::vector<SourceInfo>> Sources(const std::string& run) = 0;
  virtual Result<std::shared_ptr<const Names>> NamesOf(const std::string& run, std::uint32_t process) = 0;
  // The raw records of one process, for export: strings, codes, threads, tasks, notes in order of type and id. Source
  // texts are not repeated here (Sources has them): kSource payloads are CBOR [file string id, number in the run],
  // kTask payloads [name, number in the run].
  virtual Result<std::vector<CatalogueEntry>> Catalogue(const std::string& run, std::uint32_t process) = 0;
  // Pieces of one thread from the one that holds `from_seq` (0 or 1 = the first).
  virtual Result<std::unique_ptr<PieceCursor>> Open(const std::string& run, std::uint32_t thread,
                                                    std::uint64_t from_seq) = 0;
  // What the index tells of one thread's pieces, in order: at most `limit`, from the one that holds `from_seq` on (0
  // or 1 = the first) or the last before it.
  virtual Result<std::vector<PieceEntry>> Index(const std::string& run, std::uint32_t thread, std::uint64_t from_seq,
                                                std::size_t limit) = 0;
  // The last `limit` pieces, in order, of those that begin before `seq`.
  virtual Result<std::vector<PieceEntry>> IndexBefore(const std::string& run, std::uint32_t thread, std::uint64_t seq,
                                                      std::size_t limit) = 0;
  // The words of a piece that Index gave. kDamaged: it fails its check.
  virtual Result<PiecePtr> ReadPiece(const std::string& run, const PieceEntry& entry) = 0;
  // The last derived item of a run whose key lies in [from, to); nullopt: none.
  virtual Result<std::optional<DerivedItem>> LastDerived(const std::string& run, const std::string& from,
                                                         const std::string& to) = 0;
};

// RUN as people write it: an id or unique prefix, "last", "last~N", "last:failed". kNotFound / kInvalid with the
// message to show ("no run begins with 'x': smiley-list shows them", "'k' fits 3 runs: k1…, k2…, k3…").
Result<RunInfo> SelectRun(Archive& archive, const std::string& selector);

}  // namespace smiley::daemon
