// Thread rule: a ChromeSlicer belongs to one thread at a time.
//
// Slices Chrome's trace JSON, in any portions, into the objects of its one long array. Only one object is held at a
// time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "shm/base/status.h"

namespace smiley::daemon {

// Gives the objects of the array of events, and the other members of the outermost object.
class ChromeSlicer {
 public:
  static Status Damaged(const std::string& what) { return Status(Code::kDamaged, "the trace is damaged: " + what); }

  // Calls `event` with each object of the array and `member` with each other member, as JSON text.
  template <typename OnEvent, typename OnMember>
  Status Feed(std::string_view bytes, const OnEvent& event, const OnMember& member) {
    for (const char c : bytes) {
      if (ended_) {
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return Damaged("bytes follow its end");
        continue;
      }
      if (keep_) {
        slice_ += c;
        if (slice_.size() > (in_events_ ? kMaxElement : kMaxMember)) return Damaged("one of its parts is too long");
      }
      if (in_string_) {
        if (escaped_) {
          escaped_ = false;
        } else if (c == '\\') {
          escaped_ = true;
        } else if (c == '"') {
          in_string_ = false;
        } else if (reading_key_) {
          key_ += c;
        }
        continue;
      }
      if (Status status = Mark(c, event, member); !status) return status;
    }
    return Status::Ok();
  }
  bool ended() const { return ended_; }

 private:
  static constexpr std::size_t kMaxElement = 16u << 20, kMaxMember = 256u << 20;

  template <typename OnEvent, typename OnMember>
  Status Mark(char c, const OnEvent& event, const OnMember& member) {
    switch (c) {
      case '"':
        in_string_ = true;
        reading_key_ = depth_ == 1 && !bare_ && before_value_;
        if (reading_key_) key_.clear();
        break;
      case ':':
        if (depth_ == 1 && !bare_) {
          before_value_ = false;
          keep_ = key_ == "file_info" || key_ == "viztracer_metadata";
          slice_.clear();
        }
        break;
      case '{':
      case '[':
        ++depth_;
        if (depth_ > 1024) return Damaged("it nests too deep");
        if (depth_ == 1) {
          bare_ = in_events_ = c == '[';
          before_value_ = true;
        } else if (depth_ == 2 && !bare_ && !in_events_ && c == '[' && key_ == "traceEvents" && !seen_) {
          in_events_ = seen_ = true;
        } else if (in_events_ && depth_ == EventDepth() && c == '{') {
          keep_ = true;
          slice_ = "{";
        }
        break;
      case '}':
      case ']':
        if (depth_ == 0) return Damaged("it has a closing bracket too many");
        if (in_events_ && depth_ == EventDepth() && keep_) {
          keep_ = false;
          if (Status status = event(&slice_); !status) return status;
          slice_.clear();
        }
        --depth_;
        if (in_events_ && depth_ + 1 < EventDepth()) in_events_ = false;
        if (depth_ == 0) {
          if (Status status = EndMember(member); !status) return status;
          ended_ = true;
        }
        break;
      case ',':
        if (depth_ == 1 && !bare_) {
          if (Status status = EndMember(member); !status) return status;
          before_value_ = true;
        }
        break;
      default:
        break;
    }
    return Status::Ok();
  }
  template <typename OnMember>
  Status EndMember(const OnMember& member) {
    if (!keep_) return Status::Ok();
    keep_ = false;
    slice_.pop_back();  // the comma or bracket behind the member
    return member(key_, &slice_);
  }
  std::size_t EventDepth() const { return bare_ ? 2 : 3; }

  std::string slice_, key_;
  std::size_t depth_ = 0;
  bool in_string_ = false, escaped_ = false, reading_key_ = false, before_value_ = false;
  bool bare_ = false;  // the outermost value is the array of events
  bool in_events_ = false, seen_ = false, keep_ = false, ended_ = false;
};

}  // namespace smiley::daemon
