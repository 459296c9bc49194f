// The text of C code and child processes is separated from the text of Python's own layers.
#include "tools/run/capture_sorter.h"

#include <stdlib.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "shm/ledger.h"

using namespace smiley;
using namespace smiley::tools;

namespace {

struct Captured {
  Captured() {
    char name[] = "/tmp/smiley-ledger-XXXXXX";
    folder = mkdtemp(name);
    const shm::LedgerStream streams[2] = {shm::Ledger::StreamOf(STDIN_FILENO), {1, 2}};
    auto made = shm::Ledger::Create(folder / "ledger", streams);
    BOOST_REQUIRE(made.ok());
    ledger = std::move(*made);
    program = shm::Ledger::Open(folder / "ledger");
    BOOST_REQUIRE(program != nullptr);
    sorter.emplace(ledger.get(), 1);
  }
  ~Captured() { std::filesystem::remove_all(folder); }
  void Python(std::string_view text) { program->Settle(program->Announce(1, text), text, text.size()); }
  std::string Read(std::string_view bytes, bool quiet = false) {
    sorter->Add(bytes);
    return sorter->Take(quiet);
  }
  std::filesystem::path folder;
  std::unique_ptr<shm::Ledger> ledger, program;
  std::optional<CaptureSorter> sorter;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(capture_sorter)

BOOST_AUTO_TEST_CASE(what_nobody_announced_is_given_out_at_once) {
  Captured captured;
  BOOST_TEST(captured.Read("from c\n") == "from c\n");
  BOOST_TEST(!captured.sorter->holds());
}

BOOST_AUTO_TEST_CASE(announced_writes_are_taken_out_wherever_they_stand) {
  Captured captured;
  captured.Python("one\n");
  captured.Python("two two two two\n");
  BOOST_TEST(captured.Read("a\none\nb\ntwo two two two\nc\n") == "a\nb\nc\n");
}

BOOST_AUTO_TEST_CASE(a_write_that_comes_in_parts_is_waited_for) {
  Captured captured;
  const std::string text(100'000, 'x');
  captured.Python(text);
  BOOST_TEST(captured.Read("a\n" + text.substr(0, 60'000)) == "");
  BOOST_TEST(captured.sorter->holds());
  BOOST_TEST(captured.Read(text.substr(60'000) + "b\n") == "a\nb\n");
}

BOOST_AUTO_TEST_CASE(bytes_that_were_there_before_the_announcement_are_others) {
  Captured captured;
  captured.Python("held\n");
  BOOST_TEST(captured.Read("x\ny\n") == "");
  captured.Python("\n");
  BOOST_TEST(captured.Read("held\n\nz") == "x\ny\nz");
}

BOOST_AUTO_TEST_CASE(writes_of_one_process_come_in_their_order) {
  Captured captured;
  captured.Python("longer\n");
  captured.Python("\n");
  BOOST_TEST(captured.Read("1\n2\nlonger\n\n") == "1\n2\n");
}

BOOST_AUTO_TEST_CASE(a_failed_or_short_write_takes_out_what_was_written) {
  Captured captured;
  captured.program->Settle(captured.program->Announce(1, "never\n"), "never\n", 0);
  captured.program->Settle(captured.program->Announce(1, "half and half"), "half and half", 4);
  BOOST_TEST(captured.Read("never\nhalf\n") == "never\n\n");
}

BOOST_AUTO_TEST_CASE(what_was_cut_by_others_is_told_twice_rather_than_lost) {
  Captured captured;
  captured.Python("abcdef");
  BOOST_TEST(captured.Read("abc1def") == "");
  BOOST_TEST(captured.Read("", true) == "abc1def");
  BOOST_TEST(captured.Read("abcdef") == "abcdef");
}

BOOST_AUTO_TEST_CASE(a_write_announced_by_a_program_that_died_is_given_up) {
  Captured captured;
  BOOST_TEST(captured.program->Announce(1, "last words") == 1u);
  for (int i = 0; i < 5; ++i) captured.Read("x", true);
  BOOST_TEST(captured.Read("y") == "y");
}

BOOST_AUTO_TEST_CASE(the_other_stream_is_another) {
  Captured captured;
  captured.program->Settle(captured.program->Announce(2, "err\n"), "err\n", 4);
  BOOST_TEST(captured.Read("err\n") == "err\n");
  BOOST_TEST(captured.program->Covers(2) == false);
}

BOOST_AUTO_TEST_SUITE_END()
