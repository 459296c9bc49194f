"""Calls counted and timed: the counts equal those of Python's profiler, in own and in library code."""

import os
import subprocess
import unittest

import support

PROGRAMS = os.path.join(support.ROOT, "tests", "system", "programs")

# Runs a script from its first line under the profiler and writes [file, line, name, calls, primitive] for each function.
REFERENCE = """
import cProfile, marshal, sys
script, out = sys.argv[1:3]
with open(script) as file:
    code = compile(file.read(), script, "exec")
profile = cProfile.Profile(builtins=False)
space = {"__name__": "__main__", "__file__": script}
profile.enable()
try:
    exec(code, space)
finally:
    profile.disable()
rows = {}
for entry in profile.getstats():
    if not isinstance(entry.code, str):
        key = entry.code.co_filename, entry.code.co_firstlineno, entry.code.co_qualname
        have = rows.setdefault(key, [0, 0])
        have[0] += entry.callcount
        have[1] += entry.callcount - entry.reccallcount
with open(out, "wb") as file:
    marshal.dump([[*key, *counts] for key, counts in rows.items()], file)
"""


class Stats(support.SmileyTest):
    def reference(self, python, script):
        import marshal

        out = os.path.join(self.work, "reference")
        subprocess.run([python, "-c", REFERENCE, script, out], check=True, timeout=support.TIMEOUT, cwd=self.work)
        with open(out, "rb") as file:
            return {
                (file, line, name): (calls, primitive) for file, line, name, calls, primitive in marshal.load(file)
            }

    def counts(self, *options):
        result = self.smiley("stats", "last", "--json", *options)
        self.assert_code(result, 0)
        return {
            (o["file"], o["line"], o["function"]): (o["calls"], o["primitive"])
            for o in result.objects
            if o["type"] == "function"
        }

    def test_counts_are_the_profilers(self):
        script = os.path.join(PROGRAMS, "profiled.py")
        for python in support.pythons():
            with self.subTest(python=python):
                expected = self.reference(python, script)
                own = {key: value for key, value in expected.items() if key[0] == script}
                self.assertGreater(len(own), 15)
                self.assert_code(self.smiley("run", "--python", python, script), 0)
                self.assertEqual({key: value for key, value in self.counts().items() if key[0] == script}, own)
                # With the library: its functions too. (The import system is frozen and never recorded, and what the
                # profiler's own imports have loaded already runs once more here.)
                self.assert_code(self.smiley("run", "--include-stdlib", "--python", python, script), 0)
                counts = self.counts()
                library = {
                    key: value
                    for key, value in expected.items()
                    if key[0].endswith((".py",))
                    and os.path.dirname(key[0]).endswith("/json")
                    or key[0].endswith(("/tokenize.py", "/textwrap.py"))
                }
                self.assertGreater(len(library), 15)
                self.assertEqual({key: value for key, value in counts.items() if key in library}, library)
                self.assertEqual({key: value for key, value in counts.items() if key[0] == script}, own)

    def test_tables_and_totals(self):
        self.assert_code(self.record("def f(n):\n    return n and f(n - 1)\nf(5)\nf(0)\n"), 0)
        result = self.smiley("stats", "last", "--callers")
        self.assert_code(result, 0)
        self.assertRegex(result.text.splitlines()[0], r"^[0-9]+ calls \([0-9]+ primitive\) in ")
        row = next(line for line in result.text.splitlines() if line.endswith("f  app.py:1"))
        self.assertEqual(row.split()[0], "7/2")
        self.assertTrue(
            any("← f  app.py:1" in line and line.split()[0] == "5/1" for line in result.text.splitlines()),
            result.text,
        )
        self.assertEqual(self.smiley("stats", "show", "last").text, self.smiley("stats").text)
        totals = self.smiley("stats", "--json").objects[-1]
        rows = [o for o in self.smiley("stats", "--json").objects if o["type"] == "function"]
        self.assertEqual(
            (totals["type"], totals["calls"], totals["primitive"]),
            ("totals", sum(o["calls"] for o in rows), sum(o["primitive"] for o in rows)),
        )
        self.assertEqual(totals["own_ns"] + totals["cost_ns"], totals["recorded_ns"])
        first = self.smiley("stats", "-n", "1", "--sort", "ncalls", "--json").objects
        self.assertEqual([o.get("function") for o in first], ["f", None])
        wrong = self.smiley("stats", "last", "--sort", "best")
        self.assert_code(wrong, 2)
        self.assertIn("tottime", self.assert_one_line(wrong))
        self.assert_code(self.smiley("stats", "last", "--thread", "9"), 1)

    def test_the_cost_of_recording_is_said_and_taken_out(self):
        self.assert_code(self.record("def f(n):\n    for i in range(n):\n        n += i\nf(20000)\n"), 0)
        totals = self.smiley("stats", "--json").objects[-1]
        # The overhead is compared with the time of 40,000 trivial events; a busy machine adds to the remaining time only.
        self.assertGreater(totals["cost_per_event_ns"], 10)
        self.assertLess(totals["cost_per_event_ns"], 5000)
        self.assertGreater(totals["cost_ns"], 40_000 * 10)
        self.assertEqual(totals["own_ns"] + totals["cost_ns"], totals["recorded_ns"])
        self.assertIn("recording overhead removed: ", self.smiley("stats").text)

    def test_the_call_tree(self):
        self.assert_code(
            self.record("def leaf():\n    pass\ndef branch():\n    leaf()\n    leaf()\nbranch()\nbranch()\nleaf()\n"),
            0,
        )
        nodes = [
            o
            for o in self.smiley("calls", "last", "--json", "--by", "count").objects
            if o["type"] == "call" and os.path.basename(o["file"]) == "app.py"
        ]
        self.assertEqual(
            [(o["depth"], o["function"], o["calls"]) for o in nodes],
            [(0, "<module>", 1), (1, "branch", 2), (2, "leaf", 4), (1, "leaf", 1)],
        )
        self.assertEqual([o["parent"] for o in nodes], [None, nodes[0]["node"], nodes[1]["node"], nodes[0]["node"]])
        text = self.smiley("calls", "last", "--least", "0", "--by", "count").text
        self.assertIn("├ branch  app.py:3", text)
        self.assertIn("│ └ leaf  app.py:1", text)
        self.assertNotIn("│ └ leaf", self.smiley("calls", "last", "--least", "0", "--depth", "2").text)

    def test_tasks_and_threads(self):
        self.assert_code(
            self.record(
                "import threading\ndef work():\n    pass\nt = threading.Thread(target=work)\nt.start()\nt.join()\nwork()\n"
            ),
            0,
        )
        self.assertEqual([v for k, v in self.counts().items() if k[2] == "work"], [(2, 2)])
        self.assertEqual([v for k, v in self.counts("--thread", "2").items() if k[2] == "work"], [(1, 1)])
        self.assert_code(self.smiley("stats", "last", "--task", "nobody"), 1)


if __name__ == "__main__":
    unittest.main()
