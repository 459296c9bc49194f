// Thread rule: set before recording starts, read-only afterwards; call with the GIL held.
//
// Where recording begins and ends: --start-at FUNCTION|FILE:LINE and --stop-after N|FUNCTION|FILE:LINE. A FUNCTION is
// a qualified name or its last parts; recording starts when it is called and stops when it was left. A FILE is a path
// or its last parts. After N events of one thread recording stops.
//
// Control also marks the functions of the standard library that hand out a log record (--log) or begin and end a
// thread.
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
  std::uint64_t stop_events() const { return stop_.events; }  // 0: no limit
  // Sets the members of *info that say where recording begins and ends in this code object.
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
