// Text forms: the text of a value of a known type.
#include <Python.h>
// datetime.h needs Python.h before it.
#include <datetime.h>

#include <cstdio>
#include <cstring>

#include "tracer/interp/interp.h"
#include "tracer/values/big_int.h"
#include "tracer/values/level.h"
#include "tracer/values/text_forms.h"

namespace smiley::tracer {
namespace {

// The text of a str that a C function of an exact builtin type returned. Takes the reference and clears errors.
// REQUIRES a function that does not check for signals: the exception of a handler (KeyboardInterrupt) would be lost
// here. PyObject_Str, PyObject_Repr, the formats %S and %R and the decimal digits of an int do check.
std::string TakeText(PyObject* made) {
  std::string text;
  if (made != nullptr && PyUnicode_Check(made)) text = Utf8(made);
  Py_XDECREF(made);
  PyErr_Clear();
  return text;
}

std::string StrAttribute(PyObject* object, const TypeInfo& info, const char* name) {
  PyObject* value = ReadAttribute(object, info, name);
  return value != nullptr && PyUnicode_Check(value) ? Utf8(value) : std::string();
}

std::string NamedIn(PyObject* module, const std::string& qualname) {
  if (module != nullptr && PyUnicode_Check(module)) return Utf8(module) + "." + qualname;
  return qualname;
}

// +HH:MM[:SS[.ffffff]], as str() of a datetime writes it. An offset is less than a day in either direction.
std::string OffsetText(PyObject* delta) {
  int days = PyDateTime_DELTA_GET_DAYS(delta), seconds = PyDateTime_DELTA_GET_SECONDS(delta);
  int micros = PyDateTime_DELTA_GET_MICROSECONDS(delta);
  const char sign = days < 0 ? '-' : '+';
  if (days < 0) {
    seconds = 86400 - seconds - (micros != 0);
    micros = micros != 0 ? 1000000 - micros : 0;
  }
  char text[32];
  int at = std::snprintf(text, sizeof text, "%c%02d:%02d", sign, seconds / 3600 % 100, seconds / 60 % 60);
  if (seconds % 60 != 0 || micros != 0)
    at += std::snprintf(text + at, sizeof text - static_cast<std::size_t>(at), ":%02d", seconds % 60);
  if (micros != 0) std::snprintf(text + at, sizeof text - static_cast<std::size_t>(at), ".%06d", micros);
  return text;
}

// Date and time fields, read by their C layout, and the offset where the time zone is the library's own.
std::string DateTimeText(PyObject* object, Shape shape) {
  char text[96];
  int at = 0;
  if (shape != Shape::kTime) {
    at += std::snprintf(text, sizeof text, "%04d-%02d-%02d", PyDateTime_GET_YEAR(object),
                        PyDateTime_GET_MONTH(object), PyDateTime_GET_DAY(object));
  }
  if (shape == Shape::kDate) return text;
  PyObject* zone;
  if (shape == Shape::kDateTime) {
    at += std::snprintf(text + at, sizeof text - static_cast<std::size_t>(at), " %02d:%02d:%02d",
                        PyDateTime_DATE_GET_HOUR(object), PyDateTime_DATE_GET_MINUTE(object),
                        PyDateTime_DATE_GET_SECOND(object));
    if (PyDateTime_DATE_GET_MICROSECOND(object) != 0) {
      std::snprintf(text + at, sizeof text - static_cast<std::size_t>(at), ".%06d",
                    PyDateTime_DATE_GET_MICROSECOND(object));
    }
    zone = PyDateTime_DATE_GET_TZINFO(object);
  } else {
    at += std::snprintf(text, sizeof text, "%02d:%02d:%02d", PyDateTime_TIME_GET_HOUR(object),
                        PyDateTime_TIME_GET_MINUTE(object), PyDateTime_TIME_GET_SECOND(object));
    if (PyDateTime_TIME_GET_MICROSECOND(object) != 0) {
      std::snprintf(text + at, sizeof text - static_cast<std::size_t>(at), ".%06d",
                    PyDateTime_TIME_GET_MICROSECOND(object));
    }
    zone = PyDateTime_TIME_GET_TZINFO(object);
  }
  std::string out = text;
  if (zone != nullptr && zone != Py_None) {
    out += IsFixedZone(zone) ? OffsetText(reinterpret_cast<FixedZone*>(zone)->offset)
                             : " " + Types::NameOf(Py_TYPE(zone));
  }
  return out;
}

std::string PathText(PyObject* object, const TypeInfo& info) {
  std::string text = StrAttribute(object, info, "_str");
  if (!text.empty()) return text;
  PyObject* raw = ReadAttribute(object, info, "_raw_paths");
  if (raw != nullptr && PyList_CheckExact(raw)) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(raw); ++i) {
      if (!PyUnicode_Check(PyList_GET_ITEM(raw, i))) continue;
      const std::string part = Utf8(PyList_GET_ITEM(raw, i));
      if (!part.empty() && part[0] == '/') text.clear();
      if (!text.empty() && text.back() != '/') text += '/';
      text += part;
    }
    return text.empty() ? "." : text;
  }
  PyObject* parts = ReadAttribute(object, info, "_parts");
  if (parts != nullptr && PyList_CheckExact(parts)) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(parts); ++i) {
      if (!PyUnicode_Check(PyList_GET_ITEM(parts, i))) continue;
      if (!text.empty() && text.back() != '/') text += '/';
      text += Utf8(PyList_GET_ITEM(parts, i));
    }
  }
  return text.empty() ? "." : text;
}

