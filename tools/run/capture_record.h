// Thread rule: Text and Quiet of one stream from one thread; two streams have two threads.
//
// Makes events of what was captured beside Python: a process of the run of its own (kind "capture") with a thread for
// each stream, made when there is something to tell. Nothing is told before the first Python process of the run is
// recorded, so that the run begins with that one.
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
  // `run`: the run's id. `secrets`: texts that are masked.
  CaptureRecord(const shm::Home& home, const std::string& run, std::int64_t wall_minus_mono_ns,
                const RunOptions& options, std::vector<std::string> secrets, const shm::Ledger* ledger);
  ~CaptureRecord();
  CaptureRecord(const CaptureRecord&) = delete;
  CaptureRecord& operator=(const CaptureRecord&) = delete;

  void Text(int stream, std::string_view bytes);
  // Nothing comes at the moment: what was held back (half a character, what came before the run began) is told.
  void Quiet(int stream);
  // No more will come at all, from one thread: what no recorded program was there for is told, too.
  void Close();

 private:
  struct Piece {
    std::string bytes;
    std::uint64_t units;
  };
  struct Stream {
    std::unique_ptr<shm::RingWriter> writer;
    std::string rest;            // the beginning of a character
    std::vector<Piece> waiting;  // for a run
    std::uint64_t wait_began_ns = 0, wait_seen = 0;
    std::chrono::milliseconds timeout{};
    bool failed = false;
  };
  bool Open(int stream);
  void Tell(int stream, std::string_view bytes, std::uint64_t units);
  void TellWaiting(int stream);
  static bool Wait(void* stream);

  shm::SegmentOwner owner_;
  shm::OnFull on_full_;
  std::string detail_;
  std::vector<std::string> secrets_;
  const shm::Ledger* ledger_;
  shm::Mutex mutex_;
  std::unique_ptr<shm::CatalogueWriter> catalogue_ SMILEY_GUARDED_BY(mutex_);
  std::uint32_t threads_ SMILEY_GUARDED_BY(mutex_) = 0;
  bool alone_ = false;  // no Python will come
  Stream streams_[2];
};

}  // namespace smiley::tools
