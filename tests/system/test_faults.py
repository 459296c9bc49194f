"""Failing machines: homes that vanish, exhausted descriptors and memory, stores with damaged bytes, upgrades."""

import os
import random
import resource
import shutil
import signal
import subprocess
import unittest

import support

ENDLESS = """
import sys
def step(n):
    return n + 1
n = 0
print("begun", flush=True)
while not sys.stdin.readline():
    pass
for n in range(2000):
    n = step(n)
print("done", n, flush=True)
"""


def flip(path, at, bit):
    with open(path, "r+b") as file:
        file.seek(at)
        old = file.read(1)
        file.seek(at)
        file.write(bytes([old[0] ^ bit]))


def end_of_properties(path):
    """Flips the last byte of the block of properties of a table. RocksDB reads its highest bit before any checksum."""
    with open(path, "rb") as file:
        data = file.read()
    name = b"rocksdb.properties"
    at = data.rindex(name) + len(name)
    numbers = []  # where the block is, and how long, as in the table's list of such blocks
    while len(numbers) < 2:
        number = shift = 0
        while True:
            number |= (data[at] & 0x7F) << shift
            shift += 7
            at += 1
            if data[at - 1] < 0x80:
                break
        numbers.append(number)
    return sum(numbers) - 1


class Faults(support.SmileyTest):
    def recorded(self, *options):
        """Starts a program that waits for a line; finish() lets it continue."""
        child = self.start("run", *options, self.script("app.py", ENDLESS), stdin=subprocess.PIPE)
        self.read_until(child.stdout, b"begun")
        return child

    def finish(self, child):
        child.stdin.write(b"go on\n")
        child.stdin.flush()
        self.assertIn(b"done", self.read_until(child.stdout, b"done"))
        self.assertEqual(child.wait(support.TIMEOUT), 0)

    def store_is_sound(self):
        check = self.smiley("store", "check")
        self.assertEqual(check.code, 0, check)

    def test_the_home_is_removed_under_program_and_daemon(self):
        child = self.recorded("--block-timeout", "1")
        pid = self.daemon_pid()
        segments = [os.path.join("/dev/shm", name) for name in self.segments()]
        self.assertTrue(segments)
        shutil.rmtree(self.home)
        self.finish(child)
        # The failure is reported in one line, and a new home works at once.
        words = child.stderr.read().decode().splitlines()
        self.assertTrue(all(line.startswith("smiley: ") for line in words), words)
        os.kill(pid, signal.SIGTERM)
        self.assertTrue(support.wait_until(lambda: not self.is_running(pid)), "the daemon does not end")
        left = [path for path in segments if os.path.exists(path)]
        for path in left:
            os.unlink(path)
        self.assertEqual(left, [], "nobody removes them any more")
        os.makedirs(self.home, 0o700, exist_ok=True)
        self.assert_code(self.record("print(1)\n"), 0)
        self.store_is_sound()

    def test_the_daemon_is_upgraded_under_a_running_program(self):
        child = self.recorded()
        first = self.daemon_pid()
        installed = os.path.join(self.work, "newer")
        os.makedirs(installed)
        shutil.copytree(support.BIN, os.path.join(installed, "bin"), symlinks=True)
        self.assert_code(self.smiley("daemon", "stop"), 0)
        newer = os.path.join(installed, "bin", "smiley-daemon")
        self.assert_code(self.run_words([newer, "start"]), 0)
        self.assertNotEqual(self.daemon_pid(), first)
        self.finish(child)
        end = self.smiley("export", "last", "--format", "jsonl").objects[-1]
        self.assertEqual((end["exit_code"], end["lost"], end["complete"]), (0, 0, True), end)
        self.store_is_sound()

    def limited(self, *limits):
        """Starts the daemon with hard limits."""

        def limit():
            for what, value in limits:
                resource.setrlimit(what, (value, value))

        child = subprocess.Popen(
            self.command("daemon", "start"),
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=limit,
        )
        out, err = child.communicate(timeout=support.TIMEOUT)
        self.assertEqual(child.returncode, 0, (out, err))
        return self.daemon_pid()

    def test_a_daemon_without_descriptors_goes_on_when_there_are_some_again(self):
        import socket

        pid = self.limited((resource.RLIMIT_NOFILE, 60))
        self.assert_code(self.record("print(1)\n"), 0)
        links = []
        for _ in range(100):
            link = socket.socket(socket.AF_UNIX)
            link.settimeout(5)
            try:
                link.connect(os.path.join(self.home, "daemon.sock"))
            except OSError:
                link.close()
                break
            links.append(link)
        self.assertTrue(
            support.wait_until(lambda: len(os.listdir("/proc/%d/fd" % pid)) >= 58), "it has descriptors left"
        )
        child = subprocess.Popen(
            self.command("run", "--block-timeout", "1", "-q", self.script("late.py", "print('late')\n")),
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._children.append(child)
        self.assertEqual(self.daemon_pid(), pid)
        for link in links:
            link.close()
        child.communicate(timeout=support.TIMEOUT)
        self.assert_code(self.record("print(2)\n", name="again.py"), 0)
        self.assertEqual(self.daemon_pid(), pid)
        self.store_is_sound()

    def test_a_daemon_with_little_memory_stores_what_it_can_and_stays(self):
        pid = self.limited((resource.RLIMIT_AS, 900 << 20))
        text = "def f(n):\n    return [n] * 50\nfor n in range(30000):\n    kept = f(n)\n"
        self.assert_code(self.record(text, options=["--block-timeout", "5"]), 0)
        self.assertEqual(self.daemon_pid(), pid)
        run = self.smiley("list", "--json").objects[0]
        self.assertGreater(run["events"] + run["lost"], 100_000, run)
        self.store_is_sound()

    def test_rotten_bytes_in_the_store_are_named_and_the_rest_is_read(self):
        text = "def f(n):\n    return 'result %d' % n\nfor n in range(400):\n    kept = f(n)\n"
        for name in ("first", "second"):
            self.assert_code(self.record(text, options=["-q", "--name", name]), 0)
        store, kept, whole = self.kept_store()
        seed = random.SystemRandom().randrange(1 << 32)
        chance = random.Random(seed)
        seen = {"named": 0, "harmless": 0}
        for trial in range(8):
            shutil.rmtree(store)
            shutil.copytree(kept, store)
            tables = sorted(
                n
                for n in os.listdir(store)
                if n.endswith((".sst", ".log")) and os.path.getsize(os.path.join(store, n))
            )
            path = os.path.join(store, chance.choice(tables))
            at = chance.randrange(os.path.getsize(path))
            flip(path, at, 1 << chance.randrange(8))
            with self.subTest(seed=seed, trial=trial, file=os.path.basename(path), at=at):
                seen["named" if self.look_at_rotten_store(whole) else "harmless"] += 1
        self.assertGreater(seen["named"], 0, "no rotten byte was noticed at all: %r" % seen)

    def test_a_table_that_ends_the_library_is_named_and_passed_over(self):
        text = "for n in range(200):\n    kept = 'result %d' % n\n"
        self.assert_code(self.record(text, options=["-q"]), 0)
        store, kept, whole = self.kept_store()
        tables = sorted(n for n in os.listdir(kept) if n.endswith(".sst"))
        self.assertGreater(len(tables), 2)
        for name in tables:
            with self.subTest(table=name):
                shutil.rmtree(store)
                shutil.copytree(kept, store)
                at = end_of_properties(os.path.join(store, name))
                flip(os.path.join(store, name), at, 0x80)
                start = self.smiley("daemon", "start")
                self.assert_code(start, 1)
                self.assertIn("store", self.assert_one_line(start))
                self.assertIn("smiley-store repair", start.words)
                for words in (("list",), ("store", "check")):
                    self.assert_code(self.smiley(*words), 1)
                self.assert_code(self.smiley("store", "repair"), 0)
                self.assertEqual(self.exports().keys(), whole.keys())
                self.assert_code(self.smiley("store", "check"), 0)
                self.assert_code(self.smiley("daemon", "stop"), 0)

    def kept_store(self):
        """The store, a copy of it, and its exports; no daemon runs afterwards."""
        self.assert_code(self.smiley("daemon", "restart"), 0)  # moves the log into tables
        self.assert_code(self.smiley("daemon", "stop"), 0)
        store = os.path.join(self.home, "store")
        kept = os.path.join(self.work, "kept")
        shutil.copytree(store, kept)
        whole = self.exports()
        self.assert_code(self.smiley("daemon", "stop"), 0)
        return store, kept, whole

    def exports(self):
        """The export of each run by id; None where it cannot be read."""
        listed = self.smiley("list", "--json")
        if listed.code != 0:
            return None
        found = {}
        for run in listed.objects:
            result = self.smiley("export", run["id"], "--format", "jsonl")
            found[run["id"]] = result.out if result.code == 0 else None
        return found

    def look_at_rotten_store(self, whole):
        """True when damage was reported. A run that is shown as whole must be whole."""
        start = self.smiley("daemon", "start")
        self.assertGreaterEqual(start.code, 0, start)  # negative: killed by a signal
        if start.code != 0:
            self.assertTrue(start.words.startswith("smiley: "), start)
            self.assertTrue("store" in start.words or "Corrupt" in start.words, start)
            return True
        pid = self.daemon_pid()
        check = self.smiley("store", "check")
        found = self.exports()
        named = check.code != 0 or found is None or any(found.get(run) is None for run in whole)
        if not named:
            self.assertEqual(found, whole)
        self.assertEqual(self.daemon_pid(), pid)
        self.assert_code(self.smiley("daemon", "stop"), 0)
        return named


if __name__ == "__main__":
    unittest.main()
