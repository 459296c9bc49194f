"""Plants findings in a small tree and checks that tidy.py shows each once and fails. Checks which sources it takes for changed.

python3 tests/lint/tidy_selftest.py
"""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import planted_tree  # noqa: E402
import tidy  # noqa: E402

GOOD = {
    # Few headers of the library, because most runs read them again.
    "shm/a.h": "#pragma once\nstruct Text {\n  Text(const Text&);\n  Text(Text&&) noexcept;\n  ~Text();\n"
    "  int size() const;\n};\nint A();\n",
    "shm/a.cc": '#include "shm/a.h"\nnamespace {\nint Here() { return 1; }\n}  // namespace\nint A() { return Here(); }\n',
    "shm/b.cc": '#include "shm/a.h"\nint B() { return A(); }\n',
    # Declares a name of a.cc, so that the two cannot be checked as one.
    "shm/c.cc": '#include "shm/a.h"\nnamespace {\nint Here() { return 2; }\n}  // namespace\nint C() { return Here(); }\n',
    "tools/d.c": "int D(void) { return 0; }\n",
}
MOVED = '#include <utility>\n#include "shm/a.h"\nint B(Text a) {\n  const Text b = std::move(a);\n  return a.size() + b.size();%s\n}\n'
COPIED = '#pragma once\n#include "shm/a.h"\ninline int F(Text a) { return a.size(); }\n'
NULLED = "int G(int a) {\n  const int* p = nullptr;\n  if (a == 7) p = &a;\n  return *p;\n}\n"


