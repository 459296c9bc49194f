// Thread rule: an Archive may be used from any thread; a PieceCursor belongs to one thread.
//
// The reading side of runs: their records, and the pieces of each thread as one sequence. LiveArchive implements it
// in the daemon (the store, then the in-memory tail of runs that are going on), StoreArchive over a store alone.
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

// Times are nanoseconds since the epoch. Numbers of processes, threads, tasks and sources count from 1 in the run.
enum class RunState { kRunning, kEnded, kImporting };

struct RunInfo {
  std::string id;
  std::vector<std::string> command;
  std::string cwd, python, detail, name;  // name: empty = none
  std::int64_t start_ns = 0;
  std::int64_t end_ns = 0;  // 0 = it is going on
  RunState state = RunState::kRunning;
  std::optional<int> exit_code;                   // of the first process; nullopt = unknown, or a signal ended it
  std::optional<int> signal;                      // likewise
  bool complete = false;                          // it has ended, nothing is lost, and it is not flawed
  bool flawed = false;                            // it has a note of kind "incomplete"
  bool pinned = false;                            // the quota does not remove it
  std::uint64_t events = 0, lost = 0, bytes = 0;  // bytes: stored ones
  std::uint32_t processes = 0, threads = 0, exceptions = 0;
  std::string uncaught;            // type of the exception that ended the first process, empty = none
  std::vector<std::string> notes;  // for people: each names a missing part of the run and the reason
};
struct ProcessInfo {
  std::uint32_t process = 0;
  std::uint32_t pid = 0;
  std::uint32_t parent = 0;  // 0 = none
  std::vector<std::string> command;
  std::string python, kind;
  std::int64_t start_ns = 0, end_ns = 0;  // end_ns: 0 = it is going on
  std::uint64_t token = 0;                // SegmentHeader::process_token; 0 after import
};
struct ThreadInfo {
  std::uint32_t process = 0, thread = 0;
  std::uint64_t native_id = 0;
  std::string name;
  std::uint64_t events = 0, lost = 0;
  std::int64_t first_ns = 0, last_ns = 0;
  bool ended = false;
  std::uint32_t local = 0;  // number in the process (BlockHeader::thread)
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
struct CodeRecord {
  std::string file, function;
  std::uint32_t first_line = 0;
  std::uint32_t source = 0;  // number in the run, 0 = none
  std::vector<std::string> variables;
  // The names that each line reads and writes, by line; empty when unknown (imports of JSON Lines).
  struct Line {
    std::uint32_t line = 0;
    std::vector<std::string> reads, writes;
  };
  std::vector<Line> lines;
};

// The names of one process. Entries are added while the process lives and never change. Returned pointers stay valid
// as long as the Names object.
class Names {
 public:
  virtual ~Names() = default;
  virtual const CodeRecord* FindCode(std::uint32_t id) const = 0;     // null = unknown
  virtual const std::string* FindString(std::uint32_t id) const = 0;  // null = unknown
  // The number in the run of a task; `id` itself when no record gives another one.
  virtual std::uint32_t FindTask(std::uint32_t id) const { return id; }
};

// One record of a process's catalogue (shm/FORMAT.md, "Catalogue payloads").
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
  // The next piece of the thread; null: none is there at present. kDamaged: a chunk failed its check and was skipped;
  // the next call goes on behind it.
  virtual Result<PiecePtr> Next() = 0;
};

// Key and value of data derived from a run's chunks (daemon/store/STORE.md, "Derived data").
using DerivedItem = std::pair<std::string, std::string>;

// The index entry of a piece.
struct PieceEntry {
  PiecePtr piece;             // the summary; also the words, while the piece is not stored yet
  std::uint64_t arrival = 0;  // of its chunk; 0 = not stored yet
  std::uint64_t bytes = 0;    // of its chunk
};

class Archive {
 public:
  virtual ~Archive() = default;
  virtual std::vector<RunInfo> Runs() = 0;                     // newest start first
  virtual Result<RunInfo> FindRun(const std::string& id) = 0;  // by its whole id; kNotFound
  virtual Result<std::vector<ProcessInfo>> Processes(const std::string& run) = 0;
  virtual Result<std::vector<ThreadInfo>> Threads(const std::string& run) = 0;
  // kNotFound: the run has no thread of that number. Cheap while the run is going on.
  virtual Result<ThreadInfo> FindThread(const std::string& run, std::uint32_t thread);
  virtual Result<std::vector<TaskInfo>> Tasks(const std::string& run) = 0;
  // With their texts, ordered by number.
  virtual Result<std::vector<SourceInfo>> Sources(const std::string& run) = 0;
  virtual Result<std::shared_ptr<const Names>> NamesOf(const std::string& run, std::uint32_t process) = 0;
  // The raw records of one process, for export, ordered by type and id. Payloads of kSource are CBOR [file string id,
  // number in the run], without the text; payloads of kTask are [name, number in the run].
  virtual Result<std::vector<CatalogueEntry>> Catalogue(const std::string& run, std::uint32_t process) = 0;
  // Pieces of one thread from the one that holds `from_seq` (0 or 1 = the first).
  virtual Result<std::unique_ptr<PieceCursor>> Open(const std::string& run, std::uint32_t thread,
                                                    std::uint64_t from_seq) = 0;
  // At most `limit` index entries of one thread, in order. The first is the piece that holds `from_seq` (0 or 1 = the
  // thread's first piece), or the last piece before it.
  virtual Result<std::vector<PieceEntry>> Index(const std::string& run, std::uint32_t thread, std::uint64_t from_seq,
                                                std::size_t limit) = 0;
  // The last `limit` index entries of pieces that begin before `seq`, in order.
  virtual Result<std::vector<PieceEntry>> IndexBefore(const std::string& run, std::uint32_t thread, std::uint64_t seq,
                                                      std::size_t limit) = 0;
  // The piece of an index entry, with its words. kDamaged: it fails its check.
  virtual Result<PiecePtr> ReadPiece(const std::string& run, const PieceEntry& entry) = 0;
  // The last derived item of a run whose key lies in [from, to); nullopt: none.
  virtual Result<std::optional<DerivedItem>> LastDerived(const std::string& run, const std::string& from,
                                                         const std::string& to) = 0;
};

// The run that a person named: an id or a unique prefix of one, "last", "last~N", "last:failed". kNotFound, kInvalid:
// with the message to show ("no run begins with 'x': smiley-list shows them", "'k' fits 3 runs: k1…, k2…, k3…").
Result<RunInfo> SelectRun(Archive& archive, const std::string& selector);

}  // namespace smiley::daemon
