#include "daemon/server/web_door.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "daemon/protocol/hex.h"
#include "daemon/protocol/remote_access.h"
#include "shm/base/random.h"
#include "shm/base/requires.h"

namespace smiley::daemon {
namespace {

constexpr std::size_t kTokenBytes = 32, kCodeBytes = 16;

// `bytes` random bytes as hex; empty: the kernel gave none.
std::string MakeRandomHex(std::size_t bytes) {
  unsigned char random[kTokenBytes];
  if (!shm::FillRandom(random, bytes)) return {};
  return FormatHex(random, bytes);
}

// Creates an owner-only file; never follows a link.
Status WriteFile(const std::filesystem::path& path, std::string_view bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return Status::FromErrno("cannot create " + path.string(), errno);
  const ssize_t written = ::write(fd, bytes.data(), bytes.size());
  const int error = written < 0 ? errno : ENOSPC;
  ::close(fd);
  if (written == static_cast<ssize_t>(bytes.size())) return Status::Ok();
  ::unlink(path.c_str());
  return Status::FromErrno("cannot write " + path.string(), error);
}

std::string ReadSmallFile(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return {};
  char bytes[256];
  const ssize_t got = ::read(fd, bytes, sizeof bytes);
  ::close(fd);
  return got > 0 ? std::string(bytes, static_cast<std::size_t>(got)) : std::string();
}

bool IsPlainPath(std::string_view path) {
  return path.size() <= 200 && std::all_of(path.begin(), path.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  std::string_view("/:-_.~").find(c) != std::string_view::npos;
         });
}

}  // namespace

std::filesystem::path WebDoor::SavedPath() const { return home_.dir / "web"; }
std::filesystem::path WebDoor::FolderPath() const { return home_.dir / "open"; }

WebDoor::WebDoor(const shm::Home& home) : home_(home) {
  std::error_code ignored;
  std::filesystem::remove_all(FolderPath(), ignored);
  // "PORT TOKEN\n"
  const std::string saved = ReadSmallFile(SavedPath());
  const std::size_t space = saved.find(' ');
  if (space == std::string::npos) return;
  const long port = std::strtol(saved.c_str(), nullptr, 10);
  const std::string_view token = std::string_view(saved).substr(space + 1, 2 * kTokenBytes);
  if (port < 1 || port > 65535 || !IsHex(token, 2 * kTokenBytes)) return;
  saved_port_ = static_cast<std::uint16_t>(port);
  token_ = token;
}

WebDoor::~WebDoor() {
  std::error_code ignored;
  std::filesystem::remove_all(FolderPath(), ignored);
}

Status WebDoor::Open(const std::string& host, std::uint16_t port) {
  host_ = host;
  port_ = port;
  if (port == saved_port_ && !token_.empty()) return Status::Ok();
  token_ = MakeRandomHex(kTokenBytes);
  if (token_.empty()) return Status(smiley::Code::kIo, "the kernel gave no random numbers (getrandom): try again");
  const std::filesystem::path next = home_.dir / "web.new";
  ::unlink(next.c_str());
  if (Status status = WriteFile(next, std::to_string(port) + " " + token_ + "\n"); !status) return status;
  if (::rename(next.c_str(), SavedPath().c_str()) != 0) {
    return Status::FromErrno("cannot write " + SavedPath().string(), errno);
  }
  saved_port_ = port;
  return Status::Ok();
}

std::string WebDoor::Authority() const {
  const bool six = host_.find(':') != std::string::npos;
  return (six ? "[" + host_ + "]" : host_) + ":" + std::to_string(port_);
}

Result<WebInvitation> WebDoor::Invite(std::string_view path, Clock::time_point now) {
  SMILEY_REQUIRES(!token_.empty() && port_ != 0);
  if (!IsPlainPath(path))
    return Status(smiley::Code::kInvalid, "'path' must be a part of the page, like run/k7p3x9aa");
  Tidy(now);
  while (codes_.size() >= kMaxCodes) {
    const auto oldest = std::min_element(codes_.begin(), codes_.end(),
                                         [](const auto& a, const auto& b) { return a.second.end < b.second.end; });
    ::unlink(oldest->second.file.c_str());
    codes_.erase(oldest);
  }
  const std::string code = MakeRandomHex(kCodeBytes);
  const std::string name = MakeRandomHex(4);
  if (code.empty() || name.empty())
    return Status(smiley::Code::kIo, "the kernel gave no random numbers (getrandom): try again");
  WebInvitation invitation;
  invitation.lifetime = kCodeLifetime;
  invitation.url = "http://" + Authority() + "/#code=" + code;
  if (!path.empty()) invitation.url += "/" + std::string(path);
  const std::filesystem::path folder = FolderPath();
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return Status::FromErrno("cannot create " + folder.string(), errno);
  }
  const std::filesystem::path file = folder / (name + ".html");
  // The address needs no escaping: it has digits, letters and the characters of IsPlainPath only.
  const std::string page =
      "<!doctype html><meta charset=\"utf-8\"><meta name=\"referrer\" content=\"no-referrer\">"
      "<meta http-equiv=\"refresh\" content=\"0;url=" +
      invitation.url +
      "\"><title>smiley</title>"
      "<p><a href=\"" +
      invitation.url + "\">Open smiley</a></p>\n";
  if (Status status = WriteFile(file, page); !status) return status;
  invitation.file = file.string();
  codes_[code] = {now + kCodeLifetime, file};
  return invitation;
}

Result<std::string> WebDoor::Exchange(std::string_view code, Clock::time_point now) {
  Tidy(now);
  const auto found = codes_.find(code);
  if (found == codes_.end()) {
    return Status(smiley::Code::kPermission,
                  "this address was used before or has expired: smiley-web makes a new one");
  }
  ::unlink(found->second.file.c_str());
  codes_.erase(found);
  return token_;
}

bool WebDoor::IsToken(std::string_view token) const { return !token_.empty() && SameSecret(token, token_); }

WebDoor::Clock::time_point WebDoor::Tidy(Clock::time_point now) {
  Clock::time_point next = Clock::time_point::max();
  for (auto at = codes_.begin(); at != codes_.end();) {
    if (at->second.end <= now) {
      ::unlink(at->second.file.c_str());
      at = codes_.erase(at);
    } else {
      next = std::min(next, at->second.end);
      ++at;
    }
  }
  return next;
}

}  // namespace smiley::daemon
