// A fuzz target: imports any bytes, whole and in portions. Frames of the right shape get right checksums first, so
// that the code behind the check is reached. A refused import must leave nothing in the store.
#include "daemon/exchange/import.h"

#include <xxhash.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "daemon/core.h"
#include "daemon/exchange/export.h"
#include "daemon/exchange/smiley_frames.h"

using namespace smiley;
using namespace smiley::daemon;

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

struct Bench {
  std::filesystem::path dir;
  std::unique_ptr<DaemonCore> core;
  Bench() {
    char name[] = "/tmp/smiley-fuzz-XXXXXX";
    dir = ::mkdtemp(name);
    auto home = shm::Home::OpenAt(dir / "home");
    Require(home.ok());
    DaemonCore::Options options;
    options.reserve_bytes = 0;
    auto started = DaemonCore::Start(*home, options);
    Require(started.ok());
    core = std::move(*started);
  }
  ~Bench() {
    core.reset();
    std::error_code ignored;
    std::filesystem::remove_all(dir, ignored);
  }
};

std::string WithCheckSums(std::string bytes) {
  std::size_t at = kExportHeaderBytes;
  while (bytes.size() >= at + kFrameHeaderBytes) {
    std::uint32_t type = 0, length = 0;
    std::memcpy(&type, bytes.data() + at, 4);
    std::memcpy(&length, bytes.data() + at + 4, 4);
    const std::size_t end = at + kFrameHeaderBytes + length;
    if (length > bytes.size() || end + kFrameCheckBytes > bytes.size()) break;
    if (type == static_cast<std::uint32_t>(FrameType::kChunk) && length > 8) {
      const std::uint64_t chunk = XXH3_64bits(bytes.data() + at + kFrameHeaderBytes, length - 8);
      std::memcpy(bytes.data() + end - 8, &chunk, 8);
    }
    const std::uint64_t check = XXH3_64bits(bytes.data() + at, end - at);
    std::memcpy(bytes.data() + end, &check, 8);
    at = end + kFrameCheckBytes;
  }
  return bytes;
}

void Import(const Services& services, std::string_view bytes, std::size_t portion) {
  Result<Importer::Outcome> outcome = Status(Code::kInvalid, "");
  {
    Importer importer(services.archive, services.store, services.home.dir);
    Status status;
    while (!bytes.empty() && status.ok()) {
      const std::string_view part = bytes.substr(0, portion);
      status = importer.Feed(part);
      bytes.remove_prefix(part.size());
    }
    if (status.ok()) outcome = importer.Finish();
  }
  if (outcome.ok()) {
    for (const char* format : {"smiley", "jsonl"}) {
      auto producer = MakeExport(services.archive, outcome->run.id, format);
      Require(producer.ok());
      std::string out;
      for (;;) {
        out.clear();
        auto next = (*producer)->Step(&out);
        if (!next.ok() || *next == Producer::Next::kDone) break;
      }
    }
    Require(services.store.DeleteRun(outcome->run.id).ok());
  }
  Require(services.archive.Runs().empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Bench bench;
  static const Services services = bench.core->services();
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  Import(services, bytes, bytes.size());
  Import(services, WithCheckSums(bytes), 100);
  return 0;
}
