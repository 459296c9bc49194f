// Thread rule: a ChromeSpool belongs to one thread at a time.
//
// The events of a trace, however many, put into order: kept in memory up to a bound, beyond it sorted by parts in a
// temporary file without a name, and merged when they are read.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shm/base/status.h"

namespace smiley::daemon {

// One event of the trace as it is spooled.
struct ChromeRecord {
  enum Kind : std::uint32_t { kComplete = 1, kBegin, kEnd, kInstant, kCounter };
  std::uint32_t thread = 0;  // number in the run
  std::uint32_t kind = 0;
  std::int64_t time_ns = 0;  // of the trace's clock
  std::int64_t duration_ns = 0;
  std::uint64_t order = 0;  // in the file
  std::uint32_t name = 0;   // number of the name
  std::uint32_t text_bytes = 0;
  std::uint64_t text_at = 0;  // where its arguments stand among the texts
};
static_assert(sizeof(ChromeRecord) == 48);

class ChromeSpool {
 public:
  static constexpr std::size_t kInMemory = 1u << 19;  // records: 24 MiB
  // `dir`: where temporary files may be made.
  explicit ChromeSpool(std::filesystem::path dir) : dir_(std::move(dir)) {}
  Status Add(ChromeRecord record, std::string_view text);
  // No more are added; they are read by thread, time and nesting from now on.
  Status Sort();
  // False at the end.
  Result<bool> Next(ChromeRecord* record);
  Result<std::string> Text(const ChromeRecord& record);

 private:
  struct FileCloser {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  using File = std::unique_ptr<std::FILE, FileCloser>;
  struct Part {
    std::uint64_t next = 0, end = 0;  // records in the file
    std::vector<ChromeRecord> buffer;
    std::size_t at = 0;
  };
  Result<File> NewFile() const;
  Status Spill();
  Status Refill(Part* part);

  const std::filesystem::path dir_;
  std::vector<ChromeRecord> records_;
  File sorted_, texts_;
  std::uint64_t in_file_ = 0, text_bytes_ = 0;
  std::vector<Part> parts_;
  std::vector<std::size_t> heap_;
};

}  // namespace smiley::daemon