std::string UuidText(PyObject* object, const TypeInfo& info) {
  PyObject* number = ReadAttribute(object, info, "int");
  if (number == nullptr || !PyLong_CheckExact(number)) return {};
  std::string hex = TakeText(PyNumber_ToBase(number, 16));
  if (hex.size() < 2) return {};
  hex = hex.substr(2);
  if (hex.size() < 32) hex.insert(0, 32 - hex.size(), '0');
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" + hex.substr(16, 4) + "-" +
         hex.substr(20);
}

std::string NdArrayText(PyObject* object) {
  const NdArrayHead* array = reinterpret_cast<NdArrayHead*>(object);
  std::string text = "shape=(";
  for (int i = 0; i < array->nd && i < 64; ++i) {
    text += (i > 0 ? ", " : "") + std::to_string(array->dimensions[i]);
  }
  text += array->nd == 1 ? ",)" : ")";
  if (array->descr != nullptr) {
    text += std::string(" dtype=") + reinterpret_cast<NdDescrHead*>(array->descr)->typeobj->tp_name;
  }
  return text;
}

std::string RangeText(PyObject* object, Types* types) {
  const RangeFields* range = reinterpret_cast<RangeFields*>(object);
  const std::string step = SafeRepr(range->step, types);
  return "range(" + SafeRepr(range->start, types) + ", " + SafeRepr(range->stop, types) +
         (step == "1" ? "" : ", " + step) + ")";
}

std::string FunctionText(PyObject* object) {
  const PyFunctionObject* f = reinterpret_cast<PyFunctionObject*>(object);
  return NamedIn(f->func_module, PyUnicode_Check(f->func_qualname) ? Utf8(f->func_qualname) : "?");
}

}  // namespace

std::string StrOf(PyObject* object) { return TakeText(Py_TYPE(object)->tp_str(object)); }

std::string BuiltinName(const PyCFunctionObject* f) {
  if (f->m_self != nullptr && !PyModule_Check(f->m_self)) {
    PyTypeObject* owner = PyType_Check(f->m_self) ? reinterpret_cast<PyTypeObject*>(f->m_self) : Py_TYPE(f->m_self);
    return Types::NameOf(owner) + "." + f->m_ml->ml_name;
  }
  const std::string name = NamedIn(f->m_module, f->m_ml->ml_name);
  return name.rfind("builtins.", 0) == 0 ? name.substr(9) : name;
}

