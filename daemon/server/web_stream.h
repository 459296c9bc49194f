// Thread rule: a WebStream belongs to one thread.
//
// The daemon's answers (daemon/protocol/PROTOCOL.md) as WebSocket messages: whole lines in text messages, the bytes
// of a binary stream in binary ones, without the lengths of its frames.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace smiley::daemon {

class WebStream {
 public:
  struct Message {
    bool text = true;
    std::string bytes;  // text: one or more whole lines, each with its newline
  };
  // What comes next of the answers, cut anywhere; appends the messages that are complete now.
  void Feed(std::string_view bytes, std::vector<Message>* out);

 private:
  void FeedLines(std::string_view* bytes, std::vector<Message>* out);
  void FeedFrames(std::string_view* bytes, std::vector<Message>* out);
  std::string line_;        // the beginning of a line
  std::string head_;        // the beginning of a frame's length
  std::uint32_t left_ = 0;  // bytes of the present frame that are to come
  bool binary_ = false;
};

}  // namespace smiley::daemon
