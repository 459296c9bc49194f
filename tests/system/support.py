"""Shared by the system tests: a home for each test, the built commands, deadlines, and no daemon left behind.

SMILEY_BIN            directory of the commands (default: build/bin beside the sources)
SMILEY_TEST_PYTHONS   interpreters to record with, separated by colons (default: python3 on PATH)
"""

import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.abspath(os.environ.get("SMILEY_BIN") or os.path.join(ROOT, "build", "bin"))
TIMEOUT = float(os.environ.get("SMILEY_TEST_TIMEOUT") or 60)


def pythons():
    """The interpreters under test, as absolute paths."""
    given = [p for p in os.environ.get("SMILEY_TEST_PYTHONS", "").split(":") if p]
    found = [shutil.which(p) for p in given] if given else [shutil.which("python3")]
    missing = [p for p, f in zip(given, found) if f is None]
    if missing:
        raise RuntimeError("SMILEY_TEST_PYTHONS names what is not there: " + ", ".join(missing))
    return [os.path.abspath(p) for p in found if p]


class Result:
    """The exit code and the output of a command."""

    def __init__(self, code, out, err):
        self.code = code  # negative: the signal that ended it
        self.out = out
        self.err = err

    @property
    def text(self):
        return self.out.decode("utf-8", "replace")

    @property
    def words(self):
        """Its messages on standard error."""
        return self.err.decode("utf-8", "replace")

    @property
    def objects(self):
        """The JSON objects that it printed, one a line."""
        return [json.loads(line) for line in self.text.splitlines() if line]

    def __repr__(self):
        return "Result(code=%r, out=%r, err=%r)" % (self.code, self.out[-2000:], self.err[-2000:])


