// Thread rule: a WebStream belongs to one thread.
//
// Turns the daemon's answers (daemon/protocol/PROTOCOL.md) into WebSocket messages: whole lines into text messages,
// and the bytes of a binary stream into binary ones, without the lengths of its frames.
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
  // Takes the next bytes of the answers, cut anywhere. Appends the messages that are complete.
  void Feed(std::string_view bytes, std::vector<Message>* out);

 private:
  void FeedLines(std::string_view* bytes, std::vector<Message>* out);
  void FeedFrames(std::string_view* bytes, std::vector<Message>* out);
  std::string line_;        // the beginning of an incomplete line
  std::string head_;        // the beginning of an incomplete frame length
  std::uint32_t left_ = 0;  // bytes that the current frame still lacks
  bool binary_ = false;     // frames follow, not lines
};

}  // namespace smiley::daemon
