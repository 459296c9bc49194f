// Events as rows of a terminal: columns, marks, widths, and characters that must not reach a terminal.
#include "tools/view/render.h"

#include <boost/test/unit_test.hpp>
#include <string>

#include "tools/terminal/text.h"

using namespace smiley;
using namespace smiley::tools;

namespace {

EventView At(shm::Kind kind, std::uint32_t line, const std::string& function = "pay", std::uint32_t depth = 1) {
  EventView event;
  event.process = 1;
  event.thread = 1;
  event.seq = 1;
  event.kind = kind;
  event.source = 1;
  event.file = "/home/u/shop.py";
  event.function = function;
  event.line = line;
  event.depth = depth;
  return event;
}

// Line numbers as in the text: 1 is the comment.
const char kShop[] =
    "# Takes money.\n"
    "def pay(cart, amount):\n"
    "    # refuse what cannot\n"
    "    # be paid\n"
    "    if amount < 0:\n"
    "\traise ValueError('negative')\n"
    "    return amount\n";

struct Rendered {
  explicit Rendered(std::size_t width = 0, bool color = false, bool unicode = true)
      : renderer(Make(width, color, unicode)) {
    renderer.sources().Add(1, kShop);
    renderer.NameThread(1, 1, "MainThread");
  }
  static RenderOptions Make(std::size_t width, bool color, bool unicode) {
    RenderOptions options;
    options.width = width;
    options.color = color;
    options.unicode = unicode;
    return options;
  }
  Renderer::Rows Show(const EventView& event) {
    Renderer::Rows rows;
    renderer.RenderEvent(event, &rows);
    return rows;
  }
  Renderer renderer;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(render)

BOOST_AUTO_TEST_CASE(a_call_shows_comment_source_and_arguments) {
  Rendered rendered;
  EventView call = At(shm::Kind::kCall, 2);
  call.changed = {{"cart", "{\"$type\":\"list\",\"id\":1,\"items\":[1,2]}"}, {"amount", "-3"}};
  const Renderer::Rows rows = rendered.Show(call);
  BOOST_REQUIRE_EQUAL(rows.size(), 3u);
  BOOST_TEST(rows[0] == "MainThread │                    # Takes money.");
  BOOST_TEST(rows[1] == "MainThread │      shop.py:2 →   def pay(cart, amount):");
  BOOST_TEST(rows[2] == "MainThread │                      cart = [1, 2]   amount = -3");
}

BOOST_AUTO_TEST_CASE(a_line_shows_what_changed_before_it_and_its_comment_block) {
  Rendered rendered;
  rendered.Show(At(shm::Kind::kCall, 2));
  EventView line = At(shm::Kind::kLine, 5);
  line.changed = {{"x", "\"a\""}, {"y", "{\"$type\":\"unbound\"}"}};
  const Renderer::Rows rows = rendered.Show(line);
  BOOST_REQUIRE_EQUAL(rows.size(), 4u);
  BOOST_TEST(rows[0] == "MainThread │                      x = 'a'   del y");
  BOOST_TEST(rows[1] == "MainThread │                      # refuse what cannot");
  BOOST_TEST(rows[2] == "MainThread │                      # be paid");
  BOOST_TEST(rows[3] == "MainThread │      shop.py:5       if amount < 0:");
}

BOOST_AUTO_TEST_CASE(leaving_a_function_shows_value_or_exception) {
  Rendered rendered;
  EventView back = At(shm::Kind::kReturn, 7);
  back.value = "null";
  BOOST_TEST(rendered.Show(back).back() == "MainThread │      shop.py:7 ←   return None   pay");
  EventView yield = At(shm::Kind::kYield, 7);
  yield.value = "5";
  BOOST_TEST(rendered.Show(yield).back() == "MainThread │      shop.py:7 ⇠   yield 5   pay");
  EventView raise = At(shm::Kind::kRaise, 6);
  raise.exception_type = "ValueError";
  raise.exception_message = "negative";
  BOOST_TEST(rendered.Show(raise).back() == "MainThread │      shop.py:6 ✗     ValueError: negative");
  raise.propagated = true;
  BOOST_TEST(rendered.Show(raise).back() ==
             "MainThread │      shop.py:6 ✗     ValueError: negative   propagates through pay");
  raise.kind = shm::Kind::kHandled;
  BOOST_TEST(rendered.Show(raise).back() == "MainThread │      shop.py:6 ✓     handled ValueError: negative");
  raise.kind = shm::Kind::kUnwind;
  BOOST_TEST(rendered.Show(raise).back() == "MainThread │      shop.py:6 ←   pay() raised ValueError: negative");
  EventView end = At(shm::Kind::kReturn, 7, "<module>", 0);
  end.value = "null";
  BOOST_TEST(rendered.Show(end).back() == "MainThread │      shop.py:7 ← end of <module>");
}

BOOST_AUTO_TEST_CASE(every_kind_makes_at_least_one_row) {
  Rendered rendered;
  for (int kind = 1; kind <= 23; ++kind) {
    EventView event = At(static_cast<shm::Kind>(kind), 5);
    const Renderer::Rows rows = rendered.Show(event);
    BOOST_TEST(!rows.empty(), "kind " << kind);
    for (const std::string& row : rows) BOOST_TEST(row.find("unknown kind") == std::string::npos, "kind " << kind);
  }
  BOOST_TEST(rendered.Show(At(shm::Kind::kPad, 1)).back().find("unknown kind") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(losses_and_gaps_say_how_many) {
  Rendered rendered;
  EventView lost = At(shm::Kind::kLost, 0);
  lost.file.clear();
  lost.lost = 12345;
  lost.lost_first_ns = 0;
  lost.lost_last_ns = 1'500'000'000;
  BOOST_TEST(rendered.Show(lost).back().find("12,345 events lost in 1.5 s") != std::string::npos);
  Renderer::Rows rows;
  rendered.renderer.RenderGap(1, &rows);
  BOOST_TEST(rows.back().find("1 event skipped") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(rows_never_pass_the_width) {
  for (const std::size_t width : {20u, 40u, 60u, 80u, 133u}) {
    Rendered rendered(width);
    EventView call = At(shm::Kind::kCall, 2, "pay", 9);
    for (int i = 0; i < 12; ++i)
      call.changed.emplace_back("名前" + std::to_string(i), "\"" + std::string(90, 'x') + "\"");
    for (const std::string& row : rendered.Show(call)) {
      BOOST_TEST(Columns(row) <= std::max<std::size_t>(width, 32), width << ": " << row);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_line_number_stays_when_the_file_name_is_long) {
  Rendered rendered;
  EventView line = At(shm::Kind::kLine, 123456);
  line.source = 0;
  line.file = "/x/a_very_long_module_name_that_goes_on_and_on.py";
  line.text = "pass";
  BOOST_TEST(rendered.Show(line).back().find("on.py:123456") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(nothing_of_the_program_controls_the_terminal) {
  Rendered rendered(100);
  EventView call = At(shm::Kind::kLine, 3, "f\x1b[2J\x07");
  call.source = 0;
  call.text =
      "x = '\x1b]0;title\x07'\t# \xe2\x80\xae"
      "drawkcab";  // NOLINT(misc-misleading-bidirectional): escaped
  call.file = "/tmp/\x1b[31mred.py";
  call.changed = {{"v", "\"\\u001b[31m\\r\\n\\u0007\""}};
  rendered.renderer.NameThread(1, 1, "T\x1b[1m\nX");
  EventView raise = call;
  raise.kind = shm::Kind::kRaise;
  raise.exception_type = "E\x1b[0m";
  raise.exception_message =
      "a\nb\x9b"
      "1m";
  for (const EventView& event : {call, raise}) {
    for (const std::string& row : rendered.Show(event)) {
      for (const char c : row) BOOST_TEST((static_cast<unsigned char>(c) >= 0x20 && c != 0x7f), row);
      BOOST_TEST(row.find("\xe2\x80\xae") == std::string::npos);  // NOLINT(misc-misleading-bidirectional): escaped
    }
  }
}

BOOST_AUTO_TEST_CASE(colour_changes_no_text_and_ends_in_every_row) {
  Rendered plain(100), colored(100, true);
  EventView call = At(shm::Kind::kCall, 2);
  call.changed = {{"amount", "-3"}};
  const Renderer::Rows a = plain.Show(call), b = colored.Show(call);
  BOOST_REQUIRE_EQUAL(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::string stripped;
    bool open = false;
    for (std::size_t k = 0; k < b[i].size(); ++k) {
      if (b[i][k] != '\x1b') {
        stripped += b[i][k];
        continue;
      }
      const std::size_t end = b[i].find('m', k);
      open = b[i].substr(k, end - k + 1) != "\x1b[0m";
      k = end;
    }
    while (!stripped.empty() && stripped.back() == ' ') stripped.pop_back();
    BOOST_TEST(stripped == a[i]);
    BOOST_TEST(!open);
    BOOST_TEST(b[i].find("\x1b[") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(without_unicode_only_ascii_is_written) {
  Rendered rendered(60, false, false);
  EventView call = At(shm::Kind::kCall, 2);
  call.changed = {{"text", "\"" + std::string(200, 'y') + "\""}};
  for (const std::string& row : rendered.Show(call)) {
    // Values may hold any character, but these hold none.
    for (const char c : row) BOOST_TEST((c >= 0x20 && c < 0x7f), row);
  }
}

BOOST_AUTO_TEST_CASE(the_thread_is_named_again_only_where_it_changes_when_asked) {
  RenderOptions options;
  options.thread_in_every_row = false;
  Renderer renderer(options);
  renderer.NameThread(1, 1, "MainThread");
  renderer.NameThread(1, 2, "worker");
  Renderer::Rows rows;
  EventView event = At(shm::Kind::kLine, 5);
  renderer.RenderEvent(event, &rows);
  renderer.RenderEvent(event, &rows);
  event.thread = 2;
  renderer.RenderEvent(event, &rows);
  BOOST_REQUIRE_EQUAL(rows.size(), 3u);
  BOOST_TEST(rows[0].substr(0, 10) == "MainThread");
  BOOST_TEST(rows[1].substr(0, 10) == "          ");
  BOOST_TEST(rows[2].substr(0, 10) == "worker    ");
}

BOOST_AUTO_TEST_CASE(the_ends_of_a_run_say_what_it_was_and_how_it_ended) {
  Rendered rendered;
  RunView run;
  run.id = "k3f9x2ab";
  run.command = {"app.py", "two words"};
  run.python = "3.11.2";
  run.start_ns = 1'000'000'000;
  run.end_ns = 4'000'000'000;
  run.has_exit_code = true;
  run.exit_code = 1;
  run.uncaught = "ValueError";
  run.events = 1234;
  run.lost = 7;
  run.notes = {"recording stopped\x1b[2J early"};
  Renderer::Rows rows;
  rendered.renderer.RenderRunBegin(run, &rows);
  rendered.renderer.RenderRunEnd(run, &rows);
  BOOST_REQUIRE_EQUAL(rows.size(), 4u);
  BOOST_TEST(rows[0] == "▶ run k3f9x2ab  app.py 'two words'");
  BOOST_TEST(rows[2] == "■ run k3f9x2ab  exit code 1, ValueError not caught · 3 s · 1,234 events   7 events lost ");
  BOOST_TEST(rows[3] == "  recording stopped\\x1b[2J early");
  run.has_signal = true;
  run.signal = 9;
  rows.clear();
  rendered.renderer.RenderRunEnd(run, &rows);
  BOOST_TEST(rows[0].find("killed by SIGKILL (9)") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
