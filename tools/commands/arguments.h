// Thread rule: an Arguments object belongs to the main thread.
//
// The options of a command, with their help and examples. Parse checks them before anything else happens. CLI11 is
// included behind this header only.
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
  // `what`: what the command does, in full sentences. `examples`: lines for HelpPage::Examples (help.h).
  Arguments(std::string what, std::string examples);
  ~Arguments();

  // Names as in "-n,--lines"; a positional word has no dashes. `help` gives the meaning of the value and its default.
  // A target must outlive Parse, and keeps its value when the option is not given.
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
  // --connect: the runs of another machine. Parse sets the target of OpenLink and OpenTarget (connect.h).
  Arguments& Connect();

  // nullopt: the targets are set. Otherwise the exit code: help or version was printed, or an error was reported.
  std::optional<int> Parse(int argc, char** argv);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace smiley::tools