std::string KnownText(PyObject* object, const TypeInfo& info, Types* types, const char** type_name) {
  switch (info.shape) {
    case Shape::kRange:
      *type_name = "range";
      return RangeText(object, types);
    case Shape::kSlice: {
      const PySliceObject* slice = reinterpret_cast<PySliceObject*>(object);
      *type_name = "slice";
      return "slice(" + SafeRepr(slice->start, types) + ", " + SafeRepr(slice->stop, types) + ", " +
             SafeRepr(slice->step, types) + ")";
    }
    case Shape::kEnum: {
      *type_name = "enum";
      std::string member = StrAttribute(object, info, "_name_");
      if (member.empty()) {
        // Enum members keep their attributes in a plain instance dict.
        Level level;
        TypeInfo open = info;
        open.attributes = true;
        open.subclass = true;
        ReadLevel(object, open, 16, &level);
        PyObject* value = nullptr;
        for (std::size_t i = 0; i + 1 < level.attributes.size(); i += 2) {
          if (!PyUnicode_Check(level.attributes[i])) continue;
          const std::string name = Utf8(level.attributes[i]);
          if (name == "_name_" && PyUnicode_Check(level.attributes[i + 1])) member = Utf8(level.attributes[i + 1]);
          if (name == "_value_") value = level.attributes[i + 1];
        }
        if (member.empty() && value != nullptr) member = SafeRepr(value, types);
      }
      const std::size_t dot = info.name.rfind('.');
      return info.name.substr(dot == std::string::npos ? 0 : dot + 1) + "." + member;
    }
    case Shape::kDateTime:
      *type_name = "datetime";
      return DateTimeText(object, info.shape);
    case Shape::kDate:
      *type_name = "date";
      return DateTimeText(object, info.shape);
    case Shape::kTime:
      *type_name = "time";
      return DateTimeText(object, info.shape);
    case Shape::kTimeDelta:
      *type_name = "timedelta";
      return StrOf(object);
    case Shape::kTimeZone:
      *type_name = "timezone";
      return StrOf(object);
    case Shape::kDecimal:
      *type_name = "Decimal";
      return StrOf(object);
    case Shape::kFraction: {
      PyObject* n = ReadAttribute(object, info, "_numerator");
      PyObject* d = ReadAttribute(object, info, "_denominator");
      if (n == nullptr || d == nullptr) return {};
      *type_name = "Fraction";
      return SafeRepr(n, types) + "/" + SafeRepr(d, types);
    }
    case Shape::kUuid: {
      std::string text = UuidText(object, info);
      if (!text.empty()) *type_name = "UUID";
      return text;
    }
    case Shape::kPath:
      *type_name = "Path";
      return PathText(object, info);
    case Shape::kFunction:
      *type_name = "function";
      return FunctionText(object);
    case Shape::kBuiltin:
      *type_name = "builtin";
      return BuiltinName(reinterpret_cast<PyCFunctionObject*>(object));
    case Shape::kMethod: {
      PyObject* function = PyMethod_GET_FUNCTION(object);
      *type_name = "method";
      if (Py_TYPE(function) == &PyFunction_Type) return FunctionText(function);
      return types->OfObject(function).name;
    }
    case Shape::kClass:
      *type_name = "class";
      return Types::NameOf(reinterpret_cast<PyTypeObject*>(object));
    case Shape::kModule:
      *type_name = "module";
      return TakeText(PyModule_GetNameObject(object));
    case Shape::kEllipsis:
      *type_name = "ellipsis";
      return "Ellipsis";
    case Shape::kNotImplemented:
      *type_name = "notimplemented";
      return "NotImplemented";
    case Shape::kNdArray:
      *type_name = "ndarray";
      return NdArrayText(object);
    default:
      return {};
  }
}

std::string IntText(PyObject* object, std::size_t digits) {
  std::uint64_t magnitude;
  int negative;
  if (smiley_small_int(object, &magnitude, &negative))
    return (negative ? "-" : "") + std::to_string(magnitude).substr(0, digits);
  const std::string hex = TakeText(PyNumber_ToBase(object, 16));  // "0x…" or "-0x…"
  const std::size_t x = hex.find('x');
  if (x == std::string::npos) return {};  // no memory
  return (hex[0] == '-' ? "-" : "") + LeadingDigits(std::string_view(hex).substr(x + 1), digits);
}

