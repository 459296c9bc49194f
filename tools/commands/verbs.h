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

int DaemonMain(int argc, char** argv);
int RunMain(int argc, char** argv);
int TailMain(int argc, char** argv);
int ListMain(int argc, char** argv);
int ShowMain(int argc, char** argv);
int ThreadsMain(int argc, char** argv);
int ReplayMain(int argc, char** argv);
int WhenMain(int argc, char** argv);
int WhyMain(int argc, char** argv);
int DeleteMain(int argc, char** argv);
int PinMain(int argc, char** argv);
int ExportMain(int argc, char** argv);
int ImportMain(int argc, char** argv);
int StoreMain(int argc, char** argv);
int ReportMain(int argc, char** argv);
int WebMain(int argc, char** argv);
int StatsMain(int argc, char** argv);
int CallsMain(int argc, char** argv);
int ExceptionsMain(int argc, char** argv);
int OutputMain(int argc, char** argv);
int DiffMain(int argc, char** argv);
int DoctorMain(int argc, char** argv);

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
