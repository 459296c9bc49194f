// Clients over the network: only the token gives access, to the same protocol. Clients without it do not delay
// others.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>

#include "daemon/exchange/export.h"
#include "daemon/protocol/remote_access.h"
#include "daemon/protocol/tls_client.h"
#include "tests/daemon/served_home.h"

namespace smiley::daemon {
namespace {

bool Has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

template <typename Condition>
bool Eventually(const Condition& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    ::poll(nullptr, 0, 5);
  }
  return true;
}

class ListeningHome : public TestCore {
 public:
  ListeningHome() {
    Server::Options options;
    options.listen = "127.0.0.1:0";
    options.request_stop = [this] { stop_requested = true; };
    auto server = Server::Start(services(), options);
    BOOST_REQUIRE_MESSAGE(server.ok(), server.status().message());
    server_ = std::move(*server);
    auto access = OpenRemoteAccess(home());
    BOOST_REQUIRE_MESSAGE(access.ok(), access.status().message());
    token_ = access->token;
  }
  Result<int> Try(const Token& token) { return ConnectTls(server_->listen(), token, std::chrono::seconds(120), -1); }
  std::unique_ptr<Client> Connect() {
    auto fd = Try(token_);
    BOOST_REQUIRE_MESSAGE(fd.ok(), fd.status().message());
    Client::Options options;
    options.timeout = std::chrono::seconds(120);
    return Client::Adopt(*fd, options);
  }
  // A plain TCP connection that sends nothing.
  int RawConnect() {
    const auto address = ParseAddress(server_->listen());
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address->port)));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    BOOST_REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
    return fd;
  }
  Server& server() { return *server_; }
  const Token& token() const { return token_; }
  std::atomic<bool> stop_requested{false};

 private:
  std::unique_ptr<Server> server_;
  Token token_;
};

