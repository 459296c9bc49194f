#include "shm/base/random.h"

#include <sys/random.h>
#include <sys/types.h>

#include <cerrno>

namespace smiley::shm {

bool FillRandom(void* out, std::size_t size) {
  auto* at = static_cast<unsigned char*>(out);
  while (size > 0) {
    const ssize_t got = getrandom(at, size, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

}  // namespace smiley::shm
