// Thread rule: each function runs once, in the main thread of its process.
//
// The verbs of the one program `smiley`. Each takes its own words: argv[0] is the command's name as people typed it
// ("smiley-list" or "smiley list"), argv[1..] its options; argv[argc] is null. The result is the exit code:
// 0 done, 1 "no", not found or failed, 2 wrong usage, 130 stopped by Ctrl-C, 141 the reader of the output went away.
// smiley-run has codes of its own (run.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace smiley::tools {

#define SMILEY_VERB(name, main, summary) int main(int argc, char** argv);
#include "tools/commands/verbs.def"
#undef SMILEY_VERB

struct Verb {
  std::string_view name;
  int (*main)(int argc, char** argv);
  std::string_view summary;  // one line for `smiley --help`; empty: an alias, not listed
};
// Every verb, in the order of `smiley --help`.
const std::vector<Verb>& Verbs();
// Null when there is none of that name.
const Verb* FindVerb(std::string_view name);
// The verb whose name is nearest to `name` by edits; empty when none is near.
std::string_view NearestVerb(std::string_view name);

}  // namespace smiley::tools