mode_t ModeOf(const std::filesystem::path& path) {
  struct stat about {};
  BOOST_REQUIRE_MESSAGE(::stat(path.c_str(), &about) == 0, path.string());
  return about.st_mode & 0777;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(remote_clients)

BOOST_AUTO_TEST_CASE(with_the_token_see_what_clients_at_home_see) {
  ListeningHome home;
  StoreSampleRun(home.core().store(), "sample");
  StoreLongRun(home.core().store(), "longer", 60'000);
  auto near = Client::Connect(home.home());
  BOOST_REQUIRE(near.ok());
  auto far = home.Connect();
  BOOST_TEST(ReadFrames(*far, R"({"op":"export","run":"sample"})") ==
             ReadFrames(**near, R"({"op":"export","run":"sample"})"));
  // Several megabytes, more than all buffers between hold.
  const std::string jsonl = R"({"op":"export","run":"longer","format":"jsonl"})";
  BOOST_TEST((ReadFrames(*far, jsonl) == ReadFrames(**near, jsonl)));
  BOOST_TEST(ReadStream(*far, R"({"op":"runs"})").size() == 3u);
  BOOST_TEST(Has(*far->Ask(R"({"op":"status"})"), "\"listen\":\"" + home.server().listen() + "\""));
}

BOOST_AUTO_TEST_CASE(import_through_the_network) {
  ListeningHome home;
  std::string bytes;
  {
    TestCore other;
    StoreLongRun(other.core().store(), "longer", 20'000);
    auto producer = MakeExport(other.services().archive, "longer", "smiley");
    BOOST_REQUIRE(producer.ok());
    bytes = Produce(**producer);
  }
  auto far = home.Connect();
  BOOST_REQUIRE(far->Send(R"({"op":"import"})").ok());
  for (std::size_t at = 0; at < bytes.size(); at += 100'000) {
    BOOST_REQUIRE(far->SendFrame(std::string_view(bytes).substr(at, 100'000)).ok());
  }
  BOOST_REQUIRE(far->SendFramesEnd().ok());
  auto answer = far->ReadLine();
  BOOST_REQUIRE(answer.ok());
  BOOST_TEST(Has(*answer, "\"events\":20000"), *answer);
}

BOOST_AUTO_TEST_CASE(with_a_wrong_token_are_sent_away) {
  ListeningHome home;
  Token wrong = home.token();
  wrong.secret[0] = wrong.secret[0] == '0' ? '1' : '0';
  const auto refused = home.Try(wrong);
  BOOST_TEST((refused.status().code() == Code::kPermission), refused.status().message());
  Token other = home.token();
  other.fingerprint[5] = other.fingerprint[5] == '0' ? '1' : '0';
  const auto foreign = home.Try(other);
  BOOST_TEST((foreign.status().code() == Code::kForeign), foreign.status().message());
  BOOST_TEST(home.server().clients() == 0u);
  BOOST_TEST(home.Connect()->Ask(R"({"op":"hello"})").ok());
}

BOOST_AUTO_TEST_CASE(without_tls_are_told_what_makes_it_right) {
  ListeningHome home;
  const int plain = home.RawConnect();
  const std::string request = "{\"op\":\"runs\"}\n";
  BOOST_REQUIRE(::send(plain, request.data(), request.size(), 0) > 0);
  ::shutdown(plain, SHUT_WR);
  const std::string answer = ReadToEnd(plain);
  BOOST_TEST(Has(answer, "\"code\":\"permission\""), answer);
  BOOST_TEST(Has(answer, "smiley-list --connect " + home.server().listen()), answer);
  ::close(plain);
  const int garbage = home.RawConnect();
  const std::string noise = std::string("\x16\x03\x01\xff\xff") + "no handshake at all, whatever the first byte says";
  BOOST_REQUIRE(::send(garbage, noise.data(), noise.size(), 0) > 0);
  ::shutdown(garbage, SHUT_WR);
  BOOST_TEST(!Has(ReadToEnd(garbage), "<still open>"));
  ::close(garbage);
  BOOST_TEST(home.Connect()->Ask(R"({"op":"hello"})").ok());
}

BOOST_AUTO_TEST_CASE(who_only_stand_at_the_door_keep_nobody_out) {
  ListeningHome home;
  std::vector<int> idle;
  idle.reserve(40);
  for (int i = 0; i < 40; ++i) idle.push_back(home.RawConnect());
  BOOST_TEST(home.Connect()->Ask(R"({"op":"hello"})").ok());
  for (const int fd : idle) ::close(fd);
}

BOOST_AUTO_TEST_CASE(who_read_nothing_hold_up_nobody_and_leave_nothing) {
  ListeningHome home;
  StoreLongRun(home.core().store(), "longer", 100'000);
  auto stuck = home.Connect();
  BOOST_REQUIRE(stuck->Send(R"({"op":"export","run":"longer","format":"jsonl"})").ok());
  auto other = home.Connect();
  BOOST_TEST(ReadStream(*other, R"({"op":"replay","run":"longer","limit":500})").size() == 501u);
  stuck.reset();
  other.reset();
  BOOST_TEST(Eventually([&] { return home.server().clients() == 0; }));
}

BOOST_AUTO_TEST_CASE(are_refused_what_concerns_the_machine_alone) {
  ListeningHome home;
  auto far = home.Connect();
  for (const char* request :
       {R"({"op":"stop"})", R"({"op":"begin","run":"abc"})", R"({"op":"finish","run":"abc","exit_code":0})"}) {
    const auto answer = far->Ask(request);
    BOOST_TEST((answer.status().code() == Code::kPermission), answer.status().message());
  }
  BOOST_TEST(!home.stop_requested.load());
  BOOST_TEST(far->Ask(R"({"op":"hello"})").ok());
}

BOOST_AUTO_TEST_CASE(hear_that_the_daemon_has_ended) {
  auto home = std::make_unique<ListeningHome>();
  StoreLongRun(home->core().store(), "going", 10, RunState::kRunning);
  auto far = home->Connect();
  BOOST_REQUIRE(far->Ask(R"({"op":"tail"})").ok());
  home->server().Stop();
  Status last;
  std::string line;
  while (last.ok()) last = far->NextLine(&line).status();
  BOOST_TEST((last.code() == Code::kGone), last.message());
}

BOOST_AUTO_TEST_CASE(use_an_access_that_is_private_and_stays_the_same) {
  const TestHome home;
  const auto first = OpenRemoteAccess(home.home());
  BOOST_REQUIRE_MESSAGE(first.ok(), first.status().message());
  const auto again = OpenRemoteAccess(home.home());
  BOOST_REQUIRE(again.ok());
  BOOST_TEST(FormatToken(first->token) == FormatToken(again->token));
  for (const auto& path : {first->certificate, first->key, home.home().dir / "remote/secret"})
    BOOST_TEST(ModeOf(path) == 0600u);
  BOOST_TEST(ModeOf(home.home().dir / "remote") == 0700u);
  // A token file that others may read is not used.
  ::chmod((home.home().dir / "remote/secret").c_str(), 0644);
  BOOST_TEST((OpenRemoteAccess(home.home()).status().code() == Code::kForeign));
}

BOOST_AUTO_TEST_CASE(keep_tokens_by_address) {
  const TestHome home;
  const Token token{std::string(32, 'a'), std::string(64, '0')};
  BOOST_TEST((FindToken(home.home(), "far:4040").status().code() == Code::kNotFound));
  BOOST_REQUIRE(SaveToken(home.home(), "far:4040", token).ok());
  BOOST_TEST(FormatToken(*FindToken(home.home(), "far:4040")) == FormatToken(token));
  BOOST_TEST(ModeOf(home.home().dir / "tokens/far:4040") == 0600u);
  BOOST_TEST((FindToken(home.home(), "near:4040").status().code() == Code::kNotFound));
}

BOOST_AUTO_TEST_CASE(give_tokens_and_addresses_that_can_be_read) {
  const Token token{std::string(32, 'a'), std::string(64, '0')};
  BOOST_TEST(ParseToken(" " + FormatToken(token) + "\r\n")->secret == token.secret);
  for (const std::string& wrong :
       {std::string(), std::string("smiley1_"), FormatToken(token).substr(1), FormatToken(token) + "0",
        "smiley1_" + std::string(32, 'A') + "_" + std::string(64, '0')}) {
    BOOST_TEST((ParseToken(wrong).status().code() == Code::kInvalid), wrong);
  }
  BOOST_TEST(ParseAddress("[::1]:80")->host == "::1");
  BOOST_TEST(ParseAddress("far.example:4040")->port == "4040");
  for (const char* wrong : {"", "far", ":80", "far:", "far:x", "far:70000", "::1:80", "a b:1", "../x:1", "far/:1"}) {
    BOOST_TEST((ParseAddress(wrong).status().code() == Code::kInvalid), wrong);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace smiley::daemon
