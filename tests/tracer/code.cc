// Tests of the variables that each line of a code object touches, and of the table of code objects.
#include <boost/test/unit_test.hpp>
#include <map>

#include "python.h"
#include "tracer/code/code_table.h"
#include "tracer/code/control.h"
#include "tracer/code/filters.h"

namespace smiley::tracer {
namespace {

using test::Capture;
using test::Python;

PyCodeObject* CodeOf(Python* python, const std::string& expression) {
  PyObject* code = python->Eval(expression);
  BOOST_REQUIRE(PyCode_Check(code));
  return reinterpret_cast<PyCodeObject*>(code);
}

// The sorted names of slots, as "a b".
template <typename Slots>
std::string NamesOf(const CodeInfo& info, const Slots& slots) {
  std::map<std::string, int> names;
  for (const std::uint32_t slot : slots) names[Utf8(info.slots[slot].name)] = 1;
  std::string out;
  for (const auto& [name, one] : names) out += (out.empty() ? "" : " ") + name;
  return out;
}

// The variables that the line's own instructions touch.
std::string Touched(const CodeInfo& info, std::uint32_t line) {
  const std::uint32_t* end;
  const std::uint32_t* begin = info.Begin(line, &end);
  return NamesOf(info, std::vector<std::uint32_t>(begin, end));
}

// The variables that the line reads and writes, as "reads | writes", from the entries for the catalogue.
std::string Uses(const CodeInfo& info, int line) {
  for (const CodeInfo::Uses& uses : info.uses) {
    if (uses.line == line) return NamesOf(info, uses.reads) + " | " + NamesOf(info, uses.writes);
  }
  return "nothing";
}

std::string Step(CodeInfo* info, std::uint32_t before, std::uint32_t line) {
  std::vector<std::uint32_t> slots;
  for (const CodeInfo::Touched& touched : info->Between(before, line)) slots.push_back(touched.slot);
  return NamesOf(*info, slots);
}

struct Analysed {
  Analysed(Python* python, const std::string& expression) {
    BOOST_REQUIRE(Analyse(CodeOf(python, expression), &info, &capture.context));
  }
  Capture capture;
  CodeInfo info;
};

BOOST_AUTO_TEST_SUITE(code)

BOOST_AUTO_TEST_CASE(a_line_touches_what_its_instructions_load_store_and_delete) {
  Python python;
  python.Run(
      "def function(a, b):\n"  // 1
      "    c = a\n"            // 2
      "    if b:\n"            // 3
      "        c += 1\n"       // 4
      "    del c\n"            // 5
      "    print('x')\n"       // 6
      "    a, b = b, a\n"      // 7
      "    for d in a:\n"      // 8
      "        e = [\n"        // 9
      "            d,\n"       // 10
      "        ]\n"            // 11
      "    return b\n");       // 12
  Analysed f(&python, "function.__code__");
  BOOST_TEST(f.info.slots.size() == 5u);
  BOOST_TEST(Touched(f.info, 2) == "a c");
  BOOST_TEST(Touched(f.info, 3) == "b");
  BOOST_TEST(Touched(f.info, 4) == "c");
  BOOST_TEST(Touched(f.info, 5) == "c");
  BOOST_TEST(Touched(f.info, 6) == "");
  BOOST_TEST(Touched(f.info, 7) == "a b");
  BOOST_TEST(Touched(f.info, 8) == "a d");
  BOOST_TEST(Touched(f.info, 9) == "e");
  BOOST_TEST(Touched(f.info, 10) == "d");
  BOOST_TEST(Touched(f.info, 12) == "b");
  BOOST_TEST(Touched(f.info, 100) == "");
  BOOST_TEST(Touched(f.info, 0) == "");
  BOOST_TEST(Uses(f.info, 2) == "a | c");
  BOOST_TEST(Uses(f.info, 4) == "c | c");
  BOOST_TEST(Uses(f.info, 5) == " | c");
  BOOST_TEST(Uses(f.info, 7) == "a b | a b");
}

BOOST_AUTO_TEST_CASE(a_step_touches_both_of_its_lines) {
  Python python;
  python.Run(
      "def function(a, b, c):\n"
      "    a = 1\n"
      "    b = 2\n"
      "    c = 3\n");
  Analysed f(&python, "function.__code__");
  BOOST_TEST(Step(&f.info, 2, 3) == "a b");
  BOOST_TEST(Step(&f.info, 3, 2) == "a b");
  BOOST_TEST(Step(&f.info, 3, 4) == "b c");
  BOOST_TEST(Step(&f.info, 2, 2) == "a");
  BOOST_TEST(Step(&f.info, 2, 3) == "a b");
  BOOST_TEST(Step(&f.info, 2, 99) == "a");
}

// With more steps than the table has room for, each result must still be right.
BOOST_AUTO_TEST_CASE(many_steps_are_each_right) {
  Python python;
  python.Run(
      "text = 'def function():\\n' + ''.join(f'    v{i} = {i}\\n' for i in range(60))\n"
      "exec(text)\n");
  Analysed f(&python, "function.__code__");
  for (int turn = 0; turn < 2; ++turn) {
    for (std::uint32_t before = 0; before < 60; ++before) {
      for (std::uint32_t line = 0; line < 60; ++line) {
        const std::string one = "v" + std::to_string(std::min(before, line)),
                          other = "v" + std::to_string(std::max(before, line));
        const std::string step = Step(&f.info, before + 2, line + 2);
        const std::string expected = before == line ? one : one < other ? one + " " + other : other + " " + one;
        BOOST_REQUIRE_MESSAGE(step == expected, before << " to " << line << ": " << step << ", not " << expected);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(variables_of_each_home) {
  Python python;
  python.Run(
      "shared = 0\n"
      "def outer(a):\n"
      "    b = a\n"
      "    def inner():\n"
      "        global shared\n"
      "        shared = b\n"
      "        return len\n"
      "    return inner\n");
  Analysed outer(&python, "outer.__code__"), inner(&python, "outer(1).__code__");
  const auto home = [](const CodeInfo& info, const char* name) {
    for (const Slot& slot : info.slots) {
      if (Utf8(slot.name) == name) return static_cast<int>(slot.storage);
    }
    return -1;
  };
  BOOST_TEST(home(outer.info, "a") == static_cast<int>(Storage::kFast));
  BOOST_TEST(home(outer.info, "b") == static_cast<int>(Storage::kCell));
  BOOST_TEST(home(outer.info, "inner") == static_cast<int>(Storage::kFast));
  BOOST_TEST(home(inner.info, "b") == static_cast<int>(Storage::kFree));
  BOOST_TEST(home(inner.info, "shared") == static_cast<int>(Storage::kGlobal));
  BOOST_TEST(home(inner.info, "len") == -1);  // a global that the function does not declare
  BOOST_TEST(Touched(outer.info, 3) == "a b");
  BOOST_TEST(Uses(outer.info, 3) == "a | b");
  BOOST_TEST(Touched(inner.info, 6) == "b shared");
  BOOST_TEST(Uses(inner.info, 6) == "b | shared");
}

BOOST_AUTO_TEST_CASE(bodies_of_modules_and_classes_have_a_slot_for_each_name) {
  Python python;
  python.Run(
      "module = compile('x = 1\\ny = x\\nimport os\\nfrom os import *\\nprint(locals())\\n', 'm.py', 'exec')\n");
  Analysed m(&python, "module");
  BOOST_TEST(Touched(m.info, 1) == "x");
  BOOST_TEST(Touched(m.info, 2) == "x y");
  BOOST_TEST(Uses(m.info, 2) == "x | y");
  BOOST_TEST(Touched(m.info, 3) == "os");
  BOOST_TEST(m.info.whole.count(4) == 1u);  // import * may bind any name
  BOOST_TEST(m.info.whole.count(5) == 1u);  // locals() may read any name
  BOOST_TEST(m.info.whole.count(2) == 0u);
  const std::size_t slots = m.info.slots.size();
  PyObject* name = python.Eval("'x'");
  BOOST_TEST(Utf8(m.info.slots[m.info.SlotOfName(name, false)].name) == "x");
  BOOST_TEST(m.info.slots.size() == slots);
  m.info.SlotOfName(python.Eval("'new'"), false);
  BOOST_TEST(m.info.slots.size() == slots + 1);
}

BOOST_AUTO_TEST_CASE(names_that_hide_are_marked) {
  Python python;
  python.Run("def login(user, password): return user\n");
  Analysed f(&python, "login.__code__");
  BOOST_TEST(!f.info.slots[0].redacted);
  BOOST_TEST(f.info.slots[1].redacted);
}

// An oparg above 255 has a prefix instruction (EXTENDED_ARG).
BOOST_AUTO_TEST_CASE(more_variables_than_one_byte_counts) {
  Python python;
  python.Run("exec('def function():\\n' + ''.join(f'    v{i} = {i}\\n' for i in range(300)))\n");
  Analysed f(&python, "function.__code__");
  for (std::uint32_t i = 0; i < 300; ++i) BOOST_TEST(Touched(f.info, i + 2) == "v" + std::to_string(i));
}

// One table for the process, as in the tracer, because Start takes a slot of the interpreter that is never given
// back.
struct Table {
  Table() : filters(&capture.options, "/usr/lib/python/", "/srv/app") {
    table = new CodeTable(&capture.context, &filters, &sources);
    control.Set("", "", false);
    table->SetControl(&control);
    BOOST_REQUIRE(table->Start());
  }
  static Table* Only() {
    static Table* only = new Table;
    return only;
  }
  Capture capture;
  Filters filters;
  SourceTexts sources;
  Control control;
  CodeTable* table;
};

std::string Compiled(const std::string& file, const std::string& text = "pass") {
  return "compile('''" + text + "''', '" + file + "', 'exec')";
}

BOOST_AUTO_TEST_CASE(code_is_recorded_by_where_its_file_is) {
  Table* t = Table::Only();
  Python python;
  const std::pair<const char*, bool> rows[] = {
      {"/srv/app/app.py", true},
      {"/usr/lib/python/json/decoder.py", false},
      {"/usr/lib/python/site-packages/pkg/a.py", true},
      {"<frozen importlib>", false},
      {"<string>", true},
  };
  for (const auto& [file, included] : rows) {
    BOOST_TEST_CONTEXT(file) {
      const CodeInfo* info = t->table->Of(CodeOf(&python, Compiled(file)));
      BOOST_TEST(info->included == included);
      BOOST_TEST(info->namespace_body);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_code_object_is_analysed_once_while_it_lives) {
  Table* t = Table::Only();
  Python python;
  PyCodeObject* code = CodeOf(&python, Compiled("/srv/app/a.py", "x = 1"));
  CodeInfo* info = t->table->Of(code);
  BOOST_TEST(info == t->table->Of(code));
  BOOST_TEST(Touched(*info, 1) == "x");
}

// A new code object may have the address of a dead one.
BOOST_AUTO_TEST_CASE(a_code_object_at_the_address_of_a_dead_one_is_analysed_again) {
  Table* t = Table::Only();
  int reused = 0;
  for (int i = 0; i < 400 && reused < 3; ++i) {
    const void* first = nullptr;
    {
      Python python;
      PyCodeObject* code = CodeOf(&python, Compiled("/srv/app/first.py", "first = 1"));
      BOOST_TEST(Touched(*t->table->Of(code), 1) == "first");
      first = code;
    }
    Python python;
    PyCodeObject* code = CodeOf(&python, Compiled("/srv/app/second.py", "second = 1"));
    reused += code == first ? 1 : 0;
    BOOST_TEST(Touched(*t->table->Of(code), 1) == "second");
  }
  BOOST_TEST(reused > 0);
}

PyCodeObject* g_unhooked = nullptr;

BOOST_AUTO_TEST_CASE(code_with_events_of_its_own_is_found_again_while_it_lives) {
  Table* t = Table::Only();
  Python python;
  PyCodeObject* code = CodeOf(&python, Compiled("/srv/app/hooked.py"));
  t->table->AddHooked(t->table->Of(code), code);
  {
    Python other;
    PyCodeObject* dies = CodeOf(&other, Compiled("/srv/app/dies.py"));
    t->table->AddHooked(t->table->Of(dies), dies);
  }
  g_unhooked = nullptr;
  static int count = 0;
  t->table->UnhookAll([](PyCodeObject* each) {
    g_unhooked = each;
    ++count;
  });
  BOOST_TEST(g_unhooked == code);
  BOOST_TEST(count == 1);
  BOOST_TEST(!t->table->Of(code)->hooked);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace smiley::tracer
