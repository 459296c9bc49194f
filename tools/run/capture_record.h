// Thread rule: Add and Flush of one stream are called by one thread; each stream has its own. Close is called by one
// thread after both.
//
// Records captured text that is not Python's as events. The text belongs to a process of its own in the run (kind
// "capture"), with a thread for each stream; both are created with the first text. Nothing is recorded before the
// first Python process of the run, so that the run begins with that process.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shm/base/home.h"
#include "shm/base/mutex.h"
#include "shm/catalogue.h"
#include "shm/ledger.h"
#include "shm/ring_writer.h"
#include "shm/segment.h"
#include "tools/run/options.h"

namespace smiley::tools {

class CaptureRecord {
 public:
  // `secrets`: texts to mask.
  CaptureRecord(const shm::Home& home, const std::string& run, std::int64_t wall_minus_mono_ns,
                const RunOptions& options, std::vector<std::string> secrets, const shm::Ledger* ledger);
  ~CaptureRecord();
  CaptureRecord(const CaptureRecord&) = delete;
  CaptureRecord& operator=(const CaptureRecord&) = delete;

  // `stream`: 1 or 2.
  void Add(int stream, std::string_view bytes);
  // The stream is quiet: records the pending text, an incomplete character too.
  void Flush(int stream);
  // Both streams have ended: records the pending text even if no Python process was recorded, and ends the threads.
  void Close();

 private:
  struct WaitingText {
    std::string bytes;
    std::uint64_t units;  // of the clock, when the text was captured
  };
  struct Stream {
    std::unique_ptr<shm::RingWriter> writer;
    std::string rest;                  // bytes of an incomplete character
    std::vector<WaitingText> waiting;  // for the first Python process
    std::uint64_t wait_began_ns = 0;   // monotonic time at which waiting for room began; 0 = never
    std::uint64_t wait_seen = 0;       // position up to which the ring was free then
    std::chrono::milliseconds timeout{};
    bool failed = false;  // there is no ring; its text is not recorded
  };
  bool Open(int stream);
  void RecordText(int stream, std::string_view bytes, std::uint64_t units);
  void RecordWaiting(int stream);
  static bool Wait(void* stream);

  shm::SegmentOwner owner_;
  shm::OnFull on_full_;
  std::string detail_;
  std::vector<std::string> secrets_;
  const shm::Ledger* ledger_;
  shm::Mutex mutex_;
  std::unique_ptr<shm::CatalogueWriter> catalogue_ SMILEY_GUARDED_BY(mutex_);
  std::uint32_t threads_ SMILEY_GUARDED_BY(mutex_) = 0;
  bool alone_ = false;  // no Python process will be recorded
  Stream streams_[2];
};

}  // namespace smiley::tools
