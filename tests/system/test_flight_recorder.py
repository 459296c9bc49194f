"""smiley-run --dump-on stores nothing while the program runs, and stores its newest events on request."""

import os
import signal
import unittest

import support

WORK = """\
import os, sys
def work(n):
    return n * 2
def many(first, last):
    for n in range(first, last):
        work(n)
many(0, 60000)
print("ready", flush=True)
for line in sys.stdin:
    many(60000, 60100)
    print("again", flush=True)
    print("%d." % os.getpid(), flush=True)
"""


class FlightRecorder(support.SmileyTest):
    OPTIONS = ["--ring-size", "128K", "--dump-on"]

    def each(self):
        for python in support.pythons():
            yield self.subTest(python=python), python

    def begin(self, python, *options):
        path = self.script("app.py", WORK)
        child = self.start("run", *options, "--python", python, path, stdin=-1)
        self.read_until(child.stdout, b"ready\n")
        return child

    def listed(self):
        return self.smiley("list", "--json").objects[0]

    def exported(self):
        lines = self.smiley("export", "last", "--format", "jsonl").objects
        return [o for o in lines if o["type"] == "event"], lines[-1]

    def values(self, events):
        return [o["value"] for o in events if o["event"] == "return" and o.get("function") == "work"]

    def check_whole(self, events, end):
        """Every number belongs to an event or to a lost event."""
        lost = 0
        expected = 1
        for o in sorted((o for o in events if o["thread"] == 1), key=lambda o: o["seq"]):
            self.assertEqual(o["seq"], expected)
            expected += o.get("count", 1) if o["event"] == "lost" else 1
            lost += o.get("count", 0) if o["event"] == "lost" else 0
        self.assertEqual(lost, end["lost"])
        self.assertGreater(lost, 0)

    def test_the_newest_events_become_the_run_at_the_end(self):
        for test, python in self.each():
            with test:
                child = self.begin(python, *self.OPTIONS, "exit")
                self.assertEqual(self.listed()["events"], 0)
                child.communicate(b"", support.TIMEOUT)
                self.assertEqual(child.returncode, 0)
                events, end = self.exported()
                self.check_whole(events, end)
                values = self.values(events)
                self.assertEqual(values, [2 * n for n in range(60000 - len(values), 60000)])
                self.assertGreater(len(values), 500)
                self.assertEqual(self.segments(), [])

    def test_a_signal_to_smiley_run_stores_what_is_there_and_the_program_gets_none(self):
        for test, python in self.each():
            with test:
                child = self.begin(python, "-q", *self.OPTIONS, "signal=SIGUSR2")
                self.assertEqual(self.listed()["events"], 0)
                child.send_signal(signal.SIGUSR2)
                self.assertTrue(support.wait_until(lambda: self.listed()["events"]))
                first = self.values(self.exported()[0])
                self.assertEqual(first[-1], 2 * 59999)
                child.stdin.write(b"go\n")
                child.stdin.flush()
                self.read_until(child.stdout, b"again\n")
                self.assertEqual(self.values(self.exported()[0]), first)
                child.communicate(b"", support.TIMEOUT)
                self.assertEqual(child.returncode, 0)
                events, end = self.exported()
                self.check_whole(events, end)
                self.assertEqual(self.values(events), first + [2 * n for n in range(60000, 60100)])

    def test_a_program_that_is_killed_leaves_its_last_events(self):
        for test, python in self.each():
            with test:
                child = self.begin(python, "-q", *self.OPTIONS, "exit")
                self.kill_daemon()
                child.stdin.write(b"pid\n")
                child.stdin.flush()
                os.kill(int(self.read_until(child.stdout, b".\n").split()[-1].strip(b".")), signal.SIGKILL)
                child.communicate(b"", support.TIMEOUT)
                self.assertEqual(child.returncode, -signal.SIGKILL)
                events, end = self.exported()
                self.check_whole(events, end)
                self.assertEqual(self.values(events)[-1], 2 * 60099)
                self.assertEqual(end["signal"], signal.SIGKILL)

    def test_what_it_takes(self):
        for words, said in (
            (["--dump-on", "noon"], "SIGUSR2"),
            (["--dump-on", "exit", "--on-full", "block"], "overwrite"),
        ):
            result = self.smiley("run", *words, "app.py")
            self.assert_code(result, 125)
            self.assertIn(said, self.assert_one_line(result))


if __name__ == "__main__":
    unittest.main()