std::string SafeRepr(PyObject* object, Types* types, int depth) {
  if (object == nullptr) return "<NULL>";
  if (object == Py_None || object == Py_True || object == Py_False || object == Py_Ellipsis) {
    return TakeText(Py_TYPE(object)->tp_repr(object));
  }
  const TypeInfo& info = types->OfObject(object);
  if (!info.subclass && IsScalar(info.shape)) {
    if (info.shape == Shape::kInt) {
      const std::size_t bits = _PyLong_NumBits(object);
      return bits > 8192 ? "<int of " + std::to_string(bits) + " bits>" : IntText(object, SIZE_MAX);
    }
    return TakeText(Py_TYPE(object)->tp_repr(object));
  }
  const bool sequence = info.shape == Shape::kList || info.shape == Shape::kTuple;
  if (!info.subclass && depth < 3 && (sequence || info.shape == Shape::kDict)) {
    Level level;
    ReadLevel(object, info, 64, &level);
    std::string text = info.shape == Shape::kList ? "[" : sequence ? "(" : "{";
    const std::size_t step = sequence ? 1 : 2;
    for (std::size_t i = 0; i + step <= level.items.size(); i += step) {
      if (i > 0) text += ", ";
      text += SafeRepr(level.items[i], types, depth + 1);
      if (!sequence) text += ": " + SafeRepr(level.items[i + 1], types, depth + 1);
    }
    if (level.total > static_cast<Py_ssize_t>(level.items.size() / step)) text += ", ...";
    if (info.shape == Shape::kTuple && level.total == 1) text += ",";
    return text + (info.shape == Shape::kList ? "]" : sequence ? ")" : "}");
  }
  if (info.shape == Shape::kClass) return "<class '" + Types::NameOf(reinterpret_cast<PyTypeObject*>(object)) + "'>";
  const char* type = nullptr;
  if (IsText(info.shape)) {
    std::string text = KnownText(object, info, types, &type);
    if (type != nullptr && info.shape == Shape::kRange) return text;
    if (type != nullptr) return std::string("<") + type + " " + text + ">";
  }
  return "<" + info.name + " object>";
}

namespace {

std::string ShownArgument(PyObject* object, Types* types) {
  return object != nullptr && PyUnicode_Check(object) ? Utf8(object) : SafeRepr(object, types);
}

PyTypeObject* BuiltinBase(PyTypeObject* type) {
  while (type->tp_flags & Py_TPFLAGS_HEAPTYPE) type = type->tp_base;
  return type;
}

bool IsKind(PyTypeObject* base, PyObject* kind) {
  return PyType_IsSubtype(base, reinterpret_cast<PyTypeObject*>(kind));
}

// The text that BaseException.__str__ builds from the arguments.
std::string ArgumentsText(PyObject* args, Types* types) {
  const Py_ssize_t count = args != nullptr && PyTuple_Check(args) ? PyTuple_GET_SIZE(args) : 0;
  if (count == 0) return {};
  return count == 1 ? ShownArgument(PyTuple_GET_ITEM(args, 0), types) : SafeRepr(args, types);
}

std::string OsErrorText(PyOSErrorObject* e, Types* types) {
  const auto shown = [types](PyObject* part) {
    return part == nullptr ? std::string("None") : ShownArgument(part, types);
  };
  if (e->filename == nullptr && (e->myerrno == nullptr || e->strerror == nullptr))
    return ArgumentsText(e->args, types);
  std::string text = "[Errno " + shown(e->myerrno) + "] " + shown(e->strerror);
  if (e->filename != nullptr) text += ": " + SafeRepr(e->filename, types);
  if (e->filename != nullptr && e->filename2 != nullptr) text += " -> " + SafeRepr(e->filename2, types);
  return text;
}

std::string SyntaxErrorText(PySyntaxErrorObject* e, Types* types) {
  std::string text = e->msg == nullptr ? "None" : ShownArgument(e->msg, types);
  std::string where;
  if (e->filename != nullptr && PyUnicode_Check(e->filename)) {
    where = Utf8(e->filename);
    where = where.substr(where.rfind('/') + 1);
  }
  const bool has_line = e->lineno != nullptr && PyLong_CheckExact(e->lineno);
  const std::string line = has_line ? "line " + IntText(e->lineno, SIZE_MAX) : std::string();
  if (e->filename != nullptr && PyUnicode_Check(e->filename))
    return text + " (" + where + (has_line ? ", " + line : "") + ")";
  return has_line ? text + " (" + line + ")" : text;
}

// UnicodeError itself has no fields; these three subclasses have.
bool HasUnicodeFields(PyTypeObject* base) {
  return IsKind(base, PyExc_UnicodeEncodeError) || IsKind(base, PyExc_UnicodeDecodeError) ||
         IsKind(base, PyExc_UnicodeTranslateError);
}

std::string UnicodeErrorText(PyUnicodeErrorObject* e, PyTypeObject* base, Types* types) {
  if (e->object == nullptr) return {};
  const bool decodes = IsKind(base, PyExc_UnicodeDecodeError), translates = IsKind(base, PyExc_UnicodeTranslateError);
  const Py_ssize_t size = decodes && PyBytes_Check(e->object)      ? PyBytes_GET_SIZE(e->object)
                          : !decodes && PyUnicode_Check(e->object) ? PyUnicode_GET_LENGTH(e->object)
                                                                   : 0;
  std::string text =
      translates ? std::string()
                 : "'" + (e->encoding == nullptr ? std::string() : ShownArgument(e->encoding, types)) + "' codec ";
  text += decodes ? "can't decode " : translates ? "can't translate " : "can't encode ";
  if (e->start >= 0 && e->start < size && e->end == e->start + 1) {
    char one[40];
    if (decodes) {
      std::snprintf(one, sizeof one, "byte 0x%02x",
                    static_cast<unsigned char>(PyBytes_AS_STRING(e->object)[e->start]));
    } else {
      const Py_UCS4 c = PyUnicode_READ_CHAR(e->object, e->start);
      std::snprintf(one, sizeof one,
                    c <= 0xff     ? "character '\\x%02x'"
                    : c <= 0xffff ? "character '\\u%04x'"
                                  : "character '\\U%08x'",
                    c);
    }
    text += std::string(one) + " in position " + std::to_string(e->start);
  } else {
    text += std::string(decodes ? "bytes" : "characters") + " in position " + std::to_string(e->start) + "-" +
            std::to_string(e->end - 1);
  }
  return text + ": " + (e->reason == nullptr ? std::string() : ShownArgument(e->reason, types));
}

}  // namespace

