// Thread rule: an Arguments object belongs to the main thread.
//
// The words of a command line: options with help and an example, checked before anything else happens. CLI11 is used
// behind this header only, so that each command says what it takes in a few lines.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/terminal/terminal.h"

namespace smiley::tools {

class Arguments {
 public:
  // `what`: one sentence. `examples`: lines of commands, shown below the options.
  Arguments(std::string what, std::string examples);
  ~Arguments();

  // Names as in "-n,--lines"; positional ones have no dashes. The targets outlive Parse and keep their value when the
  // option is not given.
  Arguments& Flag(const std::string& names, bool* target, const std::string& help);
  Arguments& Text(const std::string& names, std::string* target, const std::string& help,
                  const std::string& unit = "TEXT");
  Arguments& Texts(const std::string& names, std::vector<std::string>* target, const std::string& help,
                   const std::string& unit = "TEXT");
  Arguments& Number(const std::string& names, std::optional<std::uint64_t>* target, const std::string& help);
  Arguments& OneOf(const std::string& names, std::string* target, std::vector<std::string> choices,
                   const std::string& help);
  Arguments& Word(const std::string& name, std::string* target, const std::string& help, bool required);
  Arguments& Words(const std::string& name, std::vector<std::string>* target, const std::string& help, bool required);
  Arguments& Color(ColorChoice* target);
  // --connect: the runs of another machine. OpenLink and OpenClient go there (connect.h).
  Arguments& Connect();

  // nullopt: go on. Else the exit code: help or version were printed, or the usage was wrong and said so.
  std::optional<int> Parse(int argc, char** argv);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace smiley::tools
