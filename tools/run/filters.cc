#include "tools/run/filters.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <map>

#include "tools/terminal/terminal.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

std::string FiltersFile(const shm::Home& home, const std::string& run) {
  return (home.SpoolDir() / (run + ".filters")).string();
}

void ExplainFilters(const shm::Home& home, const std::string& run) {
  const std::string path = FiltersFile(home, run);
  struct Decision {
    std::string what, rule;
  };
  std::map<std::string, Decision> decisions;  // by source file; several processes report the same decision
  {
    std::ifstream in(path);
    std::string line;
    while (std::getline(in, line)) {
      const std::size_t rule = line.find('\t');
      const std::size_t file = rule == std::string::npos ? rule : line.find('\t', rule + 1);
      if (file == std::string::npos) continue;
      decisions[line.substr(file + 1)] = {line.substr(0, rule), line.substr(rule + 1, file - rule - 1)};
    }
  }
  unlink(path.c_str());
  Say("filters: " + Plural(decisions.size(), "file", "files") + " with code that ran");
  for (const auto& [file, decision] : decisions) {
    std::fprintf(stderr, "smiley:   %-8s  %-24s  %s\n", decision.what.c_str(), decision.rule.c_str(),
                 Clean(file).c_str());
  }
}

}  // namespace smiley::tools
