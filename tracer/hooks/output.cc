#include "tracer/hooks/output.h"

#include <Python.h>
#include <structmember.h>

#include <array>
#include <iterator>
#include <memory>
#include <string_view>
#include <utility>

#include "shm/ledger.h"
#include "tracer/hooks/written_text.h"
#include "tracer/recorder/keep_error.h"
#include "tracer/recorder/process.h"
#include "tracer/recorder/recorder.h"
#include "tracer/recorder/swap.h"

namespace smiley::tracer {
namespace {

// ---- which descriptor ----

// The types of Python's file layers and where each keeps the layer below it. Found at the start.
struct Layout {
  PyTypeObject *text = nullptr, *writer = nullptr, *random = nullptr, *file = nullptr;
  Py_ssize_t buffer = 0, raw = 0;  // offsets in TextIOWrapper, and in BufferedWriter and BufferedRandom
} g_layout;

PyObject* Field(PyObject* object, Py_ssize_t offset) {
  return *reinterpret_cast<PyObject**>(reinterpret_cast<char*>(object) + offset);
}

// A FileIO's first field is its descriptor.
int DescriptorOfFile(PyObject* file) {
  return *reinterpret_cast<int*>(reinterpret_cast<char*>(file) + sizeof(PyObject));
}

int DescriptorBelowBuffer(PyObject* buffer) {
  PyObject* raw = Field(buffer, g_layout.raw);
  return raw != nullptr && Py_IS_TYPE(raw, g_layout.file) ? DescriptorOfFile(raw) : -1;
}

// The descriptor of a text file; -1: some layer below it is not of the standard library, so its target is unknown.
int DescriptorBelowText(PyObject* text) {
  PyObject* buffer = Field(text, g_layout.buffer);
  if (buffer == nullptr) return -1;
  if (Py_IS_TYPE(buffer, g_layout.writer) || Py_IS_TYPE(buffer, g_layout.random))
    return DescriptorBelowBuffer(buffer);
  return Py_IS_TYPE(buffer, g_layout.file) ? DescriptorOfFile(buffer) : -1;
}

constexpr bool IsOutput(int fd) { return fd == 1 || fd == 2; }

// ---- recording ----

// The number of text file methods that run in this thread. The layers below record nothing while it is above 0.
__attribute__((tls_model("initial-exec"))) thread_local int t_inside_text = 0;

// The texts that one print, or one traceback, has written so far.
struct Gather {
  Gather* outer;
  // Recorded frames below. A __str__ that print calls is deeper, so its output is an event of its own.
  std::size_t depth;
  WrittenText texts[2];
};
__attribute__((tls_model("initial-exec"))) thread_local Gather* t_gather = nullptr;

// Reads the bytes of an object with a known layout. False: any other object.
bool BytesOf(PyObject* object, std::string_view* out) {
  if (PyBytes_Check(object)) {
    *out = {PyBytes_AS_STRING(object), static_cast<std::size_t>(PyBytes_GET_SIZE(object))};
  } else if (PyByteArray_Check(object)) {
    *out = {PyByteArray_AS_STRING(object), static_cast<std::size_t>(PyByteArray_GET_SIZE(object))};
  } else if (PyMemoryView_Check(object)) {
    const Py_buffer* view = PyMemoryView_GET_BUFFER(object);
    if (view->buf == nullptr || !PyBuffer_IsContiguous(view, 'C')) return false;
    *out = {static_cast<const char*>(view->buf), static_cast<std::size_t>(view->len)};
  } else {
    return false;
  }
  return true;
}

// ---- descriptors that are captured ----

std::unique_ptr<shm::Ledger> g_ledger;

// Announces a write to descriptor 1 or 2 that the hooks record, so that the process that captures the descriptor does
// not record it again.
class Announced {
 public:
  Announced(int fd, PyObject* object) {
    if (g_ledger == nullptr || !IsOutput(fd) || !BytesOf(object, &bytes_) || bytes_.empty()) return;
    const Process* process = Process::instance();
    const bool unfollowed = Process::forked.load() && !process->options().follow;
    if (unfollowed || process->ended() || PyInterpreterState_Get() != PyInterpreterState_Main() ||
        !g_ledger->Covers(fd))
      return;
    ticket_ = g_ledger->Announce(fd, bytes_);
  }
  // `result`: what the function returned.
  void Settle(PyObject* result) const {
    if (ticket_ == 0) return;
    KeepError keep;
    const Py_ssize_t written = result != nullptr && PyLong_CheckExact(result) ? PyLong_AsSsize_t(result) : 0;
    g_ledger->Settle(ticket_, bytes_, written > 0 ? static_cast<std::size_t>(written) : 0);
  }

