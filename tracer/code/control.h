// Thread rule: set before recording starts, read-only afterwards; call with the GIL held.
//
// Where recording begins and ends: --start-at FUNCTION|FILE:LINE and --stop-after N|FUNCTION|FILE:LINE. A FUNCTION is
// a qualified name or the last part of one; it starts with its call and stops when it has been left. A FILE is a path
// or its last parts. N is a number of events: recording stops when a thread has told so many. Also which functions of
// the standard library mean something to recording: where a log record is handed out (--log), where a thread begins
// and ends.
#pragma once

#include <Python.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace smiley::tracer {

struct CodeInfo;

class Control {
 public:
  void Set(const std::string& start_at, const std::string& stop_after, bool logs);
  bool has_start() const { return start_.given(); }
  std::uint64_t stop_events() const { return stop_.events; }  // 0: no such limit
  // What the code object has to do with it.
  void Mark(PyCodeObject* code, CodeInfo* info) const;

 private:
  struct Point {
    std::string function, file;
    std::uint32_t line = 0;
    std::uint64_t events = 0;
    bool given() const { return !function.empty() || line != 0 || events != 0; }
    bool IsFunction(std::string_view name) const;
    bool IsFile(std::string_view name) const;
  };
  static Point Parse(const std::string& text);
  Point start_, stop_;
  bool logs_ = false;
};

}  // namespace smiley::tracer
