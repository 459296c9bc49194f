"""Plants each kind of breach in a small tree and checks that the lint reports it, there and nowhere else.

python3 tests/lint/selftest.py [CXX]
"""

import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import commits  # noqa: E402
import headers  # noqa: E402
import planted_tree  # noqa: E402
import run_all  # noqa: E402
import tree  # noqa: E402

CXX = [sys.argv.pop(1)] if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else ["c++"]
HEADER = "// Thread rule: plain values.\n#pragma once\n"
MISTAKE = 'file = "tools/main.cc"\nfind = """\n%s\n"""\n'
GOOD = {
    "CMakeLists.txt": "project(x VERSION 1.2.0 LANGUAGES C)\n",
    ".github/CHANGELOG.md": "## [1.2.0]\n",
    "daemon/page/package.json": '{"name": "page"}\n',
    "tests/planted/bug.toml": MISTAKE % "int main()",
    "README.md": "text\n",
    "shm/base/status.h": HEADER + "#include <cstddef>\nstd::size_t A();\n",
    "shm/base/mutex.h": HEADER + "#include <mutex>\nusing Mutex = std::mutex;\n",
    "shm/segment.h": HEADER + '#include "shm/base/status.h"\nstruct S { std::size_t s; };\n',
    "shm/segment.cc": '#include "shm/segment.h"\n#include <boost/interprocess/mapped_region.hpp>\n#include <sys/stat.h>\n',
    "shm/expression/expression.cc": '#include "shm/segment.h"\n#include <xxhash.h>\n',
    "tracer/config/options.h": HEADER + "struct Options {};\n",
    "tracer/interp/interp.h": HEADER + "struct Interp {};\n",
    "tracer/interp/interp_311.c": '#include "tracer/interp/interp.h"\n#include <internal/pycore_frame.h>\n',
    "tracer/preload/preload.h": HEADER + '#include "tracer/config/options.h"\n',
    "tracer/code/code_info.h": HEADER + '#include "tracer/interp/interp.h"\n',
    "tracer/shadow/shadow.cc": '#include "tracer/config/options.h"\n#include "shm/segment.h"\n',
    "tracer/hooks/hooks.cc": '#include "tracer/code/code_info.h"\n',
    "tracer/module.cc": '#include <Python.h>\n#include <pybind11/pybind11.h>\n#include "tracer/code/code_info.h"\n',
    "daemon/run/piece.h": HEADER + '#include "shm/segment.h"\nstruct Piece { S s; };\n',
    "daemon/store/db.cc": "#include <rocksdb/db.h>\n",
    "daemon/store/repair/carve.cc": '#include "daemon/run/piece.h"\n#include <rocksdb/db.h>\n',
    "daemon/query/requests.h": HEADER + '#include "daemon/run/piece.h"\n',
    "daemon/server/server.cc": '#include "daemon/query/requests.h"\n#include <boost/asio/write.hpp>\n',
    "daemon/daemon.h": HEADER + "struct Daemon {};\n",
    "daemon/daemon.cc": "  shm::Mutex mutex_;\n  int a SMILEY_GUARDED_BY(mutex_) = 0;\n",
    "daemon/page/src/data/api.ts": 'import { h } from "preact";\nimport { go } from "./route";\n',
    "daemon/page/src/views/runs.tsx": 'import { api } from "../data/api";\n',
    "daemon/page/src/main.tsx": 'import { Runs } from "./views/runs";\nimport "./style/index.css";\n',
    "tools/terminal/text.h": HEADER + "struct Text {};\n",
    "tools/commands/verbs.h": HEADER + '#include "tools/terminal/text.h"\n',
    "tools/main.cc": '#include "tools/commands/verbs.h"\n#include "daemon/daemon.h"\nint main() { std::printf("x"); }\n',
    "tests/shm/a.cc": '#include <boost/test/unit_test.hpp>\n#include "shm/segment.h"\n',
    ".ci/run": "",
    "daemon/page/README.md": "A role.\n",
    **{"%s/%s/README.md" % (layer, room): "A role.\n" for layer, rooms in tree.ROOMS.items() for room, _ in rooms},
    "build-x/junk.h": "junk\n",
}
# (path, text, line of the breach, part of the message)
BREACHES = [
    ("extra/x.cc", "", 1, "allowed at the top"),
    ("notes.md", "", 1, "allowed at the top"),
    # Layers.
    ("shm/x.cc", '#include "daemon/daemon.h"\n', 1, "shm must not include daemon"),
    ("shm/x.cc", '\n#include "tracer/module.cc"\n', 2, "shm must not include tracer"),
    ("tracer/x.cc", '#include "daemon/daemon.h"\n', 1, "tracer must not include daemon"),
    ("daemon/x.cc", '#  include "tools/main.cc"\n', 1, "daemon must not include tools"),
    ("daemon/x.cc", '#include "tracer/module.cc"\n', 1, "daemon must not include tracer"),
    ("tools/x.cc", '#include "tracer/module.cc"\n', 1, "tools must not include tracer"),
    ("tools/x.cc", '#include "tests/shm/a.cc"\n', 1, "tools must not include tests"),
    # Rooms: one that includes a later one in each layer, one that includes an earlier one that is forbidden, an
    # unknown one.
    ("shm/base/x.h", HEADER + '#include "shm/segment.h"\n', 3, "shm/base must not include shm/."),
    ("shm/x.cc", '#include "shm/expression/expression.cc"\n', 1, "shm/. must not include shm/expression"),
    ("tracer/code/x.cc", '#include "tracer/hooks/hooks.cc"\n', 1, "tracer/code must not include tracer/hooks"),
    ("tracer/code/x.cc", '#include "tracer/shadow/shadow.cc"\n', 1, "tracer/code must not include tracer/shadow"),
    ("tracer/shadow/x.cc", '#include "tracer/code/code_info.h"\n', 1, "tracer/shadow must not include tracer/code"),
    (
        "tracer/preload/x.cc",
        '#include "tracer/interp/interp.h"\n',
        1,
        "tracer/preload must not include tracer/interp",
    ),
    ("tracer/hooks/x.cc", '#include "tracer/preload/preload.h"\n', 1, "tracer/hooks must not include tracer/preload"),
    ("daemon/run/x.cc", '#include "daemon/query/requests.h"\n', 1, "daemon/run must not include daemon/query"),
    ("daemon/query/x.cc", '#include "daemon/daemon.h"\n', 1, "daemon/query must not include daemon/."),
    (
        "daemon/store/x.cc",
        '#include "daemon/store/repair/carve.cc"\n',
        1,
        "daemon/store must not include daemon/store/repair",
    ),
    (
        "tools/terminal/x.cc",
        '#include "tools/commands/verbs.h"\n',
        1,
        "tools/terminal must not include tools/commands",
    ),
    ("daemon/attic/x.cc", '#include "daemon/run/piece.h"\n', 1, "daemon/attic is no room of daemon"),
    ("tools/attic/x.cc", '#include "tools/attic/x.cc"\n', 1, "tools/attic is no room of tools"),
    (
        "daemon/page/src/data/x.ts",
        '\nimport { x } from "../views/runs";\n',
        2,
        "src/data must not include daemon/page/src/views",
    ),
    (
        "daemon/page/src/parts/x.ts",
        'const x = await import("../main");\n',
        1,
        "src/parts must not include daemon/page/src/.",
    ),
    ("daemon/page/src/attic/x.ts", 'import "../data/api";\n', 1, "src/attic is no room of daemon/page/src"),
    ("daemon/page/src/data/x.ts", 'export { x } from "../../build";\n', 1, "must not include daemon"),
    (
        "daemon/page/src/views/x.tsx",
        '\nimport type {\n  Why,\n} from "../moment/why";\n',
        4,
        "src/views must not include",
    ),
    # How our own headers are included.
    ("shm/x.cc", '#include "segment.h"\n', 1, "by their path from the root"),
    ("shm/x.cc", '#include "../daemon/daemon.h"\n', 1, "by their path from the root"),
    ("shm/x.cc", "#include <shm/segment.h>\n", 1, "with quotes"),
    ("tools/x.cc", "#include <absl/strings/cat.h>\n", 1, "no home yet"),
    # Sources.
    ("shm/x.h", "#pragma once\n", 1, "Thread rule"),
    ("tests/shm/x.h", "// Thread rule: none.\n", 1, "#pragma once"),
    ("tools/x.cc", "\n" * 601, 601, "longer than 600"),
    ("tests/system/test_x.py", "x\n" * 700, 601, "longer than 600"),
    ("tools/x.sh", "cd /%s/smiley\n" % "root", 1, "a path of one machine"),
    ("README.md", "text\nin /%s/anna/src\n" % "home", 2, "a path of one machine"),
    ("shm/x.cc", "// See shm/no_such.h.\n", 1, "there is no shm/no_such.h"),
    (".github/GUIDE.md", "`tools/no_such.sh`\n", 1, "there is no tools/no_such.sh"),
    ("README.md", "\n[page](daemon/page/NONE.md)\n", 2, "there is no daemon/page/NONE.md"),
    ("tools/x.cc", "// %s: later\n" % "TODO", 1, "unfinished"),
    ("tests/system/test_x.py", "time.%s(1)\n" % "sleep", 1, "not for the clock"),
    ("tests/shm/x.cc", "std::this_thread::%s(d);\n" % "sleep_for", 1, "not for the clock"),
    ("shm/x.cc", "void F() { std::cerr << 1; }\n", 1, "never print"),
    ("daemon/x.cc", "void F() { std::abort(); }\n", 1, "never print"),
    ("shm/x.cc", "void F() { __builtin_trap(); }\n", 1, "never print"),
    # Facts of the whole tree.
    ("tests/planted/bug.toml", MISTAKE % "int mane()", 1, "has the text of `find` 0 times"),
    ("tests/planted/two.toml", MISTAKE % "#include", 1, "has the text of `find` 2 times"),
    ("CMakeLists.txt", "project(x LANGUAGES C)\n", 1, "project() has no VERSION"),
    ("CMakeLists.txt", "project(x VERSION 1.3.0)\n", 1, "version 1.3.0 has no section"),
    ("daemon/page/package.json", '{"name": "page", "version": "1.2.0"}\n', 1, "a version of its own"),
    ("daemon/run/README.md", "", 1, "a room has a README"),
    ("daemon/page/README.md", "", 1, "a room has a README"),
    ("tools/commands/README.md", "line\n" * 61, 61, "longer than a page of 60 lines"),
    # Locks. shm/base/mutex.h, their home, may name std's.
    ("daemon/x.cc", "struct A {\n  std::mutex mutex_;\n};\n", 2, "the locks of shm/base/mutex.h"),
    ("shm/mutex.h", HEADER + "using Mutex = std::mutex;\n", 3, "the locks of shm/base/mutex.h"),
    ("tracer/x.cc", "void F() { std::lock_guard lock(a); }\n", 1, "the locks of shm/base/mutex.h"),
    (
        "shm/x.cc",
        "struct A {\n  mutable SharedMutex a_;\n  int b SMILEY_GUARDED_BY(c_);\n};\n",
        2,
        "says what it guards",
    ),
    ("daemon/x.cc", "  shm::Mutex mutex_;\n", 1, "says what it guards"),
]
# For each row of HOMES: (a header of the library, a source at home or None, a source that is not).
LIBRARIES = {
    "rocksdb/": ("rocksdb/db.h", "daemon/store/repair/x.cc", "daemon/drain/x.cc"),
    "pybind11/": ("pybind11/pybind11.h", "tracer/module.cc", "tracer/hooks/x.cc"),
    "CLI/": ("CLI/CLI.hpp", "tools/commands/arguments.cc", "tools/commands/x.cc"),
    "boost/interprocess/": ("boost/interprocess/mapped_region.hpp", "shm/segment.cc", "shm/base/x.cc"),
    "boost/asio": ("boost/asio.hpp", "daemon/server/x.cc", "daemon/protocol/x.cc"),
    "boost/beast/": ("boost/beast/http.hpp", "daemon/server/web_session.cc", "daemon/server/x.cc"),
    "boost/multiprecision/": ("boost/multiprecision/cpp_int.hpp", "tracer/values/big_int.cc", "tracer/values/x.cc"),
    "boost/": ("boost/algorithm/string.hpp", None, "tools/commands/x.cc"),
    "concurrentqueue/": ("concurrentqueue/concurrentqueue.h", "daemon/drain/pipeline.cc", "daemon/drain/x.cc"),
    "openssl/": ("openssl/evp.h", "daemon/protocol/tls_client.cc", "daemon/protocol/x.cc"),
    "zstd.h": ("zstd.h", "daemon/store/chunk.cc", "daemon/store/x.cc"),
    "xxhash.h": ("xxhash.h", "tracer/values/x.cc", "tools/view/x.cc"),
    "simdjson.h": ("simdjson.h", "daemon/value/x.cc", "daemon/run/x.cc"),
    "nlohmann/": ("nlohmann/json.hpp", "tools/view/x.cc", "shm/x.cc"),
    "spdlog/": ("spdlog/spdlog.h", "daemon/daemon.cc", "daemon/server/x.cc"),
    "fmt/": ("fmt/format.h", "daemon/query/x.cc", "tracer/x.cc"),
    "Python.h": ("Python.h", "tracer/hooks/x.cc", "daemon/x.cc"),
    "frameobject.h": ("frameobject.h", "tracer/hooks/x.cc", "tools/x.cc"),
    "internal/": ("internal/pycore_frame.h", "tracer/interp/x.c", "tracer/hooks/x.cc"),
}


