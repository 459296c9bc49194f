// smiley-doctor: checks the installation, and says what to do about each problem.
#include "tools/commands/doctor.h"

#include <nlohmann/json.hpp>

#include "tools/commands/arguments.h"
#include "tools/commands/verbs.h"
#include "tools/link/ask.h"
#include "tools/run/python.h"
#include "tools/terminal/screen.h"
#include "tools/terminal/terminal.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

namespace {

using State = Finding::State;

const char* NameOf(State state) {
  return state == State::kOk ? "ok" : state == State::kWarning ? "warning" : "problem";
}

void Show(const Finding& finding, const Screen& screen) {
  const std::string_view style = finding.state == State::kOk        ? sgr::kGreen
                                 : finding.state == State::kWarning ? sgr::kYellow
                                                                    : sgr::kBoldRed;
  std::string state = NameOf(finding.state);
  state.resize(8, ' ');
  std::string name = finding.name;
  name.resize(13, ' ');
  std::string line =
      Paint(screen.color, style, state) + Paint(screen.color, sgr::kBold, name) + Clean(finding.text) + "\n";
  if (!finding.advice.empty())
    line += std::string(21, ' ') + Paint(screen.color, style, Clean(finding.advice)) + "\n";
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
      "smiley-doctor\n"
      "smiley-doctor --install-pth --python .venv/bin/python   then run: SMILEY=1 .venv/bin/python app.py");
  arguments
      .Flag("--install-pth", &install,
            "install smiley.pth in the site-packages of a Python; SMILEY=1 then records its programs")
      .Flag("--remove-pth", &remove, "remove smiley.pth from the site-packages")
      .Text("--python", &python, "the Python for --install-pth and --remove-pth (default: as for smiley-run)",
            "PYTHON")
      .Flag("--json", &json, "print JSON Lines")
      .Color(&color);
  if (const auto exit = arguments.Parse(argc, argv)) return *exit;
  if (install && remove) {
    Say("give either --install-pth or --remove-pth, not both (see smiley-doctor --help)");
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
  const Screen screen = DetectScreen(color);
  int problems = 0;
  for (const Finding& finding : findings) {
    problems += finding.state == State::kProblem;
    json ? ShowJson(finding) : Show(finding, screen);
  }
  Output::Get().Flush();
  return problems == 0 ? kExitOk : kExitNo;
}

}  // namespace smiley::tools