// The str() of the builtin classes named here reads fields other than the arguments.
bool MessageIsArguments(PyTypeObject* type) {
  PyTypeObject* base = BuiltinBase(type);
  return !IsKind(base, PyExc_OSError) && !IsKind(base, PyExc_SyntaxError) && !HasUnicodeFields(base) &&
         !IsKind(base, PyExc_ImportError);
}

std::string ExceptionMessage(PyObject* object, Types* types) {
  PyTypeObject* base = BuiltinBase(Py_TYPE(object));
  PyObject* args = reinterpret_cast<PyBaseExceptionObject*>(object)->args;
  const Py_ssize_t count = args != nullptr && PyTuple_Check(args) ? PyTuple_GET_SIZE(args) : 0;
  if (IsKind(base, PyExc_OSError)) return OsErrorText(reinterpret_cast<PyOSErrorObject*>(object), types);
  if (IsKind(base, PyExc_SyntaxError)) return SyntaxErrorText(reinterpret_cast<PySyntaxErrorObject*>(object), types);
  if (HasUnicodeFields(base)) return UnicodeErrorText(reinterpret_cast<PyUnicodeErrorObject*>(object), base, types);
  if (IsKind(base, PyExc_ImportError)) {
    PyObject* msg = reinterpret_cast<PyImportErrorObject*>(object)->msg;
    if (msg != nullptr && PyUnicode_CheckExact(msg)) return Utf8(msg);
  } else if (IsKind(base, PyExc_KeyError) && count == 1) {
    return SafeRepr(PyTuple_GET_ITEM(args, 0), types);
  } else if (IsKind(base, PyExc_BaseExceptionGroup) && count == 2) {
    PyObject* members = PyTuple_GET_ITEM(args, 1);
    const Py_ssize_t size = PyList_Check(members) || PyTuple_Check(members) ? Py_SIZE(members) : 0;
    return ShownArgument(PyTuple_GET_ITEM(args, 0), types) + " (" + std::to_string(size) + " sub-exception" +
           (size == 1 ? ")" : "s)");
  }
  return ArgumentsText(args, types);
}

}  // namespace smiley::tracer
