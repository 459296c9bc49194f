// Thread rule: plain values; one thread.
//
// Release-acquire memory as C++20 has it, for exhaustive search: each location keeps the messages written to it, each
// message the view that its writer released with it, and a read may take any message that the reader's view allows.
// All locations of the ring have one writer, so a location's messages stand in the order of their writing. Reads do
// not see writes that come later in time: what needs load buffering to go wrong is not found here.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace smiley::model {

inline constexpr int kLocations = 12;

using View = std::array<std::uint8_t, kLocations>;  // number of the newest message known, by location

inline void Join(const View& from, View* to) {
  for (int i = 0; i < kLocations; ++i) (*to)[i] = std::max((*to)[i], from[i]);
}

struct Message {
  std::uint8_t value = 0;
  View view{};
};

struct ThreadViews {
  View now{};       // what it must not read behind
  View acquired{};  // what an acquire fence would add
  View released{};  // what its relaxed writes carry: as of its last release fence
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

  // Nothing older than the latest of everything, as after a death that was waited for.
  void SeeAll(ThreadViews* thread) const {
    for (int i = 0; i < kLocations; ++i)
      thread->now[i] = static_cast<std::uint8_t>(dropped_[i] + messages_[i].size() - 1);
  }

  // Forgets what neither thread can read any more.
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
