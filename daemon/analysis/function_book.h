// Thread rule: a FunctionBook belongs to one thread at a time.
//
// Numbers the functions of one run, for all its processes. A function is identified by file, name and first line.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/run/archive.h"

namespace smiley::daemon {

struct Function {
  std::string file;  // empty = built in, or not known
  std::string name;
  std::uint32_t line = 0;    // first line; 0 = built in, or not known
  std::uint32_t source = 0;  // 0 = not known
  bool built_in() const { return file.empty() && line == 0; }
};

class FunctionBook {
 public:
  // The number of the function with this catalogue id.
  std::uint32_t NumberCode(const Names& names, std::uint32_t process, std::uint32_t code);
  // The number of the C function whose name has this catalogue id.
  std::uint32_t NumberBuiltIn(const Names& names, std::uint32_t process, std::uint32_t name);
  std::uint32_t Number(Function function);
  const Function& at(std::uint32_t number) const { return functions_[number]; }
  std::size_t size() const { return functions_.size(); }

 private:
  static constexpr std::uint32_t kUnknown = UINT32_MAX;
  std::uint32_t& SlotOf(std::vector<std::uint32_t>* ids, std::uint32_t id);
  struct Process {
    std::vector<std::uint32_t> codes, built_in;  // by catalogue id
  };
  std::unordered_map<std::uint32_t, Process> processes_;
  std::deque<Function> functions_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
};

}  // namespace smiley::daemon
