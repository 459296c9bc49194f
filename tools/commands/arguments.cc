#include "tools/commands/arguments.h"

#include <CLI/CLI.hpp>

#include "tools/link/connect.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

struct Arguments::State {
  CLI::App app;
  std::string color = "auto";
  ColorChoice* color_target = nullptr;
  std::string connect;
};

Arguments::Arguments(std::string what, const std::string& examples) : state_(std::make_unique<State>()) {
  CLI::App& app = state_->app;
  app.description(std::move(what));
  app.footer("\nExamples:\n" + examples);
  app.set_help_flag("-h,--help", "show this and end");
  app.set_version_flag("--version", std::string("smiley ") + SMILEY_VERSION, "show the version and end");
  app.get_formatter()->column_width(30);
}
Arguments::~Arguments() = default;

Arguments& Arguments::Flag(const std::string& names, bool* target, const std::string& help) {
  state_->app.add_flag(names, *target, help);
  return *this;
}
Arguments& Arguments::Text(const std::string& names, std::string* target, const std::string& help,
                           const std::string& unit) {
  state_->app.add_option(names, *target, help)->type_name(unit);
  return *this;
}
Arguments& Arguments::Texts(const std::string& names, std::vector<std::string>* target, const std::string& help,
                            const std::string& unit) {
  state_->app.add_option(names, *target, help)
      ->type_name(unit)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  return *this;
}
Arguments& Arguments::Number(const std::string& names, std::optional<std::uint64_t>* target,
                             const std::string& help) {
  state_->app
      .add_option_function<std::uint64_t>(
          names, [target](const std::uint64_t& value) { *target = value; }, help)
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);  // or -1 becomes a very large one
  return *this;
}
Arguments& Arguments::OneOf(const std::string& names, std::string* target, std::vector<std::string> choices,
                            const std::string& help) {
  std::string unit;
  for (const std::string& choice : choices) unit += (unit.empty() ? "" : "|") + choice;
  state_->app.add_option(names, *target, help)
      ->type_name(unit)
      ->check([choices = std::move(choices), unit](const std::string& value) -> std::string {
        for (const std::string& choice : choices) {
          if (choice == value) return {};
        }
        return "'" + value + "' is none of " + unit;
      });
  return *this;
}
Arguments& Arguments::Word(const std::string& name, std::string* target, const std::string& help, bool required) {
  state_->app.add_option(name, *target, help)->type_name("")->required(required);
  return *this;
}
Arguments& Arguments::Words(const std::string& name, std::vector<std::string>* target, const std::string& help,
                            bool required) {
  state_->app.add_option(name, *target, help)->type_name("")->required(required);
  return *this;
}
Arguments& Arguments::Color(ColorChoice* target) {
  state_->color_target = target;
  return OneOf("--color", &state_->color, {"auto", "always", "never"},
               "colours: where there is a terminal, or always, or never");
}

Arguments& Arguments::Connect() {
  return Text("--connect", &state_->connect, "ask the daemon of another machine (smiley-daemon start --listen)",
              "HOST:PORT|ssh:HOST");
}

std::optional<int> Arguments::Parse(int argc, char** argv) {
  CLI::App& app = state_->app;
  const std::string name(BaseName(argc > 0 ? argv[0] : "smiley"));
  app.name(name);
  std::vector<std::string> words;
  for (int i = argc - 1; i > 0; --i) words.emplace_back(argv[i]);  // CLI11 wants them from the last to the first
  try {
    app.parse(std::move(words));
  } catch (const CLI::CallForHelp&) {
    Output::Get().Write(app.help());
    Output::Get().Flush();
    return kExitOk;
  } catch (const CLI::CallForVersion& version) {
    Output::Get().Write(std::string("smiley ") + SMILEY_VERSION + "\n");
    Output::Get().Flush();
    return kExitOk;
  } catch (const CLI::ParseError& error) {
    std::string what = error.what();
    if (const std::size_t end = what.find('\n'); end != std::string::npos) what.resize(end);
    Say(what + " (" + name + " --help tells what it takes)");
    return kExitUsage;
  }
  if (!state_->connect.empty()) {
    if (const Status fine = CheckTarget(state_->connect); !fine) {
      Say("--connect: " + Clean(fine.message()));
      return kExitUsage;
    }
    SetTarget(state_->connect);
  }
  if (state_->color_target != nullptr) {
    *state_->color_target = state_->color == "always"  ? ColorChoice::kAlways
                            : state_->color == "never" ? ColorChoice::kNever
                                                       : ColorChoice::kAuto;
  }
  return std::nullopt;
}

}  // namespace smiley::tools
