"""Plants sources that are not formatted in a small tree and checks that format.sh reports each, and formats it.

SMILEY_FORMAT_DIR=FOLDER python3 tests/lint/format_selftest.py

The tree's path has a space. The formatters are those of SMILEY_FORMAT_DIR, as in format.sh.
"""

import os
import shutil
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
import planted_tree  # noqa: E402

MODULES = os.environ.get("SMILEY_FORMAT_DIR") or os.path.join(ROOT, ".cache", "format")
GOOD = {
    "shm/a.cc": "int A() { return 1; }\n",
    "shm/a.h": "#pragma once\nint A();\n",
    "tracer/b.c": "int B(void) { return 2; }\n",
    "daemon/page/src/c.ts": 'export const c = "c";\n',
    "daemon/page/src/d.tsx": "export const d = <p>{1}</p>;\n",
    "tests/e.py": "e = 1\n",
    # A recorded program keeps its layout.
    "tests/system/programs/kept.py": "kept =   1\n",
    "build-x/built.cc": "int  Built();\n",
}
BREACHES = {
    "shm/a.cc": "int A(){return 1;}\n",
    "shm/a.h": "#pragma once\n  int A();\n",
    "tracer/b.c": "int B(void) {\n\n\treturn 2; }\n",
    "daemon/page/src/c.ts": "export const c = 'c'\n",
    "daemon/page/src/d.tsx": "export const d = <p>{ 1 }</p>;\n",
    "tests/e.py": "e = {'a':1}\n",
}


class Planted(planted_tree.PlantedTree):
    GOOD = GOOD

    def setUp(self):
        super().setUp()
        inner = os.path.join(self.root, "a tree")
        os.mkdir(inner)
        for name in os.listdir(self.root):
            if name != "a tree":
                os.rename(os.path.join(self.root, name), os.path.join(inner, name))
        self.root = inner
        shutil.copy(os.path.join(ROOT, ".clang-format"), self.root)
        shutil.copytree(os.path.join(HERE, "format"), os.path.join(self.root, "tests", "lint", "format"))
        shutil.copy(os.path.join(HERE, "format.sh"), os.path.join(self.root, "tests", "lint"))

    def format(self, *words, cwd=None, **environment):
        """(exit code, stdout, stderr) of format.sh in the tree."""
        done = subprocess.run(
            ["sh", os.path.join(self.root, "tests", "lint", "format.sh"), *words],
            cwd=cwd or os.path.dirname(self.root),
            env={**os.environ, "SMILEY_FORMAT_DIR": MODULES, **environment},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        return done.returncode, done.stdout, done.stderr

    def read(self, path):
        with open(os.path.join(self.root, path)) as file:
            return file.read()

    def git(self, *words):
        subprocess.run(["git", "-C", self.root, *words], check=True, capture_output=True)

    def test_each_breach_is_reported_and_mended(self):
        code, out, err = self.format("--check")
        self.assertEqual((code, out), (0, ""), err)
        self.assertIn("0 of 7 sources", err)  # those of GOOD, without the last two, and format.mjs
        for path, text in BREACHES.items():
            self.write(path, text)
        code, out, err = self.format("--check")
        self.assertEqual(
            (code, out.splitlines()), (1, ["%s:1: not formatted" % path for path in sorted(BREACHES)]), err
        )
        self.assertEqual(self.read("tests/e.py"), BREACHES["tests/e.py"])
        code, out, err = self.format()
        self.assertEqual((code, out.splitlines()), (0, sorted(BREACHES)), err)
        for path in ("shm/a.cc", "shm/a.h", "tracer/b.c", "daemon/page/src/c.ts", "daemon/page/src/d.tsx"):
            self.assertEqual(self.read(path), GOOD[path])
        self.assertEqual(self.read("tests/e.py"), 'e = {"a": 1}\n')
        self.assertEqual(self.format("--check")[0], 0)

    def test_git_names_the_sources(self):
        self.git("init", "-b", "main")
        self.write(".gitignore", "/build*/\nignored.py\n")
        self.git("add", ".")
        self.write("ignored.py", "e = {'a':1}\n")
        self.write("tests/new.py", "e = {'a':1}\n")
        self.assertEqual(self.format("--check")[:2], (1, "tests/new.py:1: not formatted\n"))

    def test_files_are_named_from_the_current_folder(self):
        self.write("tests/e.py", BREACHES["tests/e.py"])
        self.write("shm/a.cc", BREACHES["shm/a.cc"])
        folder = os.path.join(self.root, "tests")
        self.assertEqual(self.format("--check", "e.py", cwd=folder)[:2], (1, "tests/e.py:1: not formatted\n"))
        code, _, err = self.format("--check", "none.py", cwd=folder)
        self.assertEqual((code, err), (2, "smiley: no such file: none.py\n"))

    def test_a_source_that_cannot_be_parsed_fails(self):
        for path, text in (("tests/e.py", "def (:\n"), ("daemon/page/src/c.ts", "const = ;\n")):
            self.write(path, text)
            code, _, err = self.format("--check", os.path.join(self.root, path))
            self.assertEqual(code, 2, err)
            self.assertIn("smiley: cannot format %s: " % path, err)

    def test_another_clang_format_is_refused(self):
        other = os.path.join(self.root, "other")
        self.write("other", "#!/bin/sh\necho clang-format version 99.0.0\n")
        os.chmod(other, 0o755)
        code, _, err = self.format("--check", SMILEY_CLANG_FORMAT=other)
        self.assertEqual(code, 2)
        self.assertIn("set SMILEY_CLANG_FORMAT to the path of a clang-format 15", err)
        code, _, err = self.format("--check", SMILEY_CLANG_FORMAT=other + "none")
        self.assertEqual(code, 2)
        self.assertIn("does not run", err)

    def test_a_failing_npm_fails(self):
        self.write("bin/npm", "#!/bin/sh\necho no network >&2\nexit 1\n")
        os.chmod(os.path.join(self.root, "bin", "npm"), 0o755)
        code, out, err = self.format(
            "--check",
            SMILEY_FORMAT_DIR=os.path.join(self.root, "empty"),
            PATH=os.path.join(self.root, "bin") + os.pathsep + os.environ["PATH"],
        )
        self.assertEqual((code, out), (2, ""))
        self.assertIn("no network\nsmiley: npm could not install the formatters in ", err)


if __name__ == "__main__":
    unittest.main()
