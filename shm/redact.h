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

// The shortest secret (in bytes) that is masked everywhere in a text; a shorter one only beside its name.
inline constexpr std::size_t kShortestShown = 8;

// Replaces every occurrence with stars. Lines and columns stay the same.
void CoverText(std::string_view secret, std::string* text);

class Redactor {
 public:
  // The default patterns.
  Redactor();
  static Redactor Off();
  void Add(std::string glob) { patterns_.push_back(std::move(glob)); }
  bool off() const { return patterns_.empty(); }
  bool Matches(std::string_view name) const;

  // Masks a command line: the values in `--password=x`, `--password x` and `PASSWORD=x`, and the user info of URLs.
  // Returns the number of masked parts. `secrets` (may be null) gets the masked texts.
  int MaskArguments(std::vector<std::string>* arguments, std::vector<std::string>* secrets = nullptr) const;
  // Masks Python source: string literals that are assigned to names that Matches accepts (name = "…", name: str =
  // "…", "name": "…", name="…"). Lines and columns stay the same. A masked text of at least kShortestShown bytes is
  // masked at its other places, too.
  int MaskSource(std::string* text, std::vector<std::string>* secrets = nullptr) const;

 private:
  std::vector<std::string> patterns_;
};

}  // namespace smiley::shm
