// What the daemon answers to the requests that a static report answers, too: the cases of tests/cases/report.jsonl.
// tests/page/report_cases.mjs asks the report (daemon/page/src/data/report.ts) the same.
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "daemon/protocol/json_object.h"
#include "tests/daemon/served_home.h"

namespace smiley::daemon {
namespace {

using Json = nlohmann::json;

const std::filesystem::path kCases = std::filesystem::path(SMILEY_SOURCE_DIR) / "tests/cases";

// Where `got` is not as `wanted` describes; empty when it is. tests/cases/README.md has the rules.
std::string FindDifference(const Json& wanted, const Json& got, const std::string& path) {
  static const std::set<std::string> kWhole = {"changed", "variables", "written"};
  const std::string here = path + ": got " + got.dump() + ", not " + wanted.dump();
  if (wanted.is_object() && got.is_object()) {
    for (const auto& [key, value] : wanted.items()) {
      const Json member = got.value(key, Json());
      const std::string inner = path + "." + key;
      if (kWhole.contains(key) && member != value) return inner + ": got " + member.dump() + ", not " + value.dump();
      if (std::string found = FindDifference(value, member, inner); !found.empty()) return found;
    }
    return "";
  }
  if (wanted.is_array() && got.is_array()) {
    if (wanted.size() != got.size()) return here;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      std::string found = FindDifference(wanted[i], got[i], path + "[" + std::to_string(i) + "]");
      if (!found.empty()) return found;
    }
    return "";
  }
  return wanted == got ? "" : here;
}

// The answer to a request in the shape of a case: {"lines":[…],"end":{…}}, or {"error":"code"}.
Json AskDaemon(Client& client, const Json& request) {
  const auto head = client.Ask(request.dump());
  if (!head.ok()) return {{"error", CodeName(head.status().code())}};
  Json answer = {{"lines", Json::array()}, {"end", Json::object()}};
  const Json first = Json::parse(*head);
  if (!first.contains("stream")) {
    answer["lines"].push_back(first);
    return answer;
  }
  for (;;) {
    std::string line;
    const auto more = client.NextLine(&line);
    if (!more.ok()) return {{"error", CodeName(more.status().code())}};
    if (!*more) {
      answer["end"] = Json::parse(line);
      return answer;
    }
    answer["lines"].push_back(Json::parse(line));
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(report_cases)

BOOST_AUTO_TEST_CASE(the_daemon_answers_each_case_of_the_table) {
  ServedHome home;
  for (const auto& entry : std::filesystem::directory_iterator(kCases / "runs")) {
    const auto outcome = ImportBytes(home.services(), Contents(entry.path()), 64 * 1024);
    BOOST_REQUIRE_MESSAGE(outcome.ok(), entry.path() << ": " << outcome.status().message());
  }
  const auto client = home.Connect();
  std::ifstream cases(kCases / "report.jsonl");
  std::size_t asked = 0;
  for (std::string line; std::getline(cases, line); ++asked) {
    const Json one = Json::parse(line);
    Json request = one.at("ask");
    request["run"] = one.at("run");
    const Json got = AskDaemon(*client, request);
    Json wanted = one;
    for (const char* key : {"case", "run", "ask", "part"}) wanted.erase(key);
    const std::string found = FindDifference(wanted, got, "answer");
    BOOST_CHECK_MESSAGE(found.empty(), one.at("case").get<std::string>() << "\n  " << line << "\n  " << found);
  }
  BOOST_TEST(asked > 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace smiley::daemon
