"""The program's output, the event that wrote each line, and the state at that event."""

import unittest

import support

PROGRAM = """import sys

def greet(name):
    text = "hello " + name
    print(text)

def warn(n):
    sys.stderr.write("careful: %d\\n" % n)

greet("Ann")
warn(3)
sys.stdout.write("half, ")
greet("Bob")
warn(4)
"""
STDOUT = ["hello Ann", "half, hello Bob"]
STDERR = ["careful: 3", "careful: 4"]


class Output(support.SmileyTest):
    def setUp(self):
        super().setUp()
        for python in support.pythons()[:1]:
            self.assert_code(self.record(PROGRAM, python=python, options=("-q",)), 0)

    def test_it_is_printed_as_it_was_written(self):
        self.assertEqual(self.smiley("output", "last", "--stdout").text, "\n".join(STDOUT) + "\n")
        self.assertEqual(self.smiley("output", "last", "--stderr").text, "\n".join(STDERR) + "\n")
        self.assertEqual(
            sorted(self.smiley("output").text.splitlines()),
            sorted(["hello Ann", "careful: 3", "half, hello Bob", "careful: 4"]),
        )
        self.assertEqual(self.smiley("output", "last", "--thread", "99").out, b"")

    def test_each_line_has_the_event_that_wrote_it(self):
        events = {
            "%d:%d" % (o["thread"], o["seq"]): o
            for o in self.smiley("replay", "last", "--json").objects
            if o["type"] == "event"
        }
        lines = self.smiley("output", "last", "--at", "--json").objects
        for stream, expected in (("stdout", STDOUT), ("stderr", STDERR)):
            here = [o for o in lines if o["stream"] == stream]
            self.assertEqual([o["text"] for o in here], expected)
            self.assertEqual([o["number"] for o in here], [1, 2])
            for line in here:
                event = events[line["position"]]
                self.assertEqual(
                    (event["event"], event["function"], event["line"]), (stream, line["function"], line["line"])
                )
                self.assertTrue(line["text"].startswith(event["value"].rstrip("\n")), line)
        functions = [o["function"] for o in lines if o["stream"] == "stdout"]
        self.assertEqual(functions, ["greet", "<module>"])  # the second line was begun by the module
        shown = self.smiley("output", "last", "--at", "--stderr").text.splitlines()
        self.assertEqual(len(shown), 2)
        self.assertIn("app.py:8 warn", shown[0])
        self.assertTrue(shown[0].endswith("careful: 3"))

    def test_a_line_leads_to_the_state_when_it_was_written(self):
        lines = {
            (o["stream"], o["number"]): o["position"] for o in self.smiley("output", "last", "--at", "--json").objects
        }
        state = self.smiley("show", "last", "--stdout", "1", "--json").objects[0]
        self.assertEqual(state["position"], lines["stdout", 1])
        self.assertEqual(
            self.smiley("show", "last", "--stdout", "1").text,
            self.smiley("show", "last", "--at", lines["stdout", 1]).text,
        )
        second = self.smiley("show", "last", "--stderr", "2").text
        self.assertIn("warn", second)
        self.assertRegex(second, r"n\s*=\s*4")
        back = self.smiley("show", "last", "--stderr", "2", "--previous", "--json").objects[0]
        self.assertNotEqual(back["position"], lines["stderr", 2])
        none = self.smiley("show", "last", "--stdout", "3")
        self.assert_code(none, 1)
        self.assertIn("wrote no line 3 to stdout", self.assert_one_line(none))
        for words in (("--stdout", "1", "--stderr", "1"), ("--stdout", "1", "--at", "end")):
            both = self.smiley("show", "last", *words)
            self.assert_code(both, 2)
            self.assert_one_line(both)


if __name__ == "__main__":
    unittest.main()
