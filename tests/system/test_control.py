"""The options of smiley-run that limit recording: start, stop, depth, and the explanation of filters."""

import os
import subprocess
import unittest

import support

SHOP = """\
def price(n):
    return n * 2

def pay(n):
    total = price(n)
    return total

class Shop:
    def day(self):
        sold = 0
        for n in (1, 2):
            sold += pay(n)
        return sold

def numbers(n):
    if n > 0:
        yield n
        yield from numbers(n - 1)

def main():
    first = Shop().day()
    found = list(numbers(3))
    return first

main()
"""


class Control(support.SmileyTest):
    def events(self, python, *options, text=SHOP):
        self.result = self.record(text, python=python, options=["-q", *options])
        self.assert_code(self.result, 0)
        self.lines = self.smiley("export", "last", "--format", "jsonl").objects
        self.assertEqual(self.lines[-1]["lost"], 0)
        return [
            o
            for o in self.lines
            if o["type"] == "event" and ("-packages/" not in o.get("file", "") or o["file"].startswith(self.work))
        ]

    def each(self):
        for python in support.pythons():
            yield self.subTest(python=python), python

    def test_an_empty_module_does_not_end_recording(self):
        for test, python in self.each():
            with test:
                os.makedirs(os.path.join(self.work, "empty"), exist_ok=True)
                with open(os.path.join(self.work, "empty", "__init__.py"), "w") as file:
                    file.write("# Nothing.\n")
                events = self.events(python, text="import empty\n" + SHOP)
                self.assertEqual([o["event"] for o in events].count("end"), 0)
                self.assertIn("numbers", [o["function"] for o in events if o["event"] == "call"])

    def test_max_depth_leaves_out_what_is_deeper(self):
        for test, python in self.each():
            with test:
                events = self.events(python, "--max-depth", "3")
                calls = [o["function"] for o in events if o["event"] == "call"]
                self.assertEqual(calls, ["<module>", "Shop", "main", "Shop.day", "numbers"])
                self.assertEqual(max(o.get("depth", 0) for o in events), 2)
                # A generator that was called too deep is left out wherever it is resumed.
                self.assertEqual([o["value"] for o in events if o["event"] == "yield"], [3, 2, 1])

    def test_recording_starts_at_a_function(self):
        for test, python in self.each():
            with test:
                events = self.events(python, "--start-at", "Shop.day")
                calls = [(o["function"], o["depth"]) for o in events if o["event"] == "call"]
                self.assertEqual(calls[:3], [("Shop.day", 2), ("pay", 3), ("price", 4)])
                # Functions that are running at that moment are recorded from there on.
                back = [o for o in events if o.get("function") == "main" and o["event"] == "line"]
                self.assertEqual([o["line"] for o in back], [22, 23])
                self.assertEqual(back[0]["changed"]["first"], 6)
                module = [o["event"] for o in events if o.get("function") == "<module>"]
                self.assertEqual(module, ["return"])

    def test_recording_starts_at_a_line(self):
        for test, python in self.each():
            with test:
                events = self.events(python, "--start-at", "app.py:6")
                first = [o for o in events if "function" in o][0]
                self.assertEqual(
                    (first["event"], first["function"], first["line"], first["depth"]), ("line", "pay", 6, 3)
                )
                self.assertEqual(first["changed"]["total"], 2)

    def test_recording_stops_behind_a_function_a_line_or_so_many_events(self):
        for test, python in self.each():
            with test:
                events = self.events(python, "--stop-after", "price")
                self.assertEqual(
                    [(o["event"], o.get("function")) for o in events[-2:]], [("return", "price"), ("end", None)]
                )
                self.assertEqual([o["function"] for o in events if o["event"] == "return"], ["Shop", "price"])
                events = self.events(python, "--stop-after", "app.py:6")
                self.assertEqual([(o["event"], o.get("line")) for o in events[-2:]], [("line", 6), ("end", None)])
                self.events(python, "--stop-after", "10")
                recorded = [o for o in self.lines if o["type"] == "event"]
                self.assertEqual(([o["seq"] for o in recorded], recorded[-1]["event"]), (list(range(1, 12)), "end"))

    def test_a_stretch_in_the_middle(self):
        for test, python in self.each():
            with test:
                events = self.events(python, "--start-at", "pay", "--stop-after", "pay")
                self.assertEqual([o["function"] for o in events if o["event"] == "call"], ["pay", "price"])
                self.assertEqual(events[-1]["event"], "end")

    def test_filters_are_explained(self):
        for test, python in self.each():
            with test:
                self.script("quiet.py", "import textwrap\ntextwrap.dedent('x')\n")
                self.events(python, "--explain-filters", "--exclude", "quiet", text="import quiet\nquiet\n")
                recorded = {}
                for line in self.result.words.splitlines():
                    self.assertTrue(line.startswith("smiley: "), line)
                    fields = [f for f in line.split("  ") if f.strip()]
                    if len(fields) == 4:
                        recorded[os.path.basename(fields[3].strip())] = (fields[1].strip(), fields[2].strip())
                self.assertEqual(recorded["app.py"], ("recorded", "the program's own"))
                self.assertEqual(recorded["quiet.py"], ("left out", "--exclude quiet"))
                self.assertEqual(recorded["textwrap.py"], ("left out", "standard library"))
                self.assertEqual(os.listdir(os.path.join(self.home, "spool")), [])

    def test_collections_and_imports_are_recorded_on_request(self):
        text = "import gc\ndef main():\n    import colorsys\n    import colorsys\n    gc.collect()\n    return gc.collect(0)\nmain()\n"
        for test, python in self.each():
            with test:
                events = self.events(python, "--gc", "--imports", text=text)
                recorded = [
                    (o["event"], o["line"])
                    for o in events
                    if o["event"] in ("gc", "mark") and o.get("function") == "main"
                ]
                self.assertEqual(recorded, [("mark", 3), ("gc", 5), ("gc", 6)])
                mark = next(o for o in events if o["event"] == "mark" and o.get("function") == "main")
                self.assertEqual((mark["value"], mark["changed"]), ("import", {"module": "colorsys"}))
                gc = dict(
                    map(tuple, next(o for o in events if o["event"] == "gc" and o["line"] == 6)["value"]["items"])
                )
                self.assertEqual(gc["generation"], 0)
                self.assertLessEqual({"generation", "collected", "uncollectable"}, set(gc))  # 3.15 reports more
                events = self.events(python, text=text)
                self.assertEqual([o for o in events if o["event"] in ("gc", "mark")], [])

    def test_log_records_are_marks_on_request(self):
        text = (
            "import logging\n"
            "class Loud:\n    def __str__(self):\n        raise RuntimeError('asked')\n    __repr__ = __str__\n"
            "def main():\n"
            "    log = logging.getLogger('shop')\n    log.setLevel(logging.INFO)\n"
            "    log.addHandler(logging.NullHandler())\n    log.propagate = False\n"
            "    log.debug('not this')\n"
            "    log.info('sold %s of %s', 3, Loud())\n"
            "    logging.getLogger('shop.till').warning('empty')\n"
            "main()\n"
        )
        for test, python in self.each():
            with test:
                marks = [o for o in self.events(python, "--log", text=text) if o["event"] == "mark"]
                self.assertEqual(
                    [(o["value"], o["function"], o["line"]) for o in marks],
                    [("log", "main", 12), ("log", "main", 13)],
                )
                first, second = (o["changed"] for o in marks)
                self.assertEqual(
                    (first["logger"], first["level"], first["message"]), ("shop", "INFO", "sold %s of %s")
                )
                self.assertEqual(first["args"]["items"][0], 3)
                self.assertEqual(second, {"logger": "shop.till", "level": "WARNING", "message": "empty"})

    def test_functions_written_in_c_are_told_on_request(self):
        text = (
            "def twice(n):\n    return n * 2\n"
            "def main():\n"
            "    found = []\n    found.append(len('abc'))\n"
            "    list(map(twice, found))\n"
            "    sorted([2, 1], key=twice)\n"
            "    try:\n        chr(-1)\n    except ValueError:\n        pass\n"
            "    return int('3')\n"
            "main()\n"
        )
        for test, python in self.each():
            with test:
                for detail in ("values", "calls"):
                    events = self.events(python, "--c-calls", "--detail", detail, text=text)
                    recorded = [(o["event"], o["value"]) for o in events if o["event"].startswith("c_")]
                    self.assertEqual(
                        recorded,
                        [
                            ("c_call", "len"),
                            ("c_return", "len"),
                            ("c_call", "list.append"),
                            ("c_return", "list.append"),
                            ("c_call", "sorted"),
                            ("c_return", "sorted"),
                            ("c_call", "chr"),
                            ("c_raise", "chr"),
                        ],
                    )
                    inside = [o["event"] for o in events if o["event"] in ("c_call", "c_return", "call", "return")]
                    at = next(i for i, o in enumerate(events) if o.get("value") == "sorted")
                    self.assertEqual(
                        [o["event"] for o in events[at:] if o["event"] in ("c_return", "call", "return")][:5],
                        ["call", "return", "call", "return", "c_return"],
                        inside,
                    )
                    self.assertEqual({o["function"] for o in events if o["event"].startswith("c_")}, {"main"})

    # From 3.14 on an interpreter can be attached to; before, the process is not touched.
    def test_a_process_that_runs_already_is_recorded_as_asked_or_left_alone(self):
        for test, python in self.each():
            with test:
                self.script(
                    "waits.py",
                    "def inner():\n    return 1\n\ndef outer():\n    return inner()\n\n"
                    "print('here', flush=True)\ninput()\nfor _ in range(3): outer()\nprint('done')\n",
                )
                child = subprocess.Popen(
                    [python, os.path.join(self.work, "waits.py")],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env=self.env,
                )
                self._children.append(child)
                self.read_until(child.stdout, b"here\n")
                lets_in = (
                    subprocess.check_output([python, "-c", "import sys; print(hasattr(sys, 'remote_exec'))"])
                    == b"True\n"
                )
                result = self.smiley(
                    "run", "--attach", child.pid, "--detail", "calls", "--max-depth", "2", "--name", "late"
                )
                if not lets_in:
                    self.assert_code(result, 125)
                    self.assertIn("smiley.start()", self.assert_one_line(result))
                self.assertEqual(child.communicate(b"\n", support.TIMEOUT)[0], b"done\n")
                self.assertEqual(child.returncode, 0)
                if lets_in:
                    self.assert_code(result, 0)
                    recorded = self.smiley("export", "last", "--format", "jsonl").objects
                    calls = [o["function"] for o in recorded if o["type"] == "event" and o["event"] == "call"]
                    self.assertEqual(calls, ["outer"] * 3)
                    self.assertEqual(recorded[0]["detail"], "calls")
        for words, said in (
            (["--attach", "x"], "id of a process"),
            (["--attach", os.getpid(), "app.py"], "takes no program"),
            (["--attach", 2**31 - 1], "no process"),
            (["--attach", os.getpid(), "--redact", "pin", "--no-redact"], "--no-redact"),
            (["--attach", os.getpid(), "--capture-fd"], "--capture-fd"),
        ):
            result = self.smiley("run", *words)
            self.assert_code(result, 125)
            self.assertIn(said, self.assert_one_line(result))

    def test_wrong_places_are_refused(self):
        for words in (
            ["--start-at", "12"],
            ["--stop-after", "0"],
            ["--start-at", "app.py:"],
            ["--stop-after", ":3"],
            ["--max-depth", "0"],
            ["--start-at", ""],
            ["--detail", "calls", "--start-at", "app.py:3"],
        ):
            result = self.smiley("run", *words, "app.py")
            self.assert_code(result, 125)
            self.assert_one_line(result)


if __name__ == "__main__":
    unittest.main()
