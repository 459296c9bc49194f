"""Plants each kind of breach in a small tree and looks whether the lint finds it, there and nowhere else.

python3 tests/lint/selftest.py [CXX]
"""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import headers  # noqa: E402
import planted_tree  # noqa: E402
import run_all  # noqa: E402
import tree  # noqa: E402

CXX = [sys.argv.pop(1)] if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else ["c++"]
HEADER = "// Thread rule: plain values.\n#pragma once\n"
GOOD = {
    "CMakeLists.txt": "project(x)\n",
    "README.md": "text\n",
    "shm/a.h": HEADER + "#include <string>\nstd::string A();\n",
    "shm/a.cc": '#include "shm/a.h"\n#include <xxhash.h>\n#include <sys/stat.h>\n',
    "shm/segment.cc": "#include <boost/interprocess/mapped_region.hpp>\n",
    "daemon/b.h": HEADER + '#include "shm/a.h"\nstruct B { std::string s; };\n',
    "daemon/store/db.cc": "#include <rocksdb/db.h>\n",
    "tracer/module.cc": "#include <Python.h>\n#include <pybind11/pybind11.h>\n",
    "daemon/d.cc": "  shm::Mutex mutex_;\n  int a SMILEY_GUARDED_BY(mutex_) = 0;\n",
    "tools/c.cc": '#include "daemon/b.h"\nint main() { std::printf("x"); }\n',
    "tests/shm/a.cc": '#include <boost/test/unit_test.hpp>\n#include "shm/a.h"\n',
    "daemon/page/src/data/wire.ts": "export const wire = 1;\n",
    "daemon/page/src/moment/why.tsx": 'import { wire } from "../data/wire";\nimport "./why.css";\n',
    "daemon/page/src/main.tsx": 'import "./style/index.css";\nimport { why } from "./moment/why";\n',
    ".ci/run": "",
    "build-x/junk.h": "junk\n",
}
# path, text, line of the breach, part of the message
BREACHES = [
    ("extra/x.cc", "", 1, "stand at the top"),
    ("notes.md", "", 1, "stand at the top"),
    ("shm/x.cc", '#include "daemon/b.h"\n', 1, "shm must not include daemon"),
    ("shm/x.cc", '\n#include "tracer/module.cc"\n', 2, "shm must not include tracer"),
    ("tracer/x.cc", '#include "daemon/b.h"\n', 1, "tracer must not include daemon"),
    ("daemon/x.cc", '#  include "tools/c.cc"\n', 1, "daemon must not include tools"),
    ("daemon/x.cc", '#include "tracer/module.cc"\n', 1, "daemon must not include tracer"),
    ("tools/x.cc", '#include "tracer/module.cc"\n', 1, "tools must not include tracer"),
    ("tools/x.cc", '#include "tests/shm/a.cc"\n', 1, "tools must not include tests"),
    ("shm/x.cc", '#include "a.h"\n', 1, "written from the root"),
    ("shm/x.cc", '#include "../daemon/b.h"\n', 1, "written from the root"),
    ("shm/x.cc", "#include <shm/a.h>\n", 1, "with quotes"),
    ("daemon/x.cc", "#include <rocksdb/db.h>\n", 1, "daemon/store*.cc only"),
    ("daemon/store/store.h", HEADER + "#include <rocksdb/db.h>\n", 3, "daemon/store*.cc only"),
    ("tracer/x.cc", "#include <pybind11/pybind11.h>\n", 1, "tracer/module*.cc only"),
    ("daemon/x.cc", "#include <CLI/CLI.hpp>\n", 1, "tools/commands/arguments.cc only"),
    ("shm/x.cc", "#include <boost/interprocess/mapped_region.hpp>\n", 1, "shm/segment*.cc only"),
    ("tools/x.cc", "#include <boost/asio/write.hpp>\n", 1, "daemon/server*.h"),
    ("tools/x.cc", "#include <boost/asio.hpp>\n", 1, "daemon/server*.h"),
    ("tools/x.cc", "#include <boost/algorithm/string.hpp>\n", 1, "no file only"),
    ("daemon/x.cc", "#include <concurrentqueue/concurrentqueue.h>\n", 1, "daemon/pipeline*.cc only"),
    ("daemon/x.cc", "#include <simdjson.h>\n", 1, "simdjson.h is at home"),
    ("shm/x.cc", "#include <nlohmann/json.hpp>\n", 1, "nlohmann/json.hpp is at home"),
    ("shm/x.cc", "#include <spdlog/spdlog.h>\n", 1, "spdlog/spdlog.h is at home"),
    ("shm/x.cc", "#include <fmt/format.h>\n", 1, "fmt/format.h is at home"),
    ("daemon/x.cc", "#include <zstd.h>\n", 1, "zstd.h is at home"),
    ("tools/x.cc", "#include <openssl/evp.h>\n", 1, "openssl/evp.h is at home"),
    ("daemon/x.cc", "#include <Python.h>\n", 1, "Python.h is at home in tracer"),
    ("tools/x.cc", "#include <absl/strings/cat.h>\n", 1, "no home yet"),
    ("shm/x.h", "#pragma once\n", 1, "Thread rule"),
    ("tests/shm/x.h", "// Thread rule: none.\n", 1, "#pragma once"),
    ("tools/x.cc", "\n" * 601, 601, "longer than 600"),
    ("tests/system/test_x.py", "x\n" * 700, 601, "longer than 600"),
    ("tools/x.sh", "cd /root/smiley\n", 1, "somebody's machine"),
    ("README.md", "text\nin /home/anna/src\n", 2, "somebody's machine"),
    ("tools/x.cc", "// TODO: later\n", 1, "unfinished"),
    ("tests/system/test_x.py", "time.sleep(1)\n", 1, "not on the clock"),
    ("tests/shm/x.cc", "std::this_thread::sleep_for(d);\n", 1, "not on the clock"),
    ("shm/x.cc", "void F() { std::cerr << 1; }\n", 1, "never print"),
    ("daemon/x.cc", "struct A {\n  std::mutex mutex_;\n};\n", 2, "which Clang can check"),
    ("tracer/x.cc", "void F() { std::lock_guard lock(a); }\n", 1, "which Clang can check"),
    (
        "shm/x.cc",
        "struct A {\n  mutable SharedMutex a_;\n  int b SMILEY_GUARDED_BY(c_);\n};\n",
        2,
        "says what it guards",
    ),
    ("daemon/x.cc", "  shm::Mutex mutex_;\n", 1, "says what it guards"),
    ("daemon/x.cc", "void F() { std::abort(); }\n", 1, "never print"),
    (
        "daemon/page/src/data/x.ts",
        'import { why } from "../moment/why";\n',
        1,
        "data must not import daemon/page/src/mom",
    ),
    ("daemon/page/src/views/x.tsx", '\nimport type {\n  Why,\n} from "../moment/why";\n', 4, "views must not import"),
    ("daemon/page/src/parts/x.tsx", 'const x = await import("../main");\n', 1, "parts must not import"),
    ("daemon/page/src/extra/x.ts", 'import { wire } from "../data/wire";\n', 1, "no room of the page"),
]


