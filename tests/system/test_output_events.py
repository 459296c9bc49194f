"""The program's output appears as events, tied to the event that wrote it."""

import unittest

import support

WAYS = r"""
import os, sys

def ways():
    print("one", 2, [3])
    sys.stdout.write("written\n")
    sys.stdout.flush()
    sys.stdout.buffer.write(b"by the buffer\n")
    sys.stdout.buffer.flush()
    sys.stdout.buffer.raw.write(b"by the file\n")
    os.write(1, b"by the system\n")
    os.write(2, memoryview(b"to the other\n"))
    print("caf\u00e9", file=sys.stderr, flush=True)
    os.write(1, b"\xff\xfe")
    sys.stdout.writelines(["a\n", "b\n"])
    print("held back", end="")
    write = sys.stdout.write
    write("")
    sys.stdout.reconfigure(line_buffering=True)
    print("x" * 50000)

ways()
"""


class OutputEvents(support.SmileyTest):
    def setUp(self):
        super().setUp()
        self.env.pop("PYTHONUNBUFFERED", None)  # sys.stdout would have no buffer

    def recorded(self, python, text, *options, env=None):
        """The result of smiley-run, and the output events."""
        result = self.record(text, python=python, options=["-q", *options], env=env)
        lines = self.smiley("export", "last", "--format", "jsonl").objects
        self.assertTrue(lines[-1]["complete"], lines[-1])
        self.events = [o for o in lines if o["type"] == "event"]
        return result, [o for o in self.events if o["event"] in ("stdout", "stderr")]

    def each(self):
        for python in support.pythons():
            yield self.subTest(python=python), python

    def test_every_way_of_writing_is_one_event_at_its_line(self):
        for test, python in self.each():
            with test:
                result, events = self.recorded(python, WAYS)
                plain = self.run_words([python, "app.py"])
                self.assertEqual((result.code, result.out, result.err), (plain.code, plain.out, plain.err))
                told = [(o["event"], o["line"], o["function"], o["value"]) for o in events]
                long = told.pop()
                self.assertEqual(
                    told,
                    [
                        ("stdout", 5, "ways", "one 2 [3]\n"),
                        ("stdout", 6, "ways", "written\n"),
                        ("stdout", 8, "ways", "by the buffer\n"),
                        ("stdout", 10, "ways", "by the file\n"),
                        ("stdout", 11, "ways", "by the system\n"),
                        ("stderr", 12, "ways", "to the other\n"),
                        ("stderr", 13, "ways", "caf\u00e9\n"),
                        ("stdout", 14, "ways", {"$type": "bytes", "base64": "//4="}),
                        ("stdout", 15, "ways", "a\n"),
                        ("stdout", 15, "ways", "b\n"),
                        ("stdout", 16, "ways", "held back"),
                    ],
                )
                self.assertEqual(long, ("stdout", 20, "ways", {"$type": "str", "text": "x" * 32000, "cut": 18001}))
                frame = next(o for o in self.events if o["event"] == "call" and o["function"] == "ways")
                self.assertEqual({(o["frame"], o["depth"]) for o in events}, {(frame["frame"], frame["depth"])})

    def test_what_is_not_standard_output_is_none(self):
        text = (
            "import contextlib, io, os, sys\n"
            "with contextlib.redirect_stdout(io.StringIO()):\n    print('into a text')\n"
            "with open('other.txt', 'w') as file, contextlib.redirect_stdout(file):\n"
            "    print('into a file')\n    file.buffer.write(b'x')\n"
            "fd = os.open('third.txt', os.O_WRONLY | os.O_CREAT)\nos.write(fd, b'by number')\n"
            "class Mine(io.RawIOBase):\n"
            "    def writable(self):\n        return True\n"
            "    def write(self, data):\n        os.write(1, b'[' + bytes(data) + b']\\n')\n        return len(data)\n"
            "print('through mine', file=io.TextIOWrapper(io.BufferedWriter(Mine()), write_through=True), flush=True)\n"
            "again = io.TextIOWrapper(os.fdopen(1, 'wb', closefd=False))\nprint('again', file=again, flush=True)\n"
            "try:\n    print('x', file=1)\nexcept AttributeError:\n    pass\n"
            "sys.stdout = None\nprint('nowhere')\n"
        )
        for test, python in self.each():
            with test:
                result, events = self.recorded(python, text)
                self.assertEqual((result.code, result.out), (0, b"[through mine\n]\nagain\n"))
                self.assertEqual(
                    [(o["event"], o["function"], o["value"]) for o in events],
                    [("stdout", "Mine.write", "[through mine\n]\n"), ("stdout", "<module>", "again\n")],
                )

    def test_code_left_out_writes_in_the_innermost_recorded_frame(self):
        self.script(
            "quiet.py", "import sys\ndef speak(f):\n    sys.stdout.write('before\\n')\n    f()\n    print('after')\n"
        )
        text = (
            "import atexit, quiet\n"
            "def loud():\n    print('inside')\n"
            "def main():\n    quiet.speak(loud)\n"
            "main()\natexit.register(print, 'at exit')\n"
        )
        for test, python in self.each():
            with test:
                result, events = self.recorded(python, text, "--exclude", "quiet")
                self.assertEqual(result.out, b"before\ninside\nafter\nat exit\n")
                self.assertEqual(
                    [(o.get("function"), o.get("line"), o["value"]) for o in events],
                    [
                        ("main", 5, "before\n"),
                        ("loud", 3, "inside\n"),
                        ("main", 5, "after\n"),
                        (None, None, "at exit\n"),
                    ],
                )

    def test_a_print_that_calls_the_program_keeps_the_order(self):
        text = (
            "import sys\n"
            "class Calm:\n    def __str__(self):\n        return 'calm'\n"
            "class Loud:\n    def __str__(self):\n        print('from within')\n        return 'loud'\n"
            "print('so', Calm(), 'it is')\nprint('and', Loud(), 'it is')\n"
            "class Fails:\n    def __str__(self):\n        raise ValueError('no')\n"
            "try:\n    print('half', Fails())\nexcept ValueError:\n    print('caught')\n"
        )
        for test, python in self.each():
            with test:
                result, events = self.recorded(python, text)
                self.assertEqual("".join(o["value"] for o in events), result.text)
                self.assertEqual(
                    [(o["function"], o["value"]) for o in events if "and" not in o["value"]],
                    [
                        ("<module>", "so calm it is\n"),
                        ("Loud.__str__", "from within\n"),
                        ("<module>", "loud it is\n"),
                        ("<module>", "half "),
                        ("<module>", "caught\n"),
                    ],
                )

    def test_a_traceback_is_one_event(self):
        text = (
            "import threading\n"
            "def fails():\n    raise KeyError('gone')\n"
            "t = threading.Thread(target=fails)\nt.start()\nt.join()\nfails()\n"
        )
        for test, python in self.each():
            with test:
                result, events = self.recorded(python, text)
                self.assertEqual(result.code, 1)
                self.assertEqual("".join(o["value"] for o in events), result.words)
                values = [o["value"] for o in events]
                self.assertEqual(len([v for v in values if "Traceback" in v]), 2, values)
                self.assertIn("KeyError: 'gone'\n", values[-1])

    def test_hidden_texts_are_hidden_in_output(self):
        text = (
            "import os, sys\npassword = 'open-' + 'sesame-1234'\n"
            "print('it is', password)\nsys.stdout.buffer.write(password.encode() + b'\\n')\nsys.stdout.flush()\n"
            "os.write(2, password.encode())\n"
            "for part in ('open-', 'sesame-1234'):\n    pass\nprint('open-', 'sesame-1234', sep='')\n"
        )
        for test, python in self.each():
            with test:
                result, events = self.recorded(python, text)
                self.assertIn(b"it is open-sesame-1234\n", result.out)
                self.assertEqual([o["value"] for o in events], ["it is ***\n", "***\n", "***", "***\n"])

    def test_modes_of_the_streams_stay(self):
        text = (
            "import sys\nprint(sys.stdout.encoding, sys.stdout.errors, sys.stdout.line_buffering, sys.stdout.isatty())\n"
            "print(type(sys.stdout.write).__name__, sys.stdout.write.__name__, sys.stdout is sys.__stdout__)\n"
            "print('\\u00fc\\udcff')\nsys.stderr.write('\\ud800\\n')\n"
        )
        environment = dict(self.env, PYTHONIOENCODING="latin-1:surrogateescape", PYTHONUNBUFFERED="1")
        for test, python in self.each():
            with test:
                result, events = self.recorded(python, text, env=environment)
                plain = self.run_words([python, "app.py"], env=environment)
                self.assertEqual((result.code, result.out, result.err), (plain.code, plain.out, plain.err))
                self.assertEqual(len(events), 4)
                self.assertEqual(events[2]["value"], {"$type": "str", "base64": "w7zts78K"})
                self.assertEqual(events[3]["value"], {"$type": "str", "base64": "7aCACg=="})

    def test_it_is_shown_live_and_again(self):
        python = support.pythons()[0]
        self.recorded(python, "print('some', 'words')\n")
        shown = self.smiley("replay", "last")
        self.assertRegex(shown.text, r"app\.py:1 .*some words")
        found = self.smiley("replay", "last", "--json", "--where", 'event == stdout and value ~ "some"').objects
        self.assertEqual([o["value"] for o in found], ["some words\n"])

    def test_a_terminal_stays_one(self):
        python = support.pythons()[0]
        self.script("tty.py", "import sys\nprint(sys.stdout.isatty(), sys.stdout.line_buffering, 'tty')\n")
        child, master = self.in_terminal(self.command("run", "-q", "--python", python, "tty.py"), b"True True tty")
        self.assertEqual(child.wait(support.TIMEOUT), 0)


if __name__ == "__main__":
    unittest.main()
