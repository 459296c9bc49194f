"""Sub-interpreters run unchanged; that they are not recorded is reported once, and the run is marked incomplete."""

import unittest

import support

PROGRAM = '''
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

run = getattr(interpreters, "exec", None) or interpreters.run_string
INSIDE = """
import json
import sys
import threading

def f(n):
    return n + 1

seen = []
def trace(frame, event, arg):
    seen.append(event)
    return trace

print(f(1), json.dumps([eval("f(2)"), compile("1", "x", "eval") is not None]), sys.gettrace(), flush=True)
sys.settrace(trace)
f(2)
sys.settrace(None)
print(seen, sys.gettrace(), flush=True)
thread = threading.Thread(target=f, args=(3,))
try:
    thread.start()
    thread.join()
    print("thread", flush=True)
except RuntimeError as error:
    print("no thread", error, flush=True)
"""


def f(n):
    return n - 1


for i in range(2):
    f(1)
    one = interpreters.create()
    run(one, INSIDE)
    f(2)
    interpreters.destroy(one)
    f(3)
print("end", flush=True)
'''


class SubInterpreters(support.SmileyTest):
    def test_they_run_and_are_named_as_missing(self):
        for python in support.pythons():
            for options in ((), ("--detail", "calls"), ("--include-stdlib",)):
                with self.subTest(python=python, options=options):
                    path = self.script("app.py", PROGRAM)
                    alone = self.run_words([python, path])
                    recorded = self.smiley("run", "-q", *options, "--python", python, path)
                    self.assertEqual((recorded.code, recorded.text), (alone.code, alone.text), recorded)
                    self.assertIn("thread", alone.text)
                    own = [line for line in recorded.words.splitlines() if line.startswith("smiley:")]
                    others = [line for line in recorded.words.splitlines() if not line.startswith("smiley:")]
                    self.assertEqual(
                        own, ["smiley: the recording is incomplete: code in sub-interpreters is not recorded"]
                    )
                    self.assertEqual(others, alone.words.splitlines())
                    lines = self.smiley("export", "last", "--format", "jsonl").objects
                    called = [
                        o["event"]
                        for o in lines
                        if o["type"] == "event" and o.get("function") == "f" and o["file"] == path
                    ]
                    self.assertEqual((called.count("call"), called.count("return")), (6, 6))
                    self.assertFalse(lines[-1]["complete"])


if __name__ == "__main__":
    unittest.main()
