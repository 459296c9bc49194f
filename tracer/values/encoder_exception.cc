// Encoder's part for exceptions: as values with args, notes, cause and context, and as [type, message] for events.
#include <algorithm>

#include "tracer/values/encoder.h"
#include "tracer/values/text_forms.h"

namespace smiley::tracer {

std::uint64_t Encoder::MessageBits(PyObject* exception) const {
  PyTypeObject* type = Py_TYPE(exception);
  PyObject* args = reinterpret_cast<PyBaseExceptionObject*>(exception)->args;
  if (args == nullptr || !PyTuple_CheckExact(args) || PyTuple_GET_SIZE(args) > 1) return 0;
  Print bits(reinterpret_cast<std::uintptr_t>(type));
  if (PyTuple_GET_SIZE(args) == 1) {
    PyObject* argument = PyTuple_GET_ITEM(args, 0);
    const Py_ssize_t chars = context_->options->limits.chars;
    if (!PyLong_CheckExact(argument) && !(PyUnicode_CheckExact(argument) && PyUnicode_GET_LENGTH(argument) <= chars))
      return 0;
    bits.Mix(ValueBits(argument, context_->types.OfObject(argument), chars));
  }
  return bits.value();
}

std::string_view Encoder::EncodeException(PyObject* exception) {
  const std::string& class_name = context_->types.OfObject(exception).name;
  const std::uint64_t bits = MessageBits(exception);
  Message& cached = messages_[bits % kMessages];
  if (bits != 0 && cached.bits == bits && cached.secrets == context_->secrets.count() &&
      cached.class_name == class_name)
    return cached.cbor;
  Begin();
  shm::CborWriter out(room_.get(), room_size_);
  out.ArrayHeader(2);
  // The name that tracebacks print: "ValueError", "json.decoder.JSONDecodeError".
  constexpr std::string_view kMain = "__main__.";
  out.Text(class_name.starts_with(kMain) ? std::string_view(class_name).substr(kMain.size()) : class_name);
  std::string message = ExceptionMessage(exception, &context_->types);
  context_->secrets.Mask(&message);
  Py_ssize_t cut = 0;
  bool surrogates = false;
  std::size_t end = 0;
  Py_ssize_t chars = 0;
  while (end < message.size()) {
    if ((message[end] & 0xc0) != 0x80 && chars++ >= context_->options->limits.chars) break;
    if (static_cast<unsigned char>(message[end]) == 0xed && end + 1 < message.size() &&
        static_cast<unsigned char>(message[end + 1]) >= 0xa0) {
      surrogates = true;
    }
    ++end;
  }
  for (std::size_t i = end; i < message.size(); ++i) cut += (message[i] & 0xc0) != 0x80;
  WriteText(std::string_view(message).substr(0, end), cut, surrogates, &out);
  if (bits != 0 && MessageIsArguments(Py_TYPE(exception)))
    cached = {bits, context_->secrets.count(), class_name, std::string(out.view())};
  return out.view();
}

void Encoder::WriteException(PyObject* object, const TypeInfo& info, int depth, shm::CborWriter* out) {
  std::uint64_t id;
  if (FindReference(object, &id, out)) return;
  nested_ = true;
  const PyBaseExceptionObject* exception = reinterpret_cast<PyBaseExceptionObject*>(object);
  const bool deeper = depth + 1 < context_->options->limits.depth;
  out->Form(7);
  out->Int(kFormException);
  out->Unsigned(id);
  out->Text(info.name);
  PyObject* args = exception->args;
  if (args != nullptr && PyTuple_Check(args)) {
    const Py_ssize_t count = std::min<Py_ssize_t>(PyTuple_GET_SIZE(args), 16);
    out->ArrayHeader(static_cast<std::uint64_t>(count));
    for (Py_ssize_t i = 0; i < count; ++i) WriteItem(PyTuple_GET_ITEM(args, i), depth + 1, out);
  } else {
    out->ArrayHeader(0);
  }
  PyObject* notes = ReadAttribute(object, info, "__notes__");
  const Py_ssize_t note_count =
      notes != nullptr && PyList_CheckExact(notes) ? std::min<Py_ssize_t>(PyList_GET_SIZE(notes), 16) : 0;
  out->ArrayHeader(static_cast<std::uint64_t>(note_count));
  for (Py_ssize_t i = 0; i < note_count; ++i) {
    PyObject* note = PyList_GET_ITEM(notes, i);
    if (PyUnicode_Check(note)) {
      WriteStr(note, out);
    } else {
      out->Text("?", 1);
    }
  }
  for (PyObject* linked : {exception->cause, exception->context}) {
    if (linked != nullptr && linked != Py_None && deeper && nodes_ > 0) {
      WriteItem(linked, depth + 1, out);
    } else {
      out->Null();
    }
  }
}

}  // namespace smiley::tracer