 private:
  std::string_view bytes_;
  std::uint64_t ticket_ = 0;
};

// The recorder of this thread; null: nothing is recorded here.
ThreadRecorder* Recorder() {
  Process* process = Process::instance();
  if (process == nullptr || process->off() || PyInterpreterState_Get() != PyInterpreterState_Main()) return nullptr;
  return ThreadRecorder::Current();
}

void RecordText(ThreadRecorder* recorder, int fd, WrittenText* text) {
  if (text->empty()) return;
  const std::string cbor = text->Take(Process::instance()->capture().secrets);
  recorder->RecordInFrame(fd == 1 ? shm::Kind::kStdout : shm::Kind::kStderr, 0,
                          std::array{ThreadRecorder::Part{shm::Kind::kText, 0, cbor}});
}

// Records the texts gathered so far, those of an outer print first.
void RecordGathered(ThreadRecorder* recorder, int fd, Gather* gather) {
  if (gather == nullptr) return;
  RecordGathered(recorder, fd, gather->outer);
  RecordText(recorder, fd, &gather->texts[fd - 1]);
}

template <typename Text>
void Wrote(int fd, const Text& text) {
  KeepError keep;
  ThreadRecorder* recorder = Recorder();
  if (recorder == nullptr) return;
  if (t_gather != nullptr && t_gather->depth == recorder->open_frames()) {
    t_gather->texts[fd - 1].Add(text);
    return;
  }
  RecordGathered(recorder, fd, t_gather);
  WrittenText own;
  own.Add(text);
  RecordText(recorder, fd, &own);
}

// `result`: the number of bytes that were written.
void WroteBytes(int fd, PyObject* object, PyObject* result) {
  std::string_view bytes;
  if (result == nullptr || !PyLong_CheckExact(result) || !BytesOf(object, &bytes)) return;
  const Py_ssize_t count = PyLong_AsSsize_t(result);
  if (count <= 0 || static_cast<std::size_t>(count) > bytes.size()) return;
  Wrote(fd, bytes.substr(0, static_cast<std::size_t>(count)));
}

// ---- replacements of the functions that write ----

using Plain = PyObject* (*)(PyObject*, PyObject*);
using Fast = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t);
using FastKeywords = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);
using Method = PyObject* (*)(PyObject*, PyTypeObject*, PyObject* const*, Py_ssize_t, PyObject*);

