#include "daemon/server/server.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <random>

#include "daemon/exchange/export.h"
#include "tests/daemon/served_home.h"

using namespace smiley;
using namespace smiley::daemon;

namespace {

using Clock = std::chrono::steady_clock;

bool Has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Waits until the condition holds. False: it does not hold within some seconds.
template <typename Condition>
bool Eventually(const Condition& condition) {
  const auto end = Clock::now() + std::chrono::seconds(120);
  while (!condition()) {
    if (Clock::now() > end) return false;
    ::poll(nullptr, 0, 5);
  }
  return true;
}

int RawConnect(const shm::Home& home) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = home.SocketPath().string();
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  BOOST_REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  return fd;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(server)

BOOST_AUTO_TEST_CASE(answers_in_order_with_their_ids) {
  ServedHome home;
  auto client = home.Connect();
  BOOST_REQUIRE(client->Send(R"({"op":"hello","id":7,"protocol":0,"client":"test","new":{"a":[]}})").ok());
  BOOST_REQUIRE(client->Send(R"({"op":"status","id":"x"})").ok());
  BOOST_REQUIRE(client->Send(R"({"op":"nonsense","id":null})").ok());
  BOOST_REQUIRE(client->Send(R"({"op":"runs"})").ok());
  BOOST_TEST(Has(*client->ReadLine(), R"({"id":7,"ok":true,"protocol":0,)"));
  BOOST_TEST(Has(*client->ReadLine(), R"({"id":"x","ok":true,"pid":)"));
  BOOST_TEST(Has(*client->ReadLine(),
                 R"({"id":null,"ok":false,"error":{"code":"invalid","message":"there is no request 'nonsense')"));
  BOOST_TEST(*client->ReadLine() == R"({"id":null,"ok":true,"stream":"lines"})");
  BOOST_TEST(*client->ReadLine() == R"({"id":null,"end":true,"count":0})");
  auto newer = client->Ask(R"({"op":"hello","protocol":3})");
  BOOST_TEST((newer.status().code() == Code::kVersion));
}

BOOST_AUTO_TEST_CASE(only_the_owner_can_reach_it) {
  ServedHome home;
  struct stat state {};
  BOOST_REQUIRE(::stat(home.home().SocketPath().c_str(), &state) == 0);
  BOOST_TEST((state.st_mode & 07777) == 0600u);
}

BOOST_AUTO_TEST_CASE(a_home_far_down_is_reached_too) {
  ServedHome home(std::string(90, 'a') + "/" + std::string(90, 'b'));
  BOOST_TEST(home.Connect()->Ask(R"({"op":"hello"})").ok());
}

BOOST_AUTO_TEST_CASE(without_a_daemon_connecting_says_so_at_once) {
  TestHome home;
  auto client = Client::Connect(home.home());
  BOOST_REQUIRE(!client.ok());
  BOOST_TEST((client.status().code() == Code::kGone));
  BOOST_TEST(Has(client.status().message(), "smiley-daemon start"));
}

BOOST_AUTO_TEST_CASE(garbage_gets_an_error_and_is_closed) {
  ServedHome home;
  const std::string too_long(2 << 20, 'x');
  for (const std::string& garbage : {std::string("GET / HTTP/1.1\r\n\r\n"), std::string("\0\0\0\0\n", 5),
                                     std::string("[]\n"), std::string(200'000, '[') + "\n", too_long}) {
    const int fd = RawConnect(home.home());
    std::size_t at = 0;
    while (at < garbage.size()) {
      const ssize_t sent = ::send(fd, garbage.data() + at, garbage.size() - at, MSG_NOSIGNAL);
      if (sent <= 0) break;
      at += static_cast<std::size_t>(sent);
    }
    const std::string answer = ReadToEnd(fd);
    BOOST_TEST(Has(answer, R"("ok":false,"error":{"code":"invalid")"));
    BOOST_TEST(!Has(answer, "<still open>"));
    ::close(fd);
  }
  BOOST_TEST(home.Connect()->Ask(R"({"op":"hello"})").ok());
  BOOST_TEST(Eventually([&] { return home.server().clients() == 0; }));
}

BOOST_AUTO_TEST_CASE(half_a_line_waits_and_a_closed_writing_end_still_gets_its_answer) {
  ServedHome home;
  const int half = RawConnect(home.home());
  BOOST_REQUIRE(::send(half, R"({"op":"he)", 9, MSG_NOSIGNAL) == 9);
  BOOST_TEST(home.Connect()->Ask(R"({"op":"hello"})").ok());
  BOOST_REQUIRE(::send(half, "llo\"}\n", 6, MSG_NOSIGNAL) == 6);
  BOOST_REQUIRE(::shutdown(half, SHUT_WR) == 0);
  BOOST_TEST(Has(ReadToEnd(half), R"({"id":null,"ok":true,"protocol":0)"));
  ::close(half);
  const int cut = RawConnect(home.home());
  BOOST_REQUIRE(::send(cut, "{\"op\"", 5, MSG_NOSIGNAL) == 5);
  ::close(cut);
  BOOST_TEST(Eventually([&] { return home.server().clients() == 0; }));
}

BOOST_AUTO_TEST_CASE(random_bytes_never_harm_it) {
  ServedHome home;
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) {
    std::string bytes = i % 2 == 0 ? "{\"op\":\"import\"}\n" : "";
    for (unsigned n = random() % 3000; n > 0; --n) bytes += static_cast<char>(random());
    const int fd = RawConnect(home.home());
    static_cast<void>(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL));
    ::close(fd);
  }
  BOOST_TEST(home.Connect()->Ask(R"({"op":"hello"})").ok());
  BOOST_TEST(Eventually([&] { return home.server().clients() == 0; }));
}

BOOST_AUTO_TEST_CASE(a_thousand_connections_are_served) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ServedHome home;
  std::vector<std::unique_ptr<Client>> clients;
  clients.reserve(1000);
  for (int i = 0; i < 1000; ++i) clients.push_back(home.Connect());
  for (auto& client : clients) BOOST_REQUIRE(client->Send(R"({"op":"hello","id":1})").ok());
  for (auto& client : clients) {
    auto line = client->ReadLine();
    BOOST_REQUIRE_MESSAGE(line.ok(), line.status().message());
  }
  BOOST_TEST(home.server().clients() == 1000u);
  clients.clear();
  BOOST_TEST(Eventually([&] { return home.server().clients() == 0; }));
}

BOOST_AUTO_TEST_CASE(runs_are_listed_and_found) {
  ServedHome home;
  StoreSampleRun(home.core().store(), "k1aaaaaa", 1'000'000);
  StoreSampleRun(home.core().store(), "k2aaaaaa", 2'000'000);
  auto client = home.Connect();
  auto runs = ReadStream(*client, R"({"op":"runs"})");
  BOOST_REQUIRE(runs.size() == 3u);
  BOOST_TEST(
      Has(runs[0], R"({"type":"run","id":"k2aaaaaa","command":["app.py","3",{"$type":"str","base64":"7bKA"}])"));
  BOOST_TEST(Has(runs[0], R"("state":"ended","exit_code":1,"signal":null,"complete":false)"));
  BOOST_TEST(ReadStream(*client, R"({"op":"runs","limit":1})").size() == 2u);
  BOOST_TEST(Has(*client->Ask(R"({"op":"run","run":"k1"})"), R"("run":{"type":"run","id":"k1aaaaaa")"));
  auto unknown = client->Ask(R"({"op":"run","run":"zz"})");
  BOOST_TEST((unknown.status().code() == Code::kNotFound));
  auto ambiguous = client->Ask(R"({"op":"processes","run":"k"})");
  BOOST_TEST(ambiguous.status().message() == "'k' fits 2 runs: k2aaaaaa, k1aaaaaa");
  BOOST_TEST(Has(ReadStream(*client, R"({"op":"processes","run":"k1"})")[0], R"("pid":4711,"parent":null)"));
  auto threads = ReadStream(*client, R"({"op":"threads","run":"k1","lines":true})");
  BOOST_REQUIRE(threads.size() == 3u);
  BOOST_TEST(Has(threads[0], R"("name":"MainThread")"));
  BOOST_TEST(Has(threads[0], R"("lines":4)"));
  BOOST_TEST(Has(threads[1], R"("lost":5)"));
  BOOST_TEST(Has(ReadStream(*client, R"({"op":"tasks","run":"k1"})")[0],
                 R"({"type":"task","process":1,"task":1,"name":"late"})"));
  BOOST_TEST(Has(ReadStream(*client, R"({"op":"sources","run":"k1"})")[0], R"("text":"line 1\nline 2)"));
  BOOST_TEST(!Has(ReadStream(*client, R"({"op":"sources","run":"k1","text":false})")[0], "line 1"));
  BOOST_TEST(ReadStream(*client, R"({"op":"sources","run":"k1","source":1})").size() ==
             2u);  // the source and the end
  BOOST_TEST(ReadStream(*client, R"({"op":"sources","run":"k1","source":2})").size() == 1u);
}

BOOST_AUTO_TEST_CASE(replay_gives_the_exports_events) {
  ServedHome home;
  StoreSampleRun(home.core().store(), "k1aaaaaa");
  auto client = home.Connect();
  const std::string exported = ReadFrames(*client, R"({"op":"export","run":"k1","format":"jsonl"})");
  auto lines = ReadStream(*client, R"({"op":"replay","run":"k1"})");
  std::string events;
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) events += lines[i] + "\n";
  BOOST_TEST(Has(exported, events));
  BOOST_TEST(lines.back() == R"({"id":null,"end":true,"events":)" + std::to_string(lines.size() - 1) + "}");
  auto where =
      ReadStream(*client, R"({"op":"replay","run":"k1","where":"function == \"g\" and a < 0","source":true})");
  BOOST_REQUIRE(where.size() > 1u);
  BOOST_TEST(Has(where[0], R"("function":"g")"));
  BOOST_TEST(Has(where[0], R"("changed":{"a":-3})"));
  BOOST_TEST(Has(where[0], R"("text":"line 20"})"));
  auto thread = ReadStream(*client, R"({"op":"replay","run":"k1","thread":2,"from":8,"limit":2})");
  BOOST_REQUIRE(thread.size() == 3u);
  BOOST_TEST(Has(thread[0], R"("thread":2,"seq":8,)"));
  BOOST_TEST(ReadStream(*client, R"({"op":"replay","run":"k1","from":"2:8","limit":2})")[0] == thread[0]);
  const auto upto = ReadStream(*client, R"({"op":"replay","run":"k1","from":"2:8","to":9})");
  BOOST_REQUIRE(upto.size() == 3u);
  BOOST_TEST(upto[1] == thread[1]);
  BOOST_TEST(ReadStream(*client, R"({"op":"replay","run":"k1","from":"2:8","limit":2,"run_up":0})")[0] == thread[0]);
  auto last = ReadStream(*client, R"({"op":"replay","run":"k1","last":3})");
  BOOST_REQUIRE(last.size() == 4u);
  BOOST_TEST(last[2] == lines[lines.size() - 2]);
  BOOST_TEST(last[0] == lines[lines.size() - 4]);
  auto bad = client->Ask(R"({"op":"replay","run":"k1","where":"a =="})");
  BOOST_TEST(Has(bad.status().message(), "character"));
  BOOST_TEST((client->Ask(R"({"op":"replay","run":"k1","thread":9})").status().code() == Code::kNotFound));
}

BOOST_AUTO_TEST_CASE(the_last_few_of_a_long_run_are_read_from_its_end) {
  ServedHome home;
  StoreLongRun(home.core().store(), "long1", 400'000);
  auto client = home.Connect();
  const auto begin = Clock::now();
  auto last = ReadStream(*client, R"({"op":"replay","run":"long1","last":10})");
  BOOST_REQUIRE(last.size() == 11u);
  BOOST_TEST(Has(last[0], "\"seq\":399991,"));
  BOOST_TEST(Has(last[9], "\"seq\":400000,"));
  BOOST_TEST(Has(last[9], "\"changed\":{\"a\":400000}"));
  auto rare = ReadStream(*client, R"({"op":"replay","run":"long1","last":1,"where":"a == 5"})");
  BOOST_REQUIRE(rare.size() == 2u);
  BOOST_TEST(Has(rare[0], "\"seq\":5,"));
  BOOST_TEST_MESSAGE("last: " << std::chrono::duration<double>(Clock::now() - begin).count() << " s");
}

BOOST_AUTO_TEST_CASE(the_last_few_of_ten_thousand_threads_come_soon) {
  ServedHome home;
  constexpr std::uint32_t kThreads = 10'000;
  Batch batch;
  batch.runs.push_back(MakeRunInfo("many1"));
  ProcessInfo process;
  process.process = 1;
  batch.processes.emplace_back("many1", process);
  AddNames(&batch, "many1");
  for (std::uint32_t number = 1; number <= kThreads; ++number) {
    ThreadInfo thread;
    thread.process = 1;
    thread.thread = number;
    batch.threads.emplace_back("many1", thread);
    PieceMaker maker(1, number);
    maker.Base(number * 10);
    maker.Call(1).Line(11).Return(11);
    Piece piece = maker.piece();
    piece.run = "many1";
    batch.pieces.push_back(Summed(piece));
  }
  BOOST_REQUIRE(home.core().store().Commit(batch).ok());
  auto client = home.Connect();
  const auto begin = Clock::now();
  auto last = ReadStream(*client, R"({"op":"replay","run":"many1","last":4})");
  BOOST_REQUIRE(last.size() == 5u);
  BOOST_TEST(Has(last[0], R"("thread":9999,"seq":3,)"));
  BOOST_TEST(Has(last[3], R"("thread":10000,"seq":3,)"));
  BOOST_TEST(ReadStream(*client, R"({"op":"replay","run":"many1"})").size() == 3 * kThreads + 1);
  BOOST_TEST_MESSAGE("10,000 threads: " << std::chrono::duration<double>(Clock::now() - begin).count() << " s");
}

BOOST_AUTO_TEST_CASE(a_stuck_client_delays_nobody_and_goes_when_it_closes) {
  ServedHome home;
  StoreLongRun(home.core().store(), "long1", 200'000);
  std::vector<int> stuck;
  for (int i = 0; i < 20; ++i) {
    const int fd = RawConnect(home.home());
    const std::string request = "{\"op\":\"replay\",\"run\":\"long1\"}\n";
    BOOST_REQUIRE(::send(fd, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size()));
    stuck.push_back(fd);
  }
  auto client = home.Connect();
  for (int i = 0; i < 20; ++i) BOOST_REQUIRE(client->Ask(R"({"op":"hello"})").ok());
  BOOST_TEST(ReadStream(*client, R"({"op":"replay","run":"long1"})").size() == 200'001u);
  for (const int fd : stuck) ::close(fd);
  BOOST_TEST(Eventually([&] { return home.server().clients() == 1; }));
}

BOOST_AUTO_TEST_CASE(delete_removes_all_or_nothing_and_never_what_goes_on) {
  ServedHome home;
  StoreSampleRun(home.core().store(), "k1aaaaaa");
  StoreSampleRun(home.core().store(), "k2aaaaaa");
  auto client = home.Connect();
  BOOST_REQUIRE(client->Ask(R"({"op":"begin","run":"going1","command":["x"],"cwd":"/"})").ok());
  BOOST_TEST((client->Ask(R"({"op":"delete","runs":["k1","going1"]})").status().code() == Code::kBusy));
  BOOST_TEST((client->Ask(R"({"op":"delete","runs":["k1","zz"]})").status().code() == Code::kNotFound));
  BOOST_TEST(ReadStream(*client, R"({"op":"runs"})").size() == 4u);
  BOOST_TEST(Has(*client->Ask(R"({"op":"delete","runs":["k1","k1aaaaaa"]})"), R"("count":1,"deleted":["k1aaaaaa"])"));
  BOOST_TEST(ReadStream(*client, R"({"op":"runs"})").size() == 3u);
}

BOOST_AUTO_TEST_CASE(a_run_begins_and_finishes) {
  ServedHome home;
  auto client = home.Connect();
  BOOST_REQUIRE(
      client->Ask(R"({"op":"begin","run":"newrun1","command":["app.py"],"cwd":"/x","name":"n","detail":"lines"})")
          .ok());
  BOOST_TEST(!client->Ask(R"({"op":"begin","run":"newrun1"})").ok());
  BOOST_TEST(!client->Ask(R"({"op":"begin"})").ok());
  BOOST_TEST(Has(*client->Ask(R"({"op":"run","run":"newrun1"})"), R"("state":"running")"));
  BOOST_TEST(!client->Ask(R"({"op":"finish","run":"newrun1"})").ok());
  BOOST_TEST((client->Ask(R"({"op":"finish","run":"nosuch","exit_code":0})").status().code() == Code::kNotFound));
  auto finished = client->Ask(R"({"op":"finish","run":"newrun1","exit_code":3,"wait_ms":5000,"id":5})");
  BOOST_REQUIRE_MESSAGE(finished.ok(), finished.status().message());
  BOOST_TEST(Has(*finished, R"({"id":5,"ok":true,"run":{"type":"run","id":"newrun1")"));
  BOOST_TEST(Has(*finished, R"("drained":true,"alive":[]})"));
  BOOST_TEST(Eventually(
      [&] { return Has(*client->Ask(R"({"op":"run","run":"newrun1"})"), R"("state":"ended","exit_code":3)"); }));
}

BOOST_AUTO_TEST_CASE(export_and_import_go_through_the_socket) {
  ServedHome from, to;
  StoreSampleRun(from.core().store(), "k1aaaaaa");
  auto source = from.Connect();
  for (const char* format : {"smiley", "jsonl"}) {
    const std::string bytes =
        ReadFrames(*source, std::string(R"({"op":"export","run":"last","format":")") + format + "\"}");
    auto target = to.Connect();
    BOOST_REQUIRE(target->Send(R"({"op":"import","id":1})").ok());
    for (std::size_t at = 0; at < bytes.size(); at += 777) {
      BOOST_REQUIRE(target->SendFrame(std::string_view(bytes).substr(at, 777)).ok());
    }
    BOOST_REQUIRE(target->SendFramesEnd().ok());
    auto answer = target->ReadLine();
    BOOST_REQUIRE_MESSAGE(answer.ok(), answer.status().message());
    BOOST_TEST(Has(*answer, R"({"id":1,"ok":true,"run":{"type":"run","id":"k1aaaaaa")"));
    BOOST_TEST(Has(*answer, std::string(format) == "smiley" ? "\"already\":false" : "\"already\":true"));
    BOOST_TEST(
        (ReadFrames(*target, std::string(R"({"op":"export","run":"k1","format":")") + format + "\"}") == bytes));
    auto unknown = source->Ask(R"({"op":"export","run":"k1","format":"xml"})");
    BOOST_TEST(Has(unknown.status().message(), "it is one of smiley, jsonl"));
  }
}

BOOST_AUTO_TEST_CASE(a_broken_import_is_answered_and_leaves_nothing) {
  ServedHome from, to;
  StoreLongRun(from.core().store(), "long1", 30'000);
  auto source = from.Connect();
  std::string bytes = ReadFrames(*source, R"({"op":"export","run":"last"})");
  {
    auto gone = to.Connect();
    BOOST_REQUIRE(gone->Send(R"({"op":"import"})").ok());
    BOOST_REQUIRE(gone->SendFrame(std::string_view(bytes).substr(0, bytes.size() / 2)).ok());
  }
  auto aborted = to.Connect();
  BOOST_REQUIRE(aborted->Ask(R"({"op":"hello"})").ok());  // earlier connections were accepted before
  BOOST_TEST(Eventually([&] { return to.server().clients() == 1; }));
  BOOST_REQUIRE(aborted->Send(R"({"op":"import"})").ok());
  BOOST_REQUIRE(aborted->SendFrame(std::string_view(bytes).substr(0, bytes.size() / 2)).ok());
  BOOST_REQUIRE(aborted->SendFramesAbort().ok());
  const std::string answer = *aborted->ReadLine();
  BOOST_TEST(Has(answer, R"("code":"interrupted")"), answer);
  BOOST_TEST(ReadStream(*aborted, R"({"op":"runs"})").size() == 1u);
  bytes[bytes.size() / 3] ^= 1;
  auto refused = to.Connect();
  BOOST_REQUIRE(refused->Send(R"({"op":"import"})").ok());
  Status sent;
  for (std::size_t at = 0; at < bytes.size() && sent.ok(); at += 10'000) {
    sent = refused->SendFrame(std::string_view(bytes).substr(at, 10'000));
  }
  if (sent.ok()) sent = refused->SendFramesEnd();
  BOOST_TEST(Has(*refused->ReadLine(), R"("code":"damaged")"));
  BOOST_TEST(ReadStream(*to.Connect(), R"({"op":"runs"})").size() == 1u);
}

BOOST_AUTO_TEST_CASE(stop_is_answered_and_passed_on) {
  ServedHome home;
  auto client = home.Connect();
  BOOST_TEST(client->Ask(R"({"op":"stop","id":1})").ok());
  BOOST_TEST(Eventually([&] { return home.stop_requested.load(); }));
  home.server().Stop();
  auto line = client->Ask(R"({"op":"hello"})");
  BOOST_TEST((line.status().code() == Code::kGone));
  BOOST_TEST(Has(line.status().message(), "the daemon closed the connection"));
}

BOOST_AUTO_TEST_SUITE_END()
