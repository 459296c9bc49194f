#include "tracer/code/code_info.h"

#include <opcode.h>

#include <algorithm>
#include <bit>
#include <map>
#include <set>

#include "tracer/values/capture_context.h"

namespace smiley::tracer {
namespace {

// Builtins that may read or change any name of the frame that calls them.
bool TouchesEverything(const std::string& name) {
  return name == "exec" || name == "eval" || name == "locals" || name == "globals" || name == "vars";
}

struct Use {
  int slot;
  bool write;
};

class Analyser {
 public:
  Analyser(PyCodeObject* code, CodeInfo* info, CaptureContext* context)
      : code_(code), info_(info), context_(context) {}

  bool Run() {
    PyObject* bytes = PyCode_GetCode(code_);
    if (bytes == nullptr) return false;
    FastSlots();
    const unsigned char* at = reinterpret_cast<const unsigned char*>(PyBytes_AS_STRING(bytes));
    const std::size_t units = static_cast<std::size_t>(PyBytes_GET_SIZE(bytes)) / 2;
    info_->opcodes.resize(units);
    GlobalsDeclared(at, units);
    std::vector<int> lines = LineTable(units);
    int oparg = 0;
    for (std::size_t i = 0; i < units; ++i) {
      const int opcode = at[2 * i];
      info_->opcodes[i] = static_cast<std::uint16_t>(opcode | (at[2 * i + 1] << 8));
      oparg = (oparg << 8) | at[2 * i + 1];
      if (opcode == EXTENDED_ARG) continue;
      Instruction(opcode, oparg, lines[i]);
      oparg = 0;
    }
    Py_DECREF(bytes);
    Finish();
    return true;
  }

 private:
  void FastSlots() {
    PyObject* names = code_->co_localsplusnames;
    const char* kinds = PyBytes_AS_STRING(code_->co_localspluskinds);
    const Py_ssize_t count = PyTuple_GET_SIZE(names);
    const Py_ssize_t first_free = count - code_->co_nfreevars;
    for (Py_ssize_t i = 0; i < count; ++i) {
      Slot slot;
      // 0x40 is CO_FAST_CELL, 0x80 CO_FAST_FREE: names of internal headers, but the values are the same in all
      // versions.
      slot.storage = (kinds[i] & 0x80) ? Storage::kFree : (kinds[i] & 0x40) ? Storage::kCell : Storage::kFast;
      slot.index = static_cast<std::uint32_t>(i);
      slot.free_index = slot.storage == Storage::kFree ? static_cast<std::uint32_t>(i - first_free) : 0;
      slot.name = PyTuple_GET_ITEM(names, i);
      Py_INCREF(slot.name);
      slot.redacted = context_->RedactsName(slot.name);
      info_->slots.push_back(slot);
    }
  }

  // Finds the names that the function declares global: those with a STORE_GLOBAL or DELETE_GLOBAL.
  void GlobalsDeclared(const unsigned char* at, std::size_t units) {
    int oparg = 0;
    for (std::size_t i = 0; i < units; ++i) {
      oparg = (oparg << 8) | at[2 * i + 1];
      if (at[2 * i] == EXTENDED_ARG) continue;
      if (at[2 * i] == STORE_GLOBAL || at[2 * i] == DELETE_GLOBAL) globals_.insert(oparg);
      oparg = 0;
    }
  }

  std::vector<int> LineTable(std::size_t units) {
    std::vector<int> lines(units, -1);
    PyObject* iterator = PyObject_CallMethod(reinterpret_cast<PyObject*>(code_), "co_lines", nullptr);
    if (iterator == nullptr) {
      PyErr_Clear();
      return lines;
    }
    while (PyObject* entry = PyIter_Next(iterator)) {
      const long start = PyLong_AsLong(PyTuple_GET_ITEM(entry, 0));
      const long end = PyLong_AsLong(PyTuple_GET_ITEM(entry, 1));
      PyObject* line = PyTuple_GET_ITEM(entry, 2);
      const int number = line == Py_None ? -1 : static_cast<int>(PyLong_AsLong(line));
      for (long i = start / 2; i < end / 2 && i < static_cast<long>(units); ++i)
        lines[static_cast<std::size_t>(i)] = number;
      Py_DECREF(entry);
    }
    PyErr_Clear();
    Py_DECREF(iterator);
    return lines;
  }

