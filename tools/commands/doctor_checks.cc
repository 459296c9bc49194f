#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "shm/base/home.h"
#include "shm/clock.h"
#include "shm/segment.h"
#include "tools/commands/doctor.h"
#include "tools/link/link.h"
#include "tools/run/options.h"
#include "tools/run/python.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

namespace {

using State = Finding::State;
constexpr std::uint64_t kShmWanted = 16u << 20;  // bytes for a first ring, some threads and a catalogue
constexpr std::uint64_t kStoreWanted = 1u << 30;

std::uint64_t FreeBytes(const std::string& path) {
  struct statvfs status;
  if (statvfs(path.c_str(), &status) != 0) return 0;
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

std::string Join(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

Finding Pythons(const Installation& installation) {
  const std::vector<std::string> built = BuiltPythons(installation);
  if (built.empty()) {
    return {"tracers", State::kProblem, "no tracer is built for any Python",
            "install python3-dev and build smiley again"};
  }
  return {"tracers", State::kOk, "for Python " + Join(built), ""};
}

Finding DefaultPython(const Installation& installation) {
  RunOptions options;
  options.kind = ProgramKind::kCode;
  options.program = {"-c", "pass"};
  std::string failed;
  const Prepared prepared = PrepareProgram(options, installation, &failed);
  if (prepared.exit_code != 0)
    return {"python", State::kWarning, failed, "choose another with smiley-run --python PYTHON"};
  return {"python", State::kOk, "smiley-run uses " + prepared.program.path, ""};
}

Finding SharedMemory() {
  struct stat status;
  if (stat("/dev/shm", &status) != 0 || !S_ISDIR(status.st_mode) || access("/dev/shm", W_OK) != 0) {
    return {"shm", State::kWarning,
            "/dev/shm is missing or not writable; rings are files in smiley's home, which is slower",
            "mount a tmpfs there (in containers: --shm-size)"};
  }
  const std::uint64_t free = FreeBytes("/dev/shm");
  if (free < kShmWanted) {
    return {"shm", State::kWarning,
            Bytes(free) + " free in /dev/shm; rings beyond half of it are files in smiley's home",
            "enlarge /dev/shm (in containers: --shm-size=256m), or remove other files from it"};
  }
  return {"shm", State::kOk, Bytes(free) + " free in /dev/shm", ""};
}

Finding Kernel() {
  utsname name;
  uname(&name);
  const std::string kernel = std::string(name.sysname) + " " + name.release;
  const long fd = syscall(SYS_pidfd_open, getpid(), 0);
  if (fd < 0) {
    return {"kernel", State::kProblem, kernel + " has no pidfd_open; the end of programs cannot be noticed",
            "smiley needs Linux 5.3 or newer, and a container that allows this call"};
  }
  close(static_cast<int>(fd));
  rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur < 256) {
    return {"kernel", State::kWarning,
            kernel + ", but only " + std::to_string(files.rlim_cur) + " open files are allowed", "ulimit -n 1024"};
  }
  return {"kernel", State::kOk, kernel, ""};
}

Finding ClockUsed() {
  if (shm::Clock::Detect().source == shm::ClockSource::kTsc)
    return {"clock", State::kOk, "the processor's counter", ""};
  return {
      "clock", State::kOk,
      "the system's monotonic clock, because the kernel does not trust the processor's counter; events cost a little "
      "more",
      ""};
}

Finding DaemonAnswers(const shm::Home& home) {
  if (!shm::DaemonHoldsLock(home)) {
    return {"daemon", State::kOk, "not running; smiley starts it when it is needed", ""};
  }
  auto client = daemon::Client::Connect(home, {});
  if (!client)
    return {"daemon", State::kProblem, "runs, but does not answer: " + client.status().message(),
            "smiley-daemon restart; its log is " + home.LogPath().string()};
  if (const Status version = CheckVersion(client->get()); !version)
    return {"daemon", State::kProblem, version.message(), "smiley-daemon restart"};
  return {"daemon", State::kOk, "running", ""};
}

Finding Store(const shm::Home& home) {
  const std::uint64_t free = FreeBytes(home.dir.string());
  const std::string where = home.dir.string();
  if (free < kStoreWanted) {
    return {"store", State::kWarning, Bytes(free) + " free for the store in " + where,
            "delete runs with smiley-delete, or set SMILEY_HOME to another directory"};
  }
  return {"store", State::kOk, Bytes(free) + " free in " + where, ""};
}

Finding Leftovers(const shm::Home& home) {
  const std::size_t count = shm::Segment::List(home).size();
  if (count == 0 || shm::DaemonHoldsLock(home))
    return {"segments", State::kOk, Plural(count, "segment", "segments"), ""};
  return {"segments", State::kWarning, Plural(count, "segment waits", "segments wait") + " to be stored",
          "store them with smiley-daemon start"};
}

}  // namespace

std::vector<Finding> ExamineInstallation() {
  std::vector<Finding> out;
  const auto installation = FindInstallation();
  if (installation) {
    out.push_back({"installation", State::kOk, installation->smiley + ", " + installation->module_dir, ""});
    out.push_back(Pythons(*installation));
    out.push_back(DefaultPython(*installation));
  } else {
    out.push_back({"installation", State::kProblem, installation.status().message(),
                   "build smiley with cmake, or install it with cmake --install"});
  }
  out.push_back(Kernel());
  out.push_back(ClockUsed());
  out.push_back(SharedMemory());
  const auto home = shm::Home::Open();
  if (!home) {
    out.push_back({"home", State::kProblem, home.status().message(), "set SMILEY_HOME to a directory of your own"});
    return out;
  }
  out.push_back({"home", State::kOk, home->dir.string(), ""});
  out.push_back(DaemonAnswers(*home));
  out.push_back(Store(*home));
  out.push_back(Leftovers(*home));
  return out;
}

}  // namespace smiley::tools
