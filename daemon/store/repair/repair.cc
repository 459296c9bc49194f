#include "daemon/store/repair/repair.h"

#include <fcntl.h>
#include <stdio.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <optional>

#include "daemon/store/repair/rebuild.h"
#include "daemon/store/store.h"

namespace smiley::daemon {
namespace {

namespace fs = std::filesystem;

fs::path Beside(const fs::path& dir, const std::string& suffix) {
  fs::path path = dir;
  if (!path.has_filename()) path = path.parent_path();
  return path += suffix;
}

std::uint64_t BytesIn(const fs::path& dir) {
  std::uint64_t total = 0;
  std::error_code error;
  for (fs::directory_iterator at(dir, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    const auto size = at->is_regular_file(ignored) ? at->file_size(ignored) : 0;
    if (!ignored && at->path().filename() != SpaceGuard::kBallastName) total += size;
  }
  return total;
}

// Directories that exist while a store is repaired, and are removed however the repair ends.
class Scratch {
 public:
  explicit Scratch(fs::path path) : path_(std::move(path)) { Remove(); }
  ~Scratch() { Remove(); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const fs::path& path() const { return path_; }

 private:
  void Remove() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path path_;
};

// The findings of a check of the store; nullopt: the store cannot be opened.
std::optional<std::vector<std::string>> Look(const fs::path& dir, Status* why) {
  Store::Options options;
  options.dir = dir;
  options.read_only = true;
  auto store = Store::Open(options);
  if (!store.ok()) {
    *why = store.status();
    return std::nullopt;
  }
  std::vector<std::string> findings;
  *why = (*store)->Check(std::nullopt, &findings);
  return findings;
}

fs::path FreeName(const fs::path& dir) {
  char stamp[32];
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &parts);
  fs::path name = Beside(dir, std::string(".damaged-") + stamp);
  std::error_code ignored;
  for (int i = 2; fs::exists(name, ignored); ++i)
    name = Beside(dir, std::string(".damaged-") + stamp + "-" + std::to_string(i));
  return name;
}

// Moves the store at `dir` to `kept`, and `made` to `dir`. Where the file system can exchange names, there is a store
// at `dir` at every moment.
Status Exchange(const fs::path& made, const fs::path& dir, const fs::path& kept) {
  const std::string what = "cannot move the repaired store to " + dir.string();
  if (rename(made.c_str(), kept.c_str()) != 0) return Status::FromErrno(what, errno);
  if (renameat2(AT_FDCWD, kept.c_str(), AT_FDCWD, dir.c_str(), RENAME_EXCHANGE) == 0) return {};
  int error = errno;
  if (rename(kept.c_str(), made.c_str()) != 0) return Status::FromErrno(what, errno);
  if (error != EINVAL && error != ENOSYS) return Status::FromErrno(what, error);
  if (rename(dir.c_str(), kept.c_str()) != 0) return Status::FromErrno(what, errno);
  if (rename(made.c_str(), dir.c_str()) == 0) return {};
  error = errno;
  (void)rename(kept.c_str(), dir.c_str());
  return Status::FromErrno(what, error);
}

}  // namespace

Result<RepairReport> RepairStore(const RepairOptions& options) {
  const auto say = [&options](const std::string& what) { return !options.progress || options.progress(what); };
  const fs::path& dir = options.dir;
  RepairReport report;
  const Scratch work(Beside(dir, ".repair-work")), made(Beside(dir, ".repair-new"));
  auto salvage = DbSalvage::Open(dir, work.path());
  if (!salvage.ok()) return salvage.status();
  if (!say("checking")) return Status(Code::kInterrupted, "stopped");
  if ((*salvage)->opened_whole()) {
    Status why;
    if (const auto findings = Look(work.path(), &why)) {
      report.findings = *findings;
      if (why.ok()) {
        report.sound = true;
        return report;
      }
    } else if (why.code() == Code::kVersion) {
      return why;
    } else {
      report.findings.push_back(why.message());
    }
  }
  SpaceGuard guard(dir.parent_path(), options.reserve_bytes);
  if (const Status room = guard.Admit(BytesIn(dir)); !room.ok()) {
    return Status(Code::kNoSpace, "the repaired store needs room beside the damaged one: " + room.message());
  }
  {
    std::error_code error;
    fs::create_directories(made.path(), error);
    fs::permissions(made.path(), fs::perms::owner_all, error);
    auto to = StoreDb::Open(made.path(), false);
    if (!to.ok()) return to.status();
    Rebuild rebuild(salvage->get(), to->get(), &guard, say);
    if (const Status status = rebuild.Make(&report); !status.ok()) return status;
    if (const Status status = (*to)->Flush(); !status.ok()) return status;
  }
  report.findings.insert(report.findings.end(), (*salvage)->findings().begin(), (*salvage)->findings().end());
  salvage->reset();
  if (!say("checking the new store")) return Status(Code::kInterrupted, "stopped");
  Status why;
  const auto findings = Look(made.path(), &why);
  if (!why.ok()) {
    return Status(Code::kDamaged, "the store cannot be repaired: the new store is not sound (" +
                                      (findings && !findings->empty() ? findings->front() : why.message()) + ")");
  }
  report.damaged = FreeName(dir);
  if (const Status status = Exchange(made.path(), dir, report.damaged); !status.ok()) return status;
  return report;
}

}  // namespace smiley::daemon
