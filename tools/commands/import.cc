// smiley-import: reads an exported file into the store.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>

#include "shm/clock.h"
#include "tools/commands/arguments.h"
#include "tools/commands/verbs.h"
#include "tools/link/ask.h"
#include "tools/link/connect.h"
#include "tools/link/link.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

namespace {

struct Closer {
  int fd = -1;
  ~Closer() {
    if (fd > STDERR_FILENO) ::close(fd);
  }
};

// Reads up to `size` bytes. 0: end of the file, -1: failure (errno), -2: Ctrl-C was pressed.
ssize_t ReadSome(int fd, char* bytes, std::size_t size) {
  for (;;) {
    pollfd wait[2] = {{fd, POLLIN, 0}, {InterruptFd(), POLLIN, 0}};
    if (::poll(wait, 2, -1) < 0 && errno != EINTR) return -1;
    if (Interrupted()) return -2;
    if (wait[0].revents == 0) continue;
    const ssize_t n = ::read(fd, bytes, size);
    if (n >= 0 || (errno != EINTR && errno != EAGAIN)) return n;
  }
}

}  // namespace

int ImportMain(int argc, char** argv) {
  std::string path;
  bool json = false;
  Arguments arguments(
      "Imports a run that smiley-export wrote (smiley, jsonl), or a Chrome trace as VizTracer writes it. A damaged "
      "or "
      "incomplete file is rejected; nothing is imported.",
      "smiley-import crash.smiley\n"
      "ssh server smiley-export last | smiley-import   through a pipe\n"
      "smiley-import result.json   a trace that VizTracer recorded");
  arguments.Word("FILE", &path, "the file to import (default, or -: standard input)", false)
      .Flag("--json", &json, "print the run as JSON")
      .Connect();
  if (const auto exit = arguments.Parse(argc, argv)) return *exit;
  if (path == "-") path.clear();
  if (path.empty() && IsTerminal(STDIN_FILENO)) {
    Say("which file? smiley-import FILE, or pipe one in");
    return kExitUsage;
  }
  Closer file;
  file.fd = STDIN_FILENO;
  const std::string shown = path.empty() ? "standard input" : path;
  if (!path.empty()) {
    file.fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file.fd < 0) return Fail(Status::FromErrno("cannot read " + path, errno));
  }
  struct stat about {};
  if (::fstat(file.fd, &about) == 0 && S_ISDIR(about.st_mode)) {
    Say("cannot read " + shown + ": it is a directory");
    return kExitNo;
  }
  const std::uint64_t whole = S_ISREG(about.st_mode) ? static_cast<std::uint64_t>(about.st_size) : 0;
  WatchSignals();
  auto client = OpenTarget();
  if (!client) return Fail(client.status());
  if (const Status status = (*client)->Send("{\"op\":\"import\"}"); !status) return Fail(status);

  Progress progress;
  std::string buffer(256 * 1024, '\0');
  std::uint64_t bytes = 0;
  const std::uint64_t begin_ns = shm::MonotonicNs();
  for (;;) {
    const ssize_t n = ReadSome(file.fd, buffer.data(), buffer.size());
    if (n == -2) return kExitInterrupted;  // the daemon discards the partial import when the connection closes
    if (n < 0) {
      const Status broken = Status::FromErrno("cannot read " + shown, errno);
      // The error of the file is reported, not the daemon's answer to the aborted import.
      static_cast<void>((*client)->SendFramesAbort());
      progress.Clear();
      return Fail(broken);
    }
    const Status sent = n == 0 ? (*client)->SendFramesEnd()
                               : (*client)->SendFrame(std::string_view(buffer.data(), static_cast<std::size_t>(n)));
    if (!sent && sent.code() != Code::kGone) {
      progress.Clear();
      return Fail(sent);
    }
    if (!sent || n == 0) break;  // rejected; the answer says why
    bytes += static_cast<std::uint64_t>(n);
    if (shm::MonotonicNs() - begin_ns > 300'000'000) {
      std::string text = "importing " + shown + ": " + Bytes(bytes);
      if (whole > 0)
        text +=
            " of " + Bytes(whole) + " (" + std::to_string(std::min<std::uint64_t>(100, bytes * 100 / whole)) + " %)";
      progress.Show(text);
    }
  }
  const Result<std::string> answer = (*client)->ReadLine();
  progress.Clear();
  if (!answer) return Fail(answer.status());
  if (const Status status = daemon::StatusOfAnswer(*answer); !status) {
    Say("cannot import " + shown + ": " + status.message());
    return kExitNo;
  }
  const Result<RunView> run = ParseRun(*answer);
  if (!run) return Fail(run.status());
  const bool already = answer->find("\"already\":true") != std::string::npos;
  if (json) {
    Output::Get().Write(*answer + "\n");
    Output::Get().Flush();
  } else if (already) {
    Say("run " + run->id + " is already stored; nothing was imported");
  } else {
    Say("imported run " + run->id + ": " + Plural(run->events, "event", "events") + "; next: smiley-show " + run->id +
        TargetWords());
  }
  return kExitOk;
}

}  // namespace smiley::tools