def wait_until(condition, timeout=TIMEOUT, step=0.02):
    """Polls `condition` until it is true; returns its value, or the last false one after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value or time.monotonic() > deadline:
            return value
        select.select([], [], [], step)


class SmileyTest(unittest.TestCase):
    """A test with a temporary SMILEY_HOME that ends its daemon. The path is short, because socket names are limited."""

    def setUp(self):
        if not os.path.exists(os.path.join(BIN, "smiley")):
            self.fail("no commands in %s: build first, or say where with SMILEY_BIN" % BIN)
        self.home = tempfile.mkdtemp(prefix="sm-", dir="/tmp")
        self.work = tempfile.mkdtemp(prefix="smw-", dir="/tmp")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("SMILEY_")}
        self.env["SMILEY_HOME"] = self.home
        self.env["PATH"] = BIN + ":" + self.env.get("PATH", "/usr/bin:/bin")
        self.env.setdefault("LC_ALL", "C.UTF-8")
        self.env.pop("NO_COLOR", None)
        self.env.pop("COLUMNS", None)
        self._children = []

    def tearDown(self):
        for child in self._children:
            if child.poll() is None:
                child.kill()
            child.wait(TIMEOUT)
            for stream in (child.stdin, child.stdout, child.stderr):
                if stream is not None:
                    stream.close()
        pid = self.daemon_pid()
        if pid is not None:
            self.smiley("daemon", "stop")
            if not wait_until(lambda: not self.is_running(pid), 10):
                os.kill(pid, signal.SIGKILL)
                wait_until(lambda: not self.is_running(pid), 10)
        self.remove_segments()
        for directory in (self.home, self.work):
            for name, _, _ in os.walk(directory):
                os.chmod(name, 0o700)
            shutil.rmtree(directory, ignore_errors=True)

    # Homes, daemons, segments.

    def home_id(self):
        try:
            with open(os.path.join(self.home, "id")) as file:
                return file.read().strip()
        except OSError:
            return None

    def segments(self):
        """Names of this home's shared-memory segments, in shared memory and in files."""
        home_id = self.home_id()
        names = []
        if home_id:
            for directory in ("/dev/shm", os.path.join(self.home, "segments")):
                if os.path.isdir(directory):
                    names += [n for n in os.listdir(directory) if n.startswith("smiley.%s." % home_id)]
        return names

    def bytes_of_the_home(self):
        """The bytes of all files of the home and of its shared-memory segments, by path."""
        found = {}
        for top, _, names in os.walk(self.home):
            for name in names:
                path = os.path.join(top, name)
                if os.path.isfile(path):
                    with open(path, "rb") as file:
                        found[path] = file.read()
        for name in self.segments():
            for folder in ("/dev/shm", os.path.join(self.home, "segments")):
                path = os.path.join(folder, name)
                if os.path.exists(path):
                    with open(path, "rb") as file:
                        found[path] = file.read()
        return found

    def remove_segments(self):
        for name in self.segments():
            for directory in ("/dev/shm", os.path.join(self.home, "segments")):
                try:
                    os.unlink(os.path.join(directory, name))
                except OSError:
                    pass

    def is_running(self, pid):
        try:
            with open("/proc/%d/stat" % pid) as file:
                return file.read().rpartition(")")[2].split()[0] not in ("Z", "X")
        except OSError:
            return False

    def daemon_pid(self):
        """The pid of this home's daemon; None when no daemon is running. It never starts one."""
        lock = os.path.join(self.home, "daemon.lock")
        if not os.path.exists(lock):
            return None
        for pid in (int(n) for n in os.listdir("/proc") if n.isdigit()):
            try:
                with open("/proc/%d/environ" % pid, "rb") as file:
                    environ = file.read().split(b"\0")
                with open("/proc/%d/cmdline" % pid, "rb") as file:
                    command = file.read().split(b"\0")
            except OSError:
                continue
            mine = b"SMILEY_HOME=" + os.fsencode(self.home) in environ
            if mine and b"daemon" in b" ".join(command) and self._holds(pid, lock) and self.is_running(pid):
                return pid
        return None

    @staticmethod
    def _holds(pid, lock):
        """Whether the process has a lock on the file. The kernel lists it with the descriptor."""
        try:
            inode = os.stat(lock).st_ino
            for fd in os.listdir("/proc/%d/fd" % pid):
                if os.stat("/proc/%d/fd/%s" % (pid, fd)).st_ino == inode:
                    with open("/proc/%d/fdinfo/%s" % (pid, fd)) as file:
                        if any(line.startswith("lock:") for line in file):
                            return True
        except OSError:
            pass
        return False

    def kill_daemon(self):
        """Kills this home's daemon and waits until its lock is free; returns its pid."""
        pid = self.daemon_pid()
        os.kill(pid, signal.SIGKILL)
        self.assertTrue(wait_until(lambda: self.daemon_pid() != pid), "the daemon survived")
        return pid

    def status(self):
        result = self.smiley("daemon", "status", "--json")
        return result.objects[0] if result.code == 0 else None

    # Commands.

    def command(self, verb, *words):
        return [os.path.join(BIN, "smiley-" + verb), *map(str, words)]

    def run_words(self, words, input=None, timeout=TIMEOUT, env=None, cwd=None, **options):
        child = subprocess.Popen(
            words,
            stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env or self.env,
            cwd=cwd or self.work,
            **options,
        )
        try:
            out, err = child.communicate(input, timeout)
        except subprocess.TimeoutExpired:
            child.kill()
            out, err = child.communicate()
            self.fail("%r did not end within %s s\nout: %r\nerr: %r" % (words, timeout, out[-2000:], err[-2000:]))
        return Result(child.returncode, out, err)

    def smiley(self, verb, *words, **options):
        """Runs smiley-VERB until it ends."""
        return self.run_words(self.command(verb, *words), **options)

    def start(self, verb, *words, **options):
        """Starts smiley-VERB; the test ends it."""
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        options.setdefault("stdin", subprocess.DEVNULL)
        child = subprocess.Popen(self.command(verb, *words), env=self.env, cwd=self.work, **options)
        self._children.append(child)
        return child

    def read_until(self, stream, wanted, timeout=TIMEOUT):
        """Reads bytes from a pipe until `wanted` is among them; fails after `timeout` seconds. Returns all bytes read."""
        fd = stream if isinstance(stream, int) else stream.fileno()
        deadline = time.monotonic() + timeout
        data = b""
        while wanted not in data:
            left = deadline - time.monotonic()
            ready = select.select([fd], [], [], max(0, left))[0]
            if not ready:
                self.fail("%r did not come within %s s; got %r" % (wanted, timeout, data[-2000:]))
            try:
                more = os.read(fd, 65536)
            except OSError:  # the other side of the terminal is closed
                more = b""
            if not more:
                self.fail("%r did not come before the end; got %r" % (wanted, data[-2000:]))
            data += more
        return data

    def in_terminal(self, words, wanted=None, columns=100, rows=30, timeout=TIMEOUT, env=None):
        """Starts a command on a terminal; returns the process and the file descriptor of the other side."""
        import fcntl
        import struct
        import termios

        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = dict(env or self.env, TERM="xterm-256color")
        child = subprocess.Popen(
            words,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            cwd=self.work,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        self._children.append(child)
        self.addCleanup(os.close, master)
        if wanted is not None:
            self.read_until(master, wanted, timeout)
        return child, master

    # Programs and runs.

    def script(self, name, text):
        path = os.path.join(self.work, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def record(self, text, *words, name="app.py", python=None, options=(), **run_options):
        """Writes a script and records it; returns the result of smiley-run."""
        path = self.script(name, text)
        before = ["--python", python] if python else []
        return self.smiley("run", *options, *before, path, *words, **run_options)

    def assert_code(self, result, code):
        self.assertEqual(result.code, code, repr(result))

    def assert_one_line(self, result):
        """The only message of the command: one line, with smiley's prefix."""
        lines = result.words.splitlines()
        self.assertEqual(len(lines), 1, repr(result))
        self.assertTrue(lines[0].startswith("smiley: "), repr(result))
        return lines[0]


if __name__ == "__main__":
    sys.exit("this is a helper, run the test_*.py files")