  void Note(int line, std::uint32_t slot, bool write) {
    if (line < 0) {
      always_.insert(slot);
      return;
    }
    auto& uses = lines_[line];
    (write ? uses.second : uses.first).insert(slot);
  }

  PyObject* NameAt(int index) const {
    return index >= 0 && index < PyTuple_GET_SIZE(code_->co_names) ? PyTuple_GET_ITEM(code_->co_names, index)
                                                                   : nullptr;
  }

  void Fast(int index, int line, bool write) {
    if (index >= 0 && static_cast<std::size_t>(index) < info_->slots.size())
      Note(line, static_cast<std::uint32_t>(index), write);
  }

  void Named(int index, int line, bool write) {
    PyObject* name = NameAt(index);
    if (name == nullptr) return;
    if (!write && TouchesEverything(Utf8(name))) info_->whole[line] = true;
    Note(line, info_->SlotOfName(name, context_->RedactsName(name)), write);
  }

  void Global(int index, int line, bool write) {
    PyObject* name = NameAt(index);
    if (name == nullptr) return;
    if (!write && TouchesEverything(Utf8(name))) info_->whole[line] = true;
    if (!globals_.contains(index)) return;
    auto [it, fresh] = global_slots_.try_emplace(index, static_cast<std::uint32_t>(info_->slots.size()));
    if (fresh) {
      Slot slot;
      slot.storage = Storage::kGlobal;
      slot.name = name;
      Py_INCREF(name);
      slot.redacted = context_->RedactsName(name);
      info_->slots.push_back(slot);
    }
    Note(line, it->second, write);
  }

  void Instruction(int opcode, int oparg, int line) {
    switch (opcode) {
      case LOAD_FAST:
#ifdef LOAD_FAST_BORROW
      case LOAD_FAST_BORROW:
#endif
#ifdef LOAD_FAST_CHECK
      case LOAD_FAST_CHECK:
#endif
#ifdef LOAD_CLOSURE
      case LOAD_CLOSURE:
#endif
      case LOAD_DEREF:
#ifdef LOAD_CLASSDEREF
      case LOAD_CLASSDEREF:
#endif
#ifdef LOAD_FROM_DICT_OR_DEREF
      case LOAD_FROM_DICT_OR_DEREF:
#endif
        Fast(oparg, line, false);
        break;
      case STORE_FAST:
      case DELETE_FAST:
      case STORE_DEREF:
      case DELETE_DEREF:
#ifdef LOAD_FAST_AND_CLEAR
      case LOAD_FAST_AND_CLEAR:
#endif
        Fast(oparg, line, true);
        break;
#ifdef LOAD_FAST_LOAD_FAST
#ifdef LOAD_FAST_BORROW_LOAD_FAST_BORROW
      case LOAD_FAST_BORROW_LOAD_FAST_BORROW:
#endif
      case LOAD_FAST_LOAD_FAST:
        Fast(oparg >> 4, line, false);
        Fast(oparg & 15, line, false);
        break;
#endif
#ifdef STORE_FAST_LOAD_FAST
      case STORE_FAST_LOAD_FAST:
        Fast(oparg >> 4, line, true);
        Fast(oparg & 15, line, false);
        break;
#endif
#ifdef STORE_FAST_STORE_FAST
      case STORE_FAST_STORE_FAST:
        Fast(oparg >> 4, line, true);
        Fast(oparg & 15, line, true);
        break;
#endif
      case LOAD_NAME:
        Named(oparg, line, false);
        break;
      case STORE_NAME:
      case DELETE_NAME:
        Named(oparg, line, true);
        break;
      case LOAD_GLOBAL:
        Global(oparg >> 1, line, false);
        break;
#ifdef LOAD_FROM_DICT_OR_GLOBALS
      case LOAD_FROM_DICT_OR_GLOBALS:
        Named(oparg, line, false);
        break;
#endif
      case STORE_GLOBAL:
      case DELETE_GLOBAL:
        Global(oparg, line, true);
        break;
#ifdef IMPORT_STAR
      case IMPORT_STAR:
        info_->whole[line] = true;
        break;
#endif
#ifdef CALL_INTRINSIC_1
      case CALL_INTRINSIC_1:
        if (oparg == 2) info_->whole[line] = true;  // import *
        break;
#endif
      default:
        break;
    }
  }

