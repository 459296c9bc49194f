#include "daemon/store/repair/carve.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "daemon/store/chunk.h"

namespace smiley::daemon {
namespace {

constexpr std::size_t kWindow = 4u << 20;
constexpr std::size_t kSector = 4096;  // skipped where the disk cannot read

class File {
 public:
  explicit File(const std::filesystem::path& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  bool ok() const { return fd_ >= 0; }
  // Appends up to `bytes` from `at` on, zeros for bytes that cannot be read. False: the end of the file.
  bool Append(std::uint64_t at, std::size_t bytes, std::string* out) const {
    const std::size_t old = out->size();
    out->resize(old + bytes);
    ssize_t got;
    do {
      got = pread(fd_, out->data() + old, bytes, static_cast<off_t>(at));
    } while (got < 0 && errno == EINTR);
    if (got < 0) got = static_cast<ssize_t>(std::min(bytes, kSector));  // they are zeros
    out->resize(old + static_cast<std::size_t>(got));
    return got > 0;
  }

 private:
  const int fd_;
};

}  // namespace

Status CarveChunks(const std::filesystem::path& path,
                   const std::function<bool(std::string_view chunk, bool* whole)>& take) {
  const File file(path);
  if (!file.ok()) return Status::FromErrno("cannot open " + path.string(), errno);
  std::string window;
  std::uint64_t begins = 0;  // position of the window in the file
  std::size_t at = 0;
  bool more = true;
  // Reads until the window has `bytes` from `at` on.
  const auto need = [&](std::size_t bytes) {
    while (window.size() - at < bytes && more) {
      if (at >= kWindow) {
        window.erase(0, at);
        begins += at;
        at = 0;
      }
      more = file.Append(begins + window.size(), kWindow, &window);
    }
    return window.size() - at >= bytes;
  };
  while (need(kChunkHeaderBytes)) {
    const void* found = memmem(window.data() + at, window.size() - at, &kChunkMagic, sizeof kChunkMagic);
    if (found == nullptr) {
      at = window.size() - (sizeof kChunkMagic - 1);
      continue;
    }
    at = static_cast<std::size_t>(static_cast<const char*>(found) - window.data());
    bool whole = false;
    if (need(kChunkHeaderBytes)) {
      const std::size_t bytes = ChunkBytes(std::string_view(window).substr(at));
      if (bytes != 0 && need(bytes)) {
        if (!take(std::string_view(window).substr(at, bytes), &whole)) return {Code::kInterrupted, "stopped"};
        if (whole) at += bytes;
      }
    }
    if (!whole) ++at;
  }
  return {};
}

}  // namespace smiley::daemon
