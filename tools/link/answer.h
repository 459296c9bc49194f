// Thread rule: plain values; ForEachAnswer belongs to the main thread.
//
// One JSON object of an answer, read field by field. What is missing, null or of another type is empty or 0.
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
  std::string Text(const char* key) const;  // lone surrogates as the daemon passes them on
  std::uint64_t Number(const char* key) const;
  std::int64_t Signed(const char* key) const;
  double Real(const char* key) const;
  bool Flag(const char* key) const;
  bool Has(const char* key) const;                        // there, and not null
  std::vector<AnswerObject> List(const char* key) const;  // of objects
  AnswerObject Object(const char* key) const;
  // The members of an end line as an object of their own: {"type":type, …}.
  std::string AsTotals(std::string_view type) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// ForEachLine (screen.h) for objects; with `json` each line is printed as it is instead. Before anything shows
// `progress` (may be null) is cleared. Ctrl-C ends it (Interrupted()).
Status ForEachAnswer(Link* link, std::string_view request, bool json, Progress* progress,
                     const std::function<void(const AnswerObject&)>& each, std::string* end = nullptr);

}  // namespace smiley::tools
