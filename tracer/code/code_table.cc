#include "tracer/code/code_table.h"

#include "shm/base/requires.h"
#include "tracer/code/control.h"
#include "tracer/code/filters.h"
#include "tracer/interp/interp.h"
#include "tracer/values/capture_context.h"

namespace smiley::tracer {

CodeTable::CodeTable(CaptureContext* context, const Filters* filters, SourceTexts* sources)
    : context_(context), filters_(filters), sources_(sources) {
  hooked_.before = hooked_.after = &hooked_;
}

void CodeTable::AddHooked(CodeInfo* info, PyCodeObject* code) {
  SMILEY_REQUIRES(!info->hooked);
  info->hooked = true;
  info->object = code;
  info->before = &hooked_;
  info->after = hooked_.after;
  info->after->before = info;
  hooked_.after = info;
}

void CodeTable::UnhookAll(void (*unhook)(PyCodeObject* code)) {
  while (hooked_.after != &hooked_) {
    CodeInfo* info = hooked_.after;
    hooked_.after = info->after;
    info->after->before = &hooked_;
    info->hooked = false;
    unhook(info->object);
  }
}

#if PY_VERSION_HEX < 0x030C0000
// The code object owns its CodeInfo, in co_extra.
namespace {
void FreeCodeInfo(void* info) { delete static_cast<CodeInfo*>(info); }
}  // namespace

bool CodeTable::Start() {
  extra_index_ = _PyEval_RequestCodeExtraIndex(FreeCodeInfo);
  return extra_index_ >= 0;
}

CodeInfo* CodeTable::Of(PyCodeObject* code) {
  void* extra = nullptr;
  _PyCode_GetExtra(reinterpret_cast<PyObject*>(code), extra_index_, &extra);
  if (extra != nullptr) [[likely]]
    return static_cast<CodeInfo*>(extra);
  CodeInfo* info = Make(code).release();
  if (smiley_set_code_extra(code, extra_index_, info) != 0) PyErr_Clear();
  return info;
}
#else
// The interpreter reports the death of each code object. co_extra is not used: a code object that has any is also
// passed to the free functions of other users, with nothing to free.
namespace {
CodeTable* g_watching = nullptr;
}  // namespace

int CodeTable::OnCodeEvent(PyCodeEvent event, PyCodeObject* code) {
  if (event == PY_CODE_EVENT_DESTROY) g_watching->ForgetCode(code);
  return 0;
}

void CodeTable::ForgetCode(PyCodeObject* code) {
  Recent& recent = RecentOf(code);
  if (recent.code == code) recent = {};
  infos_.erase(code);
}

bool CodeTable::Start() {
  g_watching = this;
  if (PyCode_AddWatcher(&CodeTable::OnCodeEvent) >= 0) return true;
  PyErr_Clear();
  return false;
}

CodeInfo* CodeTable::Find(PyCodeObject* code) {
  std::unique_ptr<CodeInfo>& info = infos_[code];
  if (info == nullptr) info = Make(code);
  RecentOf(code) = {code, info.get()};
  return info.get();
}
#endif

std::unique_ptr<CodeInfo> CodeTable::Make(PyCodeObject* code) {
  auto info = std::make_unique<CodeInfo>();
  SourceTexts::Made made;
  if (!sources_->Take(code, &made)) {
    made.maker = filters_->UsualMaker(code);
    if (!made.maker.known) made = sources_->TakeRunning(code);
  }
  if (!IsStandInFile(Utf8(code->co_filename))) made.maker = {};
  info->included = filters_->Includes(code, made.maker);
  info->library = filters_->InLibrary(code) || (made.maker.library && !info->included);
  info->generator = (code->co_flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR)) != 0;
  info->namespace_body = !(code->co_flags & CO_OPTIMIZED);
  info->first_line = static_cast<std::uint32_t>(code->co_firstlineno > 0 ? code->co_firstlineno : 1);
  if (control_ != nullptr) control_->Mark(code, info.get());
  if (!info->included) return info;
  info->made_elsewhere = made.text != nullptr || (made.maker.known && Utf8(code->co_filename) == "<string>");
  info->text = std::move(made.text);
  if (!Analyse(code, info.get(), context_)) {
    PyErr_Clear();
    info->included = false;
  }
  return info;
}

}  // namespace smiley::tracer
