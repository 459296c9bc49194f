// SMILEY=1 python …: a .pth file in an environment's site-packages, which the interpreter reads when it starts.
#include <filesystem>
#include <fstream>

#include "tools/commands/doctor.h"
#include "tools/run/python.h"

namespace smiley::tools {

namespace {

namespace fs = std::filesystem;
using State = Finding::State;

constexpr char kFile[] = "smiley.pth";

// site-packages of the environment; empty when the interpreter does not say.
std::string SitePackages(const std::string& python) {
  return AskPython(python, "import sysconfig; print(sysconfig.get_path('purelib'))");
}

Finding NoAnswer(const std::string& python) {
  return {"pth", State::kProblem, python + " does not say where its site-packages are",
          "name another with --python PYTHON"};
}

}  // namespace

Finding InstallPth(const std::string& python, const Installation& installation) {
  const std::string folder = SitePackages(python);
  if (folder.empty()) return NoAnswer(python);
  const std::string lib = (fs::path(installation.module_dir) / "python").string();
  const fs::path path = fs::path(folder) / kFile;
  {
    std::ofstream out(path, std::ios::trunc);
    out << lib << "\n"
        << "import os; os.environ.get('SMILEY', '0') == '0' or __import__('smiley._activate')\n";
    out.close();
    if (!out) {
      return {"pth", State::kProblem, path.string() + " cannot be written",
              "use a virtual environment (python3 -m venv), or the rights for this one"};
    }
  }
  return {"pth", State::kOk, path.string() + " is there: SMILEY=1 " + python + " app.py records (not with -S)", ""};
}

Finding RemovePth(const std::string& python) {
  const std::string folder = SitePackages(python);
  if (folder.empty()) return NoAnswer(python);
  const fs::path path = fs::path(folder) / kFile;
  std::error_code error;
  const bool removed = fs::remove(path, error);
  if (error) return {"pth", State::kProblem, path.string() + " cannot be removed: " + error.message(), ""};
  return {"pth", State::kOk, path.string() + (removed ? " is removed" : " was not there"), ""};
}

}  // namespace smiley::tools
