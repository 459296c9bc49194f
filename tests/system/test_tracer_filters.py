"""Filters by file and --detail choose the functions and kinds of events that are recorded."""

import os
import unittest

import support


class Filters(support.SmileyTest):
    def setUp(self):
        super().setUp()
        self.env["PYTHONDONTWRITEBYTECODE"] = "1"

    def module(self, name, text):
        path = os.path.join(self.work, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        return path

    def events(self, python, text, *options):
        result = self.record(text, python=python, options=["-q", *options])
        self.assertEqual((result.code, result.err), (0, b""), repr(result))
        lines = self.smiley("export", "last", "--format", "jsonl").objects
        self.assertTrue(lines[-1]["complete"])
        self.assertEqual(lines[-1]["lost"], 0)
        # Start-up files of the system in site-packages do not matter here.
        return [
            o
            for o in lines
            if o["type"] == "event" and ("-packages/" not in o.get("file", "") or o["file"].startswith(self.work))
        ]

    def functions(self, events):
        """module.function of every call."""
        return [
            os.path.basename(o["file"])[:-3] + "." + o["function"]
            for o in events
            if o["event"] == "call" and o["file"].endswith(".py")
        ]

    def each(self):
        for python in support.pythons():
            yield self.subTest(python=python), python

    TEXT = (
        "import json\n"
        "def back(o):\n"
        "    return 'told'\n"
        "def main():\n"
        "    return json.dumps([object()], default=back, indent=1)\n"
        "main()\n"
    )

    def test_the_standard_library_is_off(self):
        for test, python in self.each():
            with test:
                events = self.events(python, self.TEXT)
                found = self.functions(events)
                self.assertIn("app.main", found)
                self.assertIn("app.back", found)  # called by code that is left out
                self.assertEqual([f for f in found if f.startswith(("encoder.", "__init__.", "decoder."))], [])
                back = next(o for o in events if o["event"] == "call" and o["function"] == "back")
                main = next(o for o in events if o["event"] == "call" and o["function"] == "main")
                self.assertEqual(back["parent"], main["frame"])
                self.assertEqual(back["depth"], main["depth"] + 1)

    def test_it_can_be_included(self):
        for test, python in self.each():
            with test:
                found = self.functions(self.events(python, self.TEXT, "--include-stdlib"))
                self.assertIn("__init__.dumps", found)
                self.assertIn("encoder.JSONEncoder.encode", found)
                self.assertIn("app.back", found)

    def test_one_package_can_be_included(self):
        text = "import textwrap\n" + self.TEXT + "textwrap.wrap('a b c', 2)\n"
        for test, python in self.each():
            with test:
                for name in ("json", "*/json/*"):
                    found = self.functions(self.events(python, text, "--include", name))
                    self.assertIn("encoder.JSONEncoder.encode", found)
                    self.assertNotIn("textwrap.wrap", found)
                found = self.functions(self.events(python, text, "--include", "json.encoder"))
                self.assertIn("encoder.JSONEncoder.encode", found)
                self.assertNotIn("__init__.dumps", found)

    def test_code_left_out_keeps_what_it_calls(self):
        self.module("middle.py", "def middle(f):\n    return f()\n")
        text = "import middle\ndef leaf():\n    return 1\ndef main():\n    return middle.middle(leaf)\nmain()\n"
        for test, python in self.each():
            with test:
                self.assertEqual(
                    self.functions(self.events(python, text)),
                    ["app.<module>", "middle.<module>", "app.main", "middle.middle", "app.leaf"],
                )
                for pattern in ("middle", "*/middle.py", "mid*.py"):
                    events = self.events(python, text, "--exclude", pattern)
                    self.assertEqual(self.functions(events), ["app.<module>", "app.main", "app.leaf"], pattern)
                    depths = {o["function"]: o["depth"] for o in events if o["event"] == "call"}
                    self.assertEqual(depths, {"<module>": 0, "main": 1, "leaf": 2})

    def test_generators_and_exceptions_pass_through_code_left_out(self):
        self.module("middle.py", "def gen(f):\n    for x in f():\n        yield x\ndef call(f):\n    f()\n")
        text = (
            "import middle\n"
            "def numbers():\n    yield 1\n    yield 2\n"
            "def fails():\n    raise ValueError('x')\n"
            "def main():\n    total = 0\n    for n in middle.gen(numbers):\n        total += n\n"
            "    try:\n        middle.call(fails)\n    except ValueError:\n        return total\n"
            "main()\n"
        )
        for test, python in self.each():
            with test:
                events = self.events(python, text, "--exclude", "middle")
                kinds = [
                    (o["event"], o["function"])
                    for o in events
                    if o["event"] not in ("line", "thread_start") and o["function"] != "<module>"
                ]
                self.assertEqual(
                    kinds,
                    [
                        ("call", "main"),
                        ("call", "numbers"),
                        ("yield", "numbers"),
                        ("resume", "numbers"),
                        ("yield", "numbers"),
                        ("resume", "numbers"),
                        ("return", "numbers"),
                        ("call", "fails"),
                        ("raise", "fails"),
                        ("unwind", "fails"),
                        ("raise", "main"),
                        ("handled", "main"),
                        ("return", "main"),
                    ],
                )

    def test_site_packages_are_on_and_can_be_left_out(self):
        self.module("lib/site-packages/installed/__init__.py", "def f(g):\n    return g()\n")
        text = (
            "import os, sys\n"
            "sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib', 'site-packages'))\n"
            "import installed\n"
            "def mine():\n    return 1\n"
            "installed.f(mine)\n"
        )
        for test, python in self.each():
            with test:
                self.assertEqual(
                    self.functions(self.events(python, text)),
                    ["app.<module>", "__init__.<module>", "__init__.f", "app.mine"],
                )
                self.assertEqual(
                    self.functions(self.events(python, text, "--no-site-packages")), ["app.<module>", "app.mine"]
                )
                self.assertEqual(
                    self.functions(self.events(python, text, "--no-site-packages", "--include", "installed")),
                    ["app.<module>", "__init__.<module>", "__init__.f", "app.mine"],
                )

    def test_exclude_wins_over_include(self):
        for test, python in self.each():
            with test:
                found = self.functions(
                    self.events(python, self.TEXT, "--include", "json", "--exclude", "*/encoder.py")
                )
                self.assertIn("__init__.dumps", found)
                self.assertNotIn("encoder.JSONEncoder.encode", found)

    def test_code_without_a_file_belongs_to_the_program(self):
        text = "names = {}\nexec(compile('def f():\\n    return 1\\n', '<made>', 'exec'), names)\nnames['f']()\n"
        for test, python in self.each():
            with test:
                calls = [(o["file"], o["function"]) for o in self.events(python, text) if o["event"] == "call"]
                self.assertIn(("<made>", "f"), calls)
                self.assertFalse([f for f, _ in calls if f.startswith("<frozen")], calls)

    # Methods of data classes and named tuples, made after recording began and before it (by what the interpreter's own
    # start imports); statements that library code runs for somebody.
    MADE = (
        "import collections, dataclasses, doctest, timeit, functools\n"
        "@dataclasses.dataclass(order=True)\n"
        "class Point:\n    x: int\n    y: int = 0\n"
        "    def __post_init__(self):\n        self.z = 1\n"
        "Pair = collections.namedtuple('Pair', 'a b')\n"
        "@functools.lru_cache\ndef cached(n):\n    return n\n"
        "def main():\n"
        "    'Shows.\\n\\n    >>> mine(4)\\n    5\\n    '\n"
        "    Point(1) < Point(2), Pair(1, 2), cached(1), cached.cache_info()\n"
        "def mine(n):\n    return n + 1\n"
        "main()\n"
        "timeit.timeit('mine(1)', globals=globals(), number=1)\n"
        "doctest.testmod()\n"
        "exec('def own():\\n    return mine(2)\\nown()')\n"
        "print(eval('[mine(i) for i in range(2)]'))\n"
    )

    def test_code_that_the_standard_library_makes_is_the_library_s(self):
        for test, python in self.each():
            with test:
                events = self.events(python, self.MADE)
                calls = [(o["file"], o["function"]) for o in events if o["event"] == "call"]
                made = {f for file, f in calls if file == "<string>"}
                self.assertEqual(made - {"<listcomp>"}, {"<module>", "own"})  # of exec and eval above
                self.assertIn("Point.__post_init__", [f for _, f in calls])  # called by what is left out
                self.assertTrue([f for f, _ in calls if f.startswith("<doctest ")], calls)
                self.assertTrue([f for f, _ in calls if f.startswith("<timeit")], calls)
                with_library = self.events(python, self.MADE, "--include-stdlib")
                self.assertLessEqual(
                    {"__create_fn__.<locals>.__init__", "__create_fn__.<locals>.__lt__", "own"},
                    {o["function"] for o in with_library if o.get("file") == "<string>"},
                )
                one = self.events(python, self.MADE, "--include", "dataclasses")
                self.assertIn(
                    "__create_fn__.<locals>.__init__", {o["function"] for o in one if o.get("file") == "<string>"}
                )
                self.assertEqual(
                    {
                        o["function"]
                        for o in self.events(python, self.MADE, "--include", "<string>")
                        if o.get("file") == "<string>" and o["function"] == "<lambda>"
                    },
                    {"<lambda>"},
                )

    def test_code_that_left_out_code_makes_is_left_out(self):
        self.module(
            "middle.py",
            "def make():\n    names = {}\n"
            "    exec(compile('def f(g):\\n    return g()\\n', '<generated f>', 'exec'), names)\n"
            "    return names['f'], eval('lambda g: g()')\n",
        )
        text = "import middle\ndef leaf():\n    return 1\nf, g = middle.make()\nf(leaf), g(leaf)\n"
        for test, python in self.each():
            with test:
                shown = {
                    (o["file"], o["function"]) for o in self.events(python, text) if o.get("file", "").startswith("<")
                }
                self.assertEqual(
                    shown,
                    {
                        ("<generated f>", "<module>"),
                        ("<generated f>", "f"),
                        ("<string>", "<module>"),
                        ("<string>", "<lambda>"),
                    },
                )
                events = self.events(python, text, "--exclude", "middle")
                self.assertEqual([o for o in events if o.get("file", "").startswith("<")], [])
                self.assertEqual(self.functions(events), ["app.<module>", "app.leaf", "app.leaf"])

    def test_detail(self):
        text = (
            "def gen():\n    yield 1\n"
            "def f(x):\n    y = x + 1\n    return y\n"
            "f(3)\nlist(gen())\n"
            "try:\n    {}['k']\nexcept KeyError:\n    pass\n"
        )
        for test, python in self.each():
            with test:
                values = self.events(python, text)
                lines = self.events(python, text, "--detail", "lines")
                calls = self.events(python, text, "--detail", "calls")
                explicit = self.events(python, text, "--detail", "values")

                def shape(events, leave_out=()):
                    return [
                        (o["event"], o.get("function"), o.get("line")) for o in events if o["event"] not in leave_out
                    ]

                self.assertEqual(shape(values), shape(explicit))
                self.assertEqual(shape(lines), shape(values))
                self.assertFalse([o for o in lines if "changed" in o or "value" in o])
                self.assertTrue([o for o in values if "changed" in o])
                self.assertFalse([o for o in calls if o["event"] == "line" or "changed" in o])
                kinds = ("call", "return", "yield", "resume", "unwind")
                self.assertEqual(
                    [(o["event"], o["function"]) for o in calls if o["event"] in kinds],
                    [(o["event"], o["function"]) for o in values if o["event"] in kinds],
                )


if __name__ == "__main__":
    unittest.main()
