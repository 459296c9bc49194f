"""A home with a daemon that stops at test points, and programs that can be stopped and killed and that count their progress.

Everything waits for events with a deadline. judge.py, and not this file, decides what is right.
"""

import fcntl
import json
import mmap
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

PATIENCE = 90.0  # seconds until an expected event counts as missing


class Hung(Exception):
    """An expected event did not happen."""


def wait_until(condition, what, timeout=PATIENCE):
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Hung(what)
        select.select([], [], [], 0.004)


def state_of(pid):
    """The state letter of /proc/PID/stat; Z when the process is gone."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def is_gone(pid):
    return state_of(pid) in "ZX"


def holds_lock(pid, inode):
    """Whether the process has a lock on the file. The kernel lists it with the descriptor."""
    try:
        for fd in os.listdir("/proc/%s/fd" % pid):
            if os.stat("/proc/%s/fd/%s" % (pid, fd)).st_ino == inode:
                with open("/proc/%s/fdinfo/%s" % (pid, fd)) as file:
                    if any(line.startswith("lock:") for line in file):
                        return True
    except OSError:
        pass  # it has ended, or a descriptor was closed meanwhile
    return False


def children_of(pid):
    """The pids of all descendants."""
    found = []
    try:
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, task)) as file:
                found += [int(word) for word in file.read().split()]
    except OSError:
        pass
    return found + [below for child in found for below in children_of(child)]


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


class Lab:
    """A home with its programs. REQUIRES close() at the end, also after a failure."""

    def __init__(self, bin_dir):
        self.bin = bin_dir
        self.home = tempfile.mkdtemp(prefix="smk-", dir="/tmp")
        self.children = []
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("SMILEY_")}
        self.env["SMILEY_HOME"] = self.home
        self.env["PATH"] = bin_dir + ":" + self.env.get("PATH", "/usr/bin:/bin")

    def close(self):
        for child in self.children:
            for pid in children_of(child.pid):
                send(pid, signal.SIGKILL)
            if child.poll() is None:
                child.kill()
            child.wait()
        for _ in range(3):  # a dying program may have started another one
            pid = self.daemon_pid()
            if pid is None:
                break
            send(pid, signal.SIGKILL)
            wait_until(lambda: is_gone(pid), "a killed daemon stays")
        for path in self.segments():
            try:
                os.unlink(path)
            except OSError:
                pass
        shutil.rmtree(self.home, ignore_errors=True)

    def spawn(self, words, point=None, **options):
        env = dict(self.env, **({"SMILEY_TEST_POINT": point} if point else {}))
        options.setdefault("stdout", subprocess.DEVNULL)
        options.setdefault("stderr", subprocess.DEVNULL)
        child = subprocess.Popen(words, env=env, cwd=self.home, stdin=subprocess.DEVNULL, **options)
        self.children.append(child)
        return child

    # The daemon.

    def daemon_pid(self):
        """The pid of the process that holds the daemon's lock; None when nobody does."""
        try:
            fd = os.open(os.path.join(self.home, "daemon.lock"), os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            kind = struct.unpack("hhqqi4x", fcntl.fcntl(fd, fcntl.F_GETLK, asked))[0]
            inode = os.fstat(fd).st_ino
        finally:
            os.close(fd)
        if kind == fcntl.F_UNLCK:
            return None
        return next((int(name) for name in os.listdir("/proc") if name.isdigit() and holds_lock(name, inode)), None)

    def start_daemon(self, point=None):
        """Starts a daemon. Returns its pid when it is ready or stopped at its point, None when it died there."""
        starter = self.spawn([os.path.join(self.bin, "smiley-daemon"), "start"], point)

        def settled():
            pid = self.daemon_pid()
            return starter.poll() is not None or (pid and state_of(pid) == "T")

        wait_until(settled, "the daemon neither started nor ended")
        return self.daemon_pid()

    def kill_daemon(self):
        pid = self.daemon_pid()
        if pid is not None:
            send(pid, signal.SIGKILL)
            wait_until(lambda: is_gone(pid), "a killed daemon stays")

    def ask(self, timeout=PATIENCE, feed=None, **request):
        """Sends one request. Returns (answer, lines or bytes). Raises OSError when the daemon ends meanwhile."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(timeout)
            link.connect(os.path.join(self.home, "daemon.sock"))
            link.sendall(json.dumps(request).encode() + b"\n")
            if feed is not None:
                for at in range(0, len(feed), 1 << 18):
                    part = feed[at : at + (1 << 18)]
                    link.sendall(struct.pack("<I", len(part)) + part)
                link.sendall(struct.pack("<I", 0))
            with link.makefile("rb") as file:
                return self._answer(file)

    @staticmethod
    def _line(file):
        line = file.readline()
        if not line.endswith(b"\n"):
            raise ConnectionResetError("the daemon went away")
        return json.loads(line)

    def _answer(self, file):
        answer = self._line(file)
        if answer.get("stream") == "lines":
            lines = []
            while True:
                line = self._line(file)
                if "end" in line:
                    return line, lines
                lines.append(line)
        if answer.get("stream") == "binary":
            data = []
            while True:
                head = file.read(4)
                if len(head) < 4:
                    raise ConnectionResetError("the daemon went away")
                length = struct.unpack("<I", head)[0]
                if length in (0, 0xFFFFFFFF):
                    return self._line(file), b"".join(data)
                part = file.read(length)
                if len(part) < length:
                    raise ConnectionResetError("the daemon went away")
                data.append(part)
        return answer, None

    def find_run(self):
        """The home's only run; None while there is none or no daemon answers."""
        try:
            _, runs = self.ask(timeout=2, op="runs")
        except OSError:
            return None
        return runs[0] if runs else None

    def segments(self):
        try:
            with open(os.path.join(self.home, "id")) as file:
                prefix = "smiley.%s." % file.read().strip()
        except OSError:
            return []
        paths = []
        for folder in ("/dev/shm", os.path.join(self.home, "segments")):
            if os.path.isdir(folder):
                paths += [os.path.join(folder, name) for name in os.listdir(folder) if name.startswith(prefix)]
        return paths


class Program:
    """A recorded program that keeps the progress of each of its parts in a file, which survives it."""

    PARTS = 8

    def __init__(self, lab, words, point=None, launcher=False):
        self.path = os.path.join(lab.home, "progress")
        with open(self.path, "wb") as file:
            file.truncate(4096)
        with open(self.path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 4096)
        self.launcher = launcher  # the child is smiley-run, and the program is its child
        self.child = lab.spawn([self.path if word == "PROGRESS" else word for word in words], point)

    def progress(self):
        return list(struct.unpack("<%dQ" % self.PARTS, self.memory[: 8 * self.PARTS]))

    def pids(self):
        return children_of(self.child.pid) if self.launcher else [self.child.pid]

    def ended(self):
        return self.child.poll() is not None

    def stopped(self):
        return any(state_of(pid) == "T" for pid in self.pids())

    def kill(self):
        for pid in self.pids():
            send(pid, signal.SIGKILL)

    def go_on(self):
        for pid in self.pids():
            send(pid, signal.SIGCONT)
