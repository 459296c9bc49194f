// Thread rule: plain values; ForEachAnswer belongs to the main thread.
//
// One JSON object of an answer, read field by field. A field that is missing, null or of another type reads as empty
// or 0.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shm/base/status.h"
#include "tools/link/link.h"
#include "tools/terminal/terminal.h"

namespace smiley::tools {

class AnswerObject {
 public:
  AnswerObject();
  ~AnswerObject();
  AnswerObject(AnswerObject&&) noexcept;
  AnswerObject& operator=(AnswerObject&&) noexcept;
  static Result<AnswerObject> Parse(std::string_view line);
  std::string Text(const char* key) const;  // may hold lone surrogates (surrogatepass UTF-8)
  std::uint64_t Number(const char* key) const;
  std::int64_t Signed(const char* key) const;
  double Real(const char* key) const;
  bool Flag(const char* key) const;
  bool Has(const char* key) const;                        // present and not null
  std::vector<AnswerObject> List(const char* key) const;  // the objects of an array
  AnswerObject Object(const char* key) const;
  // The members of an end line as one JSON object: {"type":type, …}.
  std::string AsTotals(std::string_view type) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// ForEachLine (ask.h) for objects. With `json` it prints each line unchanged instead of calling `each`. `progress`
// (may be null) is cleared before the first line. After Ctrl-C it returns early and Interrupted() is true.
Status ForEachAnswer(Link* link, std::string_view request, bool json, Progress* progress,
                     const std::function<void(const AnswerObject&)>& each, std::string* end = nullptr);

}  // namespace smiley::tools
