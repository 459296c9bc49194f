// daemon/protocol/PROTOCOL.md and the table of requests, held together.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

#include "daemon/query/answer.h"

using namespace smiley::daemon;

namespace {

// The names in the first column of the first table below "## Operations"; a row may name several.
std::vector<std::string> ReadNamesOfPage() {
  std::ifstream page(std::string(SMILEY_SOURCE_DIR) + "/daemon/protocol/PROTOCOL.md");
  BOOST_REQUIRE(page.good());
  std::vector<std::string> names;
  const std::regex name("`([a-z]+)`");
  std::string line;
  while (std::getline(page, line) && line != "## Operations") continue;
  while (std::getline(page, line) && (names.empty() || line.rfind("| `", 0) == 0)) {
    if (line.rfind("| `", 0) != 0) continue;
    const std::string cell = line.substr(1, line.find('|', 1) - 1);
    for (std::sregex_iterator at(cell.begin(), cell.end(), name), end; at != end; ++at) names.push_back((*at)[1]);
  }
  return names;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(protocol_page)

BOOST_AUTO_TEST_CASE(the_page_names_every_request_of_the_table_and_no_other) {
  std::vector<std::string> page = ReadNamesOfPage(), table;
  for (const RequestRow& row : RequestTable()) table.emplace_back(row.name);
  std::sort(page.begin(), page.end());
  std::sort(table.begin(), table.end());
  BOOST_TEST((std::adjacent_find(table.begin(), table.end()) == table.end()), "a request has two rows");
  BOOST_TEST(page == table, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_row_has_a_handler_unless_the_session_leads_it) {
  for (const RequestRow& row : RequestTable()) {
    BOOST_TEST((row.handler != nullptr) == (row.lead == Lead::kHandler), row.name);
    BOOST_TEST((FindRequest(row.name) == &row), row.name);
  }
  BOOST_TEST((FindRequest("nothing") == nullptr));
}

BOOST_AUTO_TEST_SUITE_END()
