#include "tracer/hooks/written_text.h"

#include "shm/forms.h"
#include "tracer/values/types.h"
#include "tracer/values/utf8.h"

namespace smiley::tracer {
namespace {

Py_ssize_t Characters(std::string_view text) {
  Py_ssize_t count = 0;
  for (const char c : text) count += (c & 0xc0) != 0x80;
  return count;
}

}  // namespace

void WrittenText::Add(PyObject* text) {
  const std::size_t room = text_.size() < kGathered ? kGathered - text_.size() : 0;
  cut_ += AppendUtf8(&text_, text, static_cast<Py_ssize_t>(room), &surrogates_);
}

void WrittenText::Add(std::string_view bytes) {
  const std::size_t room = text_.size() < kGathered ? kGathered - text_.size() : 0;
  text_ += bytes.substr(0, room);
  if (bytes.size() > room) cut_ += Characters(bytes.substr(room));
}

std::string WrittenText::Take(const Secrets& secrets) {
  if (!secrets.empty()) secrets.Mask(&text_);
  if (text_.size() > kMostBytes) {
    std::size_t end = kMostBytes;
    while (end > kMostBytes - 4 && (text_[end] & 0xc0) == 0x80) --end;
    cut_ += Characters(std::string_view(text_).substr(end));
    text_.resize(end);
  }
  std::string cbor;
  shm::CborWriter out(&cbor);
  const bool utf8 = !surrogates_ && IsUtf8(text_);
  if (surrogates_) {
    out.Form(3);
    out.Int(shm::kFormStrRaw);
    out.Int(cut_);
    out.Bytes(text_);
  } else if (cut_ > 0) {
    out.Form(3);
    out.Int(utf8 ? shm::kFormStrCut : shm::kFormBytesCut);
    out.Int(cut_);
    PutText(&out, text_);
  } else {
    PutText(&out, text_);
  }
  out.Finish();
  text_.clear();
  cut_ = 0;
  surrogates_ = false;
  return cbor;
}

}  // namespace smiley::tracer
