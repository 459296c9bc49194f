// Thread rule: free functions on plain values; safe from any thread.
//
// Keys and small records of the store as bytes (daemon/store/STORE.md, "Families and keys", "Index and small
// records").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/run/archive.h"
#include "daemon/run/coding.h"
#include "shm/base/status.h"
#include "shm/format.h"

namespace smiley::daemon {

inline constexpr std::uint32_t kStoreVersion = 2;
inline constexpr std::uint32_t kOldestStoreVersion = 1;

// Types in the catalogue family, above those of shm::RecordType.
enum class RunRecordType : std::uint16_t {
  kProcessInfo = 0x100,
  kThreadInfo = 0x101,
  kSourceInfo = 0x102,
  kTaskInfo = 0x103,
  kRunCopy = 0x104  // the run's id and a copy of its record, for a repair when the record itself is lost
};

struct RunRecord {
  std::uint32_t key = 0;  // the run's number in keys
  RunInfo info;
};

std::string ChunkKey(std::uint64_t arrival);
std::string IndexKey(std::uint32_t run, std::uint32_t thread, std::uint64_t first_seq, std::uint64_t arrival);
std::string CatalogueKey(std::uint32_t run, std::uint32_t process, std::uint16_t type, std::uint64_t id);
inline std::string RunPrefix(std::uint32_t run) {
  std::string key;
  AppendBig(&key, run, 4);
  return key;
}
inline constexpr std::string_view kVersionKey = "version";
inline constexpr std::string_view kArrivalKey =
    "next_arrival";  // the next arrival number is at least this, and beyond those of all chunks
inline constexpr std::string_view kRunNumberKey = "next_run_key";
inline constexpr std::string_view kRunKeyPrefix = "run/";
inline std::string RunKey(const std::string& run) { return std::string(kRunKeyPrefix) + run; }
inline constexpr std::string_view kCursorKeyPrefix = "cursor/";
inline constexpr std::size_t kIndexKeyBytes = 24;
inline constexpr std::size_t kCatalogueKeyBytes = 18;

std::string EncodeRun(const RunRecord& record);
Status DecodeRun(std::string_view bytes, RunRecord* record);
std::string EncodeRunCopy(const std::string& id, const RunRecord& record);
Status DecodeRunCopy(std::string_view bytes, RunRecord* record);
std::string EncodeProcess(const ProcessInfo& info);
Status DecodeProcess(std::string_view bytes, ProcessInfo* info);
std::string EncodeThread(const ThreadInfo& info);
Status DecodeThread(std::string_view bytes, ThreadInfo* info);
std::string EncodeSource(const SourceInfo& info);
Status DecodeSource(std::string_view bytes, SourceInfo* info);
std::string EncodeTask(const TaskInfo& info);
Status DecodeTask(std::string_view bytes, TaskInfo* info);

}  // namespace smiley::daemon
