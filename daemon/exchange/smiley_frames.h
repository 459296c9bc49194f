// Thread rule: plain values and functions; a FrameReader belongs to one thread at a time.
//
// The bytes of the `smiley` export format: a header, then frames with checksums (daemon/exchange/EXPORT.md).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/run/archive.h"
#include "daemon/store/store.h"
#include "shm/base/status.h"

namespace smiley::daemon {

inline constexpr std::string_view kExportMagic = "\x89SMILEY\n";  // 8 bytes
inline constexpr std::uint32_t kExportVersion = 0;
inline constexpr std::size_t kExportHeaderBytes = 16;  // magic, u32 version, u32 zero
inline constexpr std::size_t kFrameHeaderBytes = 8;    // u32 type, u32 payload bytes
inline constexpr std::size_t kFrameCheckBytes = 8;     // XXH3-64 of header and payload
inline constexpr std::size_t kMaxExportFrame = 80u << 20;

enum class FrameType : std::uint32_t {
  kRun = 1,
  kProcess = 2,
  kThread = 3,
  kTask = 4,
  kSource = 5,
  kCatalogue = 6,
  kChunk = 7,
  kEnd = 8,
};

struct ExportTotals {
  std::uint64_t frames = 0;  // before the end frame
  std::uint64_t events = 0, lost = 0;
  std::uint64_t chain = 0;  // XXH3-64 over the checksums of these frames, one after the other
  friend bool operator==(const ExportTotals&, const ExportTotals&) = default;
};

std::string ExportHeader();
// Appends a frame and counts it in *totals.
void AppendFrame(std::string* out, FrameType type, std::string_view payload, ExportTotals* totals);

// Reads frames from a stream that comes in portions.
class FrameReader {
 public:
  struct Frame {
    FrameType type{};
    std::string_view payload;  // valid until the next call
  };
  enum class Step { kFrame, kNeedMore };
  void Feed(std::string_view bytes);
  // Checks magic and version first, then one frame at a time. kForeign, kVersion, kDamaged (also for bytes behind the
  // end frame).
  Result<Step> Next(Frame* frame);
  // The totals of the frames that Next gave, without the end frame.
  const ExportTotals& totals() const { return totals_; }
  bool ended() const { return ended_; }
  // Checks at the end of the stream that the end frame came and no byte follows it.
  Status Finish() const;

 private:
  std::string buffer_;
  std::size_t at_ = 0;
  bool header_read_ = false, ended_ = false;
  ExportTotals totals_;
};

// Payloads. Decoding accepts hostile bytes and ignores unknown fields. Counts, sizes and states that a store keeps
// about a run are not exported.
std::string EncodeRunFrame(const RunInfo& run);
Result<RunInfo> DecodeRunFrame(std::string_view payload);
std::string EncodeProcessFrame(const ProcessInfo& process);
Result<ProcessInfo> DecodeProcessFrame(std::string_view payload);
std::string EncodeThreadFrame(const ThreadInfo& thread);
Result<ThreadInfo> DecodeThreadFrame(std::string_view payload);
std::string EncodeTaskFrame(const TaskInfo& task);
Result<TaskInfo> DecodeTaskFrame(std::string_view payload);
std::string EncodeSourceFrame(const SourceInfo& source);
Result<SourceInfo> DecodeSourceFrame(std::string_view payload);
// Encodes about 64 KiB of catalogue records of one process, from *at on, and advances *at.
std::string EncodeCatalogueFrame(const std::vector<CatalogueEntry>& entries, std::size_t* at);
Status DecodeCatalogueFrame(std::string_view payload, const std::string& run, std::vector<CatalogueEntry>* entries);
std::string EncodeEndFrame(const ExportTotals& totals);
Result<ExportTotals> DecodeEndFrame(std::string_view payload);

}  // namespace smiley::daemon
