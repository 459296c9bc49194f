#include "tracer/code/frame_filter.h"

#include <deque>

#include "tracer/values/level.h"

namespace smiley::tracer {
namespace {

using shm::Field;
using shm::Operand;

// The operands of --where for a frame that begins. Texts that operands refer to live as long as the scope.
class FrameScope final : public shm::Scope {
 public:
  FrameScope(const SmileyFrame& frame, const CodeInfo& code, std::uint32_t thread, std::size_t depth,
             CaptureContext* context)
      : frame_(frame), code_(code), thread_(thread), depth_(depth), context_(context) {}

  Operand FieldValue(Field field, int alternative) const override {
    switch (field) {
      case Field::kFunction: {
        if (alternative > 1) return Operand::Missing();
        const std::string_view name = Keep(Utf8(frame_.code->co_qualname));
        return Operand::Text(alternative == 0 ? name : Tail(name, '.'));
      }
      case Field::kFile: {
        if (alternative > 1) return Operand::Missing();
        const std::string_view name = Keep(Utf8(frame_.code->co_filename));
        return Operand::Text(alternative == 0 ? name : Tail(name, '/'));
      }
      case Field::kThread:
        return alternative == 0 ? Operand::Int(thread_) : Operand::Missing();
      case Field::kDepth:
        return alternative == 0 ? Operand::Int(static_cast<std::int64_t>(depth_)) : Operand::Missing();
      default:
        return Operand::Missing();
    }
  }

  Operand Variable(std::string_view name) const override {
    for (const Slot& slot : code_.slots) {
      if (slot.redacted || slot.storage == Storage::kName || slot.storage == Storage::kGlobal) continue;
      if (Utf8(slot.name) != name) continue;
      PyObject* value = smiley_slot(&frame_, slot.index);
      if (value != nullptr && slot.storage != Storage::kFast && Py_IS_TYPE(value, &PyCell_Type)) {
        value = reinterpret_cast<PyCellObject*>(value)->ob_ref;
      }
      return Of(value);
    }
    return Operand::Missing();
  }

  bool Changed(std::string_view) const override { return false; }
  Operand Before(std::string_view) const override { return Operand::Missing(); }

  Operand Attribute(const Operand& object, std::string_view name) const override {
    PyObject* holder = Object(object);
    return Of(ReadAttribute(holder, context_->types.OfObject(holder), std::string(name).c_str()));
  }

  Operand Item(const Operand& object, const Operand& key) const override {
    PyObject* holder = Object(object);
    const TypeInfo& info = context_->types.OfObject(holder);
    Level level;
    ReadLevel(holder, info, context_->options->limits.items, &level);
    if (IsDict(info.shape)) {
      for (std::size_t i = 0; i + 1 < level.items.size(); i += 2) {
        if (shm::SameValue(Of(level.items[i]), key)) return Of(level.items[i + 1]);
      }
      return Operand::Missing();
    }
    if (key.type != Operand::Type::kInt || info.shape == Shape::kSet || info.shape == Shape::kFrozenSet) {
      return Operand::Missing();
    }
    const std::int64_t index = key.integer < 0 ? key.integer + level.total : key.integer;
    if (index < 0 || index >= static_cast<std::int64_t>(level.items.size())) return Operand::Missing();
    return Of(level.items[static_cast<std::size_t>(index)]);
  }

  bool Contains(const Operand& object, const Operand& needle) const override {
    PyObject* holder = Object(object);
    const TypeInfo& info = context_->types.OfObject(holder);
    Level level;
    ReadLevel(holder, info, context_->options->limits.items, &level);
    const std::size_t step = IsDict(info.shape) ? 2 : 1;
    for (std::size_t i = 0; i < level.items.size(); i += step) {
      if (shm::SameValue(Of(level.items[i]), needle)) return true;
    }
    return false;
  }

  bool Equal(const Operand& object, const Operand& other) const override { return Object(object) == Object(other); }

  bool Truthy(const Operand& object) const override {
    PyObject* holder = Object(object);
    const TypeInfo& info = context_->types.OfObject(holder);
    if (!IsContainer(info.shape)) return true;
    Level level;
    ReadLevel(holder, info, 1, &level);
    return level.total > 0;
  }

 private:
  static PyObject* Object(const Operand& operand) {
    return const_cast<PyObject*>(static_cast<const PyObject*>(operand.object));
  }
  static std::string_view Tail(std::string_view text, char separator) {
    const std::size_t at = text.rfind(separator);
    return at == std::string_view::npos ? text : text.substr(at + 1);
  }
  std::string_view Keep(std::string text) const { return texts_.emplace_back(std::move(text)); }

  Operand Of(PyObject* object) const {
    if (object == nullptr) return Operand::Missing();
    if (object == Py_None) return Operand::None();
    const TypeInfo& info = context_->types.OfObject(object);
    switch (info.shape) {
      case Shape::kBool:
        return Operand::Bool(object == Py_True);
      case Shape::kInt: {
        std::uint64_t magnitude;
        int negative;
        if (smiley_small_int(object, &magnitude, &negative) && magnitude <= INT64_MAX) {
          return Operand::Int(negative ? -static_cast<std::int64_t>(magnitude)
                                       : static_cast<std::int64_t>(magnitude));
        }
        const double value = PyLong_AsDouble(object);
        PyErr_Clear();
        return Operand::Float(value);
      }
      case Shape::kFloat:
        return Operand::Float(PyFloat_AS_DOUBLE(object));
      case Shape::kStr:
        return Operand::Text(Keep(Utf8(object)));
      default:
        return Operand::Object(object);
    }
  }

  const SmileyFrame& frame_;
  const CodeInfo& code_;
  std::uint32_t thread_;
  std::size_t depth_;
  CaptureContext* context_;
  mutable std::deque<std::string> texts_;
};

}  // namespace

Status FrameFilter::Parse(const std::string& expression) {
  auto parsed = shm::Expression::Parse(expression);
  if (!parsed.ok()) return parsed.status();
  if (!parsed->NeedsOnlyFrameStart()) {
    return Status(Code::kInvalid, "--where at record time decides when a frame begins and cannot know `" +
                                      parsed->NotKnownAtFrameStart() +
                                      "` then: use it with smiley-replay or smiley-tail");
  }
  expression_ = std::move(parsed.value());
  return Status::Ok();
}

bool FrameFilter::Accepts(const SmileyFrame& frame, const CodeInfo& code, std::uint32_t thread, std::size_t depth,
                          CaptureContext* context) const {
  if (!Reaches(depth)) return false;
  return !expression_ || expression_->Eval(FrameScope(frame, code, thread, depth, context));
}

}  // namespace smiley::tracer
