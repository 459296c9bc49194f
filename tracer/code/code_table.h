// Thread rule: guarded by the GIL.
//
// The CodeInfo of each code object that a hook has met, for as long as the code object lives.
#pragma once

#include <Python.h>

#include <memory>
#include <unordered_map>

#include "tracer/code/code_info.h"

namespace smiley::tracer {

class Control;
class Filters;

class CodeTable {
 public:
  CodeTable(CaptureContext* context, const Filters* filters, SourceTexts* sources);
  void SetControl(const Control* control) { control_ = control; }
  // False: the interpreter has no room for another watcher of code objects.
  bool Start();
  // The code object's CodeInfo, never null. Analyses the code object at the first call.
#if PY_VERSION_HEX < 0x030C0000
  CodeInfo* Of(PyCodeObject* code);
#else
  CodeInfo* Of(PyCodeObject* code) {
    const Recent& recent = RecentOf(code);
    return recent.code == code ? recent.info : Find(code);
  }
#endif
  // Notes that the code object has events of its own, for UnhookAll. REQUIRES !info->hooked.
  void AddHooked(CodeInfo* info, PyCodeObject* code);
  // Calls `unhook` for each such code object that is alive, and forgets them.
  void UnhookAll(void (*unhook)(PyCodeObject* code));

 private:
  std::unique_ptr<CodeInfo> Make(PyCodeObject* code);
  CaptureContext* context_;
  const Filters* filters_;
  SourceTexts* sources_;
  const Control* control_ = nullptr;
#if PY_VERSION_HEX < 0x030C0000
  Py_ssize_t extra_index_ = -1;
#else
  static int OnCodeEvent(PyCodeEvent event, PyCodeObject* code);
  void ForgetCode(PyCodeObject* code);
  CodeInfo* Find(PyCodeObject* code);
  struct Recent {
    PyCodeObject* code = nullptr;
    CodeInfo* info = nullptr;
  };
  static constexpr std::size_t kRecent = 1024;
  Recent& RecentOf(PyCodeObject* code) { return recent_[(reinterpret_cast<std::uintptr_t>(code) >> 4) % kRecent]; }
  Recent recent_[kRecent];  // direct-mapped
  std::unordered_map<PyCodeObject*, std::unique_ptr<CodeInfo> > infos_;
#endif
  CodeInfo hooked_;  // the list's head and end
};

}  // namespace smiley::tracer
