#include "tracer/values/capture_context.h"

#include <algorithm>

namespace smiley::tracer {

void ObjectIds::Reset() {
  constexpr int kFirstBits = 12;
  table_.assign(std::size_t{1} << kFirstBits, Entry{});
  table_.shrink_to_fit();
  shift_ = 64 - kFirstBits;
  used_ = 0;
  next_ = 0;
}

void ObjectIds::Grow() {
  std::vector<Entry> old(table_.size() * 2);
  old.swap(table_);
  --shift_;
  for (const Entry& entry : old) {
    if (entry.object == nullptr) continue;
    std::size_t at = Slot(entry.object);
    while (table_[at].object != nullptr) at = (at + 1) & (table_.size() - 1);
    table_[at] = entry;
  }
}

void Secrets::Add(std::string_view secret) {
  if (secret.size() < kShortest || secrets_.size() >= kMost) return;
  if (std::find(secrets_.begin(), secrets_.end(), secret) == secrets_.end()) secrets_.emplace_back(secret);
}

bool Secrets::Contains(std::string_view text) const {
  return std::any_of(secrets_.begin(), secrets_.end(),
                     [&](const std::string& s) { return text.find(s) != std::string_view::npos; });
}

void Secrets::Mask(std::string* text) const {
  for (const std::string& secret : secrets_) {
    for (std::size_t at = text->find(secret); at != std::string::npos; at = text->find(secret, at + 3)) {
      text->replace(at, secret.size(), "***");
    }
  }
}

void Secrets::Cover(std::string* text) const {
  for (const std::string& secret : secrets_) shm::CoverText(secret, text);
}

bool CaptureContext::MatchesText(PyObject* name) {
  if (PyUnicode_GET_LENGTH(name) > kLongestName) return false;
  const bool redacted = RedactsName(Utf8(name));
  if (const Py_hash_t hash = KeptHash(name); hash != -1) {
    recent_[static_cast<std::size_t>(hash) % kRecent] = {hash, PyUnicode_GET_LENGTH(name), redacted};
  }
  return redacted;
}

bool CaptureContext::RedactsName(const std::string& text) {
  if (options->redactor.off()) return false;
  if (auto it = redacted_names_.find(text); it != redacted_names_.end()) return it->second;
  const bool matches = options->redactor.Matches(text);
  if (redacted_names_.size() < 65536) redacted_names_.emplace(text, matches);
  return matches;
}

}  // namespace smiley::tracer
