"""Debuggers, profilers and coverage tools of the traced program keep working, and so does recording."""

import unittest

import support
from test_tracer_faithful import Compared

TRACED = """
import sys
import threading

seen = []


def trace(frame, event, arg):
    if frame.f_code.co_name in ("f", "inner"):
        seen.append((event, frame.f_code.co_name, frame.f_lineno))
        return trace


def inner(n):
    return n + 1


def f(n):
    for i in range(n):
        n += inner(i)
    return n
"""


class OtherTools(Compared):
    def events_of(self, function):
        """The kinds of a function's events in the last run."""
        export = self.smiley("export", "last", "--format", "jsonl")
        return [o["event"] for o in export.objects if o["type"] == "event" and o.get("function") == function]

    def each_python(self, text, check, *options, code=0):
        for python in support.pythons():
            with self.subTest(python=python):
                self.same(text, *options, code=code, pythons=[python])
                check(python)

    def test_a_trace_function_of_each_thread(self):
        def check(python):
            self.assertEqual(self.events_of("f").count("call"), 4)
            self.assertEqual(self.events_of("inner").count("return"), 8)

        self.each_python(
            TRACED
            + """
threading.settrace(trace)
sys.settrace(trace)
f(2)
print(sys.gettrace() is trace, threading.gettrace() is trace)
thread = threading.Thread(target=f, args=(2,))
thread.start()
thread.join()
sys.settrace(None)
print(sys.gettrace(), seen, f(2))
seen.clear()
sys.settrace(trace)
sys.settrace(trace)
f(2)
sys.settrace(None)
print(seen)
""",
            check,
        )

    def test_a_trace_function_that_raises_is_removed(self):
        self.each_python(
            """
import sys
import traceback


def trace(frame, event, arg):
    if frame.f_code.co_name == "f" and event == WHEN:
        raise KeyError(event)
    return trace


def f():
    x = 1
    return x


for WHEN in ("call", "line", "return"):
    sys.settrace(trace)
    try:
        f()
    except KeyError:
        traceback.print_exc(file=sys.stdout)
    print(WHEN, sys.gettrace())
""",
            lambda python: self.assertGreaterEqual(self.events_of("f").count("call"), 3),
        )

    def test_a_trace_function_dies_with_its_thread(self):
        self.each_python(
            """
import sys
import threading
import weakref


class Tracer:
    def __call__(self, frame, event, arg):
        return self


def work():
    global watched
    tracer = Tracer()
    watched = weakref.ref(tracer)
    sys.settrace(tracer)
    print(sys.getrefcount(tracer))


thread = threading.Thread(target=work)
thread.start()
thread.join()
print(watched())
""",
            lambda python: self.assertIn("return", self.events_of("work")),
        )

    def test_a_profile_function_with_every_detail(self):
        program = """
import sys
import threading

seen = []


def profile(frame, event, arg):
    if frame.f_code.co_name in ("f", "inner"):
        seen.append((event, frame.f_code.co_name, getattr(arg, "__name__", arg)))


def inner(n):
    return len("abc") + n


def f(n):
    try:
        int("no")
    except ValueError:
        pass
    return inner(n)


f(1)
sys.setprofile(profile)
f(2)
print(sys.getprofile() is profile)
sys.setprofile(None)
print(sys.getprofile(), seen, f(3))
seen.clear()
threading.setprofile(profile)
thread = threading.Thread(target=f, args=(4,))
thread.start()
thread.join()
print(seen)
"""

        def check(python):
            self.assertEqual(self.events_of("f").count("call"), 4)
            self.assertEqual(self.events_of("inner").count("return"), 4)

        self.each_python(program, check)
        self.each_python(program, check, "--detail", "calls")

        def with_builtins(python):
            check(python)
            self.assertEqual(self.events_of("inner").count("c_call"), 4)
            self.assertEqual(self.events_of("f").count("c_raise"), 0)  # int is a class

        self.each_python(program, with_builtins, "--c-calls")

    def test_a_profile_function_that_raises_is_removed(self):
        self.each_python(
            """
import sys


def profile(frame, event, arg):
    if frame.f_code.co_name == "f":
        raise KeyError(event)


def f():
    return 1


sys.setprofile(profile)
try:
    f()
except KeyError as error:
    print(error.args, sys.getprofile(), error.__traceback__.tb_next is not None)
print(f())
""",
            lambda python: self.assertIn("return", self.events_of("f")),
            "--detail",
            "calls",
        )

    def test_the_library_s_own_tools(self):
        self.each_python(
            """
import bdb
import cProfile
import profile
import pstats
import trace


def f(n):
    total = 0
    for i in range(n):
        total += i
    return total


counter = trace.Trace(count=True, trace=False)
counter.runfunc(f, 3)
print(sorted((line, n) for (_, line), n in counter.results().counts.items()))
for kind in (profile.Profile, cProfile.Profile):
    profiler = kind()
    print(profiler.runcall(f, 4))
    print([(where[2], row[:2]) for where, row in pstats.Stats(profiler).stats.items() if where[2] == "f"])


class Debugger(bdb.Bdb):
    def user_line(self, frame):
        print(frame.f_lineno, sorted(frame.f_locals))
        self.set_step()


debugger = Debugger()
print(debugger.runcall(f, 2))
""",
            lambda python: self.assertEqual(self.events_of("f").count("call"), 4),
        )

    def test_c_code_that_takes_the_place_is_told_of_once(self):
        # Where the recorder needs the interpreter's only trace function, it cannot undo a change by C code at once.
        text = """
import ctypes


def lost(n):
    return n


def found(n):
    return n


for i in range(3):
    ctypes.pythonapi.%s(None, None)
    lost(i)
    exec("pass")
    found(i)
"""
        for python in support.pythons():
            for name, options in (("PyEval_SetTrace", ()), ("PyEval_SetProfile", ("--detail", "calls"))):
                with self.subTest(python=python, name=name):
                    path = self.script("app.py", text % name)
                    result = self.smiley("run", "-q", *options, "--python", python, path)
                    self.assertEqual((result.code, result.out), (0, b""))
                    end = self.smiley("export", "last", "--format", "jsonl").objects[-1]
                    self.assertEqual(self.events_of("found").count("return"), 3)
                    if self.version(python) < (3, 12):
                        self.assertEqual(result.words.count("incomplete"), 1, result.words)
                        self.assertEqual(result.words.count("\n"), 1, result.words)
                        self.assertFalse(end["complete"])
                    else:
                        self.assertEqual((result.words, end["complete"]), ("", True))
                        self.assertEqual(self.events_of("lost").count("return"), 3)

    def test_monitoring_tools_of_the_program(self):
        self.each_python(
            """
import sys

seen = []


def f(n):
    for i in range(n):
        n += i
    return n


if sys.version_info >= (3, 12):
    m = sys.monitoring
    for tool in (m.DEBUGGER_ID, m.COVERAGE_ID, m.PROFILER_ID, m.OPTIMIZER_ID):
        m.use_tool_id(tool, "mine")
        m.register_callback(tool, m.events.LINE, lambda code, line: seen.append(("line", line)))
        m.register_callback(tool, m.events.PY_RETURN, lambda code, at, value: seen.append(("return", value)))
        m.set_local_events(tool, f.__code__, m.events.LINE | m.events.PY_RETURN)
        f(2)
        m.set_local_events(tool, f.__code__, 0)
        m.set_events(tool, m.events.PY_RETURN)
        f(1)
        m.set_events(tool, 0)
        m.restart_events()
        m.free_tool_id(tool)
    print(seen)
""",
            lambda python: self.assertEqual(
                self.events_of("f").count("call"), 8 if self.version(python) >= (3, 12) else 0
            ),
        )

    @staticmethod
    def version(python):
        import subprocess

        told = subprocess.run(
            [python, "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, text=True
        )
        return tuple(map(int, told.stdout.strip("()\n").split(",")))


if __name__ == "__main__":
    unittest.main()
