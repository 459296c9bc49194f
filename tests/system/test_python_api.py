"""The package smiley: a program starts, pauses and ends its own recording, adds marks, and reads runs."""

import json
import os
import unittest

import support

LIB = os.path.join(os.path.dirname(support.BIN), "lib", "smiley", "python")


class PythonApi(support.SmileyTest):
    def setUp(self):
        super().setUp()
        self.env["PYTHONPATH"] = LIB
        self.env["PYTHONDONTWRITEBYTECODE"] = "1"

    def each(self):
        for python in support.pythons():
            yield self.subTest(python=python), python

    def run_plain(self, python, text):
        """Runs a program without smiley-run; returns its result and the lines of the newest run."""
        result = self.run_words([python, self.script("app.py", text)])
        self.assertEqual((result.code, result.err), (0, b""), repr(result))
        lines = self.smiley("export", "last", "--format", "jsonl").objects
        self.assertEqual(lines[-1]["lost"], 0)
        self.events = [o for o in lines if o["type"] == "event"]
        return result, lines

    def test_a_program_records_itself(self):
        text = (
            "import smiley, sys, threading\n"
            "def early():\n    return 0\n"
            "def work(n):\n    double = n * 2\n    return double\n"
            "def other():\n    began.set()\n    go.wait()\n    seen = 1\n    return work(seen)\n"
            "began, go = threading.Event(), threading.Event()\n"
            "thread = threading.Thread(target=other)\nthread.start()\nbegan.wait()\n"
            "early()\n"
            "def main():\n"
            "    before = 'known'\n"
            "    run = smiley.start(name='by itself')\n"
            "    one = work(1)\n"
            "    smiley.pause()\n"
            "    two = work(2)\n"
            "    assert not smiley.recording()\n"
            "    smiley.resume()\n"
            "    three = work(3)\n"
            "    assert smiley.mark('here', number=4, password='hidden-words')\n"
            "    go.set()\n    thread.join()\n"
            "    smiley.stop()\n"
            "    work(5)\n"
            "    return run\n"
            "print(main(), smiley.run_id(), sys.gettrace())\n"
        )
        for test, python in self.each():
            with test:
                result, lines = self.run_plain(python, text)
                run, same, trace = result.text.split()
                self.assertEqual((run, same, trace), (lines[0]["id"], run, "None"))
                self.assertEqual(lines[0]["command"], [os.path.join(self.work, "app.py")])
                self.assertEqual({o["file"] for o in self.events if "file" in o}, {os.path.join(self.work, "app.py")})
                works = [o["changed"]["n"] for o in self.events if o["event"] == "call" and o["function"] == "work"]
                self.assertEqual(works, [1, 3, 1])
                main = [o for o in self.events if o.get("function") == "main"]
                self.assertEqual(len({o["frame"] for o in main}), 1)
                self.assertEqual({o["depth"] for o in main}, {1})
                numbers = [o["line"] for o in main if o["event"] == "line"]
                self.assertEqual(numbers, [20, 21, 25, 26, 27, 28, 29])
                self.assertEqual(
                    [o["changed"]["one"] for o in main if "one" in o.get("changed", {})][:2],
                    [{"$type": "unbound"}, 2],
                )
                mark = next(o for o in self.events if o["event"] == "mark")
                self.assertEqual((mark["value"], mark["line"], mark["function"]), ("here", 26, "main"))
                self.assertEqual(mark["changed"], {"number": 4, "password": {"$type": "redacted"}})
                # A running thread is recorded from that moment on.
                elsewhere = [o for o in self.events if o.get("function") == "other"]
                self.assertEqual([o["event"] for o in elsewhere], ["line", "line", "return"])
                self.assertEqual({o["depth"] for o in elsewhere}, {0})
                self.assertEqual([o["event"] for o in self.events if o["event"] == "end"], ["end"])

    def test_start_takes_what_smiley_run_takes(self):
        text = (
            "import gc, logging, smiley\n"
            "logging.getLogger('shop').addHandler(logging.NullHandler())\n"
            "smiley.start(max_depth=3, depth=1, items=3, chars=4, gc=True, log=True, c_calls=True, redact=['pin'],\n"
            "             start_at='main', stop_after='main', on_full='drop', block_timeout=0.5)\n"
            "print(smiley.recording())\n"
            "def early():\n    pass\n"
            "def deeper():\n    hidden = 1\n"
            "def inner(pin, many, text):\n"
            "    deeper()\n    gc.collect()\n    return len(text)\n"
            "def main():\n"
            "    logging.getLogger('shop').warning('said %s', 1)\n"
            "    return inner(1234, [1, 2, [3], 4, 5], 'abcdefgh')\n"
            "early()\nmain()\nearly()\n"
            "for wrong in (dict(detail='all'), dict(on_full='x'), dict(items=0), dict(chars=True), dict(block_timeout=-1),\n"
            "              dict(redact=['x'], redaction=False), dict(stop_after=0)):\n"
            "    try:\n        smiley.start(**wrong)\n        print(wrong)\n    except ValueError:\n        pass\n"
        )
        for test, python in self.each():
            with test:
                result, lines = self.run_plain(python, text)
                self.assertEqual(result.text, "False\n")
                called = [o["function"] for o in self.events if o["event"] == "call" and o["file"].endswith("app.py")]
                self.assertEqual(called, ["main", "inner"])
                inner = next(o for o in self.events if o["event"] == "call" and o["function"] == "inner")["changed"]
                self.assertEqual(inner["pin"], {"$type": "redacted"})
                self.assertEqual(inner["many"]["cut"], 2)
                self.assertEqual(inner["many"]["items"][2]["cut"], 1)
                self.assertEqual(inner["text"], {"$type": "str", "text": "abcd", "cut": 4})
                kinds = {o["event"] for o in self.events}
                self.assertTrue({"gc", "c_call", "end"} <= kinds, kinds)
                self.assertIn("log", [o["value"] for o in self.events if o["event"] == "mark"])

    def test_redaction_can_be_left_out(self):
        for test, python in self.each():
            with test:
                self.run_plain(
                    python,
                    "import smiley\n"
                    "def pay(password):\n    return 1\n"
                    "with smiley.record(redaction=False, stop_after=1000):\n    pay('plain words')\n",
                )
                call = next(o for o in self.events if o["event"] == "call" and o["function"] == "pay")
                self.assertEqual(call["changed"]["password"], "plain words")

    def test_blocks_and_functions(self):
        text = (
            "import asyncio, smiley\n"
            "def work(n):\n    return n\n"
            "@smiley.record\ndef plain(n):\n    return work(n)\n"
            "@smiley.record(name='x')\ndef many(n):\n    yield work(n)\n    yield work(n + 1)\n"
            "@smiley.record\nasync def later(n):\n    await asyncio.sleep(0)\n    return work(n)\n"
            "class Base:\n    @smiley.record\n    def method(self):\n        return work(50)\n"
            "work(1)\n"
            "print(plain(10), plain.__name__)\nwork(2)\n"
            "print(list(many(20)))\nwork(3)\n"
            "print(asyncio.run(later(30)))\nwork(4)\n"
            "with smiley.record() as outer:\n    with smiley.record():\n        work(40)\n    work(41)\nwork(5)\n"
            "Base().method()\n"
            "try:\n    with smiley.record():\n        raise KeyError(1)\nexcept KeyError:\n    print(smiley.recording())\n"
        )
        for test, python in self.each():
            with test:
                result, lines = self.run_plain(python, text)
                self.assertEqual(result.text, "10 plain\n[20, 21]\n30\nFalse\n")
                works = [o["changed"]["n"] for o in self.events if o["event"] == "call" and o["function"] == "work"]
                self.assertEqual(works, [10, 20, 21, 30, 40, 41, 50])
                self.assertEqual(len([o for o in lines if o["type"] == "run"]), 1)

    def test_within_a_recorded_program(self):
        text = (
            "import smiley\n"
            "def work(n):\n    return n\n"
            "print(smiley.recording(), smiley.start() == smiley.run_id())\n"
            "smiley.pause()\nwork(1)\nsmiley.resume()\nwork(2)\n"
            "with smiley.record():\n    work(3)\nwork(4)\nsmiley.mark('so')\n"
        )
        for test, python in self.each():
            with test:
                result = self.record(text, python=python, options=["-q"])
                self.assertEqual((result.code, result.out), (0, b"True True\n"), repr(result))
                lines = self.smiley("export", "last", "--format", "jsonl").objects
                self.assertTrue(lines[-1]["complete"])
                works = [o["changed"]["n"] for o in lines if o.get("event") == "call" and o.get("function") == "work"]
                self.assertEqual(works, [2, 3, 4])
                self.assertEqual(
                    {o["frame"] for o in lines if o.get("function") == "<module>" and o["file"].endswith("/app.py")},
                    {1},
                )

    def test_cells_of_a_shell_have_their_texts(self):
        text = (
            "import ast, linecache, smiley\n"
            "smiley.start()\n"
            "for name in ('<cell 1>', '/tmp/no-such-folder/cell.py'):\n"
            "    cell = 'def double(x):\\n    return x * 2\\ny = double(%d)\\n' % len(name)\n"
            "    linecache.cache[name] = len(cell), None, cell.splitlines(True), name\n"
            "    exec(compile(ast.parse(cell), name, 'exec'))\n"
        )
        for test, python in self.each():
            with test:
                _, lines = self.run_plain(python, text)
                texts = {o["file"]: o["text"] for o in lines if o["type"] == "source"}
                for name in ("<cell 1>", "/tmp/no-such-folder/cell.py"):
                    self.assertEqual(texts[name], "def double(x):\n    return x * 2\ny = double(%d)\n" % len(name))

    def test_runs_are_read(self):
        python = support.pythons()[0]
        program = "def add(a, b):\n    total = a + b\n    return total\nx = add(1, 2)\nx = add(x, 4)\n"
        self.assert_code(self.record(program, python=python, options=["-q", "--name", "sums"]), 0)
        exported = self.smiley("export", "last", "--format", "jsonl").objects
        frame = [o["frame"] for o in exported if o.get("event") == "call" and o["function"] == "add"][1]
        call = next(o for o in exported if o.get("frame") == frame and o["event"] == "line" and o["line"] == 3)
        reader = (
            "import json, smiley\n"
            "run = smiley.runs(limit=1)[0]\n"
            "events = list(run.events())\n"
            "found = list(run.events(where='event == call and function == \"add\"'))\n"
            "state = run.at('%d:%d')\n"
            "print(json.dumps([run.id, run.name, run.exit_code, len(events), [e['changed'] for e in found], state.variables,\n"
            "                  [f['function'] for f in state.frames], state.frames[1]['variables']['x'],\n"
            "                  len(run.threads()), len(run.sources())]))\n"
            "for wrong in (lambda: run.at('1:999999'), lambda: list(run.events(where='event =='))):\n"
            "    try:\n        wrong()\n    except smiley.Error as error:\n        print(error)\n"
            % (call["thread"], call["seq"])
        )
        result = self.run_words([python, "-c", reader])
        self.assertEqual(result.code, 0, repr(result))
        first, second, third = result.text.splitlines()
        told = json.loads(first)
        events = [o for o in exported if o["type"] == "event"]
        self.assertEqual(told[:4], [exported[0]["id"], "sums", 0, len(events)])
        self.assertEqual(told[4], [{"a": 1, "b": 2}, {"a": 3, "b": 4}])
        self.assertEqual(told[5:8], [{"a": 3, "b": 4, "total": 7}, ["add", "<module>"], 3])
        self.assertEqual(told[8], 1)
        self.assertIn("ends at 1:", second)
        self.assertTrue(third)


if __name__ == "__main__":
    unittest.main()