class Planted(planted_tree.PlantedTree):
    GOOD = GOOD

    def test_a_good_tree_passes(self):
        self.assertEqual(tree.check(self.root), [])

    def test_each_breach_is_found(self):
        for path, text, line, part in BREACHES:
            with self.subTest(path=path, text=text[:60]):
                self.write(path, text)
                problems = tree.check(self.root)
                self.assertEqual(len(problems), 1, problems)
                where = path.split("/")[0] if part == "stand at the top" else path
                self.assertTrue(problems[0].startswith("%s:%d: " % (where, line)), problems)
                self.assertIn(part, problems[0])
                if path in GOOD:
                    self.write(path, GOOD[path])
                else:
                    os.unlink(os.path.join(self.root, path))
                    if path.startswith("extra/"):
                        os.rmdir(os.path.join(self.root, "extra"))

    def test_good_headers_compile_alone(self):
        count, failed = headers.check(self.root, CXX)
        self.assertEqual((count, failed), (2, {}))

    def test_a_header_that_leans_on_others_is_found(self):
        self.write("daemon/c.h", HEADER + "struct C { std::string s; };\n")
        self.write("shm/again.h", "// Thread rule: plain values.\nstruct D {};\n")
        count, failed = headers.check(self.root, CXX)
        self.assertEqual((count, sorted(failed)), (4, ["daemon/c.h", "shm/again.h"]))

    def test_a_header_for_c_is_compiled_as_c(self):
        self.write("tracer/only.h", HEADER + "static inline int F(void) { int new = 1; return new; }\n")
        self.write("tracer/only.c", '#include "tracer/only.h"\n')
        self.assertEqual(headers.check(self.root, CXX)[1], {})
        self.write("tracer/also.cc", '#include "tracer/only.h"\n')
        self.assertEqual(sorted(headers.check(self.root, CXX)[1]), ["tracer/only.h"])


BOOST = """Running 5 test cases...
a.cc(3): error: in "b": check 1==2 has failed [1 != 2]

Test module "x" has %s with:
  %s
"""


class Counting(unittest.TestCase):
    """The closing line of tools/test.sh is true."""

    def count(self, text, failed, expected):
        self.assertEqual(run_all.count_output(text, failed), expected)

    def test_boost(self):
        self.count(BOOST % ("passed", "5 test cases out of 5 passed"), False, (5, 0, 0))
        self.count(
            BOOST
            % (
                "failed",
                "3 test cases out of 5 passed\n  2 test cases out of 5 failed\n"
                "  1 test case out of 5 aborted\n  1 assertion out of 4 failed",
            ),
            True,
            (3, 2, 0),
        )
        self.count(
            BOOST % ("passed", "4 test cases out of 5 passed\n  1 test case out of 5 skipped"), False, (4, 0, 1)
        )

    def test_unittest(self):
        self.count("Ran 7 tests in 0.1s\n\nOK\n", False, (7, 0, 0))
        self.count("Ran 1 test in 0.1s\n\nOK (skipped=1)\n", False, (0, 0, 1))
        self.count("Ran 9 tests in 0.1s\n\nFAILED (failures=2, errors=1, skipped=1)\n", True, (5, 3, 1))

    def test_others_count_once(self):
        self.count("whatever\n", False, (1, 0, 0))
        self.count("whatever\n", True, (0, 1, 0))

    def test_a_crash_is_a_failure(self):
        self.count("Running 5 test cases...\nSegmentation fault\n", True, (4, 1, 0))
        self.count("", True, (0, 1, 0))
        self.count("Ran 7 tests in 0.1s\n\nOK\n", True, (6, 1, 0))


if __name__ == "__main__":
    unittest.main()