class Planted(planted_tree.PlantedTree):
    GOOD = GOOD

    def setUp(self):
        super().setUp()
        self.build = os.path.join(self.root, "build-x")
        os.mkdir(self.build)
        shutil.copy(os.path.join(HERE, "..", "..", ".clang-tidy"), self.root)

    def run_tidy(self, *words):
        """(exit code, output)."""
        commands = []
        for folder, _, files in os.walk(self.root):
            for name in sorted(files):
                if name.endswith((".c", ".cc")) and not folder.startswith(self.build):
                    path = os.path.join(folder, name)
                    compiler = "cc" if name.endswith(".c") else "ccache c++ -std=c++20"
                    commands.append(
                        {
                            "directory": self.build,
                            "file": path,
                            "command": "%s -I%s -Wall -O2 -o x/%s.o -c %s" % (compiler, self.root, name, path),
                        }
                    )
        with open(os.path.join(self.build, "compile_commands.json"), "w") as file:
            json.dump(commands, file)
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            code = tidy.main([self.root, self.build, "--strict", *words])
        return code, said.getvalue()

    def git(self, *words):
        subprocess.run(
            ["git", "-C", self.root, "-c", "user.name=a", "-c", "user.email=a@b", *words],
            check=True,
            capture_output=True,
        )

    def commit(self, *paths):
        self.git("add", *paths)
        self.git("commit", "-m", "a")

    def test_a_good_tree_passes_and_is_known_the_next_time(self):
        code, said = self.run_tidy("--all")
        self.assertEqual(code, 0, said)
        self.assertIn("checks 4 of 4 sources", said)
        self.assertIn("checked as 3", said)
        self.assertEqual(
            len([name for name in os.listdir(os.path.join(self.build, "tidy")) if name.startswith("clean-")]), 3
        )

    def test_a_finding_is_shown_once_and_fails(self):
        self.assertEqual(self.run_tidy("--all")[0], 0)
        self.write("shm/b.cc", MOVED % "")
        for _ in range(2):  # the second run must not take it for clean
            code, said = self.run_tidy("--all")
            self.assertEqual(code, 1, said)
            self.assertEqual(
                said.count("shm/b.cc:5:10: warning: 'a' used after it was moved [bugprone-use-after-move]"), 1, said
            )
            self.assertIn("checked, 1 findings\n", said)

    def test_a_finding_of_a_header_is_shown_once(self):
        self.write("shm/f.h", COPIED)
        self.write("shm/e.cc", '#include "shm/f.h"\n')
        self.write("tools/g.cc", '#include "shm/f.h"\n')
        code, said = self.run_tidy("--all")
        self.assertEqual((code, said.count("[performance-unnecessary-value-param]")), (1, 1), said)
        code, said = self.run_tidy(os.path.join(self.root, "shm/f.h"))
        self.assertEqual(code, 1, said)
        self.assertIn("checks 1 of 6 sources", said)

    def test_a_reason_in_the_source_counts(self):
        self.write("shm/b.cc", MOVED % "  // NOLINT(bugprone-use-after-move): planted")
        self.assertEqual(self.run_tidy("--all")[0], 0)
        self.write("shm/b.cc", MOVED % "")  # only the comment differs
        self.assertEqual(self.run_tidy("--all")[0], 1)

    def test_sources_that_do_not_compile_together_are_halved(self):
        # Two equal names that do not begin a line.
        self.write("shm/a.cc", GOOD["shm/a.cc"] + "  static int same = 1;\nint S() { return same; }\n")
        self.write("shm/b.cc", "  static int same = 2;\n" + MOVED % "" + "int T() { return same; }\n")
        code, said = self.run_tidy("--all")
        self.assertEqual(code, 1, said)
        self.assertIn("checked as 4", said)
        self.assertIn("shm/b.cc:6:10: warning: 'a' used after", said)
        self.assertIn("checked, 1 findings\n", said)

    def test_a_source_that_does_not_compile_fails(self):
        self.write("tools/d.c", "int D(void) { return x; }\n")
        code, said = self.run_tidy("--all")
        self.assertEqual(code, 1, said)
        self.assertIn("tools/d.c:1:22: error", said)

    def test_a_function_of_more_than_100_lines_fails(self):
        self.write("shm/b.cc", "int B(int a) {\n" + "  a += a;\n" * 98 + "  return a;\n}\n")
        self.assertEqual(self.run_tidy("--all")[0], 0)
        self.write("shm/b.cc", "int B(int a) {\n" + "  a += a;\n" * 99 + "  return a;\n}\n")
        code, said = self.run_tidy("--all")
        self.assertEqual(code, 1, said)
        self.assertIn("shm/b.cc:1:5: warning: function 'B' exceeds recommended size", said)

    def test_the_analyzer_follows_paths(self):
        self.write("shm/b.cc", NULLED)
        self.assertEqual(self.run_tidy("--all")[0], 0)
        code, said = self.run_tidy("--all", "--analyzer")
        self.assertEqual(code, 1, said)
        self.assertIn("shm/b.cc:4:10: warning: Dereference of null pointer", said)

    def test_changed_files_come_first(self):
        code, said = self.run_tidy("--most", "1")
        self.assertIn("0 there is no history, 1 others chosen by 20", said)
        self.write("shm/b.cc", MOVED % "")
        self.git("init", "-b", "main")
        self.commit("shm", "tools", ".clang-tidy")
        code, said = self.run_tidy("--most", "2")
        self.assertIn("checks 2 of 4 sources: 0 there is no history, 2 others", said)
        self.write("tools/d.c", GOOD["tools/d.c"] + "\n")
        self.commit("tools")
        code, said = self.run_tidy("--most", "1", "--commits", "1")
        self.assertEqual(code, 0, said)
        self.assertIn("checks 1 of 4 sources: 1 changed in the last 1 commits, 0 others", said)
        code, said = self.run_tidy("--most", "9", "--commits", "1")
        self.assertEqual(code, 1, said)
        self.assertIn("checks 4 of 4 sources: 1 changed in the last 1 commits, 3 others", said)
        # On a branch: its changes, also those of a header only, and uncommitted changes.
        self.git("update-ref", "refs/remotes/origin/main", "HEAD")
        self.write("shm/a.h", GOOD["shm/a.h"] + "\n")
        self.commit("shm")
        code, said = self.run_tidy("--most", "1")
        self.assertEqual(code, 0, said)
        self.assertIn("sources: 1 changed since", said)
        self.assertIn("where the branch left origin/main, 0 others", said)
        self.write("shm/b.cc", MOVED % "  ")
        code, said = self.run_tidy("--most", "1")
        self.assertEqual(code, 1, said)
        self.assertIn("sources: 1 changed since", said)
        self.assertIn("(of 2)", said)


if __name__ == "__main__":
    unittest.main()
