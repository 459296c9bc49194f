// Thread rule: a Redactor is immutable after it is set up; safe to use from any thread.
//
// The names whose values are secret, and the masking of command lines and source texts. Globs are case-insensitive
// and match the whole name. A masked part reads "***".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace smiley::shm {

// `*` matches any run of characters, `?` one; ASCII letters without case.
bool GlobMatches(std::string_view pattern, std::string_view text);

// Secrets shorter than this are masked only where their name stands.
inline constexpr std::size_t kShortestShown = 8;

// Stars over every occurrence; lines and columns stay.
void CoverText(std::string_view secret, std::string* text);

class Redactor {
 public:
  // The default patterns of the design.
  Redactor();
  static Redactor Off();
  void Add(std::string glob) { patterns_.push_back(std::move(glob)); }
  bool off() const { return patterns_.empty(); }
  bool Matches(std::string_view name) const;

  // A command line: values in `--password=x`, `--password x`, `PASSWORD=x`, and URL user info. Returns the number
  // masked; `secrets` (may be null) gets what was hidden.
  int MaskArguments(std::vector<std::string>* arguments, std::vector<std::string>* secrets = nullptr) const;
  // Python source: string literals assigned to such names (name = "…", name: str = "…", "name": "…", name="…").
  // Same length in lines and columns is kept. What was masked so is masked wherever else the text has it, when it is
  // long enough to be told from other words.
  int MaskSource(std::string* text, std::vector<std::string>* secrets = nullptr) const;

 private:
  std::vector<std::string> patterns_;
};

}  // namespace smiley::shm