template <typename Function>
Function As(PyCFunction function) {
  return reinterpret_cast<Function>(reinterpret_cast<void (*)()>(function));
}
template <typename Function>
PyCFunction AsStored(Function function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

Swap g_text_write, g_buffer_write, g_random_write, g_file_write, g_os_write;

PyObject* TextWrite(PyObject* self, PyObject* text) {
  const int fd = DescriptorBelowText(self);
  ++t_inside_text;
  PyObject* result = g_text_write.original(self, text);
  --t_inside_text;
  if (IsOutput(fd) && result != nullptr && PyUnicode_Check(text)) Wrote(fd, text);
  return result;
}

template <Swap* kSwap>
PyObject* BufferWrite(PyObject* self, PyObject* bytes) {
  const int fd = DescriptorBelowBuffer(self);
  PyObject* result = kSwap->original(self, bytes);
  if (IsOutput(fd) && t_inside_text == 0) WroteBytes(fd, bytes, result);
  return result;
}

// Whether a buffered file passes its own memory: a view that no object exports.
bool ComesFromBuffer(PyObject* bytes) { return PyMemoryView_Check(bytes) && PyMemoryView_GET_BASE(bytes) == nullptr; }

void WroteFile(int fd, PyObject* bytes, PyObject* result) {
  if (IsOutput(fd) && t_inside_text == 0 && !ComesFromBuffer(bytes)) WroteBytes(fd, bytes, result);
}
PyObject* FileWrite(PyObject* self, PyObject* bytes) {
  const int fd = DescriptorOfFile(self);
  const Announced announced(fd, bytes);
  PyObject* result = g_file_write.original(self, bytes);
  announced.Settle(result);
  WroteFile(fd, bytes, result);
  return result;
}
PyObject* FileWriteMethod(PyObject* self, PyTypeObject* type, PyObject* const* args, Py_ssize_t count,
                          PyObject* names) {
  const int fd = DescriptorOfFile(self);
  const Announced announced(fd, count == 1 ? args[0] : Py_None);
  PyObject* result = As<Method>(g_file_write.original)(self, type, args, count, names);
  announced.Settle(result);
  if (count == 1) WroteFile(fd, args[0], result);
  return result;
}

// The value of an int from 0 to 2; -1: any other object. os.write itself raises for those that are no descriptors.
int SmallNumber(PyObject* object) {
  if (!PyLong_Check(object)) return -1;
  int overflow = 0;
  const long number = PyLong_AsLongAndOverflow(object, &overflow);
  return overflow == 0 && number >= 0 && number <= 2 ? static_cast<int>(number) : -1;
}

PyObject* OsWrite(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  const int fd = count == 2 ? SmallNumber(args[0]) : -1;
  const Announced announced(fd, fd >= 0 ? args[1] : Py_None);
  PyObject* result = As<Fast>(g_os_write.original)(self, args, count);
  announced.Settle(result);
  if (IsOutput(fd)) WroteBytes(fd, args[1], result);
  return result;
}

// Methods of a text file that flush its pending text. Each is replaced by its calling convention, whatever the
// version.
constexpr const char* kTextMethods[] = {"flush",    "close",       "detach", "seek",    "tell",
                                        "truncate", "reconfigure", "read",   "readline"};
Swap g_text_methods[std::size(kTextMethods)];

// Functions that write one text in several pieces.
struct Writer {
  const char* module;
  const char* name;
};
constexpr Writer kWriters[] = {{"builtins", "print"},
                               {"sys", "excepthook"},
                               {"sys", "unraisablehook"},
                               {"sys", "displayhook"},
                               {"_thread", "_excepthook"}};
Swap g_writers[std::size(kWriters)];

// Guards that live while a replaced function runs. Guarded has one instance of each function for each row of a table.
class InsideText {
 public:
  InsideText() { ++t_inside_text; }
  ~InsideText() { --t_inside_text; }
  InsideText(const InsideText&) = delete;
  InsideText& operator=(const InsideText&) = delete;
};

class Gathering {
 public:
  Gathering() {
    KeepError keep;
    ThreadRecorder* recorder = Recorder();
    if (recorder == nullptr) return;
    gather_ = {t_gather, recorder->open_frames(), {}};
    t_gather = &gather_;
    active_ = true;
  }
  ~Gathering() {
    if (!active_) return;
    t_gather = gather_.outer;
    if (gather_.texts[0].empty() && gather_.texts[1].empty()) return;
    KeepError keep;
    ThreadRecorder* recorder = Recorder();
    if (recorder == nullptr) return;
    for (const int fd : {1, 2}) {
      if (gather_.texts[fd - 1].empty()) continue;
      RecordGathered(recorder, fd, t_gather);
      RecordText(recorder, fd, &gather_.texts[fd - 1]);
    }
  }
  Gathering(const Gathering&) = delete;
  Gathering& operator=(const Gathering&) = delete;

 private:
  Gather gather_{};
  bool active_ = false;
};

template <Swap* kTable, typename Guard, std::size_t kPlace>
struct Guarded {
  static PyObject* CallPlain(PyObject* self, PyObject* args) {
    Guard guard;
    return kTable[kPlace].original(self, args);
  }
  static PyObject* CallFast(PyObject* self, PyObject* const* args, Py_ssize_t count) {
    Guard guard;
    return As<Fast>(kTable[kPlace].original)(self, args, count);
  }
  static PyObject* CallFastKeywords(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
    Guard guard;
    return As<FastKeywords>(kTable[kPlace].original)(self, args, count, names);
  }
  static PyObject* CallMethod(PyObject* self, PyTypeObject* type, PyObject* const* args, Py_ssize_t count,
                              PyObject* names) {
    Guard guard;
    return As<Method>(kTable[kPlace].original)(self, type, args, count, names);
  }
  static bool Set(PyMethodDef* definition) {
    if (definition == nullptr) return false;
    switch (definition->ml_flags & ~(METH_STATIC | METH_CLASS | METH_COEXIST)) {
      case METH_NOARGS:
      case METH_O:
      case METH_VARARGS:
        return kTable[kPlace].Set(definition, &CallPlain);
      case METH_FASTCALL:
        return kTable[kPlace].Set(definition, AsStored(&CallFast));
      case METH_FASTCALL | METH_KEYWORDS:
        return kTable[kPlace].Set(definition, AsStored(&CallFastKeywords));
      case METH_METHOD | METH_FASTCALL | METH_KEYWORDS:
        return kTable[kPlace].Set(definition, AsStored(&CallMethod));
      default:
        return false;
    }
  }
};

template <std::size_t... kPlaces>
bool SetTextMethods(std::index_sequence<kPlaces...>) {
  return (Guarded<g_text_methods, InsideText, kPlaces>::Set(FindMethod(g_layout.text, kTextMethods[kPlaces])) && ...);
}
template <std::size_t... kPlaces>
void SetWriters(std::index_sequence<kPlaces...>) {
  // When one is missing, its text is recorded in several events.
  (Guarded<g_writers, Gathering, kPlaces>::Set(FindDefinition(kWriters[kPlaces].module, kWriters[kPlaces].name)),
   ...);
}

// ---- the start ----

PyTypeObject* TypeOf(const char* name) {
  PyObject* module = PyDict_GetItemString(PyImport_GetModuleDict(), "_io");
  PyObject* type =
      module != nullptr && PyModule_Check(module) ? PyDict_GetItemString(PyModule_GetDict(module), name) : nullptr;
  return type != nullptr && PyType_Check(type) ? reinterpret_cast<PyTypeObject*>(type) : nullptr;
}

bool OffsetOf(PyTypeObject* type, const char* name, Py_ssize_t* offset) {
  PyObject* descriptor = FindInType(type, name);
  if (descriptor == nullptr || !Py_IS_TYPE(descriptor, &PyMemberDescr_Type)) return false;
  *offset = reinterpret_cast<PyMemberDescrObject*>(descriptor)->d_member->offset;
  return *offset > 0;
}

// Whether the offsets lead from one of the standard files to its descriptor.
bool LayoutHolds() {
  int number = -1;
  for (const char* name : {"__stdin__", "__stdout__", "__stderr__"}) {
    ++number;
    PyObject* text = PySys_GetObject(name);
    if (text == nullptr || !Py_IS_TYPE(text, g_layout.text)) continue;
    PyObject* buffer = Field(text, g_layout.buffer);
    if (buffer == nullptr) return false;
    PyObject* file = Py_IS_TYPE(buffer, g_layout.file) ? buffer : Field(buffer, g_layout.raw);
    return file != nullptr && Py_IS_TYPE(file, g_layout.file) && DescriptorOfFile(file) == number;
  }
  return false;
}

bool FindLayout() {
  g_layout.text = TypeOf("TextIOWrapper");
  g_layout.writer = TypeOf("BufferedWriter");
  g_layout.random = TypeOf("BufferedRandom");
  g_layout.file = TypeOf("FileIO");
  Py_ssize_t raw_of_random = 0;
  return g_layout.text != nullptr && g_layout.writer != nullptr && g_layout.random != nullptr &&
         g_layout.file != nullptr && OffsetOf(g_layout.text, "buffer", &g_layout.buffer) &&
         OffsetOf(g_layout.writer, "raw", &g_layout.raw) && OffsetOf(g_layout.random, "raw", &raw_of_random) &&
         raw_of_random == g_layout.raw && LayoutHolds();
}

bool SetAll() {
  PyMethodDef* text = FindMethod(g_layout.text, "write");
  PyMethodDef* writer = FindMethod(g_layout.writer, "write");
  PyMethodDef* random = FindMethod(g_layout.random, "write");
  PyMethodDef* file = FindMethod(g_layout.file, "write");
  PyMethodDef* os = FindDefinition("posix", "write");
  if (text == nullptr || writer == nullptr || random == nullptr || file == nullptr || os == nullptr) return false;
  if (text->ml_flags != METH_O || writer->ml_flags != METH_O || random->ml_flags != METH_O ||
      os->ml_flags != METH_FASTCALL) {
    return false;
  }
  if (file->ml_flags == METH_O) {
    g_file_write.Set(file, &FileWrite);
  } else if (file->ml_flags == (METH_METHOD | METH_FASTCALL | METH_KEYWORDS)) {
    g_file_write.Set(file, AsStored(&FileWriteMethod));
  } else {
    return false;
  }
  if (!SetTextMethods(std::make_index_sequence<std::size(kTextMethods)>())) return false;
  g_text_write.Set(text, &TextWrite);
  g_buffer_write.Set(writer, &BufferWrite<&g_buffer_write>);
  if (random != writer) g_random_write.Set(random, &BufferWrite<&g_random_write>);
  g_os_write.Set(os, AsStored(&OsWrite));
  SetWriters(std::make_index_sequence<std::size(kWriters)>());
  return true;
}

}  // namespace

bool WatchOutput(const char* ledger, std::string* why) {
  if (!FindLayout()) {
    *why = "the interpreter's files are not as expected";
    return false;
  }
  if (!SetAll()) {
    UnwatchOutput();
    *why = "the interpreter's writing functions are not as expected";
    return false;
  }
  // Without a ledger Python's writes are recorded twice, but none is lost.
  if (ledger != nullptr) g_ledger = shm::Ledger::Open(ledger);
  if (g_ledger != nullptr) g_ledger->Attach();
  return true;
}

void UnwatchOutput() {
  for (Swap* swap : {&g_text_write, &g_buffer_write, &g_random_write, &g_file_write, &g_os_write}) swap->Undo();
  for (Swap& swap : g_text_methods) swap.Undo();
  for (Swap& swap : g_writers) swap.Undo();
}

}  // namespace smiley::tracer
