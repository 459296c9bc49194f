#include "daemon/exchange/chrome_spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <tuple>

namespace smiley::daemon {
namespace {

constexpr std::size_t kReadAtOnce = 1024;  // records read at once from each part
constexpr std::size_t kMaxText = 4096;     // most bytes of one event's arguments

// The order at one time: B and E events as the file has them, then calls with a duration, then instants. Callers come
// before callees: the longer call first, and of two equal calls the one that ended later.
std::tuple<std::uint32_t, std::int64_t, int, std::int64_t, std::uint64_t> OrderOf(const ChromeRecord& record) {
  const bool complete = record.kind == ChromeRecord::kComplete;
  const int group = complete ? 1 : record.kind == ChromeRecord::kBegin || record.kind == ChromeRecord::kEnd ? 0 : 2;
  return {record.thread, record.time_ns, group, -record.duration_ns, complete ? ~record.order : record.order};
}
bool Before(const ChromeRecord& a, const ChromeRecord& b) { return OrderOf(a) < OrderOf(b); }

}  // namespace

Result<ChromeSpool::File> ChromeSpool::NewFile() const {
  std::string name = (dir_ / "import.XXXXXX").string();
  const int fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0) return Status::FromErrno("cannot make a temporary file in " + dir_.string(), errno);
  ::unlink(name.c_str());
  File file(::fdopen(fd, "w+b"));
  if (file == nullptr) return Status::FromErrno("cannot make a temporary file", errno);
  return file;
}

Status ChromeSpool::Add(ChromeRecord record, std::string_view text) {
  if (!text.empty() && text.size() <= kMaxText) {
    if (texts_ == nullptr) {
      auto file = NewFile();
      if (!file) return file.status();
      texts_ = std::move(*file);
    }
    record.text_at = text_bytes_;
    record.text_bytes = static_cast<std::uint32_t>(text.size());
    if (std::fwrite(text.data(), 1, text.size(), texts_.get()) != text.size()) {
      return Status::FromErrno("cannot write a temporary file", errno);
    }
    text_bytes_ += text.size();
  }
  records_.push_back(record);
  return records_.size() < kInMemory ? Status::Ok() : Spill();
}

Status ChromeSpool::Spill() {
  std::sort(records_.begin(), records_.end(), Before);
  if (sorted_ == nullptr) {
    auto file = NewFile();
    if (!file) return file.status();
    sorted_ = std::move(*file);
  }
  if (std::fwrite(records_.data(), sizeof(ChromeRecord), records_.size(), sorted_.get()) != records_.size()) {
    return Status::FromErrno("cannot write a temporary file", errno);
  }
  Part part;
  part.next = in_file_;
  part.end = in_file_ += records_.size();
  parts_.push_back(std::move(part));
  records_.clear();
  return Status::Ok();
}

Status ChromeSpool::Refill(Part* part) {
  part->at = 0;
  part->buffer.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kReadAtOnce, part->end - part->next)));
  if (part->buffer.empty()) return Status::Ok();
  const std::size_t bytes = part->buffer.size() * sizeof(ChromeRecord);
  const ssize_t got = ::pread(::fileno(sorted_.get()), part->buffer.data(), bytes,
                              static_cast<off_t>(part->next * sizeof(ChromeRecord)));
  if (got != static_cast<ssize_t>(bytes))
    return Status::FromErrno("cannot read a temporary file", got < 0 ? errno : EIO);
  part->next += part->buffer.size();
  return Status::Ok();
}

Status ChromeSpool::Sort() {
  if (sorted_ != nullptr && std::fflush(sorted_.get()) != 0)
    return Status::FromErrno("cannot write a temporary file", errno);
  if (texts_ != nullptr && std::fflush(texts_.get()) != 0)
    return Status::FromErrno("cannot write a temporary file", errno);
  std::sort(records_.begin(), records_.end(), Before);
  for (Part& part : parts_) {
    if (Status status = Refill(&part); !status) return status;
  }
  Part last;  // the records in memory
  last.buffer = std::move(records_);
  parts_.push_back(std::move(last));
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (!parts_[i].buffer.empty()) heap_.push_back(i);
  }
  const auto later = [this](std::size_t a, std::size_t b) {
    return Before(parts_[b].buffer[parts_[b].at], parts_[a].buffer[parts_[a].at]);
  };
  std::make_heap(heap_.begin(), heap_.end(), later);
  return Status::Ok();
}

Result<bool> ChromeSpool::Next(ChromeRecord* record) {
  if (heap_.empty()) return false;
  const auto later = [this](std::size_t a, std::size_t b) {
    return Before(parts_[b].buffer[parts_[b].at], parts_[a].buffer[parts_[a].at]);
  };
  std::pop_heap(heap_.begin(), heap_.end(), later);
  Part& part = parts_[heap_.back()];
  *record = part.buffer[part.at++];
  if (part.at == part.buffer.size()) {
    if (Status status = Refill(&part); !status) return status;
  }
  if (part.buffer.empty()) {
    heap_.pop_back();
  } else {
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  return true;
}

Result<std::string> ChromeSpool::Text(const ChromeRecord& record) {
  std::string text(record.text_bytes, '\0');
  if (text.empty()) return text;
  const ssize_t got = ::pread(::fileno(texts_.get()), text.data(), text.size(), static_cast<off_t>(record.text_at));
  if (got != static_cast<ssize_t>(text.size()))
    return Status::FromErrno("cannot read a temporary file", got < 0 ? errno : EIO);
  return text;
}

}  // namespace smiley::daemon
