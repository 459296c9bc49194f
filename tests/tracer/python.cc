#include "python.h"

#include <boost/test/unit_test.hpp>
#include <cstdio>

#include "shm/cbor.h"
#include "shm/forms.h"

namespace smiley::tracer::test {
namespace {

using Item = shm::CborReader::Item;
using Type = shm::CborReader::Type;

constexpr const char* kFormNames[] = {
    "none",  "list",      "tuple",    "set",      "frozenset", "deque",    "dict",      "defaultdict", "counter",
    "odict", "ref",       "object",   "strcut",   "strraw",    "bytescut", "bytearray", "bigint",      "complex",
    "text",  "exception", "subclass", "redacted", "lost",      "unbound",  "unreadable"};

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string Hexadecimal(std::string_view bytes) {
  std::string out = "h'";
  char two[3];
  for (const char c : bytes) {
    std::snprintf(two, sizeof two, "%02x", static_cast<unsigned char>(c));
    out += two;
  }
  return out + "'";
}

std::string Number(double number) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", number);
  std::string out = text;
  return out.find_first_not_of("-0123456789") == std::string::npos ? out + ".0" : out;
}

bool Append(shm::CborReader* reader, std::string* out);

bool AppendItems(shm::CborReader* reader, std::uint64_t count, std::string* out) {
  for (std::uint64_t i = 0; i < count; ++i) {
    if (i > 0) *out += ", ";
    if (!Append(reader, out)) return false;
  }
  return true;
}

// Appends the array behind a tag as "name(…)".
bool AppendTagged(shm::CborReader* reader, std::uint64_t tag, std::string* out) {
  std::uint64_t count = 0;
  if (!reader->ReadArray(&count)) return false;
  if (tag == shm::kCborReadAtTag) {
    *out += "asof";
  } else {
    std::uint64_t form = 0;
    if (tag != shm::kCborFormTag || count == 0 || !reader->ReadUnsigned(&form) || form > shm::kLastForm) return false;
    *out += kFormNames[form];
    --count;
  }
  *out += "(";
  if (!AppendItems(reader, count, out)) return false;
  *out += ")";
  return true;
}

bool Append(shm::CborReader* reader, std::string* out) {
  const Item item = reader->Next();
  switch (item.type) {
    case Type::kUnsigned:
      *out += std::to_string(item.count);
      return true;
    case Type::kNegative:
      *out += std::to_string(item.integer);
      return true;
    case Type::kBytes:
      *out += Hexadecimal(item.text);
      return true;
    case Type::kText:
      *out += Quoted(item.text);
      return true;
    case Type::kBool:
      *out += item.flag ? "true" : "false";
      return true;
    case Type::kNull:
      *out += "null";
      return true;
    case Type::kDouble:
      *out += Number(item.number);
      return true;
    case Type::kTag:
      return AppendTagged(reader, item.count, out);
    case Type::kArray: {
      *out += "[";
      const bool whole = AppendItems(reader, item.count, out);
      *out += "]";
      return whole;
    }
    default:
      return false;
  }
}

void FailWithException(const std::string& code) {
  PyErr_Print();
  BOOST_FAIL("an exception in the test's own Python code: " << code);
}

}  // namespace

Python::Python() : names_(PyDict_New()) {
  PyObject* name = PyUnicode_FromString("__main__");
  PyDict_SetItemString(names_, "__builtins__", PyEval_GetBuiltins());
  PyDict_SetItemString(names_, "__name__", name);
  Py_DECREF(name);
}

Python::~Python() {
  for (PyObject* object : kept_) Py_DECREF(object);
  PyDict_Clear(names_);
  Py_DECREF(names_);
}

void Python::Run(const std::string& statements) {
  PyObject* result = PyRun_String(statements.c_str(), Py_file_input, names_, names_);
  if (result == nullptr) FailWithException(statements);
  Py_XDECREF(result);
}

PyObject* Python::Eval(const std::string& expression) {
  PyObject* result = PyRun_String(expression.c_str(), Py_eval_input, names_, names_);
  if (result == nullptr) FailWithException(expression);
  kept_.push_back(result);
  return result;
}

std::string Show(std::string_view cbor) {
  shm::CborReader reader(cbor);
  std::string out;
  if (!Append(&reader, &out) || reader.consumed() != cbor.size()) return "bad";
  return out;
}

CallCounter::CallCounter() : self_(PyCapsule_New(this, nullptr, nullptr)) { PyEval_SetProfile(Count, self_); }

CallCounter::~CallCounter() {
  PyEval_SetProfile(nullptr, nullptr);
  Py_XDECREF(self_);
}

int CallCounter::Count(PyObject* self, PyFrameObject*, int what, PyObject*) {
  if (what == PyTrace_CALL) ++static_cast<CallCounter*>(PyCapsule_GetPointer(self, nullptr))->calls_;
  return 0;
}

}  // namespace smiley::tracer::test
