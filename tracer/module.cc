// The extension module's two doors: the C entry that the preload library calls, and the Python module for programs
// that import it.
#include <Python.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdio>
#include <stdexcept>
#include <string>

#include "shm/home.h"
#include "tracer/interp.h"
#include "tracer/recording.h"
#include "tracer/start_config.h"

namespace py = pybind11;

extern "C" int smiley_tracer_start(const SmileyStartConfig* config) {
  std::string error;
  try {
    error = smiley::tracer::BeginRecording(*config);
  } catch (const std::exception& problem) {
    error = problem.what();
  }
  PyErr_Clear();
  if (error.empty()) {
    smiley_unlink_audit_hook(reinterpret_cast<void*>(config->audit_hook), config->audit_user);
    return 0;
  }
  std::snprintf(config->error, config->error_bytes, "%s", error.c_str());
  return 1;
}

namespace {

void OrRaise(const std::string& failed) {
  if (!failed.empty()) throw std::runtime_error(failed);
}

}  // namespace

PYBIND11_MODULE(_smiley, module) {
  using namespace smiley::tracer;
  module.doc() = "smiley's recorder; programs use it through the package smiley";
  module.def(
      "start",
      [](std::string name, std::string detail, std::vector<std::string> command, std::vector<std::string> include,
         std::vector<std::string> exclude, std::vector<std::string> redact, bool include_stdlib, bool site_packages,
         std::string where, bool follow) {
        StartRequest request;
        request.name = std::move(name);
        request.detail = std::move(detail);
        request.where = std::move(where);
        request.command = std::move(command);
        request.include = std::move(include);
        request.exclude = std::move(exclude);
        request.redact = std::move(redact);
        request.include_stdlib = include_stdlib;
        request.site_packages = site_packages;
        request.follow = follow;
        OrRaise(StartInThisProcess(request));
      },
      py::kw_only(), py::arg("name"), py::arg("detail"), py::arg("command"), py::arg("include"), py::arg("exclude"),
      py::arg("redact"), py::arg("include_stdlib"), py::arg("site_packages"), py::arg("where"), py::arg("follow"));
  module.def("pause", [](bool end) { PauseRecording(end); }, py::arg("end") = false);
  module.def("resume", [] { OrRaise(ResumeRecording()); });
  module.def("recording", &IsRecording, "True while this process is being recorded.");
  module.def("home", [] {
    auto home = smiley::shm::Home::Open();
    OrRaise(home.ok() ? std::string() : home.status().message());
    return home.value().dir.string();
  });
  module.def("run", &RunOfRecording, "The id of this process's run, empty when none was begun.");
  module.def("mark", [](py::str text, py::dict values) { return TellMark(text.ptr(), values.ptr()); });
  module.attr("__version__") = SMILEY_VERSION;
}
