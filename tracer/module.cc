// The extension module's two entries: the C function that the preload library calls, and the Python module that
// programs import.
#include <Python.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdio>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "shm/base/home.h"
#include "tracer/config/start_config.h"
#include "tracer/interp/interp.h"
#include "tracer/recording.h"

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

// Reads the options of the package's start(), which has checked them. Keys are named like the members.
smiley::tracer::StartRequest RequestFrom(const py::dict& options) {
  smiley::tracer::StartRequest request;
  const auto take = [&](const char* name, auto* to) {
    *to = options[name].cast<std::remove_pointer_t<decltype(to)>>();
  };
  take("name", &request.name);
  take("detail", &request.detail);
  take("where", &request.where);
  take("start_at", &request.start_at);
  take("stop_after", &request.stop_after);
  take("command", &request.command);
  take("include", &request.include);
  take("exclude", &request.exclude);
  take("redact", &request.redact);
  take("include_stdlib", &request.include_stdlib);
  take("site_packages", &request.site_packages);
  take("follow", &request.follow);
  take("redaction", &request.redaction);
  take("deep", &request.deep);
  take("gc", &request.gc);
  take("imports", &request.imports);
  take("log", &request.log);
  take("c_calls", &request.c_calls);
  take("on_full", &request.on_full);
  take("block_timeout_ms", &request.block_timeout_ms);
  take("max_depth", &request.max_depth);
  take("depth", &request.depth);
  take("items", &request.items);
  take("chars", &request.chars);
  take("nodes", &request.nodes);
  take("bytes", &request.bytes);
  return request;
}

}  // namespace

PYBIND11_MODULE(_smiley, module) {
  using namespace smiley::tracer;
  module.doc() = "smiley's recorder; programs use it through the package smiley";
  module.def("start", [](const py::dict& options) { OrRaise(StartInThisProcess(RequestFrom(options))); });
  module.def(
      "pause", [](bool end) { PauseRecording(end); }, py::arg("end") = false);
  module.def("resume", [] { OrRaise(ResumeRecording()); });
  module.def("recording", &IsRecording, "True while this process is being recorded.");
  module.def("home", [] {
    auto home = smiley::shm::Home::Open();
    OrRaise(home.ok() ? std::string() : home.status().message());
    return home.value().dir.string();
  });
  module.def("run", &RunOfRecording, "The id of this process's run, empty when none was begun.");
  module.def("mark", [](py::str text, py::dict values) { return RecordMark(text.ptr(), values.ptr()); });
  module.attr("__version__") = SMILEY_VERSION;
}
