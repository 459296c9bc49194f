// Thread rule: each function runs once, in the main thread of its process.
//
// The verbs of `smiley`; verbs.def lists them. argv[0] of a verb is its name as typed ("smiley-list" or "smiley
// list"), argv[1..] are its options, and argv[argc] is null. It returns an exit code: 0 success, 1 "no", not found or
// failed, 2 wrong usage, 130 ended by Ctrl-C, 141 the reader of the output has gone. smiley-run has its own codes
// (run/options.h).
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
  std::string_view summary;  // one line for `smiley --help`; empty = an alias, not listed
};
// Every verb, in the order of `smiley --help`.
const std::vector<Verb>& Verbs();
// Null: there is no such verb.
const Verb* FindVerb(std::string_view name);
// The verb that is at most two edits from `name`. Empty: none is that near.
std::string_view NearestVerb(std::string_view name);

}  // namespace smiley::tools
