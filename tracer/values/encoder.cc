#include "tracer/values/encoder.h"

#include <algorithm>
#include <cstring>

#include "tracer/interp/interp.h"
#include "tracer/values/text_forms.h"

namespace smiley::tracer {

Encoder::Encoder(CaptureContext* context)
    : context_(context),
      room_(new unsigned char[static_cast<std::size_t>(context->options->limits.bytes) + kUnreadableBytes]),
      room_size_(static_cast<std::size_t>(context->options->limits.bytes)),
      seen_(static_cast<std::size_t>(context->options->limits.nodes)),
      messages_(new Message[kMessages]) {}

void Encoder::Begin() {
  seen_.Clear();
  ids_.clear();
  parts_.clear();
  whole_ = printed_ = true;
  print_ = Print(context_->secrets.count());
  nodes_ = context_->options->limits.nodes;
  looked_at_ = 0;
  nested_ = false;
}

std::string_view Encoder::EncodeValue(PyObject* object, bool* nested) {
  Begin();
  shm::CborWriter out(room_.get(), room_size_);
  WriteItem(object, 0, &out);
  if (nested != nullptr) *nested = nested_;
  if (!out.overflow()) return out.view();
  // Not even the outermost form fits. The class alone is written, into room that is reserved for it.
  whole_ = false;
  shm::CborWriter unreadable(room_.get(), kUnreadableBytes);
  unreadable.Form(2);
  unreadable.Int(kFormUnreadable);
  const std::string& name = context_->types.OfObject(object).name;
  std::size_t end = std::min(name.size(), kUnreadableBytes - 8);
  while (end > 0 && end < name.size() && (name[end] & 0xc0) == 0x80) --end;
  unreadable.Text(std::string_view(name).substr(0, end));
  return unreadable.view();
}

bool Encoder::MarkParts(std::string_view value, std::uint64_t seq, std::string* out) const {
  if (!whole_) return false;
  unsigned char room[16];
  shm::CborWriter mark(room, sizeof room);
  mark.Tag(shm::kCborReadAtTag);
  mark.ArrayHeader(3);
  mark.Unsigned(0);  // this thread
  mark.Unsigned(seq);
  out->clear();
  std::size_t done = 0;
  for (const std::size_t at : parts_) {
    out->append(value, done, at - done);
    out->append(mark.view());
    done = at;
  }
  out->append(value, done);
  return true;
}

bool Encoder::Append(PyObject* object, shm::CborWriter* out) {
  Begin();
  WriteItem(object, 1, out);
  return !out->overflow();
}

std::string_view Encoder::EncodeRedacted() {
  shm::CborWriter out(room_.get(), 16);
  out.Form(1);
  out.Int(kFormRedacted);
  return out.view();
}

void Encoder::RememberSecret(PyObject* object) {
  if (PyUnicode_Check(object)) {
    if (PyUnicode_GET_LENGTH(object) <= 4096) context_->secrets.Add(Utf8(object));
  } else if (PyBytes_Check(object) && PyBytes_GET_SIZE(object) <= 4096) {
    context_->secrets.Add({PyBytes_AS_STRING(object), static_cast<std::size_t>(PyBytes_GET_SIZE(object))});
  }
}

void Encoder::WriteRedacted(PyObject* object, shm::CborWriter* out) {
  printed_ = false;
  RememberSecret(object);
  out->Form(1);
  out->Int(kFormRedacted);
}

bool Encoder::FindReference(PyObject* object, std::uint64_t* id, shm::CborWriter* out) {
  print_.Mix(IdentityBits(object));
  const SeenObjects::Position position = seen_.Add(object);
  if (position.fresh) ids_.push_back(context_->ids.Of(object));
  *id = ids_[position.index];
  if (position.fresh) return false;
  out->Form(2);
  out->Int(kFormRef);
  out->Unsigned(*id);
  return true;
}

void Encoder::WriteText(std::string_view text, Py_ssize_t cut, bool surrogates, shm::CborWriter* out) {
  if (surrogates) {
    out->Form(3);
    out->Int(kFormStrRaw);
    out->Int(cut);
    out->Bytes(text);
  } else if (cut > 0) {
    out->Form(3);
    out->Int(kFormStrCut);
    out->Int(cut);
    out->Text(text);
  } else {
    out->Text(text);
  }
}

void Encoder::WriteStr(PyObject* object, shm::CborWriter* out) {
  const Py_ssize_t limit = context_->options->limits.chars;
  const Py_ssize_t length = PyUnicode_GET_LENGTH(object);
  if (!context_->secrets.empty() && length >= static_cast<Py_ssize_t>(Secrets::kShortest) && length <= (1 << 20)) {
    std::string whole = Utf8(object);
    if (context_->secrets.Contains(whole)) {
      context_->secrets.Mask(&whole);
      if (whole == "***") {
        out->Form(1);
        out->Int(kFormRedacted);
      } else {
        std::size_t end = std::min<std::size_t>(whole.size(), static_cast<std::size_t>(limit));
        while (end < whole.size() && (whole[end] & 0xc0) == 0x80) --end;
        WriteText(std::string_view(whole).substr(0, end), static_cast<Py_ssize_t>(whole.size() - end), false, out);
      }
      return;
    }
  }
  if (PyUnicode_IS_ASCII(object)) [[likely]] {
    WriteText(
        {reinterpret_cast<const char*>(PyUnicode_DATA(object)), static_cast<std::size_t>(std::min(length, limit))},
        std::max<Py_ssize_t>(length - limit, 0), false, out);
    return;
  }
  scratch_.clear();
  bool surrogates = false;
  const Py_ssize_t cut = AppendUtf8(&scratch_, object, limit, &surrogates);
  WriteText(scratch_, cut, surrogates, out);
}

void Encoder::WriteInt(PyObject* object, shm::CborWriter* out) {
  std::uint64_t magnitude;
  int negative;
  if (smiley_small_int(object, &magnitude, &negative) && magnitude <= INT64_MAX) {
    out->Int(negative ? -static_cast<std::int64_t>(magnitude) : static_cast<std::int64_t>(magnitude));
    return;
  }
  constexpr std::size_t kDigits = 256;
  const std::size_t bits = _PyLong_NumBits(object);
  // An int of a million bits or more gets no digits, because computing them takes seconds.
  const std::string text = bits < (1u << 20) ? IntText(object, kDigits) : std::string();
  out->Form(3);
  out->Int(kFormBigInt);
  out->Unsigned(bits);
  out->Text(text);
}

void Encoder::WriteTextForm(const char* type, std::string_view text, std::string_view class_name,
                            shm::CborWriter* out) {
  const std::size_t limit = static_cast<std::size_t>(context_->options->limits.chars) * 2;
  if (text.size() > limit) {
    std::size_t end = limit;
    while (end > 0 && (text[end] & 0xc0) == 0x80) --end;
    text = text.substr(0, end);
  }
  out->Form(class_name.empty() ? 3 : 4);
  out->Int(kFormText);
  out->Text(type, std::strlen(type));
  out->Text(text);
  if (!class_name.empty()) out->Text(class_name);
}

void Encoder::WriteKnownText(PyObject* object, const TypeInfo& info, shm::CborWriter* out) {
  const char* type = nullptr;
  std::string text = KnownText(object, info, &context_->types, &type);
  if (type == nullptr) {
    WriteObject(object, info, context_->options->limits.depth, 0, out);
    return;
  }
  context_->secrets.Mask(&text);
  const bool with_class = info.shape == Shape::kEnum || info.shape == Shape::kPath || info.shape == Shape::kNdArray;
  WriteTextForm(type, text, with_class ? std::string_view(info.name) : std::string_view(), out);
}

void Encoder::WriteItem(PyObject* object, int depth, shm::CborWriter* out) {
  --nodes_;
  ++looked_at_;
  const PyTypeObject* type = Py_TYPE(object);
  if (type == &PyLong_Type) {
    std::int64_t value;
    if (OneDigit(object, &value)) {
      print_.Mix(SmallIntBits(value));
      out->Int(value);
      return;
    }
  } else if (type == &PyUnicode_Type) {
    const Py_hash_t hash = KeptHash(object);
    print_.Mix(hash != -1 ? HashedStrBits(object, hash) : TextBits(object, context_->options->limits.chars));
    WriteStr(object, out);
    return;
  } else if (type == &PyFloat_Type) {
    print_.Mix(FloatBits(PyFloat_AS_DOUBLE(object), Py_TYPE(object)));
    out->Double(PyFloat_AS_DOUBLE(object));
    return;
  }
  const TypeInfo& info = context_->types.OfObject(object);
  if (IsContainer(info.shape)) {
    WriteContainer(object, info, depth, context_->options->limits.items, out);
    return;
  }
  if (IsText(info.shape)) {
    print_.Mix(FormBits(object, info));
    WriteKnownText(object, info, out);
    return;
  }
  if (info.shape == Shape::kException) {
    printed_ = false;
    WriteException(object, info, depth, out);
    return;
  }
  if (info.shape == Shape::kObject || info.shape == Shape::kOpaque) {
    WriteObject(object, info, depth, context_->options->limits.items, out);
    return;
  }
  const std::uint64_t bits = NameBits(object, info, context_->options->limits.chars);
  if (info.subclass && info.attributes) print_.Mix(IdentityBits(object));
  print_.Mix(bits);
  if (info.shape == Shape::kByteArray && !(info.subclass && info.attributes)) print_.Mix(IdentityBits(object));
  if (info.subclass) {
    Level* level = nullptr;
    if (info.attributes && depth < context_->options->limits.depth) {
      nested_ = true;
      while (levels_.size() <= static_cast<std::size_t>(depth)) levels_.push_back(std::make_unique<Level>());
      level = levels_[static_cast<std::size_t>(depth)].get();
      ReadLevel(object, info, context_->options->limits.items, level);
      MixTotals(*level);
    }
    const bool attributes = level != nullptr && !level->attributes.empty();
    out->Form(attributes ? 4 : 3);
    out->Int(kFormSubclass);
    out->Text(info.name);
    // The builtin part is read through the builtin's own layout.
    WriteScalar(object, info.shape, out);
    if (attributes) {
      bool cut = false;
      WriteAttributes(*level, depth, static_cast<Py_ssize_t>(level->attributes.size() / 2), out, &cut);
    }
    return;
  }
  WriteScalar(object, info.shape, out);
}

void Encoder::WriteScalar(PyObject* object, Shape shape, shm::CborWriter* out) {
  switch (shape) {
    case Shape::kBool:
      out->Bool(object == Py_True);
      return;
    case Shape::kInt:
      WriteInt(object, out);
      return;
    case Shape::kFloat:
      out->Double(PyFloat_AS_DOUBLE(object));
      return;
    case Shape::kStr:
      WriteStr(object, out);
      return;
    case Shape::kComplex: {
      const Py_complex c = reinterpret_cast<PyComplexObject*>(object)->cval;
      out->Form(3);
      out->Int(kFormComplex);
      out->Double(c.real);
      out->Double(c.imag);
      return;
    }
    case Shape::kBytes:
    case Shape::kByteArray: {
      const bool array = shape == Shape::kByteArray;
      const Py_ssize_t size = Py_SIZE(object);
      const Py_ssize_t take = std::min<Py_ssize_t>(size, context_->options->limits.chars);
      const char* data = array ? PyByteArray_AS_STRING(object) : PyBytes_AS_STRING(object);
      std::string_view view(data, static_cast<std::size_t>(take));
      if (!context_->secrets.empty() && context_->secrets.Contains({data, static_cast<std::size_t>(size)})) {
        out->Form(1);
        out->Int(kFormRedacted);
      } else if (array) {
        out->Form(4);
        out->Int(kFormBytearray);
        out->Unsigned(context_->ids.Of(object));
        out->Int(size - take);
        out->Bytes(view);
      } else if (take < size) {
        out->Form(3);
        out->Int(kFormBytesCut);
        out->Int(size - take);
        out->Bytes(view);
      } else {
        out->Bytes(view);
      }
      return;
    }
    default:
      out->Null();
      return;
  }
}

void Encoder::WriteAttributes(const Level& level, int depth, Py_ssize_t limit, shm::CborWriter* out, bool* cut) {
  const std::size_t count = std::min(level.attributes.size() / 2, static_cast<std::size_t>(limit));
  out->ArrayHeader(count * 2);
  for (std::size_t i = 0; i < count; ++i) {
    PyObject* name = level.attributes[2 * i];
    PyObject* value = level.attributes[2 * i + 1];
    if (nodes_ <= 0) {
      *cut = true;
      return;
    }
    if (PyUnicode_Check(name) && PyUnicode_IS_ASCII(name) && PyUnicode_GET_LENGTH(name) <= 256) [[likely]] {
      out->Text(reinterpret_cast<const char*>(PyUnicode_DATA(name)),
                static_cast<std::size_t>(PyUnicode_GET_LENGTH(name)));
    } else if (PyUnicode_Check(name)) {
      scratch_.clear();
      bool surrogates = false;
      const Py_ssize_t left = AppendUtf8(&scratch_, name, 256, &surrogates);
      WriteText(scratch_, surrogates ? left : 0, surrogates, out);
    } else {
      out->Text("?", 1);
    }
    print_.Mix(NameBits(name, context_->types.OfObject(name), context_->options->limits.chars));
    if (context_->RedactsName(name)) {
      WriteRedacted(value, out);
    } else {
      WritePart(value, depth + 1, out);
    }
    if (out->overflow()) {
      *cut = true;
      return;
    }
  }
}

void Encoder::WriteObject(PyObject* object, const TypeInfo& info, int depth, Py_ssize_t limit, shm::CborWriter* out) {
  if (out->overflow()) return;  // as in WriteContainer
  const std::size_t seen = seen_.size();
  std::uint64_t id;
  if (FindReference(object, &id, out)) return;
  const std::size_t start = out->size();
  if (depth > 0 && info.attributes) nested_ = true;
  if (!info.attributes || info.shape != Shape::kObject || depth >= context_->options->limits.depth) {
    Py_ssize_t total = 0;
    if (info.attributes && info.shape == Shape::kObject) {
      Level level;
      ReadLevel(object, info, 0, &level);
      total = level.attribute_total;
      print_.Mix(static_cast<std::uint64_t>(total));
    }
    out->Form(4);
    out->Int(kFormObject);
    out->Unsigned(id);
    out->Int(total);
    out->Text(info.name);
    return;
  }
  while (levels_.size() <= static_cast<std::size_t>(depth)) levels_.push_back(std::make_unique<Level>());
  Level& level = *levels_[static_cast<std::size_t>(depth)];
  const int nodes = nodes_;
  for (Py_ssize_t take = limit;;) {
    ReadLevel(object, info, take, &level);
    MixTotals(level);
    const Py_ssize_t kept = static_cast<Py_ssize_t>(level.attributes.size() / 2);
    out->Form(5);
    out->Int(kFormObject);
    out->Unsigned(id);
    out->Int(std::max<Py_ssize_t>(level.attribute_total - kept, 0));
    out->Text(info.name);
    bool cut = false;
    WriteAttributes(level, depth, kept, out, &cut);
    if (!cut && !out->overflow()) return;
    whole_ = false;
    out->Truncate(start);
    ForgetSeen(seen + 1);
    nodes_ = nodes;
    if (take == 0) {
      out->Form(2);
      out->Int(kFormUnreadable);
      out->Text(info.name);
      return;
    }
    take = std::min(kept, take) / 2;
  }
}

}  // namespace smiley::tracer