class Planted(planted_tree.PlantedTree):
    GOOD = GOOD

    def plant(self, path, text):
        """The problems of the tree with `path` changed; the tree is then as before."""
        self.write(path, text)
        problems = tree.check(self.root)
        if path in GOOD:
            self.write(path, GOOD[path])
            return problems
        os.unlink(os.path.join(self.root, path))
        try:
            os.removedirs(os.path.dirname(os.path.join(self.root, path)))
        except OSError:
            pass  # the folder holds other sources
        return problems

    def test_a_good_tree_passes(self):
        self.assertEqual(tree.check(self.root), [])

    def test_each_breach_is_reported(self):
        for path, text, line, part in BREACHES:
            with self.subTest(path=path, text=text[:60]):
                problems = self.plant(path, text)
                self.assertEqual(len(problems), 1, problems)
                where = path.split("/")[0] if part == "allowed at the top" else path
                self.assertTrue(problems[0].startswith("%s:%d: " % (where, line)), problems)
                self.assertIn(part, problems[0])

    def test_each_pair_of_rooms_has_one_direction(self):
        for layer, rooms in tree.ROOMS.items():
            names = [name for name, _ in rooms]
            for at, (room, forbidden) in enumerate(rooms):
                for other_at, other in enumerate(names):
                    problem = tree.check_order("%s/%s/x" % (layer, room), "%s/%s/y" % (layer, other))
                    if room == "." or other == ".":
                        paths = [layer + "/" + ("" if name == "." else name + "/") for name in (room, other)]
                        problem = tree.check_order(paths[0] + "x", paths[1] + "y")
                    self.assertEqual(problem is not None, other_at > at or other in forbidden, (layer, room, other))

    def test_each_library_is_held_to_its_home(self):
        self.assertEqual(set(LIBRARIES), set(tree.HOMES))
        for row, (header, home, elsewhere) in LIBRARIES.items():
            with self.subTest(header=header):
                self.assertEqual(tree.find_home(header), row)
                text = "#include <%s>\n" % header
                if home is not None:
                    self.assertEqual(self.plant(home, text), [])
                self.assertEqual(
                    self.plant(elsewhere, text),
                    [
                        "%s:1: %s may be included in %s only"
                        % (elsewhere, header, ", ".join(tree.HOMES[row]) or "no file")
                    ],
                )

    def test_good_headers_compile_alone(self):
        count, failed = headers.check(self.root, CXX)
        self.assertEqual((count, failed), (len([path for path in GOOD if path.endswith(".h")]) - 1, {}))

    def test_a_header_that_leans_on_others_is_reported(self):
        self.write("daemon/c.h", HEADER + "struct C { std::size_t s; };\n")
        self.write("shm/again.h", "// Thread rule: plain values.\nstruct D {};\n")
        self.assertEqual(sorted(headers.check(self.root, CXX)[1]), ["daemon/c.h", "shm/again.h"])

    def test_a_header_for_c_is_compiled_as_c(self):
        self.write("tracer/only.h", HEADER + "static inline int F(void) { int new = 1; return new; }\n")
        self.write("tracer/only.c", '#include "tracer/only.h"\n')
        self.assertEqual(headers.check(self.root, CXX)[1], {})
        self.write("tracer/also.cc", '#include "tracer/only.h"\n')
        self.assertEqual(sorted(headers.check(self.root, CXX)[1]), ["tracer/only.h"])


