"""Strange machines: clocks that jump, stopped programs and daemons, reused pids, many processes."""

import glob
import os
import signal
import subprocess
import threading
import unittest

import support

FAKETIME = "/usr/lib/%s/faketime/libfaketime.so.1"


def faketime_files():
    return set(glob.glob("/dev/shm/*faketime_s*"))


def forget_faketime(before):
    """Removes the shared memory that the library left behind."""
    for path in faketime_files() - before:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass


CLOCK = """
import sys, time
def note(what):
    seen = time.time()
    return seen
note("before")
print("waits", flush=True)
sys.stdin.readline()
later = note("after")
print("at %f" % later, flush=True)
"""
WAITING = """
import sys
def step(n):
    return n + 1
for n in range(2000):
    step(n)
print("waits", flush=True)
sys.stdin.readline()
for n in range(2000):
    step(n)
"""


class StrangeMachine(support.SmileyTest):
    def events(self, run="last"):
        return [o for o in self.smiley("export", run, "--format", "jsonl").objects if o["type"] == "event"]

    def sound(self):
        self.assert_code(self.smiley("store", "check"), 0)

    def waiting(self, text, env=None):
        child = subprocess.Popen(
            self.command("run", "-q", self.script("app.py", text)),
            env=env or self.env,
            cwd=self.work,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._children.append(child)
        self.read_until(child.stdout, b"waits\n")
        return child

    def go_on(self, child):
        child.stdin.write(b"\n")
        child.stdin.flush()

    def test_a_wall_clock_that_jumps_never_shows(self):
        import sysconfig

        library = FAKETIME % sysconfig.get_config_var("MULTIARCH")
        self.assertTrue(os.path.exists(library), "Debian's package faketime is missing")
        self.addCleanup(forget_faketime, faketime_files())
        for jump in ("-3d", "+40d"):
            with self.subTest(jump=jump):
                offset = os.path.join(self.work, "offset")
                with open(offset, "w") as file:
                    file.write("+0")
                env = dict(
                    self.env,
                    LD_PRELOAD=library,
                    FAKETIME_TIMESTAMP_FILE=offset,
                    FAKETIME_NO_CACHE="1",
                    FAKETIME_DONT_FAKE_MONOTONIC="1",
                )
                child = self.waiting(CLOCK, env)
                with open(offset, "w") as file:
                    file.write(jump)
                self.go_on(child)
                shown = float(self.read_until(child.stdout, b"\n").split(b"at ")[1])
                self.assertEqual(child.wait(support.TIMEOUT), 0)
                events = self.events()
                seen = [e["value"] for e in events if e.get("function") == "note" and e["event"] == "return"]
                self.assertGreater(abs(seen[1] - seen[0]), 2 * 86400, "the clock did not jump at all")
                self.assertAlmostEqual(seen[1], shown, places=3)
                times = [e["time_ns"] for e in events]
                self.assertEqual(times, sorted(times))
                self.assertLess(times[-1] - times[0], 3600 * 10**9)
                self.assertLess(abs(times[-1] / 1e9 - seen[0]), 3600)
        self.sound()

    def stand_still(self, pids):
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
            self.assertTrue(support.wait_until(lambda pid=pid: self.state(pid) == "T"))

    @staticmethod
    def state(pid):
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rpartition(")")[2].split()[0]

    def descendants(self, pid):
        with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
            below = [int(word) for word in file.read().split()]
        return below + [p for child in below for p in self.descendants(child)]

    def test_a_program_that_stands_still_is_neither_dead_nor_waited_for(self):
        child = self.waiting(WAITING)
        pids = [child.pid] + self.descendants(child.pid)
        self.stand_still(pids)
        # The daemon checks for deaths five times a second, so it has checked after two more runs.
        for name in ("one.py", "two.py"):
            self.assert_code(self.record("x = 1\n", name=name), 0)
        # Its earlier events are stored, and it was not taken for dead.
        self.assertTrue(support.wait_until(lambda: self.smiley("list", "--json").objects[-1]["events"] > 2000))
        run = self.smiley("list", "--json").objects[-1]
        self.assertIsNone(run["exit_code"], run)
        self.assertTrue(self.segments())
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)
        self.go_on(child)
        self.assertEqual(child.wait(support.TIMEOUT), 0)
        run = self.smiley("list", "--json").objects[-1]
        self.assertEqual((run["lost"], run["complete"], run["exit_code"]), (0, True, 0), run)
        self.sound()

    def test_both_stand_still_and_go_on(self):
        child = self.waiting(WAITING)
        daemon = self.daemon_pid()
        pids = [child.pid] + self.descendants(child.pid)
        self.stand_still([daemon] + pids)
        self.go_on(child)
        for pid in list(reversed(pids)) + [daemon]:
            os.kill(pid, signal.SIGCONT)
        self.assertEqual(child.wait(support.TIMEOUT), 0)
        run = self.smiley("list", "--json").objects[0]
        self.assertEqual((run["lost"], run["complete"]), (0, True), run)
        self.assertEqual(self.daemon_pid(), daemon)
        self.sound()

    def test_there_is_one_daemon_whoever_starts_it(self):
        results = []
        threads = [threading.Thread(target=lambda: results.append(self.smiley("daemon", "start"))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([result.code for result in results], [0] * 8, results)
        mine = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if self.is_daemon(pid)]
        self.assertEqual(mine, [self.daemon_pid()])
        # A second daemon in the foreground reports that the home has one.
        late = self.smiley("daemon", "start", "--foreground")
        self.assertEqual(self.daemon_pid(), mine[0])
        if late.code != 0:
            self.assert_one_line(late)

    def is_daemon(self, pid):
        try:
            with open("/proc/%d/environ" % pid, "rb") as file:
                if b"SMILEY_HOME=" + os.fsencode(self.home) not in file.read().split(b"\0"):
                    return False
            with open("/proc/%d/cmdline" % pid, "rb") as file:
                return b"daemon" in file.read() and self.is_running(pid)
        except OSError:
            return False

    def test_a_thousand_processes_in_sequence_and_fifty_at_once(self):
        text = """
import os
def child(n):
    return n * 2
def fork_one(n):
    pid = os.fork()
    if pid == 0:
        child(n)
        os._exit(0)
    return pid
for n in range(1000):
    os.waitpid(fork_one(n), 0)
crowd = [fork_one(1000 + n) for n in range(50)]
for pid in crowd:
    os.waitpid(pid, 0)
"""
        result = self.record(text, options=["-q"], timeout=600)
        self.assert_code(result, 0)
        whole = lambda: self.smiley("list", "--json").objects[0]["complete"]
        self.assertTrue(support.wait_until(whole))
        run = self.smiley("list", "--json").objects[0]
        self.assertEqual((run["processes"], run["lost"], run["complete"]), (1051, 0, True), run)
        returned = [e["value"] for e in self.events() if e.get("function") == "child" and e["event"] == "return"]
        self.assertEqual(sorted(returned), [2 * n for n in range(1050)])
        self.assertEqual(self.segments(), [])
        self.sound()

    def test_a_pid_that_comes_again_is_another_process(self):
        """A living process gets the pid of a dead recorded program: its run ends all the same."""
        child = self.waiting(WAITING)
        traced = next(pid for pid in self.descendants(child.pid) if self.runs_python(pid))
        for pid in (child.pid, self.daemon_pid(), traced):  # no process is left that could notice its death
            os.kill(pid, signal.SIGKILL)
        child.wait(support.TIMEOUT)
        self.assertTrue(support.wait_until(lambda: not os.path.exists("/proc/%d" % traced)))
        again = self.take_pid(traced)
        self.assertEqual(again.pid, traced)
        self.assertTrue(self.segments(), "nothing is left of it")
        self.assert_code(self.smiley("daemon", "start"), 0)
        self.assertTrue(
            support.wait_until(lambda: not self.segments()), "the new owner of the pid was taken for the old"
        )
        self.assertTrue(self.is_running(again.pid))
        self.assertGreater(len(self.events()), 4000)
        self.sound()

    @staticmethod
    def runs_python(pid):
        return os.readlink("/proc/%d/exe" % pid).rpartition("/")[2].startswith("python")

    def take_pid(self, pid):
        """Starts a process with this pid. The kernel gives the next free pid; another process may get it, so it tries again."""
        for _ in range(200):
            words = ["tee", "/proc/sys/kernel/ns_last_pid"]
            subprocess.run(
                words if os.geteuid() == 0 else ["sudo", "-n", *words],
                input=b"%d" % (pid - 1),
                check=True,
                stdout=subprocess.DEVNULL,
            )
            child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            if child.pid == pid:
                self._children.append(child)
                return child
            child.stdin.close()
            child.wait()
            child.stdout.close()
        self.fail("the pid %d could not be had again" % pid)


if __name__ == "__main__":
    unittest.main()
