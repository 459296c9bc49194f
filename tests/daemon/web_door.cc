#include "daemon/server/web_door.h"

#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "daemon/server/web_request.h"
#include "daemon/server/web_server.h"
#include "tests/daemon/served_home.h"

using namespace smiley;
using namespace smiley::daemon;

namespace {

std::string CodeOf(const std::string& url) {
  const std::string mark = "#code=";
  const std::size_t at = url.find(mark);
  BOOST_REQUIRE(at != std::string::npos);
  return url.substr(at + mark.size(), 32);
}

struct OpenDoor {
  OpenDoor() : door(home.home()) { BOOST_REQUIRE(door.Open("127.0.0.1", 4711).ok()); }
  WebInvitation Invite(std::string_view path = {}) {
    auto invitation = door.Invite(path, now);
    BOOST_REQUIRE_MESSAGE(invitation.ok(), invitation.status().message());
    return *invitation;
  }
  TestHome home;
  WebDoor door;
  WebDoor::Clock::time_point now = WebDoor::Clock::now();
};

}  // namespace

BOOST_AUTO_TEST_SUITE(web_door)

BOOST_AUTO_TEST_CASE(a_code_is_exchanged_once_for_a_token_that_stays_good) {
  OpenDoor open;
  const WebInvitation invitation = open.Invite("run/k7p3x9aa");
  BOOST_TEST(invitation.url.substr(0, 29) == "http://127.0.0.1:4711/#code=" + CodeOf(invitation.url).substr(0, 1));
  BOOST_TEST(invitation.url.substr(invitation.url.size() - 13) == "/run/k7p3x9aa");
  const auto token = open.door.Exchange(CodeOf(invitation.url), open.now);
  BOOST_REQUIRE(token.ok());
  BOOST_TEST(open.door.IsToken(*token));
  BOOST_TEST(!open.door.IsToken(token->substr(1) + "x"));
  BOOST_TEST(!open.door.IsToken(""));
  BOOST_TEST(!open.door.Exchange(CodeOf(invitation.url), open.now).ok());
  BOOST_TEST(open.door.IsToken(*token));
}

BOOST_AUTO_TEST_CASE(a_code_is_too_old_after_its_lifetime_and_its_file_goes_with_it) {
  OpenDoor open;
  const WebInvitation invitation = open.Invite();
  struct stat about {};
  BOOST_REQUIRE(::stat(invitation.file.c_str(), &about) == 0);
  BOOST_TEST((about.st_mode & 0777) == 0600);
  BOOST_TEST((open.door.Tidy(open.now) == open.now + WebDoor::kCodeLifetime));
  BOOST_TEST(!open.door.Exchange(CodeOf(invitation.url), open.now + WebDoor::kCodeLifetime).ok());
  BOOST_TEST(!std::filesystem::exists(invitation.file));
}

BOOST_AUTO_TEST_CASE(the_oldest_code_gives_way_when_there_are_many) {
  OpenDoor open;
  const WebInvitation first = open.Invite();
  open.now += std::chrono::seconds(1);
  for (std::size_t i = 0; i < WebDoor::kMaxCodes; ++i) open.Invite();
  BOOST_TEST(!open.door.Exchange(CodeOf(first.url), open.now).ok());
}

BOOST_AUTO_TEST_CASE(a_path_with_anything_but_plain_characters_is_refused) {
  OpenDoor open;
  BOOST_TEST(!open.door.Invite("run/\"><script>", open.now).ok());
  BOOST_TEST(!open.door.Invite(std::string(201, 'a'), open.now).ok());
}

BOOST_AUTO_TEST_CASE(the_token_is_kept_with_its_port_and_changes_with_it) {
  TestHome home;
  std::string token;
  {
    WebDoor door(home.home());
    BOOST_TEST(door.SavedPort() == 0);
    BOOST_REQUIRE(door.Open("127.0.0.1", 4711).ok());
    token = *door.Exchange(CodeOf(door.Invite("", WebDoor::Clock::now())->url), WebDoor::Clock::now());
  }
  {
    WebDoor door(home.home());
    BOOST_TEST(door.SavedPort() == 4711);
    BOOST_REQUIRE(door.Open("127.0.0.1", 4711).ok());
    BOOST_TEST(door.IsToken(token));
  }
  WebDoor door(home.home());
  BOOST_REQUIRE(door.Open("127.0.0.1", 4712).ok());
  BOOST_TEST(!door.IsToken(token));
}

BOOST_AUTO_TEST_CASE(requests_for_other_hosts_and_from_other_origins_are_refused) {
  OpenDoor open;
  const std::string code = CodeOf(open.Invite().url);
  WebRequest request;
  request.method = "POST";
  request.target = "/token";
  request.body = code;
  request.host = "evil.example:4711";
  request.origin = "http://evil.example:4711";
  BOOST_TEST(AnswerWeb(&open.door, request).status == 421u);
  request.host = "127.0.0.1:4711";
  BOOST_TEST(AnswerWeb(&open.door, request).status == 403u);
  request.origin = "http://localhost:4711";
  BOOST_TEST(AnswerWeb(&open.door, request).status == 403u);
  request.method = "GET";
  request.origin = "http://127.0.0.1:4711";
  BOOST_TEST(AnswerWeb(&open.door, request).status == 405u);
  request.method = "POST";
  const WebAnswer answer = AnswerWeb(&open.door, request);
  BOOST_TEST(answer.status == 200u);
  const std::string token = answer.text.substr(10, 64);
  BOOST_REQUIRE(open.door.IsToken(token));

  WebRequest upgrade;
  upgrade.method = "GET";
  upgrade.target = "/socket";
  upgrade.host = "127.0.0.1:4711";
  upgrade.origin = "http://127.0.0.1:4711";
  const std::string protocols = "smiley, token." + token;
  upgrade.protocols = protocols;
  BOOST_TEST(CheckUpgrade(open.door, upgrade) == 0u);
  upgrade.protocols = "smiley, token.0000";
  BOOST_TEST(CheckUpgrade(open.door, upgrade) == 401u);
  upgrade.protocols = protocols;
  upgrade.origin = "";
  BOOST_TEST(CheckUpgrade(open.door, upgrade) == 403u);
  upgrade.origin = "http://127.0.0.1:4711";
  upgrade.target = "/elsewhere";
  BOOST_TEST(CheckUpgrade(open.door, upgrade) == 404u);
}

BOOST_AUTO_TEST_CASE(the_page_is_served_on_the_loopback_only) {
  BOOST_TEST(ParseWebAddress("off")->off);
  BOOST_TEST(!ParseWebAddress("")->at_once);
  const auto six = ParseWebAddress("[::1]:8080");
  BOOST_REQUIRE(six.ok());
  BOOST_TEST(six->host == "::1");
  BOOST_TEST(six->port == 8080);
  BOOST_TEST(ParseWebAddress("localhost:0")->host == "127.0.0.1");
  for (const char* wrong : {"0.0.0.0:80", "192.168.0.1:80", "example.com:80", "127.0.0.1:99999", "127.0.0.1:", "x"}) {
    BOOST_TEST(!ParseWebAddress(wrong).ok(), wrong);
  }
}

BOOST_AUTO_TEST_SUITE_END()
