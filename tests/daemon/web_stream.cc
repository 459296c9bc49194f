#include "daemon/server/web_stream.h"

#include <boost/test/unit_test.hpp>

using namespace smiley::daemon;

namespace {

std::string Frame(const std::string& bytes) {
  std::string frame(4, '\0');
  for (std::size_t i = 0; i < 4; ++i) frame[i] = static_cast<char>(bytes.size() >> (8 * i));
  return frame + bytes;
}

// Joins neighbours of the same kind, because the cut between messages has no meaning.
std::vector<WebStream::Message> Joined(const std::string& all, std::size_t portion) {
  WebStream stream;
  std::vector<WebStream::Message> messages, joined;
  for (std::size_t at = 0; at < all.size(); at += portion) {
    stream.Feed(std::string_view(all).substr(at, portion), &messages);
    for (auto& message : messages) {
      if (message.text) BOOST_TEST(message.bytes.back() == '\n');
      if (!joined.empty() && joined.back().text == message.text) {
        joined.back().bytes += message.bytes;
      } else {
        joined.push_back(message);
      }
    }
    messages.clear();
  }
  return joined;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(web_stream)

BOOST_AUTO_TEST_CASE(lines_and_frames_are_told_apart_however_they_are_cut) {
  const std::string before =
      "{\"id\":1,\"ok\":true,\"stream\":\"lines\"}\n{\"type\":\"x\",\"t\":\",\\\"stream\\\":\\\"binary\\\"}\"}\n"
      "{\"id\":1,\"end\":true}\n{\"id\":2,\"ok\":true,\"stream\":\"binary\"}\n";
  const std::string after = "{\"id\":2,\"end\":true}\n{\"id\":3,\"ok\":true}\n";
  const std::string bytes("a\n{\"id\":2}\n\0b", 12);
  for (const std::string& end : {std::string(4, '\0'), std::string(4, '\xff')}) {
    const std::string all = before + Frame(bytes) + Frame("more") + end + after;
    for (const std::size_t portion : {std::size_t{1}, std::size_t{3}, std::size_t{7}, all.size()}) {
      const auto messages = Joined(all, portion);
      BOOST_REQUIRE(messages.size() == 3u);
      BOOST_TEST(messages[0].text);
      BOOST_TEST(messages[0].bytes == before);
      BOOST_TEST(!messages[1].text);
      BOOST_TEST(messages[1].bytes == bytes + "more");
      BOOST_TEST(messages[2].bytes == after);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
