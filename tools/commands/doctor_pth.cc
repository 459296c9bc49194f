// SMILEY=1 python …: smiley.pth in the site-packages of an environment. The interpreter reads it at its start.
#include <filesystem>
#include <fstream>

#include "tools/commands/doctor.h"
#include "tools/run/python.h"

namespace smiley::tools {

namespace {

namespace fs = std::filesystem;
using State = Finding::State;

constexpr char kFile[] = "smiley.pth";

// The site-packages directory of the environment. Empty when the interpreter does not report it.
std::string SitePackages(const std::string& python) {
  return AskPython(python, "import sysconfig; print(sysconfig.get_path('purelib'))");
}

Finding NoAnswer(const std::string& python) {
  return {"pth", State::kProblem, python + " does not report its site-packages directory",
          "choose another with --python PYTHON"};
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
              "use a virtual environment (python3 -m venv), or run as a user who may write there"};
    }
  }
  return {"pth", State::kOk,
          path.string() + " is installed; record with: SMILEY=1 " + python + " app.py (not with -S)", ""};
}

Finding RemovePth(const std::string& python) {
  const std::string folder = SitePackages(python);
  if (folder.empty()) return NoAnswer(python);
  const fs::path path = fs::path(folder) / kFile;
  std::error_code error;
  const bool removed = fs::remove(path, error);
  if (error) return {"pth", State::kProblem, path.string() + " cannot be removed: " + error.message(), ""};
  return {"pth", State::kOk, path.string() + (removed ? " was removed" : " does not exist"), ""};
}

}  // namespace smiley::tools
