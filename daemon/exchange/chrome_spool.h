// Thread rule: a ChromeSpool belongs to one thread at a time.
//
// Sorts the events of a trace of any size. Events are kept in memory up to a bound. Beyond it they are sorted in
// parts in a temporary file without a name, and merged when they are read.
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
  std::int64_t time_ns = 0;  // by the trace's clock
  std::int64_t duration_ns = 0;
  std::uint64_t order = 0;  // number of the event in the trace
  std::uint32_t name = 0;   // number of the name
  std::uint32_t text_bytes = 0;
  std::uint64_t text_at = 0;  // offset of its arguments in the file of texts
};
static_assert(sizeof(ChromeRecord) == 48);

class ChromeSpool {
 public:
  static constexpr std::size_t kInMemory = 1u << 19;  // records: 24 MiB
  // `dir`: the folder for temporary files.
  explicit ChromeSpool(std::filesystem::path dir) : dir_(std::move(dir)) {}
  Status Add(ChromeRecord record, std::string_view text);
  // Ends the adding. Next then reads the events by thread, time and nesting.
  Status Sort();
  // False: the end.
  Result<bool> Next(ChromeRecord* record);
  Result<std::string> Text(const ChromeRecord& record);

 private:
  struct FileCloser {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  using File = std::unique_ptr<std::FILE, FileCloser>;
  struct Part {
    std::uint64_t next = 0, end = 0;  // record numbers in the file
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
