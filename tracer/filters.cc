#include "tracer/filters.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "tracer/types.h"

namespace smiley::tracer {
namespace {

bool IsStandIn(std::string_view file) { return file.size() >= 2 && file.front() == '<' && file.back() == '>'; }

// PATTERN with * ? or / is a glob over the path; anything else names a package or module.
bool PatternMatches(std::string_view pattern, std::string_view file) {
  if (pattern.find_first_of("*?/") != std::string_view::npos) {
    if (shm::GlobMatches(pattern, file)) return true;
    return pattern.front() != '/' && pattern.front() != '*' && shm::GlobMatches("*/" + std::string(pattern), file);
  }
  std::string part = "/";
  for (const char c : pattern) part += c == '.' ? '/' : c;
  const std::string folder = part + "/";
  const std::string module = part + ".py";
  return file.find(folder) != std::string_view::npos ||
         (file.size() >= module.size() && file.substr(file.size() - module.size()) == module) || file == pattern;
}

bool HasComponent(std::string_view file, std::string_view component) {
  return file.find("/" + std::string(component) + "/") != std::string_view::npos;
}

}  // namespace

std::string StandardLibraryDirectory() {
  PyObject* os = PyDict_GetItemString(PyImport_GetModuleDict(), "os");
  if (os == nullptr || !PyModule_Check(os)) return {};
  PyObject* file = PyDict_GetItemString(PyModule_GetDict(os), "__file__");
  if (file == nullptr || !PyUnicode_Check(file)) return {};
  std::string path = Utf8(file);
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash + 1);
}

Filters::Filters(const Options* options, std::string stdlib, std::string cwd)
    : options_(options), stdlib_(std::move(stdlib)), cwd_(std::move(cwd)) {}

std::string Filters::AbsoluteFile(std::string_view file) const {
  if (file.empty() || file.front() == '/' || IsStandIn(file)) return std::string(file);
  return (std::filesystem::path(cwd_) / std::string(file)).lexically_normal().string();
}

bool Filters::Decide(std::string_view name, std::string* rule) const {
  const std::string file = AbsoluteFile(name);
  if (!own_.empty() && file.rfind(own_, 0) == 0) {
    *rule = "smiley's own";
    return false;
  }
  for (const std::string& pattern : options_->exclude) {
    if (PatternMatches(pattern, file)) {
      *rule = "--exclude " + pattern;
      return false;
    }
  }
  for (const std::string& pattern : options_->include) {
    if (PatternMatches(pattern, file)) {
      *rule = "--include " + pattern;
      return true;
    }
  }
  if (HasComponent(file, "site-packages") || HasComponent(file, "dist-packages")) {
    *rule = "site-packages";
    return !options_->no_site_packages;
  }
  const bool frozen = file.rfind("<frozen ", 0) == 0;
  if (frozen || (!stdlib_.empty() && file.rfind(stdlib_, 0) == 0)) {
    *rule = "standard library";
    return options_->include_stdlib;
  }
  *rule = "the program's own";
  return true;
}

bool Filters::Includes(PyCodeObject* code) const {
  std::string rule;
  const std::string file = Utf8(code->co_filename);
  const bool included = Decide(file, &rule);
  if (!options_->explain.empty() && explained_.insert(file).second) Explain(AbsoluteFile(file), included, rule);
  return included;
}

// A line a file, for smiley-run to show at the end. Each is written whole, whatever process writes.
void Filters::Explain(const std::string& file, bool included, const std::string& rule) const {
  const int fd = open(options_->explain.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return;
  const std::string line = (included ? "recorded\t" : "left out\t") + rule + "\t" + file + "\n";
  const ssize_t written = write(fd, line.data(), line.size());
  (void)written;  // an explanation more or less must not disturb the program
  close(fd);
}

}  // namespace smiley::tracer
