// Finds the verb in the name of the command (smiley-list) or in its first word (smiley list), and runs it.
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "tools/commands/verbs.h"
#include "tools/terminal/help.h"
#include "tools/terminal/terminal.h"
#include "tools/terminal/text.h"

namespace {

using smiley::tools::BaseName;
using smiley::tools::FindVerb;
using smiley::tools::Output;
using smiley::tools::Say;
using smiley::tools::Verb;

constexpr std::size_t kSummaryColumn = 14;

std::string AllVerbs() {
  std::string names;
  for (const Verb& verb : smiley::tools::Verbs()) {
    if (verb.summary.empty()) continue;
    if (!names.empty()) names += ", ";
    names += verb.name;
  }
  return names;
}

void PrintHelp() {
  smiley::tools::HelpPage page(smiley::tools::HelpWidth());
  page.Paragraph("smiley records what a Python program does, and shows it live and afterwards.").Blank();
  page.Paragraph("Usage: smiley VERB ... (the same as smiley-VERB ...)").Blank();
  for (const Verb& verb : smiley::tools::Verbs()) {
    if (!verb.summary.empty()) page.Row(verb.name, verb.summary, kSummaryColumn);
  }
  page.Blank().Paragraph("Examples:");
  page.Examples(
      "smiley run app.py   record app.py\n"
      "smiley tail   watch it from another terminal\n"
      "smiley replay last   show it afterwards\n"
      "smiley VERB --help   describe one verb");
  Output::Get().Write(page.text());
  Output::Get().Flush();
}

int UnknownVerb(std::string_view name) {
  std::string message = "smiley has no verb '" + std::string(name) + "'";
  const std::string_view nearest = smiley::tools::NearestVerb(name);
  message += nearest.empty() ? ";" : ", did you mean '" + std::string(nearest) + "'?";
  message += " The verbs are: ";
  Say(message + AllVerbs());
  return smiley::tools::kExitUsage;
}

int Dispatch(int argc, char** argv) {
  const std::string_view called = argc > 0 ? BaseName(argv[0]) : "smiley";
  constexpr std::string_view kPrefix = "smiley-";
  if (called.substr(0, kPrefix.size()) == kPrefix) {
    const std::string_view name = called.substr(kPrefix.size());
    if (const Verb* verb = FindVerb(name)) return verb->main(argc, argv);
    return UnknownVerb(name);
  }
  if (argc < 2) {
    PrintHelp();
    return smiley::tools::kExitUsage;
  }
  const std::string_view word = argv[1];
  if (word == "--help" || word == "-h" || word == "help") {
    const Verb* verb = word == "help" && argc > 2 ? FindVerb(argv[2]) : nullptr;
    if (word == "help" && argc > 2 && verb == nullptr) return UnknownVerb(argv[2]);
    if (verb == nullptr) {
      PrintHelp();
      return smiley::tools::kExitOk;
    }
    std::string name = "smiley " + std::string(verb->name), help = "--help";
    char* words[] = {name.data(), help.data(), nullptr};
    return verb->main(2, words);
  }
  if (word == "--version" || word == "-V") {
    Output::Get().Write(std::string("smiley ") + SMILEY_VERSION + "\n");
    Output::Get().Flush();
    return smiley::tools::kExitOk;
  }
  const Verb* verb = FindVerb(word);
  if (verb == nullptr) return UnknownVerb(word);
  std::string name = "smiley " + std::string(verb->name);
  std::vector<char*> words{name.data()};
  for (int i = 2; i < argc; ++i) words.push_back(argv[i]);
  words.push_back(nullptr);
  return verb->main(argc - 1, words.data());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Dispatch(argc, argv);
  } catch (const std::exception& error) {
    Say(std::string("internal error: ") + error.what());
    return smiley::tools::kExitNo;
  }
}
