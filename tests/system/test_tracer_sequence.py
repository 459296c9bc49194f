"""The events of each thread equal those that a sys.settrace function sees on the same interpreter, one by one.

Every file of programs/ tests one feature of the language. The design's "Against settrace" maps the events.
"""

import difflib
import json
import os
import subprocess
import unittest

import support

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.join(HERE, "programs")
REFERENCE = os.path.join(HERE, "reference_settrace.py")
COUNTERPART = {
    "call": "call",
    "resume": "call",
    "throw": "call",
    "return": "return",
    "yield": "return",
    "unwind": "return",
    "raise": "exception",
    "line": "line",
}


def shown(event):
    return "%-9s %s:%s" % (event[0], event[1], event[2])


class Recorded(support.SmileyTest):
    def setUp(self):
        super().setUp()
        self.env["PYTHONDONTWRITEBYTECODE"] = "1"
        self.env["PYTHONHASHSEED"] = "0"
        self.env["PYTHONWARNINGS"] = "ignore::SyntaxWarning"  # the compiler of 3.14 warns of a statement in a program

    def recorded(self, python, path, *options):
        """Records a program and returns the lines of its export."""
        result = self.smiley("run", "--quiet", *options, "--python", python, path)
        self.assertEqual((result.code, result.err), (0, b""), repr(result))
        export = self.smiley("export", "last", "--format", "jsonl")
        self.assert_code(export, 0)
        lines = [json.loads(line) for line in export.out.split(b"\n") if line]
        end = lines[-1]
        self.assertEqual((end["type"], end["lost"], end["complete"]), ("end", 0, True), end)
        return lines

    def events(self, python, text, *options):
        """The events of a program's own file."""
        path = self.script("app.py", text)
        return [o for o in self.recorded(python, path, *options) if o["type"] == "event" and o.get("file") == path]


class Compared(Recorded):
    def reference(self, python, path):
        out = os.path.join(self.work, "reference.json")
        result = self.run_words([python, REFERENCE, out, path])
        self.assertEqual((result.code, result.err), (0, b""), repr(result))
        with open(out) as file:
            return {name: [tuple(e) for e in events] for name, events in json.load(file).items()}

    def by_thread(self, lines, path):
        names = {(o["process"], o["thread"]): o["name"] for o in lines if o["type"] == "thread"}
        found = {}
        for o in lines:
            if o["type"] != "event" or o.get("file") != path or o["event"] not in COUNTERPART:
                continue
            event = (COUNTERPART[o["event"]], o["function"], o["line"])
            found.setdefault(names[o["process"], o["thread"]], []).append(event)
        return found


class Sequence(Compared):
    def compare(self, python, path, *options, kinds=None):
        expected = self.reference(python, path)
        found = self.by_thread(self.recorded(python, path, *options), path)
        if kinds:
            expected = {n: [e for e in events if e[0] in kinds] for n, events in expected.items()}
        self.assertTrue(sum(map(len, expected.values())) > 3, "the reference saw nothing")
        self.assertEqual(sorted(found), sorted(expected), "threads")
        for name, events in expected.items():
            if found[name] != events:
                difference = list(
                    difflib.unified_diff(
                        list(map(shown, events)),
                        list(map(shown, found[name])),
                        "settrace",
                        "smiley",
                        lineterm="",
                        n=4,
                    )
                )
                self.fail("thread %s:\n%s" % (name, "\n".join(difference[:40])))

    def check_program(self, name):
        for python in support.pythons():
            with self.subTest(python=python):
                self.compare(python, os.path.join(PROGRAMS, name + ".py"))

    def test_calls_alone_are_those_of_the_full_sequence(self):
        for python in support.pythons():
            for name in ("recursion", "yield_from", "comprehensions", "deep_exceptions", "threads"):
                with self.subTest(python=python, program=name):
                    path = os.path.join(PROGRAMS, name + ".py")
                    kinds = {"call", "return", "raise"}
                    expected = self.reference(python, path)
                    found = self.by_thread(self.recorded(python, path, "--detail", "calls"), path)
                    for thread, events in expected.items():
                        self.assertEqual(
                            [e[:2] for e in found[thread] if e[0] in ("call", "return")],
                            [e[:2] for e in events if e[0] in kinds],
                        )

    def test_the_corpus_is_found(self):
        self.assertGreaterEqual(len(NAMES), 50)


