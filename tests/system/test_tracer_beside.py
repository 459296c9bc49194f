"""Debuggers and profilers of the program see the same as without recording, and recording continues beside them."""

import json
import os
import subprocess
import unittest

import support
from test_tracer_sequence import Recorded

OWN_TRACE = """
import sys
seen = []
def own(frame, event, arg):
    seen.append((event, frame.f_code.co_name, frame.f_lineno))
    return own
def gen():
    yield 1
def work(n):
    total = 0
    for i in range(n):
        total += i
    try:
        {}['k']
    except KeyError:
        pass
    return [x for x in gen()]
sys.settrace(own)
work(2)
sys.settrace(None)
work(1)
print(seen, sys.gettrace())
"""

OWN_PROFILE = OWN_TRACE.replace("settrace", "setprofile").replace("gettrace", "getprofile")

OWN_MONITORING = """
import sys
seen = []
m = getattr(sys, 'monitoring', None)
def work(n):
    total = 0
    for i in range(n):
        total += i
    return total
if m:
    m.use_tool_id(m.DEBUGGER_ID, 'own')
    m.register_callback(m.DEBUGGER_ID, m.events.LINE, lambda code, line: seen.append(line))
    m.set_local_events(m.DEBUGGER_ID, work.__code__, m.events.LINE)
work(2)
if m:
    m.restart_events()
    m.set_local_events(m.DEBUGGER_ID, work.__code__, 0)
work(1)
print(seen)
"""

DEBUGGER = """
import pdb
def inner(a):
    b = a + 1
    pdb.Pdb(nosigint=True, readrc=False).set_trace()
    c = b * 2
    return c
def outer():
    return inner(1)
outer()
"""


class Beside(Recorded):
    def beside(self, text, *options, stdin=b""):
        for python in support.pythons():
            with self.subTest(python=python):
                path = self.script("app.py", text)
                alone = self.run_words([python, path], input=stdin)
                recorded = self.smiley("run", "--quiet", *options, "--python", python, path, input=stdin)
                self.assertEqual((alone.code, alone.out, alone.err), (recorded.code, recorded.out, recorded.err))
                export = self.smiley("export", "last", "--format", "jsonl")
                events = [json.loads(line) for line in export.out.splitlines()]
                self.assertTrue(events[-1]["complete"])
                yield python, alone, [o for o in events if o["type"] == "event" and o.get("file") == path]

    def count(self, events, event, function):
        return len([o for o in events if (o["event"], o["function"]) == (event, function)])

    def test_a_trace_function(self):
        for _, alone, events in self.beside(OWN_TRACE):
            self.assertIn(b"'work'", alone.out)
            self.assertEqual([self.count(events, "call", "work"), self.count(events, "return", "gen")], [2, 2])

    def test_a_profile_function(self):
        for _, alone, events in self.beside(OWN_PROFILE):
            self.assertIn(b"'work'", alone.out)
            self.assertEqual([self.count(events, "call", "work"), self.count(events, "return", "gen")], [2, 2])

    def test_a_monitoring_tool(self):
        for _, _, events in self.beside(OWN_MONITORING):
            self.assertEqual(self.count(events, "call", "work"), 2)

    def test_a_debugger_stops_where_it_stops_alone(self):
        for _, alone, events in self.beside(DEBUGGER, stdin=b"n\nn\nw\np b, c\nc\n"):
            self.assertIn(b"(2, 4)", alone.out)
            self.assertEqual([self.count(events, "return", "inner"), self.count(events, "return", "outer")], [1, 1])


class CallsAlone(Recorded):
    def test_a_frame_left_by_an_exception_tells_which(self):
        """From 3.12 on; 3.11 hides the exception from profile functions."""
        for python in support.pythons():
            with self.subTest(python=python):
                events = self.events(
                    python,
                    "def f():\n    {}['k']\ndef g():\n    f()\ntry:\n    g()\nexcept KeyError:\n    pass\n",
                    "--detail",
                    "calls",
                )
                unwinds = [
                    (o["function"], (o.get("exception") or {}).get("message"))
                    for o in events
                    if o["event"] == "unwind"
                ]
                newer = (
                    subprocess.run(
                        [python, "-c", "import sys; print(sys.version_info >= (3, 12))"],
                        check=True,
                        capture_output=True,
                        text=True,
                        env={**os.environ, **self.env},
                    ).stdout.strip()
                    == "True"
                )
                message = "'k'" if newer else None
                self.assertEqual(unwinds, [("f", message), ("g", message)])


if __name__ == "__main__":
    unittest.main()
