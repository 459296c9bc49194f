"""A program that crashes leaves every event up to its last one, and the run records how it ended."""

import signal
import unittest

import support

CRASH = """
import ctypes
import faulthandler
import sys

if "handler" in sys.argv:
    faulthandler.enable(open("traceback.txt", "w"))


def before(n):
    return n + 1


def crash(n):
    last = before(n)
    %s


for i in range(20000):
    before(i)
crash(7)
"""


class Crashing(support.SmileyTest):
    def check(self, statement, number, *arguments):
        for python in support.pythons():
            with self.subTest(python=python):
                path = self.script("app.py", CRASH % statement)
                alone = self.run_words([python, path, *arguments])
                self.assertEqual(alone.code, -number)
                recorded = self.smiley("run", "-q", "--python", python, path, *arguments)
                self.assertEqual((recorded.code, recorded.out, recorded.err), (alone.code, alone.out, alone.err))
                lines = self.smiley("export", "last", "--format", "jsonl").objects
                events = [o for o in lines if o["type"] == "event" and o.get("file") == path]
                self.assertEqual(
                    [(e["event"], e["function"]) for e in events[-5:]],
                    [
                        ("line", "crash"),
                        ("call", "before"),
                        ("line", "before"),
                        ("return", "before"),
                        ("line", "crash"),
                    ],
                )
                self.assertEqual(events[-1]["changed"], {"last": 8})
                self.assertEqual(
                    [e["seq"] for e in lines if e["type"] == "event"],
                    list(range(1, 1 + sum(o["type"] == "event" for o in lines))),
                )
                end = lines[-1]
                self.assertEqual((end["signal"], end["exit_code"], end["lost"]), (number, None, 0), end)
                shown = self.smiley("show", "last")
                self.assertIn(signal.Signals(number).name, shown.text)

    def test_a_segmentation_fault(self):
        self.check("ctypes.string_at(0)", signal.SIGSEGV)

    def test_a_segmentation_fault_with_a_handler_of_the_program(self):
        self.check("ctypes.string_at(0)", signal.SIGSEGV, "handler")
        with open(self.work + "/traceback.txt") as file:
            self.assertIn("in crash", file.read())

    def test_an_abort(self):
        self.check("ctypes.CDLL(None).abort()", signal.SIGABRT)


if __name__ == "__main__":
    unittest.main()
