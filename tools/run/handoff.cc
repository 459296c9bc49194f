#include "tools/run/handoff.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "tools/run/filters.h"

namespace smiley::tools {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kPreload = "LD_PRELOAD=";
constexpr std::string_view kLibrary = "libsmiley_preload.so";
constexpr std::size_t kMaxEntryBytes = 120 * 1024;  // the kernel accepts 128 KiB a string

std::string Escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '%' || c == ';' || byte < 0x20 || byte == 0x7f) {
      constexpr char kHex[] = "0123456789abcdef";
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out;
}

class Entry {
 public:
  // Token, pid and start of the parent process are 0: smiley-run is not part of the run.
  Entry() : text_("SMILEY_RUN=1;0000000000000000;00000000;0000000000000000") {}
  Entry& Add(char key, std::string_view value) {
    text_ += ';';
    text_ += key;
    text_ += '=';
    text_ += Escape(value);
    return *this;
  }
  Entry& AddNumber(char key, std::int64_t value) { return Add(key, std::to_string(value)); }
  Entry& AddAll(char key, const std::vector<std::string>& values) {
    for (const std::string& value : values) Add(key, value);
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// Returns the path, or a link to it if it has characters that LD_PRELOAD cannot quote: spaces, colons, dollars.
Result<std::string> LoadablePath(const std::string& library) {
  if (library.find_first_of(" :$\t\n;") == std::string::npos) return library;
  const std::string folder = "/tmp/smiley-" + std::to_string(getuid());
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return Status::FromErrno(folder, errno);
  struct stat status;
  if (lstat(folder.c_str(), &status) != 0) return Status::FromErrno(folder, errno);
  if (!S_ISDIR(status.st_mode) || status.st_uid != getuid() || (status.st_mode & 022) != 0) {
    return Status(Code::kForeign, folder + " belongs to another user; install smiley under a path without spaces");
  }
  char name[32];
  std::snprintf(name, sizeof name, "%016zx.so", std::hash<std::string>()(library));
  const std::string link = folder + "/" + name;
  std::error_code error;
  if (fs::read_symlink(link, error) == library) return link;
  const std::string fresh = link + "." + std::to_string(getpid());
  if (symlink(library.c_str(), fresh.c_str()) != 0) return Status::FromErrno(fresh, errno);
  if (rename(fresh.c_str(), link.c_str()) != 0) {
    const int saved = errno;
    unlink(fresh.c_str());
    return Status::FromErrno(link, saved);
  }
  return link;
}

// The numbers of SmileyDetail (tracer/config/start_config.h).
int DetailNumber(const std::string& detail) {
  return detail == "calls" ? 1 : detail == "lines" ? 2 : detail == "arguments" ? 4 : 3;
}

}  // namespace

Result<Installation> FindInstallation() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (error) return Status(Code::kIo, "/proc/self/exe cannot be read: is /proc mounted?");
  Installation found;
  found.smiley = self.string();
  for (const char* folder : {"lib/smiley", "lib64/smiley"}) {
    const fs::path dir = self.parent_path().parent_path() / folder;
    if (!fs::exists(dir / kLibrary, error)) continue;
    found.module_dir = dir.string();
    auto library = LoadablePath((dir / kLibrary).string());
    if (!library) return library.status();
    found.library = *library;
    return found;
  }
  return Status(Code::kNotFound, "there is no lib/smiley/" + std::string(kLibrary) + " beside " +
                                     self.parent_path().string() + "; build or install smiley completely");
}

std::vector<std::string> BuiltPythons(const Installation& installation) {
  constexpr std::string_view kPrefix = "_smiley.cpython-";
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(installation.module_dir, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix) || !name.ends_with(".so")) continue;
    const std::string tag = name.substr(kPrefix.size(), name.find('-', kPrefix.size()) - kPrefix.size());
    if (tag.size() < 2) continue;
    found.push_back(tag.substr(0, 1) + "." + tag.substr(1));
  }
  std::sort(found.begin(), found.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  });
  return found;
}

Result<std::vector<std::string>> RecordedEnvironment(char** environment, const RunOptions& options,
                                                     const Handoff& handoff, const shm::Home& home,
                                                     const Installation& installation) {
  Entry entry;
  entry.Add('r', handoff.run).Add('h', home.dir.string()).AddNumber('w', handoff.wall_minus_mono_ns);
  entry.Add('s', installation.smiley).Add('m', installation.module_dir).Add('l', installation.library);
  if (!options.name.empty()) entry.Add('n', options.name);
  if (const char* point = getenv("SMILEY_TEST_POINT")) entry.Add('t', point);
  entry.AddNumber('d', DetailNumber(options.detail));
  entry.AddNumber('f', options.follow ? 1 : 0).AddNumber('o', static_cast<int>(options.on_full));
  if (options.hold) entry.AddNumber('H', 1);
  entry.AddNumber('b', options.block_timeout.count());
  if (options.first_ring_bytes != 0) entry.AddNumber('R', static_cast<std::int64_t>(options.first_ring_bytes));
  if (options.ring_bytes != 0) entry.AddNumber('q', static_cast<std::int64_t>(options.ring_bytes));
  entry.AddAll('i', options.include).AddAll('e', options.exclude).AddAll('c', options.redact);
  if (options.include_stdlib) entry.AddNumber('I', 1);
  if (options.no_site_packages) entry.AddNumber('S', 1);
  if (options.no_redact) entry.AddNumber('N', 1);
  if (options.deep) entry.AddNumber('D', 1);
  if (!options.where.empty()) entry.Add('x', options.where);
  if (options.max_depth != 0) entry.AddNumber('M', options.max_depth);
  if (!options.start_at.empty()) entry.Add('A', options.start_at);
  if (!options.stop_after.empty()) entry.Add('Z', options.stop_after);
  if (options.gc) entry.AddNumber('g', 1);
  if (options.imports) entry.AddNumber('G', 1);
  if (options.logs) entry.AddNumber('k', 1);
  if (options.c_calls) entry.AddNumber('C', 1);
  if (options.explain_filters) entry.Add('E', FiltersFile(home, handoff.run));
  if (!handoff.ledger.empty()) entry.Add('u', handoff.ledger);
  std::string limits;
  for (const std::uint32_t limit : options.limits) limits += (limits.empty() ? "" : ",") + std::to_string(limit);
  entry.Add('L', limits);
  entry.AddAll('O', options.given);
  if (!handoff.stdin_source.empty()) entry.Add('p', handoff.stdin_source);  // must be the last
  if (entry.text().size() > kMaxEntryBytes) {
    return Status(Code::kInvalid,
                  "the options are too long for the system; give fewer --include, --exclude and --redact");
  }

  std::vector<std::string> out;
  std::string preload = std::string(kPreload) + installation.library;
  std::string users;
  for (char** at = environment; *at; ++at) {
    const std::string_view one = *at;
    if (one.starts_with("SMILEY_RUN=")) continue;
    if (one.starts_with(kPreload)) users = one.substr(kPreload.size());
    out.emplace_back(one);
  }
  if (!users.empty()) preload += ":" + users;
  out.push_back(std::move(preload));
  out.push_back(entry.text());
  return out;
}

}  // namespace smiley::tools
