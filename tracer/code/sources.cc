#include "tracer/code/sources.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "tracer/interp/interp.h"
#include "tracer/values/types.h"
#include "tracer/values/utf8.h"

namespace smiley::tracer {
namespace {

constexpr std::size_t kMostBytes = 16u << 20;
constexpr std::size_t kMostCompiled = 65536;

// The source as UTF-8. A source in another encoding names it, and the interpreter's own C codecs decode it.
std::string Decoded(std::string bytes) {
  if (bytes.rfind("\xef\xbb\xbf", 0) == 0) bytes.erase(0, 3);
  if (IsUtf8(bytes)) return bytes;
  const std::string head = bytes.substr(0, 400);
  const std::size_t at = head.find("coding");
  if (at != std::string::npos) {
    std::size_t begin = at + 6;
    while (begin < head.size() && (head[begin] == ':' || head[begin] == '=' || head[begin] == ' ')) ++begin;
    std::size_t end = begin;
    while (end < head.size() &&
           (std::isalnum(static_cast<unsigned char>(head[end])) || std::strchr("-_.", head[end])))
      ++end;
    const std::string name = head.substr(begin, end - begin);
    if (name == "latin-1" || name == "iso-8859-1" || name == "latin1" || name == "iso8859-1" ||
        name == "iso-8859-15" || name == "cp1252") {
      std::string out;
      for (const char c : bytes) {
        const unsigned char u = static_cast<unsigned char>(c);
        if (u < 0x80) {
          out += c;
        } else {
          out += static_cast<char>(0xc0 | (u >> 6));
          out += static_cast<char>(0x80 | (u & 63));
        }
      }
      return out;
    }
  }
  for (char& c : bytes) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  return bytes;
}

// The text that the linecache module has for the file. Shells like IPython compile syntax trees and put the text
// there for tracebacks.
SourceTexts::Text FromLinecache(PyObject* file) {
  PyObject* module = PyDict_GetItemString(PyImport_GetModuleDict(), "linecache");
  if (module == nullptr || !PyModule_Check(module)) return nullptr;
  PyObject* cache = PyDict_GetItemString(PyModule_GetDict(module), "cache");
  if (cache == nullptr || !PyDict_CheckExact(cache)) return nullptr;
  PyObject* entry = smiley_dict_lookup(cache, file);
  if (entry == nullptr || !PyTuple_Check(entry) || PyTuple_GET_SIZE(entry) < 3) return nullptr;
  PyObject* lines = PyTuple_GET_ITEM(entry, 2);
  if (!PyList_CheckExact(lines)) return nullptr;
  std::string text;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(lines) && text.size() < kMostBytes; ++i) {
    PyObject* line = PyList_GET_ITEM(lines, i);
    if (!PyUnicode_Check(line)) return nullptr;
    text += Utf8(line);
  }
  return std::make_shared<const std::string>(std::move(text));
}

// The texts that exec and eval compile and run in this thread, innermost last. Null: there are none.
__attribute__((tls_model("initial-exec"))) thread_local std::vector<SourceTexts::Made>* t_running = nullptr;

std::uint64_t MarkOf(PyCodeObject* code) {
  const std::hash<std::string> hash;
  return (hash(Utf8(code->co_qualname)) * 31 + hash(Utf8(code->co_filename))) * 31 +
         static_cast<std::uint64_t>(code->co_firstlineno);
}

}  // namespace

void SourceTexts::SetProgram(std::string file, std::string text) {
  files_[std::move(file)] = std::make_shared<const std::string>(std::move(text));
}

SourceTexts::Text SourceTexts::ReadFile(const std::string& file) {
  const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) return nullptr;
  struct stat status;
  std::string bytes;
  if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && static_cast<std::size_t>(status.st_size) <= kMostBytes) {
    bytes.resize(static_cast<std::size_t>(status.st_size));
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t n = read(fd, bytes.data() + done, bytes.size() - done);
      if (n <= 0) break;
      done += static_cast<std::size_t>(n);
    }
    bytes.resize(done);
  }
  close(fd);
  // Some code objects name a compiled or binary file, which is no source.
  if (bytes.find('\0') != std::string::npos) return nullptr;
  return std::make_shared<const std::string>(Decoded(std::move(bytes)));
}

SourceTexts::Running::Running(Made made) {
  if (t_running == nullptr) t_running = new std::vector<Made>;
  depth_ = t_running->size();
  t_running->push_back(std::move(made));
}

SourceTexts::Running::~Running() {
  if (t_running == nullptr) return;
  if (t_running->size() > depth_) t_running->resize(depth_);
  if (depth_ == 0) {
    delete t_running;
    t_running = nullptr;
  }
}

void SourceTexts::Remember(PyObject* code, const Made& made) {
  if (!PyCode_Check(code)) return;
  if (compiled_.size() >= kMostCompiled) compiled_.clear();
  PyCodeObject* object = reinterpret_cast<PyCodeObject*>(code);
  compiled_[object] = {made, MarkOf(object)};
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(object->co_consts); ++i)
    Remember(PyTuple_GET_ITEM(object->co_consts, i), made);
}

bool SourceTexts::Take(PyCodeObject* code, Made* made) {
  const auto it = compiled_.find(code);
  if (it == compiled_.end()) return false;
  const bool same = it->second.mark == MarkOf(code);
  if (same) *made = std::move(it->second.made);
  compiled_.erase(it);
  return same;
}

SourceTexts::Made SourceTexts::TakeRunning(PyCodeObject* code) {
  if (t_running == nullptr || t_running->empty() || !IsStandInFile(Utf8(code->co_filename))) return {};
  const Made made = t_running->back();
  if (made.text == nullptr && !made.maker.known) return {};
  Remember(reinterpret_cast<PyObject*>(code), made);
  compiled_.erase(code);
  return made;
}

SourceTexts::Text SourceTexts::OfFile(PyCodeObject* code, const std::string& file) {
  auto [it, fresh] = files_.try_emplace(file);
  if (fresh && !IsStandInFile(file)) it->second = ReadFile(file);
  if (fresh && it->second == nullptr && PyUnicode_CheckExact(code->co_filename))
    it->second = FromLinecache(code->co_filename);
  return it->second;
}

}  // namespace smiley::tracer
