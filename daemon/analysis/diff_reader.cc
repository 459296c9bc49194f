#include "daemon/analysis/diff_reader.h"

#include <algorithm>
#include <functional>

#include "daemon/value/value.h"

namespace smiley::daemon {
namespace {

using shm::Kind;

constexpr std::size_t kMostFrames = 200'000;  // most frames whose variables are kept
// The variable of a class body in which 3.13 and newer store the first line.
constexpr std::string_view kClassLine = "__firstlineno__";

std::uint64_t Mix(std::uint64_t a, std::uint64_t b) {
  std::uint64_t x = a ^ (b + 0x9E3779B97F4A7C15u + (a << 6) + (a >> 2));
  x ^= x >> 32;
  x *= 0xD6E8FEB86659FD93u;
  return x ^ (x >> 29);
}
std::uint64_t HashText(std::string_view text) { return std::hash<std::string_view>()(text); }
std::uint64_t HashShown(const std::string& text) {
  return text.find("0x") == std::string::npos ? HashText(text) : HashText(WithoutAddresses(text));
}

}  // namespace

std::string WithoutAddresses(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text.compare(at, 2, "0x") == 0) {
      std::size_t end = at + 2;
      while (end < text.size() && std::isxdigit(static_cast<unsigned char>(text[end]))) ++end;
      if (end - at >= 8) {
        out += "0x…";
        at = end;
        continue;
      }
    }
    out += text[at++];
  }
  return out;
}

std::uint64_t HashContents(const Value& value) {
  if (value.Is(kFormRef)) return 10;  // an object that occurred before within this value
  std::uint64_t hash = Mix(static_cast<std::uint64_t>(value.type), value.form);
  hash = Mix(hash, static_cast<std::uint64_t>(value.integer) + (value.flag ? 1 : 0));
  std::uint64_t bits[2];
  static_assert(sizeof(bits) == sizeof(value.number) + sizeof(value.imag));
  std::copy_n(reinterpret_cast<const char*>(&value.number), sizeof(value.number), reinterpret_cast<char*>(&bits[0]));
  std::copy_n(reinterpret_cast<const char*>(&value.imag), sizeof(value.imag), reinterpret_cast<char*>(&bits[1]));
  hash = Mix(Mix(hash, bits[0]), bits[1]);
  hash = Mix(Mix(hash, value.cut), HashShown(value.text));
  hash = Mix(Mix(hash, HashText(value.type_name)), HashText(value.class_name));
  const bool unordered = value.form == kFormSet || value.form == kFormFrozenset;
  std::uint64_t sum = 0;
  for (const ValuePtr& item : value.items) {
    const std::uint64_t one = item == nullptr ? 1 : HashContents(*item);
    if (unordered) {
      sum += one;
    } else {
      hash = Mix(hash, one);
    }
  }
  hash = Mix(hash, sum + value.items.size());
  for (const auto& [name, attribute] : value.attributes) {
    hash = Mix(Mix(hash, HashText(name)), attribute == nullptr ? 1 : HashContents(*attribute));
  }
  for (const std::string& note : value.notes) hash = Mix(hash, HashShown(note));
  if (value.cause != nullptr) hash = Mix(hash, HashContents(*value.cause));
  if (value.context != nullptr) hash = Mix(hash, HashContents(*value.context) + 1);
  return hash;
}

Result<std::unique_ptr<DiffReader>> DiffReader::Open(Archive& archive, const RunInfo& run, std::uint32_t thread,
                                                     std::uint64_t from_seq, const DiffOptions& options,
                                                     std::shared_ptr<SourceLines> lines) {
  std::unique_ptr<DiffReader> reader(new DiffReader);
  RunReader::Options reading;
  reading.threads = {thread};
  reading.from_seq = from_seq;
  auto opened = RunReader::Open(archive, run.id, reading);
  if (!opened) return opened.status();
  reader->reader_ = std::move(*opened);
  reader->lines_ = std::move(lines);
  reader->cwd_ = run.cwd;
  reader->options_ = options;
  reader->from_seq_ = from_seq;
  return reader;
}

// The path below the run's directory, so that copies of a project compare equal; for other files the name alone.
std::uint64_t DiffReader::CodeHash(const CodeRecord* code) {
  if (code == nullptr) return 0;
  const auto [at, added] = codes_.emplace(code, 0);
  if (!added) return at->second;
  std::string_view file = code->file;
  if (!cwd_.empty() && file.size() > cwd_.size() && file.starts_with(cwd_) && file[cwd_.size()] == '/') {
    file.remove_prefix(cwd_.size() + 1);
  } else if (const std::size_t slash = file.rfind('/'); slash != std::string_view::npos) {
    file.remove_prefix(slash + 1);
  }
  return at->second = Mix(HashText(file), HashText(code->function));
}

