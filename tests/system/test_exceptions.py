"""smiley-exceptions groups exceptions by where they were raised and by outcome, swallowed ones too."""

import unittest

import support

PROGRAM = """import json
import threading

def deep(n):
    if n == 0:
        raise KeyError("k")
    deep(n - 1)

def passes():
    try:
        deep(2)
    finally:
        n = 1

def handled():
    for i in range(4):
        try:
            passes()
        except KeyError:
            continue

def again():
    try:
        deep(1)
    except KeyError:
        raise

def replaced():
    try:
        again()
    except KeyError as error:
        raise ValueError("other") from error

class Shy:
    def __getattr__(self, name):
        raise AttributeError(name)

class Ignores:
    def __enter__(self):
        return self
    def __exit__(self, *args):
        return True

def library():
    try:
        json.loads("{")
    except ValueError:
        pass

def outside():
    hasattr(Shy(), "x")
    with Ignores():
        deep(0)

handled()
try:
    replaced()
except ValueError:
    pass
library()
outside()

threading.excepthook = [].append  # printing a traceback would run more code

def worker():
    raise OSError("gone")
t = threading.Thread(target=worker)
t.start()
t.join()
raise SystemExit(3)
"""


class Exceptions(support.SmileyTest):
    def line(self, text):
        return 1 + PROGRAM.split("\n").index(text)

    def test_each_kind_of_end(self):
        for python in support.pythons():
            with self.subTest(python=python):
                self.assert_code(self.record(PROGRAM, python=python), 3)
                result = self.smiley("exceptions", "last", "--json")
                self.assert_code(result, 0)
                seen = {}
                for o in result.objects:
                    ended = o["ended"]
                    key = (
                        o["exception"],
                        o["raised"]["line"],
                        o["raised"]["function"],
                        o["outcome"],
                        ended and ended["line"],
                        ended and ended["function"],
                    )
                    seen[key] = seen.get(key, 0) + o["count"]
                raised = self.line('        raise KeyError("k")')
                expected = {
                    ("KeyError", raised, "deep", "caught", self.line("        except KeyError:"), "handled"): 4,
                    ("KeyError", raised, "deep", "caught", self.line("    except KeyError as error:"), "replaced"): 1,
                    (
                        "ValueError",
                        self.line('        raise ValueError("other") from error'),
                        "replaced",
                        "caught",
                        self.line("except ValueError:"),
                        "<module>",
                    ): 1,
                    (
                        "AttributeError",
                        self.line("        raise AttributeError(name)"),
                        "Shy.__getattr__",
                        "absorbed",
                        self.line('    hasattr(Shy(), "x")'),
                        "outside",
                    ): 1,
                    (
                        "json.decoder.JSONDecodeError",
                        self.line('        json.loads("{")'),
                        "library",
                        "caught",
                        self.line("    except ValueError:"),
                        "library",
                    ): 1,
                    ("SystemExit", self.line("raise SystemExit(3)"), "<module>", "uncaught", None, None): 1,
                }
                for key, count in expected.items():
                    self.assertEqual(seen.get(key), count, (key, seen))
                suppressed = [
                    k for k in seen if k[:4] == ("KeyError", raised, "deep", "caught") and k[5] == "outside"
                ]
                self.assertEqual(len(suppressed), 1, seen)
                gone = [o for o in result.objects if o["exception"] == "OSError"]
                self.assertEqual(
                    [(o["raised"]["function"], o["message"], o["outcome"]) for o in gone],
                    [("worker", "gone", "uncaught")],
                )
                self.assertEqual(result.objects[0]["outcome"], "uncaught")
                # The positions are those of raise events.
                for o in result.objects:
                    for position in (o["first"], o["last"]):
                        event = self.smiley("replay", "last", "--from", position, "--limit", "1", "--json").objects[0]
                        self.assertEqual((event["event"], event["exception"]["type"]), ("raise", o["exception"]), o)

    def test_the_table(self):
        self.assert_code(
            self.record("def f():\n    try:\n        {}['k']\n    except KeyError:\n        pass\nf()\nf()\n"), 0
        )
        text = self.smiley("exceptions").text
        self.assertIn("KeyError", text)
        self.assertIn("app.py:3 f", text)
        self.assertIn("by app.py:4 f", text)
        self.assertEqual(text.splitlines()[1].split()[0], "2")
        self.assert_code(self.record("pass\n"), 0)
        none = self.smiley("exceptions")
        self.assert_code(none, 0)
        self.assertIn("no exception", self.assert_one_line(none))
        errors = self.smiley("list", "--errors")
        self.assert_code(errors, 0)
        self.assertEqual(errors.text, self.smiley("list", "--failed").text)

    def test_threads_tell_events_and_lines(self):
        # (Without what an installation may run at exit.)
        self.assert_code(
            self.record(
                "def f():\n    a = 1\n    return a\nfor i in range(9):\n    f()\n", options=("--no-site-packages",)
            ),
            0,
        )
        thread = self.smiley("threads", "--json").objects[0]
        self.assertEqual(thread["lines"], 5)
        table = self.smiley("threads").text.splitlines()
        self.assertEqual(table[0].split()[:4], ["THREAD", "PROCESS", "EVENTS", "LINES"])
        self.assertEqual(table[1].split()[3], "5")


if __name__ == "__main__":
    unittest.main()