NAMES = sorted(n[:-3] for n in os.listdir(PROGRAMS) if n.endswith(".py"))


def add(name):
    def test(self):
        self.check_program(name)

    setattr(Sequence, "test_program_" + name, test)


for _name in NAMES:
    add(_name)


class Kinds(Recorded):
    """Events that settrace cannot distinguish, with expectations written by hand."""

    @staticmethod
    def field(event, name):
        """A field of an event as the expectations below write it."""
        if name == "message":
            return event["exception"]["message"] if "exception" in event else "absent"
        if name not in event:
            return "absent"
        value = event[name]
        return json.dumps(value["items"] if isinstance(value, dict) and "items" in value else value)

    def check(self, text, expected, *fields, leave_out="line"):
        """`expected`: lines of event, function and the requested fields."""
        for python in support.pythons():
            with self.subTest(python=python):
                found = [
                    " ".join([o["event"], o["function"]] + [self.field(o, f) for f in fields])
                    for o in self.events(python, text)
                    if o["event"] not in ("line", leave_out) and o["function"] != "<module>"
                ]
                wanted = [line.strip() for line in expected.strip().splitlines()]
                self.assertEqual(found, wanted)

    def test_generators_yield_and_resume_in_the_same_frame(self):
        self.check(
            "def gen(n):\n"
            "    for i in range(n):\n"
            "        x = yield i\n"
            "    return 'end'\n"
            "def f():\n"
            "    g = gen(2)\n"
            "    next(g)\n"
            "    g.send(5)\n"
            "    return next(g, 'none')\n"
            "f()\n",
            """
            call f 2
            call gen 3
            yield gen 3
            resume gen 3
            yield gen 3
            resume gen 3
            return gen 3
            return f 2
            """,
            "frame",
        )

    def test_values_go_in_and_out_of_generators(self):
        self.check(
            "def gen(n):\n"
            "    x = yield 'first'\n"
            "    try:\n"
            "        y = yield x\n"
            "    except KeyError:\n"
            "        y = yield None\n"
            "    return y\n"
            "g = gen(2)\n"
            "next(g)\n"
            "g.send([5])\n"
            "g.throw(KeyError)\n"
            "try:\n"
            "    g.send('last')\n"
            "except StopIteration:\n"
            "    pass\n",
            """
            call gen absent
            yield gen "first"
            resume gen [5]
            yield gen [5]
            throw gen absent
            raise gen absent
            handled gen absent
            yield gen null
            resume gen "last"
            return gen "last"
            """,
            "value",
        )

    def test_lines_of_resumed_frames(self):
        self.check(
            "def gen():\n    yield 1\n    yield 2\nlist(gen())\n",
            """
            call gen 1
            yield gen 2
            resume gen 2
            yield gen 3
            resume gen 3
            return gen 3
            """,
            "line",
        )

    def test_exceptions_thrown_in_unwind_what_they_leave(self):
        self.check(
            "def inner():\n"
            "    yield 1\n"
            "def outer():\n"
            "    yield from inner()\n"
            "g = outer()\n"
            "next(g)\n"
            "try:\n"
            "    g.throw(KeyError('k'))\n"
            "except KeyError:\n"
            "    pass\n",
            """
            call outer 2 absent
            call inner 3 absent
            yield inner 3 absent
            yield outer 2 absent
            throw inner 3 {"type": "KeyError", "message": "'k'"}
            raise inner 3 {"type": "KeyError", "message": "'k'"}
            unwind inner 3 {"type": "KeyError", "message": "'k'"}
            throw outer 2 {"type": "KeyError", "message": "'k'"}
            raise outer 2 {"type": "KeyError", "message": "'k'"}
            unwind outer 2 {"type": "KeyError", "message": "'k'"}
            """,
            "frame",
            "exception",
        )

    def test_plain_functions_left_by_an_exception_unwind(self):
        self.check(
            "def f():\n"
            "    {}['x']\n"
            "def g():\n"
            "    f()\n"
            "def h():\n"
            "    try:\n"
            "        g()\n"
            "    except KeyError:\n"
            "        return None\n"
            "h()\n",
            """
            call h absent absent
            call g absent absent
            call f absent absent
            raise f absent {"type": "KeyError", "message": "'x'"}
            unwind f absent {"type": "KeyError", "message": "'x'"}
            raise g true {"type": "KeyError", "message": "'x'"}
            unwind g absent {"type": "KeyError", "message": "'x'"}
            raise h true {"type": "KeyError", "message": "'x'"}
            handled h absent {"type": "KeyError", "message": "'x'"}
            return h absent absent
            """,
            "propagated",
            "exception",
        )

    def test_handlers_are_told_and_clean_up_of_the_compiler_is_not(self):
        self.check(
            "import contextlib\n"
            "def by_finally():\n"
            "    try:\n"
            "        raise ValueError(1)\n"
            "    finally:\n"
            "        x = 1\n"
            "def by_name():\n"
            "    try:\n"
            "        raise ValueError(2)\n"
            "    except ValueError as e:\n"
            "        pass\n"
            "def by_with():\n"
            "    with contextlib.suppress(ValueError):\n"
            "        raise ValueError(3)\n"
            "    return 1\n"
            "def by_loop():\n"
            "    for x in iter(int, 0):\n"
            "        pass\n"
            "try:\n"
            "    by_finally()\n"
            "except ValueError:\n"
            "    pass\n"
            "by_name()\n"
            "by_with()\n"
            "by_loop()\n",
            """
            call by_finally absent
            raise by_finally 1
            handled by_finally 1
            unwind by_finally 1
            call by_name absent
            raise by_name 2
            handled by_name 2
            return by_name absent
            call by_with absent
            raise by_with 3
            handled by_with 3
            return by_with absent
            call by_loop absent
            return by_loop absent
            """,
            "message",
        )

    def test_coroutines_yield_and_resume(self):
        self.check(
            "class Wait:\n"
            "    def __await__(self):\n"
            "        got = yield 'asked'\n"
            "        return got\n"
            "async def main():\n"
            "    return await Wait()\n"
            "c = main()\n"
            "c.send(None)\n"
            "try:\n"
            "    c.send(9)\n"
            "except StopIteration:\n"
            "    pass\n",
            """
            call Wait absent
            return Wait null
            call main absent
            call Wait.__await__ absent
            yield Wait.__await__ "asked"
            yield main "asked"
            resume main 9
            resume Wait.__await__ 9
            return Wait.__await__ 9
            return main 9
            """,
            "value",
            leave_out="raise",
        )  # only some versions report a StopIteration inside await

    def test_a_generator_goes_on_when_what_it_waits_for_caught_the_exception_thrown_in(self):
        """3.11's settrace shows no call of `outer` then, only its lines; newer versions report a thrown StopIteration."""
        text = (
            "def inner():\n"
            "    try:\n"
            "        yield 1\n"
            "    except KeyError:\n"
            "        return 'caught'\n"
            "def outer():\n"
            "    x = yield from inner()\n"
            "    yield x\n"
            "g = outer()\n"
            "next(g)\n"
            "print(g.throw(KeyError))\n"
        )
        for python in support.pythons():
            with self.subTest(python=python):
                events = [
                    o for o in self.events(python, text) if o.get("function") == "outer" and o["event"] != "raise"
                ]
                kinds = [(o["event"], o["line"], o["frame"], o.get("value")) for o in events]
                frame = events[0]["frame"]
                self.assertIn(kinds[3][0], ("resume", "throw"))
                self.assertEqual(
                    [k for k in kinds if k[0] == "yield"], [("yield", 7, frame, 1), ("yield", 8, frame, "caught")]
                )
                self.assertIn(("line", 8, frame, None), kinds)

    def test_depths_and_parents(self):
        self.check(
            "def a():\n    return b()\ndef b():\n    return sorted([2, 1], key=c)\ndef c(i):\n    return i\na()\n",
            """
            call a 2 1 1
            call b 3 2 2
            call c 4 3 3
            return c 4 3 3
            call c 5 3 3
            return c 5 3 3
            return b 3 2 2
            return a 2 1 1
            """,
            "frame",
            "parent",
            "depth",
        )


if __name__ == "__main__":
    unittest.main()