class Commits(planted_tree.PlantedTree):
    """The rule about subjects begins with the commit that adds it."""

    def git(self, *words):
        subprocess.run(
            ["git", "-C", self.root, "-c", "user.name=a", "-c", "user.email=a@b", *words],
            check=True,
            capture_output=True,
        )

    def commit(self, subject):
        self.git("commit", "--allow-empty", "-m", subject)

    def test_subjects(self):
        for subject in (
            "daemon: keep one lock of the home",
            "daemon/store, tests: keep the golden store",
            ".github: add a changelog",
            "README.md: name the Pythons",
        ):
            self.assertIsNone(commits.check_subject(subject), subject)
        for subject, part in (
            ("daemon: " + "x" * 65, "has 73 characters"),
            ("Keep one lock", "does not begin with"),
            ("daemon:keep one lock", "does not begin with"),
            ("the daemon: keep one lock", "does not begin with"),
            ("daemon: keep one lock.", "full stop"),
        ):
            self.assertIn(part, commits.check_subject(subject) or "", subject)

    def test_commits_that_follow_the_rule_are_checked(self):
        self.assertEqual(commits.check(self.root), [])  # no history
        self.git("init", "-b", "main")
        self.commit("Something older")
        self.assertEqual(commits.check(self.root), [])  # no rule
        self.write(commits.SELF, "")
        self.git("add", ".")
        self.commit("The rule itself is not checked")
        self.commit("shm: keep one lock")
        self.assertEqual(commits.check(self.root), [])
        self.commit("Keep two locks")
        problems = commits.check(self.root)
        self.assertEqual(len(problems), 1, problems)
        self.assertIn("does not begin with `folder: `: Keep two locks", problems[0])


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
