// Thread rule: plain values; one thread.
//
// The release-acquire memory of C++20, for an exhaustive search. Each location keeps the messages written to it. Each
// message keeps the view that its writer released with it. A read may return any message that the reader's view
// allows. Each location of the ring has one writer, so the order of its messages is the order of the writes. A read
// never sees a later write, so a mistake that needs load buffering is not found.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace smiley::model {

inline constexpr int kLocations = 12;

using View = std::array<std::uint8_t, kLocations>;  // for each location the number of the newest known message

inline void Join(const View& from, View* to) {
  for (int i = 0; i < kLocations; ++i) (*to)[i] = std::max((*to)[i], from[i]);
}

struct Message {
  std::uint8_t value = 0;
  View view{};
};

struct ThreadViews {
  View now{};       // the oldest messages that the thread may still read
  View acquired{};  // the views that an acquire fence would add
  View released{};  // the view of the last release fence, which relaxed writes carry
};

class Memory {
 public:
  Memory() {
    for (auto& messages : messages_) messages.push_back({});
  }

  std::uint8_t Latest(int location) const { return messages_[location].back().value; }

  void WriteRelaxed(ThreadViews* thread, int location, std::uint8_t value) {
    Write(thread, location, value, thread->released);
  }
  void WriteRelease(ThreadViews* thread, int location, std::uint8_t value) {
    Write(thread, location, value, thread->now);
  }
  static void FenceRelease(ThreadViews* thread) { thread->released = thread->now; }
  static void FenceAcquire(ThreadViews* thread) { Join(thread->acquired, &thread->now); }

  // The messages that the thread may read: [first, count).
  std::size_t First(const ThreadViews& thread, int location) const {
    return thread.now[location] - dropped_[location];
  }
  std::size_t Count(int location) const { return messages_[location].size(); }
  std::uint8_t Read(ThreadViews* thread, int location, std::size_t which, bool acquire) const {
    const Message& message = messages_[location][which];
    thread->now[location] = static_cast<std::uint8_t>(which + dropped_[location]);
    Join(message.view, &thread->acquired);
    if (acquire) Join(message.view, &thread->now);
    return message.value;
  }

  // The thread may read only the newest messages, as after the death of the other thread.
  void SeeAll(ThreadViews* thread) const {
    for (int i = 0; i < kLocations; ++i)
      thread->now[i] = static_cast<std::uint8_t>(dropped_[i] + messages_[i].size() - 1);
  }

  // Drops the messages that neither thread can read any more.
  void Collect(const ThreadViews& a, const ThreadViews& b) {
    for (int i = 0; i < kLocations; ++i) {
      const int least = std::min(a.now[i], b.now[i]);
      while (dropped_[i] < least) {
        messages_[i].erase(messages_[i].begin());
        ++dropped_[i];
      }
    }
  }

  void Append(std::string* key) const {
    for (int i = 0; i < kLocations; ++i) {
      key->push_back(static_cast<char>(dropped_[i]));
      key->push_back(static_cast<char>(messages_[i].size()));
      for (const Message& message : messages_[i]) {
        key->push_back(static_cast<char>(message.value));
        key->append(reinterpret_cast<const char*>(message.view.data()), kLocations);
      }
    }
  }

 private:
  void Write(ThreadViews* thread, int location, std::uint8_t value, View view) {
    const std::size_t number = messages_[location].size() + dropped_[location];
    thread->now[location] = static_cast<std::uint8_t>(number);
    view[location] = static_cast<std::uint8_t>(number);
    messages_[location].push_back({value, view});
  }

  std::array<std::vector<Message>, kLocations> messages_;
  View dropped_{};
};

}  // namespace smiley::model
