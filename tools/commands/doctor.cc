// smiley-doctor: looks whether everything is as it must be, and says what to do where it is not.
#include "tools/commands/doctor.h"

#include <nlohmann/json.hpp>

#include "tools/commands/arguments.h"
#include "tools/commands/verbs.h"
#include "tools/link/ask.h"
#include "tools/run/python.h"
#include "tools/terminal/terminal.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

namespace {

using State = Finding::State;

const char* NameOf(State state) {
  return state == State::kOk ? "ok" : state == State::kWarning ? "warning" : "problem";
}

void Show(const Finding& finding, const Look& look) {
  const std::string_view style = finding.state == State::kOk        ? sgr::kGreen
                                 : finding.state == State::kWarning ? sgr::kYellow
                                                                    : sgr::kBoldRed;
  std::string state = NameOf(finding.state);
  state.resize(8, ' ');
  std::string name = finding.name;
  name.resize(13, ' ');
  std::string line =
      Paint(look.color, style, state) + Paint(look.color, sgr::kBold, name) + Clean(finding.text) + "\n";
  if (!finding.advice.empty()) line += std::string(21, ' ') + Paint(look.color, style, Clean(finding.advice)) + "\n";
  Output::Get().Write(line);
}

void ShowJson(const Finding& finding) {
  nlohmann::ordered_json object;
  object["type"] = "check";
  object["name"] = finding.name;
  object["state"] = NameOf(finding.state);
  object["text"] = finding.text;
  object["advice"] = finding.advice.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(finding.advice);
  Output::Get().Write(object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

}  // namespace

int DoctorMain(int argc, char** argv) {
  std::string python;
  bool json = false, install = false, remove = false;
  ColorChoice color = ColorChoice::kAuto;
  Arguments arguments(
      "Checks this installation: commands, tracers, Pythons, kernel, shared memory, daemon and store.",
      "  smiley-doctor\n"
      "  smiley-doctor --install-pth --python .venv/bin/python    then: SMILEY=1 .venv/bin/python app.py");
  arguments
      .Flag("--install-pth", &install, "put a smiley.pth into the site-packages of a Python: SMILEY=1 then records")
      .Flag("--remove-pth", &remove, "take it away again")
      .Text("--python", &python, "of which Python (default: the one that smiley-run takes)", "PYTHON")
      .Flag("--json", &json, "JSON Lines")
      .Color(&color);
  if (const auto exit = arguments.Parse(argc, argv)) return *exit;
  if (install && remove) {
    Say("--install-pth and --remove-pth cannot both be (smiley-doctor --help shows the options)");
    return kExitUsage;
  }
  std::vector<Finding> findings;
  if (install || remove) {
    const auto installation = FindInstallation();
    if (!installation) return Fail(installation.status());
    RunOptions options;
    options.kind = ProgramKind::kCode;
    options.program = {"-c", "pass"};
    options.python = python;
    std::string failed;
    const Prepared prepared = PrepareProgram(options, *installation, &failed);
    if (prepared.exit_code != 0) return Fail(Status(Code::kNotFound, failed));
    findings.push_back(install ? InstallPth(prepared.program.path, *installation) : RemovePth(prepared.program.path));
  } else {
    findings = ExamineInstallation();
  }
  const Look look = LookOf(color);
  int problems = 0;
  for (const Finding& finding : findings) {
    problems += finding.state == State::kProblem;
    json ? ShowJson(finding) : Show(finding, look);
  }
  Output::Get().Flush();
  return problems == 0 ? kExitOk : kExitNo;
}

}  // namespace smiley::tools
