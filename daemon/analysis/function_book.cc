#include "daemon/analysis/function_book.h"

#include <algorithm>

namespace smiley::daemon {

std::uint32_t& FunctionBook::SlotOf(std::vector<std::uint32_t>* ids, std::uint32_t id) {
  if (id >= ids->size()) ids->resize(std::max<std::size_t>(id + 1, ids->size() * 2), kUnknown);
  return (*ids)[id];
}

std::uint32_t FunctionBook::NumberCode(const Names& names, std::uint32_t process, std::uint32_t code) {
  std::uint32_t& known = SlotOf(&processes_[process].codes, code);
  if (known != kUnknown) return known;
  if (const CodeRecord* info = names.FindCode(code)) {
    return known = Number({info->file, info->function, info->first_line, info->source});
  }
  return Number({"", "<unknown>", 0, 0});  // a running process may still record the name
}

std::uint32_t FunctionBook::NumberBuiltIn(const Names& names, std::uint32_t process, std::uint32_t name) {
  std::uint32_t& known = SlotOf(&processes_[process].built_in, name);
  if (known != kUnknown) return known;
  const std::string* text = names.FindString(name);
  if (text == nullptr) return Number({"", "<unknown>", 0, 0});
  return known = Number({"", *text, 0, 0});
}

std::uint32_t FunctionBook::Number(Function function) {
  std::string key = function.file + '\0' + std::to_string(function.line) + '\0' + function.name;
  const auto [at, added] = numbers_.emplace(std::move(key), static_cast<std::uint32_t>(functions_.size()));
  if (added) functions_.push_back(std::move(function));
  return at->second;
}

}  // namespace smiley::daemon
