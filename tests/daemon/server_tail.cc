#include <poll.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <numeric>

#include "tests/daemon/live_program.h"

using namespace smiley;
using namespace smiley::daemon;

namespace {

using Clock = std::chrono::steady_clock;

bool Has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

void WaitForReaders(TestCore& core, std::size_t count) {
  const auto end = Clock::now() + std::chrono::seconds(120);
  while (core.core().live().watchers() != count && Clock::now() < end) ::poll(nullptr, 0, 2);
  BOOST_REQUIRE(core.core().live().watchers() == count);
}

std::string Line(Client& client) {
  auto line = client.ReadLine();
  BOOST_REQUIRE_MESSAGE(line.ok(), line.status().message());
  return *line;
}

std::uint64_t NumberAfter(const std::string& line, const std::string& key) {
  const std::size_t at = line.find(key);
  return at == std::string::npos ? 0 : std::stoull(line.substr(at + key.size()));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(server_tail)

BOOST_AUTO_TEST_CASE(what_happens_is_shown_after_what_happened_and_ends_with_the_run) {
  ServedHome home;
  LiveProgram program(home, "live1");
  auto client = home.Connect();
  BOOST_REQUIRE(client->Ask(R"({"op":"tail","run":"live1","last":2})").ok());
  BOOST_TEST(Has(Line(*client), R"({"type":"run","id":"live1")"));
  BOOST_TEST(Has(Line(*client), "\"seq\":999,"));
  BOOST_TEST(Has(Line(*client), "\"seq\":1000,"));
  program.Publish(2);
  BOOST_TEST(Has(Line(*client), R"("seq":1001,)"));
  const std::string line = Line(*client);
  BOOST_TEST(Has(line, R"("seq":1002,)"));
  BOOST_TEST(Has(line, R"("changed":{"a":1002}})"));
  program.End();
  BOOST_TEST(Has(Line(*client), R"({"type":"end","run":"live1","exit_code":0,"signal":null)"));
  BOOST_TEST(Line(*client) == R"({"id":null,"end":true,"events":4,"skipped":0})");
  BOOST_TEST(client->Ask(R"({"op":"hello"})").ok());
  WaitForReaders(home, 0);
}

BOOST_AUTO_TEST_CASE(an_event_is_with_the_client_within_fifty_milliseconds) {
  ServedHome home;
  LiveProgram program(home, "live1");
  auto client = home.Connect();
  BOOST_REQUIRE(client->Ask(R"({"op":"tail","run":"live1"})").ok());
  Line(*client);
  std::vector<double> milliseconds;
  for (int i = 0; i < 100; ++i) {
    const auto begin = Clock::now();
    program.Publish(1);
    Line(*client);
    milliseconds.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  BOOST_TEST_MESSAGE("median " << milliseconds[50] << " ms, 99th " << milliseconds[98] << " ms");
  BOOST_TEST(milliseconds[50] < 50);
}

BOOST_AUTO_TEST_CASE(a_filter_and_a_rate_leave_events_out_and_say_how_many) {
  ServedHome home;
  LiveProgram program(home, "live1");
  auto filtered = home.Connect(), limited = home.Connect();
  BOOST_REQUIRE(filtered->Ask(R"({"op":"tail","run":"live1","where":"a == 1500"})").ok());
  BOOST_REQUIRE(limited->Ask(R"({"op":"tail","run":"live1","max_rate":10})").ok());
  Line(*filtered);
  Line(*limited);
  WaitForReaders(home, 2);
  program.Publish(1000);
  for (int i = 0; i < 5; ++i) program.Publish(2000);
  program.End();
  const auto read = [](Client& client) {
    std::uint64_t events = 0, skipped = 0;
    for (;;) {
      const std::string line = Line(client);
      if (Has(line, "\"type\":\"event\"")) ++events;
      if (Has(line, "\"type\":\"gap\"")) skipped += NumberAfter(line, "\"skipped\":");
      if (Has(line, "\"type\":\"end\"")) return std::make_pair(events, skipped);
    }
  };
  const auto [matching, not_looked_at] = read(*filtered);
  BOOST_TEST(matching == 1u);
  BOOST_TEST(not_looked_at == 0u);
  const auto [shown, skipped] = read(*limited);
  BOOST_TEST(shown + skipped == 11'000u);
  BOOST_TEST(shown >= 1u);
  BOOST_TEST(shown < 200u);
}

BOOST_AUTO_TEST_CASE(a_stopped_client_loses_its_own_and_is_told) {
  ServedHome home;
  LiveProgram program(home, "live1");
  auto stopped = home.Connect(), other = home.Connect();
  BOOST_REQUIRE(stopped->Ask(R"({"op":"tail","run":"live1"})").ok());
  BOOST_REQUIRE(other->Ask(R"({"op":"tail","run":"live1","where":"a % 1 == 1 or line == 99"})").status().code() ==
                Code::kInvalid);
  BOOST_REQUIRE(other->Ask(R"({"op":"tail","run":"live1","max_rate":1000})").ok());
  WaitForReaders(home, 2);
  // Far more events than the feed and the socket hold.
  std::uint64_t seen_by_other = 0;
  for (int i = 0; i < 3000; ++i) {
    program.Publish(1000);
    while (other->LineReady()) {
      const std::string line = Line(*other);
      seen_by_other += Has(line, "\"type\":\"event\"") ? 1 : NumberAfter(line, "\"skipped\":");
    }
  }
  program.End();
  std::uint64_t events = 0, skipped = 0;
  for (;;) {
    const std::string line = Line(*stopped);
    if (Has(line, "\"type\":\"event\"")) ++events;
    if (Has(line, "\"type\":\"gap\"")) skipped += NumberAfter(line, "\"skipped\":");
    if (Has(line, "\"type\":\"end\"")) break;
  }
  BOOST_TEST(events + skipped == 3'000'000u);
  BOOST_TEST(skipped > 0u);
  for (;;) {
    const std::string line = Line(*other);
    seen_by_other += Has(line, "\"type\":\"event\"") ? 1 : NumberAfter(line, "\"skipped\":");
    if (Has(line, "\"type\":\"end\"")) break;
  }
  BOOST_TEST(seen_by_other == 3'000'000u);
}

BOOST_AUTO_TEST_CASE(all_runs_together_say_which_one_is_meant) {
  ServedHome home;
  LiveProgram first(home, "live1");
  auto client = home.Connect();
  BOOST_REQUIRE(client->Ask(R"({"op":"tail"})").ok());
  BOOST_TEST(Has(Line(*client), R"({"type":"run","id":"live1")"));
  WaitForReaders(home, 1);
  BOOST_REQUIRE(home.services().runs.Begin({"live2", {"x"}, "/", "", "lines", 1, std::nullopt}).ok());
  BOOST_TEST(Has(Line(*client), R"({"type":"run","id":"live2")"));
  first.Publish(1);
  BOOST_TEST(Has(Line(*client), R"({"type":"run","id":"live1")"));
  BOOST_TEST(Has(Line(*client), R"("seq":1001,)"));
  first.End();
  BOOST_TEST(Has(Line(*client), R"({"type":"end","run":"live1")"));
  // Another request ends the tail.
  BOOST_REQUIRE(client->Send(R"({"op":"hello","id":2})").ok());
  BOOST_TEST(Has(Line(*client), R"({"id":null,"end":true,"events":1)"));
  BOOST_TEST(Has(Line(*client), R"({"id":2,"ok":true)"));
  WaitForReaders(home, 0);
}

BOOST_AUTO_TEST_CASE(a_run_that_has_ended_is_shown_and_over) {
  ServedHome home;
  StoreSampleRun(home.core().store(), "k1aaaaaa");
  auto client = home.Connect();
  auto lines = ReadStream(*client, R"({"op":"tail","run":"k1","last":2})");
  BOOST_REQUIRE(lines.size() == 5u);
  BOOST_TEST(Has(lines[3], R"({"type":"end","run":"k1aaaaaa","exit_code":1)"));
  BOOST_TEST(ReadStream(*client, R"({"op":"tail","follow":false})").size() == 1u);
}

BOOST_AUTO_TEST_CASE(watchers_that_go_away_are_forgotten) {
  ServedHome home;
  LiveProgram program(home, "live1");
  for (int i = 0; i < 20; ++i) {
    auto client = home.Connect();
    BOOST_REQUIRE(client->Ask(R"({"op":"tail"})").ok());
  }
  WaitForReaders(home, 0);
}

BOOST_AUTO_TEST_SUITE_END()
