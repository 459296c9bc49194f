"""Disks and shared memory that fill up before, while and after a run is recorded, and recovery when space returns."""

import os
import subprocess
import unittest

import support

WAITING = """
import sys, threading
def step(n):
    return [n, n + 1]
def work(rounds):
    for n in range(rounds):
        kept = step(n)
def told():
    print("waits", flush=True)
    return sys.stdin.readline()
work(100)
while told() == "work\\n":
    workers = [threading.Thread(target=work, args=(15_000,)) for _ in range(2)]
    for worker in workers: worker.start()
    for worker in workers: worker.join()
print("done", flush=True)
"""


class ShortOfSpace(support.SmileyTest):
    """Small file systems in a mount namespace of the test; daemon and commands run in it."""

    def small(self, folder, size):
        """Mounts a file system of `size` at `folder` for the commands that inside() runs."""
        os.makedirs(folder, exist_ok=True)
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        keeper = subprocess.Popen(
            [
                "unshare",
                *user,
                "--mount",
                "sh",
                "-c",
                'mount -t tmpfs -o "size=$1,mode=0700" tmpfs "$0" && echo ready && exec cat',
                folder,
                size,
            ],
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._children.append(keeper)
        self.read_until(keeper.stdout, b"ready")
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        self.room = ["nsenter", "--target", str(keeper.pid), *user, "--mount", "--"]

    def inside(self, verb, *words, **options):
        return self.run_words(self.room + self.command(verb, *words), **options)

    def started_inside(self, *options):
        path = self.script("app.py", WAITING)
        child = subprocess.Popen(
            self.room + self.command("run", *options, path),
            env=self.env,
            cwd=self.work,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._children.append(child)
        self.read_until(child.stdout, b"waits")
        return child

    def tell(self, child, word, answer):
        child.stdin.write(word + b"\n")
        child.stdin.flush()
        self.read_until(child.stdout, answer)

    def fill(self, folder, leave_mib):
        """Fills the small file system up to the last `leave_mib`."""
        name = os.path.join(folder, "filler")
        words = [
            "sh",
            "-c",
            'free=$(($(df -k --output=avail "$0" | tail -n 1) - $1 * 1024)); fallocate -l "${free}K" "$0/filler"',
            folder,
            str(leave_mib),
        ]
        self.assert_code(self.run_words(self.room + words), 0)
        return lambda: self.assert_code(self.run_words(self.room + ["rm", name]), 0)

    def problem(self):
        return (self.status() or {}).get("problem", "")

    def finish(self, child):
        self.tell(child, b"end", b"done")
        self.assertEqual(child.wait(support.TIMEOUT), 0, child.stderr.read())
        self.assert_code(self.smiley("store", "check"), 0)
        run = self.smiley("list", "--json").objects[0]
        events = [o for o in self.smiley("export", "last", "--format", "jsonl").objects if o["type"] == "event"]
        lost = sum(e["count"] for e in events if e["event"] == "lost")
        self.assertEqual(
            (len(events) - sum(e["event"] == "lost" for e in events), lost), (run["events"], run["lost"])
        )
        return run, events

    def test_a_disk_that_fills_while_recording(self):
        store = os.path.join(self.home, "store")
        self.small(store, "200m")
        self.assert_code(self.inside("daemon", "start"), 0)
        pid = self.daemon_pid()
        child = self.started_inside("-q")
        make_room = self.fill(store, 20)
        self.tell(child, b"work", b"waits")
        self.assertTrue(support.wait_until(self.problem), self.status())
        # A command that needs space says so in one line; a command that needs none works.
        other = self.smiley("import", input=b'{"type":"run","version":1}\n')
        self.assertNotEqual(other.code, 0)
        self.assert_one_line(other)
        self.assert_code(self.smiley("list"), 0)
        make_room()
        self.tell(child, b"work", b"waits")
        self.assertTrue(support.wait_until(lambda: not self.problem()), self.status())
        self.tell(child, b"work", b"waits")
        run, events = self.finish(child)
        self.assertGreater(run["lost"], 0)
        self.assertFalse(run["complete"])
        after = max(index for index, e in enumerate(events) if e["event"] == "lost")
        self.assertGreater(len(events) - after, 30_000, "nothing was recorded once there was space again")
        self.assertEqual(self.daemon_pid(), pid)

    def test_a_disk_that_is_full_already(self):
        store = os.path.join(self.home, "store")
        self.small(store, "100m")
        make_room = self.fill(store, 4)
        result = self.inside("daemon", "start")
        self.assertNotEqual(result.code, 0)
        self.assertIn("space", self.assert_one_line(result))
        program = self.inside("run", "--python", support.pythons()[0], "-c", "print('runs all the same')")
        self.assertEqual((program.code, program.out), (125, b""), program)  # the program was not started
        make_room()
        self.assert_code(self.inside("daemon", "start"), 0)
        self.assert_code(self.inside("run", "-q", "-c", "x = 1"), 0)
        self.assert_code(self.smiley("store", "check"), 0)

    def segment_files(self):
        folder = os.path.join(self.home, "segments")
        return os.listdir(folder) if os.path.isdir(folder) else []

    def test_shared_memory_that_is_full_from_the_start(self):
        self.small("/dev/shm", "64k")
        self.assert_code(self.inside("daemon", "start"), 0)
        child = self.started_inside("-q")
        self.assertTrue(self.segment_files(), "where are the rings?")
        self.tell(child, b"work", b"waits")
        run, _ = self.finish(child)
        self.assertEqual((run["lost"], run["complete"], run["threads"]), (0, True, 3), run)
        self.assertTrue(support.wait_until(lambda: not self.segment_files()), "segments are left")

    def test_shared_memory_that_fills_later(self):
        self.small("/dev/shm", "32m")
        self.assert_code(self.inside("daemon", "start"), 0)
        child = self.started_inside("-q")
        self.assertEqual(self.segment_files(), [])
        self.fill("/dev/shm", 0)
        self.tell(child, b"work", b"waits")
        self.assertTrue(self.segment_files(), "the threads' rings are not in files")
        run, _ = self.finish(child)
        self.assertEqual((run["lost"], run["complete"], run["threads"]), (0, True, 3), run)
        self.assertTrue(support.wait_until(lambda: not self.segment_files()), "segments are left")


if __name__ == "__main__":
    unittest.main()