  void Finish() {
    // Instructions without a line belong to every line, even to lines that touch nothing themselves.
    if (lines_.empty() && always_.empty()) return;
    if (lines_.empty()) lines_[code_->co_firstlineno];
    const int low = lines_.begin()->first;
    const int high = lines_.rbegin()->first;
    info_->first_touched_line = low;
    info_->lines.resize(static_cast<std::size_t>(high - low) + 1);
    std::set<std::uint32_t> all;
    for (int line = low; line <= high; ++line) {
      all = always_;
      if (auto it = lines_.find(line); it != lines_.end()) {
        all.insert(it->second.first.begin(), it->second.first.end());
        all.insert(it->second.second.begin(), it->second.second.end());
        info_->uses.push_back({line,
                               {it->second.first.begin(), it->second.first.end()},
                               {it->second.second.begin(), it->second.second.end()}});
      }
      Touch& touch = info_->lines[static_cast<std::size_t>(line - low)];
      touch.begin = static_cast<std::uint32_t>(info_->touched.size());
      info_->touched.insert(info_->touched.end(), all.begin(), all.end());
      touch.end = static_cast<std::uint32_t>(info_->touched.size());
    }
  }

  PyCodeObject* code_;
  CodeInfo* info_;
  CaptureContext* context_;
  std::set<int> globals_;
  std::map<int, std::uint32_t> global_slots_;
  std::map<int, std::pair<std::set<std::uint32_t>, std::set<std::uint32_t>>> lines_;  // line → read, written
  std::set<std::uint32_t> always_;
};

}  // namespace

bool Analyse(PyCodeObject* code, CodeInfo* info, CaptureContext* context) {
  return Analyser(code, info, context).Run();
}

CodeInfo::~CodeInfo() {
  if (hooked) {
    before->after = after;
    after->before = before;
  }
  for (Slot& slot : slots) Py_XDECREF(slot.name);
}

const std::vector<CodeInfo::Touched>& CodeInfo::MakeStep(std::uint32_t before, std::uint32_t line) {
  // Two steps of one loop that share an entry would be computed at each iteration. So the table grows until they do
  // not.
  const std::size_t most = std::bit_ceil(std::min<std::size_t>(32 * lines.size() + 1, 4096));
  if (steps.empty()) {
    steps.resize(std::bit_ceil(std::min<std::size_t>(2 * lines.size() + 1, most)));
  } else if (steps[StepIndex(before, line)].taken() && steps.size() < most) {
    const std::size_t size = 2 * steps.size();
    steps.clear();
    steps.resize(size);
  }
  Step& step = steps[StepIndex(before, line)];
  step.before = before;
  step.line = line;
  step.slots.clear();
  for (const std::uint32_t each : {before, line}) {
    const std::uint32_t* end;
    for (const std::uint32_t* at = Begin(each, &end); at != end; ++at) {
      const auto same = [at](const Touched& touched) { return touched.slot == *at; };
      if (std::any_of(step.slots.begin(), step.slots.end(), same)) continue;
      step.slots.push_back({*at, slots[*at].storage == Storage::kFast ? slots[*at].index : Touched::kElsewhere});
    }
  }
  return step.slots;
}

std::uint32_t CodeInfo::SlotOfName(PyObject* name, bool redacted) {
  auto [it, fresh] = by_name.try_emplace(name, static_cast<std::uint32_t>(slots.size()));
  if (fresh) {
    Slot slot;
    slot.storage = Storage::kName;
    slot.redacted = redacted;
    slot.name = name;
    Py_INCREF(name);
    slots.push_back(slot);
  }
  return it->second;
}

}  // namespace smiley::tracer
