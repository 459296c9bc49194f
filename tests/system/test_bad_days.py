"""Bad days: programs and daemons that die without notice, children without a waiting parent, thousands of threads."""

import os
import signal
import struct
import subprocess
import unittest

import support

COUNTING = """
import os, sys
def work(n):
    total = 0
    for i in range(n):
        total += i
    return total
def forever():
    while True:
        work(1000)
"""


class BadDays(support.SmileyTest):
    def events(self, run="last"):
        return [
            o for o in self.smiley("export", run, "--format", "jsonl", timeout=120).objects if o["type"] == "event"
        ]

    def last_run(self):
        return self.smiley("list", "--json").objects[0]

    def sound(self):
        check = self.smiley("store", "check", timeout=120)
        self.assertEqual(check.code, 0, check)

    def assert_whole(self, events):
        """Sequence numbers of every thread without gap or repeat."""
        seen = {}
        for event in events:
            thread = event["thread"]
            self.assertEqual(event["seq"], seen.get(thread, 0) + 1, event)
            seen[thread] = event["seq"]

    def test_os_exit_keeps_everything(self):
        for python in support.pythons():
            with self.subTest(python=python):
                result = self.record(COUNTING + "x = work(10)\nlast = 'here'\nos._exit(7)\n", python=python)
                self.assert_code(result, 7)
                events = self.events()
                self.assert_whole(events)
                self.assertEqual(events[-1]["event"], "line")
                self.assertTrue(any(e.get("changed", {}).get("last") == "here" for e in events))
                self.assertEqual(self.last_run()["exit_code"], 7)
        self.sound()

    def test_a_program_that_forks_and_forgets(self):
        text = """
import os
def in_child():
    answer = 42
    return answer
first, other = os.pipe()
if os.fork() == 0:
    os.read(first, 1)
    in_child()
    os._exit(0)
print("parent")
os.write(other, b"x")
"""
        for python in support.pythons():
            with self.subTest(python=python):
                result = self.record(text, python=python)
                self.assertEqual((result.code, result.out), (0, b"parent\n"), result)
                child_done = lambda: any(
                    e.get("function") == "in_child" and e["event"] == "return" and e["value"] == 42
                    for e in self.events()
                )
                self.assertTrue(support.wait_until(child_done))
                events = self.events()
                self.assert_whole(events)
                returned = [e for e in events if e.get("function") == "in_child"]
                self.assertEqual({e["process"] for e in returned}, {2})
        self.sound()

    def test_ten_thousand_threads(self):
        text = """
import threading
def work(n):
    return n
for n in range(10_000):
    thread = threading.Thread(target=work, args=(n,))
    thread.start()
    thread.join()
print("done")
"""
        result = self.record(text, timeout=300)
        self.assertEqual((result.code, result.out), (0, b"done\n"), result)
        run = self.last_run()
        self.assertEqual((run["threads"], run["lost"], run["complete"]), (10_001, 0, True), run)
        returned = 0
        child = self.start("replay", "last", "--json", "--where", 'function == "work" and event == return')
        for line in child.stdout:
            returned += b'"event":"return"' in line
        self.assertEqual(child.wait(support.TIMEOUT), 0)
        self.assertEqual(returned, 10_000)
        self.sound()
        self.assertEqual(self.segments(), [])

    def test_many_threads_at_once(self):
        text = """
import threading
barrier = threading.Barrier(101)
def work(n):
    barrier.wait()
    return n * n
threads = [threading.Thread(target=work, args=(n,), name=f"worker {n}") for n in range(100)]
for thread in threads: thread.start()
barrier.wait()
for thread in threads: thread.join()
"""
        for python in support.pythons():
            with self.subTest(python=python):
                self.assert_code(self.record(text, python=python, timeout=120), 0)
                events = self.events()
                self.assert_whole(events)
                values = [e["value"] for e in events if e.get("function") == "work" and e["event"] == "return"]
                self.assertEqual(sorted(values), [n * n for n in range(100)])
                names = {o["name"] for o in self.smiley("threads", "last", "--json").objects}
                self.assertLessEqual({f"worker {n}" for n in range(100)}, names)
        self.sound()

    def started(self, *options):
        """Starts a program that counts without end, and returns when its events are being stored."""
        path = self.script("forever.py", COUNTING + "forever()\n")
        child = self.start("run", *options, path)
        self.assertTrue(support.wait_until(lambda: (self.status() or {}).get("runs")))
        stored = lambda: [r for r in self.smiley("list", "--json").objects if r["events"] > 10_000]
        self.assertTrue(support.wait_until(stored))
        return child

    def traced_pid(self, child):
        with open(f"/proc/{child.pid}/task/{child.pid}/children") as file:
            pids = [int(p) for p in file.read().split()]
        for pid in pids:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if b"forever.py" in file.read() and os.readlink(f"/proc/{pid}/exe").rpartition("/")[2].startswith(
                    "python"
                ):
                    return pid
        self.fail(f"no python among {pids}")

    def test_a_thread_that_keeps_filling_its_ring_gets_a_larger_one(self):
        text = COUNTING + (
            "import threading\n"
            "sys.stdin.readline()\n"
            "thread = threading.Thread(target=work, args=(40000,), name='busy')\n"
            "thread.start()\n"
            "thread.join()\n"
            "print('done', flush=True)\n"
            "sys.stdin.readline()\n"
        )

        def rings():
            sizes = {}
            for name in self.segments():
                kind = name.split(".")[4]
                if kind.startswith("r"):
                    try:
                        sizes[kind] = os.stat(os.path.join("/dev/shm", name)).st_size
                    except FileNotFoundError:
                        pass  # removed by the daemon just now
            return sizes

        def position(kind):
            """The write position of a ring, from its header (shm/FORMAT.md)."""
            name = next(n for n in self.segments() if n.split(".")[4] == kind)
            with open(os.path.join("/dev/shm", name), "rb") as file:
                return struct.unpack_from("<Q", file.read(264), 256)[0]

        def naps(pid):
            total = 0
            for task in os.listdir("/proc/%d/task" % pid):
                with open("/proc/%d/task/%s/status" % (pid, task)) as file:
                    total += int(next(line for line in file if line.startswith("voluntary")).split()[1])
            return total

        for options, expected in (((), 3), (("--ring-size", "4M,256K"), 2)):
            for python in support.pythons():
                with self.subTest(python=python, options=options):
                    self.assert_code(self.smiley("daemon", "start"), 0)
                    self.assertTrue(support.wait_until(lambda: not self.segments()))  # of the run before
                    child = self.start(
                        "run", "-q", *options, "--python", python, self.script("app.py", text), stdin=subprocess.PIPE
                    )
                    self.assertTrue(support.wait_until(lambda: rings().get("r0")))
                    pid = next(int(name.split(".")[3]) for name in self.segments() if name.split(".")[4] == "r0")
                    daemon = self.daemon_pid()
                    os.kill(daemon, signal.SIGSTOP)
                    child.stdin.write(b"go\n")
                    child.stdin.flush()
                    self.assertTrue(support.wait_until(lambda: rings().get("r1")))
                    self.assertTrue(support.wait_until(lambda: position("r1") >= (256 << 10) // 8))
                    waited = naps(pid)  # half a millisecond each
                    self.assertTrue(support.wait_until(lambda: naps(pid) > waited + 30))
                    os.kill(daemon, signal.SIGCONT)
                    self.read_until(child.stdout, b"done")
                    there = rings()
                    child.stdin.close()
                    self.assertEqual(child.wait(support.TIMEOUT), 0)
                    self.assertEqual(len(there), expected, there)
                    if expected == 3:
                        self.assertGreater(there["r2"], 2 * there["r1"])
                    self.assertEqual(self.last_run()["lost"], 0)
                    events = self.events()
                    self.assert_whole(events)
                    lines = [e for e in events if e.get("function") == "work" and e["event"] == "line"]
                    self.assertEqual(len(lines), 2 * 40000 + 3)
        self.sound()

    def test_a_killed_program_keeps_what_it_did(self):
        child = self.started()
        os.kill(self.traced_pid(child), signal.SIGKILL)
        self.assertEqual(child.wait(support.TIMEOUT), -signal.SIGKILL)
        run = self.last_run()
        self.assertEqual((run["signal"], run["lost"]), (int(signal.SIGKILL), 0), run)
        self.sound()
        self.assertEqual(self.segments(), [])

    def test_a_killed_daemon_goes_on_where_it_was(self):
        child = self.started()
        for _ in range(3):
            before = self.last_run()["events"]
            os.kill(self.daemon_pid(), signal.SIGKILL)
            self.assertTrue(support.wait_until(lambda: self.last_run()["events"] > before + 10_000))
        os.kill(self.traced_pid(child), signal.SIGTERM)
        self.assertEqual(child.wait(support.TIMEOUT), -signal.SIGTERM)
        run = self.last_run()
        self.assertEqual(run["lost"], 0, run)
        self.sound()

    def test_program_and_daemon_killed_together(self):
        child = self.started()
        pid = self.traced_pid(child)
        for victim in (self.daemon_pid(), pid):
            os.kill(victim, signal.SIGKILL)
        child.wait(support.TIMEOUT)
        # The next daemon stores the events that were left in shared memory.
        self.assertTrue(support.wait_until(lambda: not self.smiley("list").code and not self.segments()))
        run = self.last_run()
        self.assertGreater(run["events"], 10_000)
        self.assertEqual(run["lost"], 0, run)
        self.sound()

    def test_a_stopped_daemon_costs_events_not_the_program(self):
        path = self.script(
            "much.py",
            COUNTING + "print('ready', flush=True)\ninput()\n"
            "for _ in range(40):\n    work(20_000)\nprint('through', flush=True)\n",
        )
        child = self.start("run", "-q", "--on-full", "drop", path, stdin=subprocess.PIPE)
        self.read_until(child.stdout, b"ready\n")
        daemon = self.daemon_pid()
        os.kill(daemon, signal.SIGSTOP)
        try:
            os.write(child.stdin.fileno(), b"\n")
            self.read_until(child.stdout, b"through\n")
        finally:
            os.kill(daemon, signal.SIGCONT)
        self.assertEqual(child.wait(support.TIMEOUT), 0, child.stderr.read())
        run = self.last_run()
        self.assertGreater(run["lost"], 0)
        self.assertFalse(run["complete"])
        lost = [e for e in self.events() if e["event"] == "lost"]
        self.assertEqual(sum(e["count"] for e in lost), run["lost"])
        for event in lost:
            self.assertLessEqual(event["first_ns"], event["last_ns"])
        self.sound()

    def test_where_at_record_time_decides_for_frames(self):
        text = "def pay(amount):\n    kept = amount\n    return kept\nfor a in (1, -2, 3, -4):\n    pay(a)\n"
        for python in support.pythons():
            with self.subTest(python=python):
                self.assert_code(self.record(text, python=python, options=("--where", "amount < 0")), 0)
                calls = [e["changed"]["amount"] for e in self.events() if e["event"] == "call"]
                self.assertEqual(calls, [-2, -4])
                self.assert_whole(self.events())

    def test_a_flight_recorder_keeps_the_newest(self):
        path = self.script("much.py", COUNTING + "for _ in range(40):\n    work(20_000)\nlast = 'landed'\n")
        self.assert_code(self.smiley("run", "--on-full", "overwrite", path), 0)
        events = self.events()
        self.assertTrue(any(e.get("changed", {}).get("last") == "landed" for e in events))
        run = self.last_run()
        lost = sum(e["count"] for e in events if e["event"] == "lost")
        kept = sum(e["event"] != "lost" for e in events)
        self.assertEqual((kept, lost), (run["events"], run["lost"]))
        self.sound()


if __name__ == "__main__":
    unittest.main()