// The hash of a line's text, so that a moved line is the same line. Without source it is the line's distance from the
// first line of the function.
std::uint64_t DiffReader::LineHash(const CodeRecord* code, std::uint32_t line) {
  if (code == nullptr || line == 0) return 0;
  std::string_view text = lines_->Line(code->source, line);
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  if (text.empty()) return std::uint64_t{line} - code->first_line + 1;
  return HashText(text);
}

ValuePtr DiffReader::Variable(const std::string& name) const {
  const auto* variables = last_frame_ == 0 ? nullptr : reader_->DecoderOf(last_process_).Variables(last_frame_);
  if (variables == nullptr) return nullptr;
  for (const auto& [known, value] : *variables) {
    if (*known == name) return value;
  }
  return nullptr;
}

// A recording may repeat a value that did not change. Only values that differ from the known ones count.
void DiffReader::HashValues(DiffEvent* out) {
  const Event& event = out->event;
  out->contents = 0;
  out->news.clear();
  if (!options_.values) return;
  if (event.value != nullptr && !IsOutput(event.kind)) {
    out->contents = Mix(1, HashContents(*event.value));
  } else if (event.value != nullptr) {
    out->contents = Mix(2, HashShown(event.value->text));
  }
  if (!event.exception_type.empty()) out->contents = Mix(out->contents, HashShown(event.exception_message));
  if (event.changed.empty() || event.frame == 0) return;
  if (known_.size() > kMostFrames) known_.clear();
  FrameHashes& known = known_[event.frame];
  std::uint64_t sum = 0;  // the order of names does not count
  for (const auto& [name, value] : event.changed) {
    if (value == nullptr || value->Is(kFormLost)) continue;
    if (std::find(options_.ignored.begin(), options_.ignored.end(), *name) != options_.ignored.end()) continue;
    if (*name == kClassLine) continue;
    const std::uint64_t hash = HashContents(*value);
    auto at = std::find_if(known.values.begin(), known.values.end(),
                           [n = name](const auto& one) { return one.first == n; });
    if (at != known.values.end() && at->second == hash) continue;
    if (at == known.values.end()) {
      if (value->Is(kFormUnbound)) continue;
      known.values.emplace_back(name, hash);
    } else {
      at->second = hash;
    }
    out->news.emplace_back(name, hash);
    sum += Mix(HashText(*name), hash);
  }
  out->contents = Mix(out->contents, sum);
}

bool DiffReader::Next(DiffEvent* out) {
  while (true) {
    if (leave_ && !stack_.empty()) stack_.pop_back();
    leave_ = false;
    if (!reader_->Next(&out->event)) return false;
    ++events_;
    const Event& event = out->event;
    switch (event.kind) {
      case Kind::kLost:
        lost_ += event.lost_count;
        continue;
      case Kind::kThreadStart:
      case Kind::kThreadEnd:
      case Kind::kTask:
      case Kind::kGc:
      case Kind::kEnd:
      case Kind::kFork:
      case Kind::kChild:
        continue;
      default:
        break;
    }
    if (event.seq < from_seq_) continue;
    if (out->enters()) {
      stack_.push_back({event.code, event.line, event.line, event.frame});
    } else {
      // After a loss, or when reading begins in the middle, frames appear without their calls.
      while (!stack_.empty() && stack_.back().frame != event.frame &&
             std::any_of(stack_.begin(), stack_.end(),
                         [&](const DiffFrame& open) { return open.frame == event.frame; })) {
        stack_.pop_back();
      }
      if (stack_.empty() || stack_.back().frame != event.frame)
        stack_.push_back({event.code, event.line, event.line, event.frame});
      stack_.back().ran = stack_.back().line;
      stack_.back().line = event.line;
    }
    out->depth = stack_.size() - 1;
    last_frame_ = event.frame;
    last_process_ = event.process;
    const bool with_line = !out->enters();
    out->flow = Mix(Mix(static_cast<std::uint64_t>(event.kind), CodeHash(event.code)),
                    with_line ? LineHash(event.code, event.line) : 0);
    if (!event.exception_type.empty()) out->flow = Mix(out->flow, HashText(event.exception_type));
    HashValues(out);
    if (out->leaves()) {
      if (event.kind != Kind::kYield) known_.erase(event.frame);
      leave_ = true;
    }
    return true;
  }
}

}  // namespace smiley::daemon
