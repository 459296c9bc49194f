"""Real programs: the bundled example, tools of the standard library over its biggest files, ten million events."""

import json
import os
import re
import signal
import subprocess
import threading

import support

MOST_DAEMON_KIB = 300 * 1024  # memory of the daemon, for a run of any length


def biggest_modules(python, count):
    """The biggest files of the interpreter's standard library."""
    script = "import os; print(os.path.dirname(os.__file__))"
    folder = subprocess.run([python, "-I", "-c", script], check=True, capture_output=True, text=True).stdout.strip()
    files = [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".py")]
    return sorted(files, key=os.path.getsize, reverse=True)[:count]


class RealInput(support.SmileyTest):
    def record(self, python, *words, **options):
        """Records a program; returns its result and the summary line."""
        result = self.smiley("run", "--python", python, *words, timeout=300, **options)
        return result

    def sound(self):
        check = self.smiley("store", "check", timeout=300)
        self.assertEqual(check.code, 0, check)

    def end_of(self, run="last"):
        """The last object of the run's JSON Lines, and the number of event lines."""
        child = self.start("export", run, "--format", "jsonl")
        events, last = 0, None
        for line in child.stdout:
            events += line.startswith(b'{"type":"event"')
            last = line
        self.assertEqual(child.wait(support.TIMEOUT), 0)
        return json.loads(last), events

    def shop_figures(self, out):
        """What the farm shop prints, as (served, books, till, missing, strangest), in cents. Its clerks are threads with
        a clock: the figures differ from day to day, their form and their arithmetic do not."""
        found = re.fullmatch(
            r"customers served:  (\d+)   \(said sorry \d+ times\)\n"
            r"in the books: +(-?[\d.]+)\n"
            r"in the till: +(-?[\d.]+)\n"
            r"missing: +(-?[\d.]+)\n"
            r"strangest receipt: +(-?[\d.]+)   customer \d+, served by (?:Ada|Ben|Cleo)\n",
            out,
        )
        self.assertIsNotNone(found, out)
        return [int(group.replace(".", "")) for group in found.groups()]

    def test_the_example_shows_its_bug(self):
        program = os.path.join(support.ROOT, "tools", "example", "farm_shop.py")
        for python in support.pythons():
            with self.subTest(python=python):
                plain = self.run_words([python, program])
                result = self.record(python, program)
                self.assertEqual(result.code, plain.code)
                for out in (plain.text, result.text):
                    served, books, till, missing, strangest = self.shop_figures(out)
                    self.assertEqual((served, books - till), (40, missing))
                    self.assertGreater(missing, 0)
                    self.assertLess(strangest, 0)
                end, events = self.end_of()
                self.assertEqual((end["lost"], end["complete"], end["events"]), (0, True, events))
                self.assertGreater(events, 5_000)
                raised = self.smiley("replay", "last", "--where", "event == raise", "--json").objects
                self.assertGreater(len([o for o in raised if o.get("event") == "raise"]), 0)
                threads = self.smiley("threads", "last", "--json").objects
                self.assertGreater(len(threads), 2)
        self.sound()

    def test_the_standard_librarys_tools_over_its_biggest_files(self):
        for python in support.pythons():
            biggest = biggest_modules(python, 1)[0]
            document = os.path.join(self.work, "document.json")
            with open(document, "w") as file:
                json.dump({"names": [{"n": i, "text": "x" * (i % 50)} for i in range(1500)]}, file)
            for words in (["-m", "tokenize", biggest], ["-m", "json.tool", document], ["-m", "ast", biggest]):
                with self.subTest(python=python, words=words):
                    plain = self.run_words([python, *words])
                    result = self.record(python, "--include-stdlib", *words)
                    self.assertEqual((result.code, result.out), (plain.code, plain.out), result.words)
                    run = self.smiley("list", "--json").objects[0]
                    self.assertEqual((run["lost"], run["complete"]), (0, True), run)
                    self.assertGreater(run["events"], 1000)
        self.sound()

    def test_ten_million_events_with_a_stopped_watcher(self):
        """Nothing is lost, a stopped client delays no other, and the daemon's memory is bounded."""
        program = os.path.join(self.work, "long.py")
        with open(program, "w") as file:
            file.write(
                "def count(n):\n"
                "    total = 0\n"
                "    for i in range(n):\n"
                "        total += i\n"
                "    return total\n"
                "for part in range(100):\n"
                "    count(50_100)\n"
            )
        python = support.pythons()[0]
        watchers = [self.start("tail", "--json") for _ in range(2)]
        seen = [[0, 0, None], [0, 0, None]]  # events, skipped, last object
        started = threading.Event()

        def watch(child, counts):
            for line in child.stdout:
                if line.startswith(b'{"type":"event"'):
                    counts[0] += 1
                    if counts[0] > 1000:
                        started.set()
                else:
                    counts[2] = json.loads(line)
                    if counts[2]["type"] == "gap":
                        counts[1] += counts[2]["skipped"]

        readers = [threading.Thread(target=watch, args=pair) for pair in zip(watchers, seen)]
        for reader in readers:
            reader.start()
        self.assertTrue(support.wait_until(lambda: (self.status() or {}).get("watchers") == 2))
        traced = self.start("run", "--python", python, program)
        self.assertTrue(started.wait(support.TIMEOUT))
        watchers[1].send_signal(signal.SIGSTOP)
        highest = 0
        while traced.poll() is None:
            highest = max(highest, self.daemon_memory())
            support.wait_until(lambda: traced.poll() is not None, 0.5)
        self.assertEqual(traced.returncode, 0, traced.stderr.read())
        run = self.smiley("list", "--json").objects[0]
        self.assertGreaterEqual(run["events"], 10_000_000)
        self.assertEqual((run["lost"], run["complete"]), (0, True))
        highest = max(highest, self.daemon_memory())
        print("\nten million events: the daemon's memory reached %.0f MB" % (highest / 1024))
        self.assertLess(highest, MOST_DAEMON_KIB)
        watchers[1].send_signal(signal.SIGCONT)
        # Each client gets every event, shown or counted as skipped.
        for counts in seen:
            self.assertTrue(
                support.wait_until(lambda: counts[2] is not None and counts[2]["type"] == "end", 120), counts
            )
            self.assertEqual(counts[0] + counts[1], run["events"])
        for watcher in watchers:
            watcher.send_signal(signal.SIGINT)
            watcher.wait(support.TIMEOUT)
        for reader in readers:
            reader.join(support.TIMEOUT)
        self.sound()

    def daemon_memory(self):
        """Peak resident size of the daemon, KiB."""
        pid = self.daemon_pid()
        if pid is None:
            return 0
        with open("/proc/%d/status" % pid) as file:
            return next((int(line.split()[1]) for line in file if line.startswith("VmHWM")), 0)


if __name__ == "__main__":
    support.unittest.main()
