"""Watching a run: before it begins, while it goes on, faster than anybody reads, through pipes, on terminals."""

import os
import re
import signal
import subprocess
import unittest

import support


class Tail(support.SmileyTest):
    def setUp(self):
        super().setUp()
        self.assert_code(self.smiley("daemon", "start"), 0)

    def produce(self, events, *options):
        """Starts the imaginary program; it stays until its standard input is closed."""
        producer = subprocess.Popen([os.path.join(support.BIN, "smiley_test_producer"), str(events), "--stay", *options],
                                    env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._children.append(producer)
        return producer, producer.stdout.readline().decode().strip()

    def ended(self, producer):
        producer.stdin.close()
        self.assertEqual(producer.wait(support.TIMEOUT), 0)

    def test_waiting_says_so_and_ctrl_c_ends_cleanly(self):
        for verb in ("tail", "monitor"):
            child = self.start(verb)
            said = self.read_until(child.stderr, b"\n")
            self.assertIn(b"waiting for a run", said)
            self.assertIn(b"smiley-run app.py", said)
            child.send_signal(signal.SIGINT)
            self.assertEqual(child.wait(support.TIMEOUT), 130)
            self.assertEqual(child.stderr.read(), b"")
            self.assertEqual(child.stdout.read(), b"")

    def test_a_run_is_shown_from_begin_to_end(self):
        child = self.start("tail")
        self.read_until(child.stderr, b"waiting for a run")
        producer, run_id = self.produce(400, "--rate", "4000", "--exception")
        seen = self.read_until(child.stdout, b"ValueError: negative")
        self.ended(producer)
        seen += self.read_until(child.stdout, b"\xe2\x96\xa0 run " + run_id.encode())
        text = seen.decode()
        self.assertIn("▶ run %s  shop.py 400" % run_id, text)
        for words in ("MainThread", "shop.py:14", "x = i * 2", "# refuse what cannot be paid", "def pay(self, amount):"):
            self.assertIn(words, text)
        self.assertRegex(text, r"… ×\d+, i=\d+→\d+")
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.wait(support.TIMEOUT), 130)

    def test_a_pipe_gets_every_event_as_json(self):
        producer, run_id = self.produce(20000, "--rate", "20000")
        child = self.start("tail", run_id, "--json", "-n", "100000")
        self.ended(producer)
        out, err = child.communicate(timeout=support.TIMEOUT)
        self.assertEqual(child.returncode, 0, err)
        objects = support.Result(0, out, err).objects
        events = [o for o in objects if o["type"] == "event"]
        gaps = sum(o["skipped"] for o in objects if o["type"] == "gap")
        stored = self.smiley("replay", run_id, "--json").objects
        self.assertEqual(gaps, 0, "the daemon may skip for a reader that is late, this one was not")
        self.assertEqual([e["seq"] for e in events], [e["seq"] for e in stored])
        self.assertEqual(events, stored)

    def test_a_filter_holds_while_watching(self):
        producer, run_id = self.produce(4000, "--rate", "8000")
        child = self.start("tail", run_id, "--json", "--where", "line == 14 and i < 5", "-n", "100000")
        self.ended(producer)
        out, err = child.communicate(timeout=support.TIMEOUT)
        events = [o for o in support.Result(0, out, err).objects if o["type"] == "event"]
        self.assertEqual([e["changed"]["i"] for e in events], [0, 1, 2, 3, 4], err)

    def test_the_last_events_without_following(self):
        producer, run_id = self.produce(5000)
        self.ended(producer)
        self.assertTrue(support.wait_until(lambda: self.smiley("show", run_id, "--json").objects[0]["state"] == "ended"))
        result = self.smiley("tail", run_id, "-n", "7", "--no-follow", "--json")
        self.assert_code(result, 0)
        events = [o for o in result.objects if o["type"] == "event"]
        self.assertEqual(events, self.smiley("replay", run_id, "--json").objects[-7:])

    def test_a_terminal_skips_what_nobody_can_read_and_says_how_much(self):
        child, fd = self.in_terminal(self.command("tail", "--no-fold"), b"waiting for a run", columns=80)
        producer, run_id = self.produce(300000)
        seen = self.read_until(fd, b"skipped")
        self.ended(producer)
        seen += self.read_until(fd, run_id.encode() + b"\x1b[0m  ended after")
        text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", seen.decode("utf-8", "replace"))
        self.assertRegex(text, r"[\d,]+ events skipped")
        rows = text.splitlines()
        self.assertLess(len(rows), 3000)
        for row in rows:
            self.assertLessEqual(len(row), 80, row)
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.wait(support.TIMEOUT), 130)

    def test_a_closed_pipe_ends_quietly(self):
        producer, run_id = self.produce(200000, "--rate", "100000")
        child = self.start("tail", run_id)
        self.assertTrue(os.read(child.stdout.fileno(), 100))
        child.stdout.close()
        self.assertEqual(child.stderr.read(), b"")
        self.assertIn(child.wait(support.TIMEOUT), (0, 141))
        self.ended(producer)

    def test_a_daemon_that_dies_is_named(self):
        child = self.start("tail")
        self.read_until(child.stderr, b"waiting for a run")
        os.kill(self.daemon_pid(), signal.SIGKILL)
        self.assertEqual(child.wait(support.TIMEOUT), 1)
        said = child.stderr.read().decode()
        self.assertEqual(len(said.splitlines()), 1, said)
        self.assertTrue(said.startswith("smiley: "), said)


if __name__ == "__main__":
    unittest.main()
