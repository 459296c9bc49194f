#include "tracer/code/filters.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "tracer/code/sources.h"
#include "tracer/values/types.h"

namespace smiley::tracer {
namespace {

// A pattern with *, ? or / is a glob over the path. Any other pattern names a package or module.
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

bool InSitePackages(std::string_view file) {
  return HasComponent(file, "site-packages") || HasComponent(file, "dist-packages");
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
  if (file.empty() || file.front() == '/' || IsStandInFile(file)) return std::string(file);
  return (std::filesystem::path(cwd_) / std::string(file)).lexically_normal().string();
}

bool Filters::Decide(std::string_view name, const Maker& maker, std::string* rule) const {
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
  if (InSitePackages(file)) {
    *rule = "site-packages";
    return !options_->no_site_packages;
  }
  if (LibraryFile(file)) {
    *rule = "standard library";
    return options_->include_stdlib;
  }
  if (maker.known && IsStandInFile(file) && (file == "<string>" || !maker.library)) {
    *rule = "as the code that compiled it";
    return maker.included;
  }
  *rule = "the program's own";
  return true;
}

bool Filters::Includes(PyCodeObject* code, const Maker& maker) const {
  std::string rule;
  const std::string file = Utf8(code->co_filename);
  const bool included = Decide(file, maker, &rule);
  if (!options_->explain.empty() && explained_.insert(file).second) Explain(AbsoluteFile(file), included, rule);
  return included;
}

// Appends a file's decision as one line, which smiley-run shows at the end. One write per line, so that lines of
// several processes do not mix.
void Filters::Explain(const std::string& file, bool included, const std::string& rule) const {
  const int fd = open(options_->explain.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return;
  const std::string line = (included ? "recorded\t" : "left out\t") + rule + "\t" + file + "\n";
  const ssize_t written = write(fd, line.data(), line.size());
  (void)written;  // a missing explanation must not disturb the program
  close(fd);
}

bool Filters::LibraryFile(std::string_view file) const {
  return file.rfind("<frozen ", 0) == 0 || (!stdlib_.empty() && file.rfind(stdlib_, 0) == 0 && !InSitePackages(file));
}

bool Filters::InLibrary(PyCodeObject* code) const { return LibraryFile(AbsoluteFile(Utf8(code->co_filename))); }

Maker Filters::UsualMaker(PyCodeObject* code) const {
  if (PyUnicode_CompareWithASCIIString(code->co_filename, "<string>") != 0) return {};
  const char* module = nullptr;
  if (Utf8(code->co_qualname).rfind("__create_fn__.<locals>.", 0) == 0) {
    module = "dataclasses.py";
  } else if (PyTuple_GET_SIZE(code->co_names) == 1 &&
             PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(code->co_names, 0), "_tuple_new") == 0) {
    module = "collections/__init__.py";  // the constructor of a named tuple
  } else {
    return {};
  }
  std::string rule;
  return {true, Decide(stdlib_ + module, {}, &rule), true};
}

}  // namespace smiley::tracer
