// Text for terminals: widths, cutting, what is made visible, numbers and times as people read them.
#include "tools/terminal/text.h"

#include <boost/test/unit_test.hpp>

#include "tools/commands/verbs.h"
#include "tools/terminal/help.h"
#include "tools/terminal/table.h"
#include "tools/view/source_texts.h"

using namespace smiley::tools;

BOOST_AUTO_TEST_SUITE(text)

BOOST_AUTO_TEST_CASE(widths_count_columns_not_bytes) {
  BOOST_TEST(Columns("abc") == 3u);
  BOOST_TEST(Columns("é") == 1u);
  BOOST_TEST(Columns("e\xcc\x81") == 1u);
  BOOST_TEST(Columns("名前") == 4u);
  BOOST_TEST(Columns("🙂") == 2u);
  BOOST_TEST(Columns("\xff\xfe") == 2u);
  BOOST_TEST(Columns("\xe5\x90") == 2u);  // cut in the middle
}

BOOST_AUTO_TEST_CASE(cutting_never_splits_a_character_or_passes_the_width) {
  BOOST_TEST(Cut("abcdef", 6) == "abcdef");
  BOOST_TEST(Cut("abcdefg", 6) == "abcde…");
  BOOST_TEST(Cut("abcdefg", 6, false) == "abc...");
  BOOST_TEST(Cut("名前名前", 6) == "名前…");
  BOOST_TEST(Cut("abc", 0).empty());
  BOOST_TEST(CutFront("/a/long/path.py", 8) == "…path.py");
  for (std::size_t width = 0; width < 12; ++width) {
    BOOST_TEST(Columns(Cut("a名b前c🙂de\xcc\x81", width)) <= width);
    BOOST_TEST(Columns(CutFront("a名b前c🙂de\xcc\x81", width)) <= width);
  }
}

BOOST_AUTO_TEST_CASE(cleaning_leaves_nothing_that_a_terminal_obeys) {
  BOOST_TEST(Clean("a\tb") == "a   b");
  BOOST_TEST(Clean("\x1b[2J\r\n\x7f") == "\\x1b[2J\\r\\n\\x7f");
  BOOST_TEST(Clean("\xc2\x9b"
                   "1m") == "\\x9b1m");
  BOOST_TEST(Clean("\xff") == "\xEF\xBF\xBD");
  BOOST_TEST(Clean("\xed\xa0\x80") == "\\ud800");
  BOOST_TEST(Clean("a\xe2\x80\xae"
                   "b") == "a\\u202eb");  // NOLINT(misc-misleading-bidirectional): escaped
  BOOST_TEST(Clean(std::string_view("a\0b", 3)) == "a\\x00b");
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  for (const char c : Clean(all)) BOOST_TEST((static_cast<unsigned char>(c) >= 0x20 && c != 0x7f));
}

BOOST_AUTO_TEST_CASE(numbers_sizes_and_times_read_well) {
  BOOST_TEST(Number(0) == "0");
  BOOST_TEST(Number(999) == "999");
  BOOST_TEST(Number(1000) == "1,000");
  BOOST_TEST(Number(1234567) == "1,234,567");
  BOOST_TEST(Bytes(999) == "999 B");
  BOOST_TEST(Bytes(1000) == "1.0 kB");
  BOOST_TEST(Bytes(34'567'890) == "35 MB");
  BOOST_TEST(Bytes(999'999'999) == "1.0 GB");
  BOOST_TEST(Bytes(UINT64_MAX) == "18 EB");
  BOOST_TEST(Duration(850) == "850 ns");
  BOOST_TEST(Duration(12'300'000) == "12.3 ms");
  BOOST_TEST(Duration(4'560'000'000) == "4.56 s");
  BOOST_TEST(Duration(200'000'000'000) == "3 min 20 s");
  BOOST_TEST(Duration(7'500'000'000'000) == "2 h 05 min");
  BOOST_TEST(Duration(-5) == "0 ns");
  BOOST_TEST(Plural(1, "event", "events") == "1 event");
  BOOST_TEST(Plural(2000, "event", "events") == "2,000 events");
}

BOOST_AUTO_TEST_CASE(commands_are_quoted_as_a_shell_needs_it) {
  BOOST_TEST(CommandLine({"app.py", "3"}) == "app.py 3");
  BOOST_TEST(CommandLine({"a b", "", "it's"}) == "'a b' '' 'it'\\''s'");
}

BOOST_AUTO_TEST_CASE(comment_blocks_are_the_lines_directly_above) {
  SourceTexts texts;
  texts.Add(1, "#!/usr/bin/python3\n# one\n\n# two\n    # three\r\nx = 1\n\ny = 2\n# last");
  using Block = std::vector<std::string_view>;
  BOOST_TEST((texts.CommentAbove(1, 6) == Block{"# two", "    # three"}));
  BOOST_TEST(texts.CommentAbove(1, 8).empty());
  BOOST_TEST((texts.CommentAbove(1, 3) == Block{"# one"}));
  BOOST_TEST(texts.CommentAbove(1, 1).empty());
  BOOST_TEST(texts.Line(1, 6) == "x = 1");
  BOOST_TEST(texts.Line(1, 9) == "# last");
  BOOST_TEST(texts.Line(1, 10).empty());
  BOOST_TEST(texts.Line(1, 0).empty());
  BOOST_TEST(texts.Line(2, 1).empty());
  BOOST_TEST(Indentation("\t x") == 9u);
}

BOOST_AUTO_TEST_CASE(help_wraps_at_the_width) {
  HelpPage page(40);
  page.Paragraph("One sentence that is longer than forty columns of text.").Blank();
  page.Row("-n N", "at most N events, counted from the first").Row("--a-very-long-option NAME", "a name");
  page.Examples("smiley-list   all runs\nsmiley-list --json   for scripts");
  BOOST_TEST(page.text() ==
             "One sentence that is longer than forty\n"
             "columns of text.\n"
             "\n"
             "  -n N              at most N events,\n"
             "                    counted from the\n"
             "                    first\n"
             "  --a-very-long-option NAME\n"
             "                    a name\n"
             "  smiley-list       all runs\n"
             "  smiley-list --json\n"
             "                    for scripts\n");
}

BOOST_AUTO_TEST_CASE(tables_align_and_cut_their_last_column) {
  Table table(false, true, 24);
  table.AddColumn("N", Table::Align::kRight);
  table.AddColumn("NAME");
  table.AddRow({{"1"}, {"short"}});
  table.AddRow({{"1,000"}, {"a name that does not fit here"}});
  BOOST_TEST(table.Format() == "    N  NAME\n    1  short\n1,000  a name that does…\n");
}

BOOST_AUTO_TEST_CASE(a_slip_of_the_finger_finds_the_verb) {
  BOOST_TEST(NearestVerb("replya") == "replay");
  BOOST_TEST(NearestVerb("exprot") == "export");
  BOOST_TEST(NearestVerb("lst") == "list");
  BOOST_TEST(NearestVerb("thr") == "threads");
  BOOST_TEST(NearestVerb("xyzzy").empty());
  BOOST_TEST(NearestVerb("").empty());
  BOOST_TEST(FindVerb("monitor") != nullptr);
  BOOST_TEST(FindVerb("Monitor") == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
