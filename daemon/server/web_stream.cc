#include "daemon/server/web_stream.h"

#include <algorithm>
#include <utility>

namespace smiley::daemon {
namespace {

constexpr std::uint32_t kBroken = 0xFFFFFFFFu;

// Whether frames follow the line: a line of a stream begins with {"type":, an answer with {"id":.
bool BeginsFrames(std::string_view line) {
  constexpr std::string_view kBegin = "{\"id\":", kEnd = ",\"ok\":true,\"stream\":\"binary\"}\n";
  return line.substr(0, kBegin.size()) == kBegin && line.size() > kEnd.size() &&
         line.substr(line.size() - kEnd.size()) == kEnd;
}

std::string& MessageOf(bool text, std::vector<WebStream::Message>* out) {
  if (out->empty() || out->back().text != text) out->push_back({text, {}});
  return out->back().bytes;
}

}  // namespace

void WebStream::Feed(std::string_view bytes, std::vector<Message>* out) {
  while (!bytes.empty()) {
    if (binary_) {
      FeedFrames(&bytes, out);
    } else {
      FeedLines(&bytes, out);
    }
  }
}

void WebStream::FeedLines(std::string_view* bytes, std::vector<Message>* out) {
  const std::size_t end = bytes->find('\n');
  if (end == std::string_view::npos) {
    line_ += *bytes;
    *bytes = {};
    return;
  }
  line_ += bytes->substr(0, end + 1);
  bytes->remove_prefix(end + 1);
  binary_ = BeginsFrames(line_);
  std::string& message = MessageOf(true, out);
  if (message.empty()) {
    message = std::exchange(line_, {});
  } else {
    message += line_;
    line_.clear();
  }
}

void WebStream::FeedFrames(std::string_view* bytes, std::vector<Message>* out) {
  if (left_ > 0) {
    const std::string_view part = bytes->substr(0, left_);
    MessageOf(false, out) += part;
    left_ -= static_cast<std::uint32_t>(part.size());
    bytes->remove_prefix(part.size());
    return;
  }
  const std::size_t wanted = std::min<std::size_t>(4 - head_.size(), bytes->size());
  head_ += bytes->substr(0, wanted);
  bytes->remove_prefix(wanted);
  if (head_.size() < 4) return;
  std::uint32_t length = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    length |= static_cast<std::uint32_t>(static_cast<unsigned char>(head_[i])) << (8 * i);
  }
  head_.clear();
  if (length == 0 || length == kBroken) {
    binary_ = false;  // the end line reports whether the stream is complete
  } else {
    left_ = length;
  }
}

}  // namespace smiley::daemon
