#include "shm/base/status.h"

#include <cerrno>
#include <system_error>

namespace smiley {
namespace {

Code CodeOf(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return Code::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP:
      return Code::kPermission;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case ENOMEM:
      return Code::kNoSpace;
    case EAGAIN:
    case EBUSY:
    case EEXIST:
    case EADDRINUSE:
      return Code::kBusy;
    case ESRCH:
    case EPIPE:
    case ECONNRESET:
    case ECONNREFUSED:
      return Code::kGone;
    case EINTR:
      return Code::kInterrupted;
    case EINVAL:
    case ENAMETOOLONG:
      return Code::kInvalid;
    default:
      return Code::kIo;
  }
}

}  // namespace

Status Status::FromErrno(const std::string& what, int saved_errno) {
  return {CodeOf(saved_errno), what + ": " + std::generic_category().message(saved_errno)};
}

}  // namespace smiley
