#include "tools/commands/arguments.h"

#include <CLI/CLI.hpp>

#include "tools/link/connect.h"
#include "tools/terminal/help.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

namespace {

// Columns. Longer lists of choices do not fit beside an option, so its help describes the choices.
constexpr std::size_t kLongestUnit = 24;

// One option or word, as --help shows it.
struct HelpRow {
  std::string left, right;
};

// "-n,--limit" with unit "N": "-n, --limit N".
std::string Spell(const std::string& names, const std::string& unit) {
  std::string out;
  for (const char c : names) out += c == ',' ? std::string(", ") : std::string(1, c);
  return unit.empty() ? out : out + " " + unit;
}

}  // namespace

struct Arguments::State {
  CLI::App app;
  std::string what, examples;
  std::string usage;  // the words behind the options
  std::vector<HelpRow> words, options;
  std::string color = "auto";
  ColorChoice* color_target = nullptr;
  std::string connect;

  void AddOption(const std::string& names, const std::string& unit, const std::string& help) {
    options.push_back({Spell(names, unit), help});
  }
  void AddWord(const std::string& name, const std::string& help, bool required, bool many) {
    words.push_back({name, help});
    const std::string shown = many ? name + "..." : name;
    usage += required ? " " + shown : " [" + shown + "]";
  }
  std::string Help(const std::string& name) const {
    HelpPage page(HelpWidth());
    page.Paragraph(what).Blank().Paragraph("Usage: " + name + " [OPTIONS]" + usage).Blank();
    for (const HelpRow& row : words) page.Row(row.left, row.right);
    if (!words.empty()) page.Blank();
    page.Paragraph("Options:");
    for (const HelpRow& row : options) page.Row(row.left, row.right);
    page.Row("-h, --help", "show this help and exit").Row("--version", "show the version and exit");
    page.Blank().Paragraph("Examples:").Examples(examples);
    return page.text();
  }
};

Arguments::Arguments(std::string what, std::string examples) : state_(std::make_unique<State>()) {
  state_->what = std::move(what);
  state_->examples = std::move(examples);
  state_->app.set_help_flag("-h,--help", "");
  state_->app.set_version_flag("--version", std::string("smiley ") + SMILEY_VERSION, "");
}
Arguments::~Arguments() = default;

Arguments& Arguments::Flag(const std::string& names, bool* target, const std::string& help) {
  state_->app.add_flag(names, *target, help);
  state_->AddOption(names, "", help);
  return *this;
}
Arguments& Arguments::Text(const std::string& names, std::string* target, const std::string& help,
                           const std::string& unit) {
  state_->app.add_option(names, *target, help);
  state_->AddOption(names, unit, help);
  return *this;
}
Arguments& Arguments::Texts(const std::string& names, std::vector<std::string>* target, const std::string& help,
                            const std::string& unit) {
  state_->app.add_option(names, *target, help)->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  state_->AddOption(names, unit, help);
  return *this;
}
Arguments& Arguments::Number(const std::string& names, std::optional<std::uint64_t>* target,
                             const std::string& help) {
  state_->app
      .add_option_function<std::uint64_t>(
          names, [target](const std::uint64_t& value) { *target = value; }, help)
      ->check([](const std::string& value) {  // CLI11 would take -1 for a very large number
        return value.starts_with('-') ? "takes a number from 0, not " + value : std::string();
      });
  state_->AddOption(names, "N", help);
  return *this;
}
Arguments& Arguments::OneOf(const std::string& names, std::string* target, std::vector<std::string> choices,
                            const std::string& help) {
  std::string unit, list;
  for (const std::string& choice : choices) {
    unit += (unit.empty() ? "" : "|") + choice;
    list += (list.empty() ? "" : ", ") + choice;
  }
  state_->app.add_option(names, *target, help)
      ->check([choices = std::move(choices), list](const std::string& value) -> std::string {
        for (const std::string& choice : choices) {
          if (choice == value) return {};
        }
        return "'" + value + "' is not one of " + list;
      });
  if (names.front() == '-') {
    state_->AddOption(names, unit.size() <= kLongestUnit ? unit : "NAME", help);
  } else {
    state_->AddWord(names, help + ": " + list, true, false);
  }
  return *this;
}
Arguments& Arguments::Word(const std::string& name, std::string* target, const std::string& help, bool required) {
  state_->app.add_option(name, *target, help)->required(required);
  state_->AddWord(name, help, required, false);
  return *this;
}
Arguments& Arguments::Words(const std::string& name, std::vector<std::string>* target, const std::string& help,
                            bool required) {
  state_->app.add_option(name, *target, help)->required(required);
  state_->AddWord(name, help, required, true);
  return *this;
}
Arguments& Arguments::Color(ColorChoice* target) {
  state_->color_target = target;
  return OneOf("--color", &state_->color, {"auto", "always", "never"},
               "when to use colours (default: auto, on a terminal)");
}

Arguments& Arguments::Connect() {
  return Text("--connect", &state_->connect, "read the runs of another machine (see smiley-daemon start --listen)",
              "HOST:PORT|ssh:HOST");
}

std::optional<int> Arguments::Parse(int argc, char** argv) {
  CLI::App& app = state_->app;
  const std::string name(BaseName(argc > 0 ? argv[0] : "smiley"));
  app.name(name);
  std::vector<std::string> words;
  for (int i = argc - 1; i > 0; --i) words.emplace_back(argv[i]);  // CLI11 takes the words in reverse order
  try {
    app.parse(std::move(words));
  } catch (const CLI::CallForHelp&) {
    Output::Get().Write(state_->Help(name));
    Output::Get().Flush();
    return kExitOk;
  } catch (const CLI::CallForVersion&) {
    Output::Get().Write(std::string("smiley ") + SMILEY_VERSION + "\n");
    Output::Get().Flush();
    return kExitOk;
  } catch (const CLI::ParseError& error) {
    std::string what = error.what();
    if (const std::size_t end = what.find('\n'); end != std::string::npos) what.resize(end);
    Say(what + " (see " + name + " --help)");
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
