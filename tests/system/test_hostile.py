"""Hostile bytes to rings and sockets, and from other users: the daemon stays within bounds and answers its clients."""

import json
import mmap
import os
import pwd
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import unittest

import support

MOST_MEMORY = 600 << 20  # bytes; its caches and what it may hold of pieces, tail and feed stay well below


class Hostile(support.SmileyTest):
    def setUp(self):
        super().setUp()
        self.assert_code(self.smiley("daemon", "start"), 0)
        self.pid = self.daemon_pid()

    def producer(self, *words):
        child = subprocess.Popen(
            [os.path.join(support.BIN, "smiley_test_producer"), *words],
            env=self.env,
            cwd=self.work,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._children.append(child)
        return child

    def connect(self):
        link = socket.socket(socket.AF_UNIX)
        self.addCleanup(link.close)
        link.settimeout(support.TIMEOUT)
        link.connect(os.path.join(self.home, "daemon.sock"))
        return link

    def memory(self):
        with open("/proc/%d/statm" % self.pid) as file:
            _, resident, shared = file.read().split()[:3]
        return (int(resident) - int(shared)) * 4096

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.pid))

    def assert_well(self):
        """The daemon still answers, within its bounds."""
        self.assertEqual(self.daemon_pid(), self.pid)
        link = self.connect()
        link.sendall(b'{"op":"hello"}\n')
        self.assertIn(b'"ok":true', self.read_until(link, b"\n"))
        self.assertLess(self.memory(), MOST_MEMORY)

    def check(self, run):
        result = self.smiley("store", "check", run)
        self.assertEqual(result.code, 0, result)

    # Rings.

    def segment_paths(self):
        return [
            os.path.join("/dev/shm", name)
            for name in self.segments()
            if os.path.exists(os.path.join("/dev/shm", name))
        ]

    def scribble(self, chance, path, times):
        """Writes random bytes at random places, more often within headers."""
        with open(path, "r+b") as file:
            size = os.fstat(file.fileno()).st_size
            with mmap.mmap(file.fileno(), size) as memory:
                for _ in range(times):
                    length = chance.choice([1, 4, 8, 8, 64, 1000])
                    where = chance.random()
                    if where < 0.3:
                        at = chance.randrange(64, 1024)  # the segment's header, behind its identity
                    elif where < 0.5:
                        at = min(
                            size - 1,
                            4096 + 65536 * chance.randrange(max(1, (size - 4096) // 65536)) + chance.randrange(512),
                        )
                    else:
                        at = chance.randrange(4096, size)
                    data = chance.choice([chance.randbytes(length), b"\0" * length, b"\xff" * length])
                    data = data[: size - at]
                    memory[at : at + len(data)] = data

    def test_somebody_scribbles_on_rings_while_they_are_drained(self):
        seed = random.SystemRandom().randrange(1 << 32)
        chance = random.Random(seed)
        with self.subTest(seed=seed):
            sound = self.producer("40000", "--rate", "40000", "--run", "sound")
            sound_segments = support.wait_until(lambda: len(self.segment_paths()) >= 2 and set(self.segment_paths()))
            spoiled = self.producer(
                "400000",
                "--rate",
                "150000",
                "--threads",
                "2",
                "--blocks",
                "4",
                "--on-full",
                "drop",
                "--run",
                "spoiled",
            )
            targets = support.wait_until(
                lambda: len(self.segment_paths()) >= 5 and set(self.segment_paths()) - sound_segments
            )
            for _ in range(150):
                for path in targets:
                    try:
                        self.scribble(chance, path, 3)
                    except OSError:
                        pass  # removed meanwhile
                select.select([], [], [], 0.005)
            spoiled.kill()
            spoiled.wait()
            self.assertEqual(sound.wait(support.TIMEOUT), 0)
            self.assert_well()
            ended = lambda: all(run["state"] == "ended" for run in self.smiley("list", "--json").objects)
            self.assertTrue(support.wait_until(ended), "the runs do not end")
            self.check("sound")
            end = self.smiley("export", "sound", "--format", "jsonl").objects[-1]
            self.assertEqual((end["lost"], end["complete"]), (0, True), end)
            self.assertGreater(end["events"], 39_900)  # whole rounds of the shop, 40,000 at most
            # For the stored part of the other run, produced = stored + lost: damage is counted as lost.
            check = self.smiley("store", "check", "spoiled")
            names = [line for line in check.text.splitlines() if "catalogue" not in line]
            self.assertEqual(names, [], check)
            self.assert_well()

    def test_segments_that_no_program_made(self):
        chance = random.Random(7)
        producer = self.producer("100", "--stay")
        names = support.wait_until(lambda: len(self.segments()) >= 2 and self.segments())
        paths = []
        for number in range(40):
            head = names[number % len(names)].rsplit(".", 1)[0]
            paths.append(os.path.join("/dev/shm", "%s.%08x" % (head, number)))
            with open(os.path.join("/dev/shm", names[number % len(names)]), "rb") as file:
                data = bytearray(file.read(chance.choice([0, 10, 4096, 70000, 1 << 20])))
            for _ in range(20):
                if data:
                    data[chance.randrange(len(data))] = chance.randrange(256)
            with open(os.open(paths[-1], os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
                file.write(data)
        os.mkfifo(paths[0] + "f")
        os.symlink("/etc/passwd", paths[0] + "e")
        self.addCleanup(
            lambda: [os.unlink(path) for path in paths + [paths[0] + "f", paths[0] + "e"] if os.path.lexists(path)]
        )
        self.assert_well()
        producer.stdin.close()
        producer.wait(support.TIMEOUT)
        self.assertTrue(support.wait_until(lambda: not [n for n in names if n in self.segments()]), "segments stay")
        self.assert_well()

    # Sockets.

    def test_clients_that_talk_nonsense(self):
        chance = random.Random(11)
        texts = [
            b"\0" * 1000,
            b"{" * 100000,
            b"[" * 40 + b"\n",
            b'{"op":"' + b"x" * 100000 + b'"}\n',
            b'{"op":"runs"',
            b"\n" * 9999,
            b'{"op":"import"}\n' + struct.pack("<I", 100) + b"half a frame",
            b'{"op":"import"}\n' + b"\xff" * 3,
            b'{"op":"import"}\n' + struct.pack("<I", 1 << 31) + b"x" * 1000,
            b'{"op":"replay","run":{}}\n',
            b'{"op":"export","run":"last","format":"' + b"\xf0\x9f" * 100 + b'"}\n',
            b'{"op":"runs","limit":1e999}\n',
            "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(),
            b'{"op":"begin","run":"../../x"}\n',
            b'{"op":"delete","runs":[' + b'"a",' * 1000 + b'"a"]}\n',
            b'\xff\xfe{"op":"runs"}\n',
        ]
        texts += [chance.randbytes(chance.choice([1, 100, 10000])) for _ in range(60)]
        for text in texts:
            link = self.connect()
            try:
                link.sendall(text)
                if chance.random() < 0.5:
                    link.shutdown(socket.SHUT_WR)
                    while link.recv(65536):
                        pass
            except OSError:
                pass  # it may hang up
            link.close()
        self.assert_well()
        self.assertTrue(support.wait_until(lambda: self.descriptors() < 100), "connections stay open")

    def test_a_line_without_end_is_refused(self):
        before = self.memory()
        link = self.connect()
        sent = 0
        try:
            while sent < 64 << 20:
                sent += link.send(b"x" * (1 << 16))
        except OSError:
            pass
        self.assertLess(sent, 64 << 20)
        self.assertLess(self.memory() - before, 64 << 20)
        self.assert_well()

    def test_slow_bytes_delay_nobody(self):
        slow = [self.connect() for _ in range(20)]
        request = b'{"op":"runs"}\n'
        for byte in request:
            for link in slow:
                link.sendall(bytes([byte]))
            self.assert_well()
        for link in slow:
            self.read_until(link, b'"end":true')

    def test_a_client_that_never_reads(self):
        self.assertEqual(self.producer("100000", "--run", "big").wait(support.TIMEOUT), 0)
        self.assertTrue(support.wait_until(lambda: self.smiley("list", "--json").objects[0]["state"] == "ended"))
        before = self.memory()
        deaf = [self.connect() for _ in range(20)]
        for link in deaf:
            link.sendall(
                b'{"op":"export","run":"big","format":"jsonl"}\n{"op":"tail","run":"big","last":100000}\n' * 50
            )
        for _ in range(20):
            self.assert_well()
        self.assertLess(self.memory() - before, 200 << 20)
        self.check("big")

    def test_a_thousand_connections(self):
        before = self.descriptors()
        links = [self.connect() for _ in range(1000)]
        for link in links[::10]:
            link.sendall(b'{"op":"hello"}\n')
        for link in links[::10]:
            self.assertIn(b'"ok":true', self.read_until(link, b"\n"))
        self.assert_well()
        for link in links:
            link.close()
        self.assertTrue(support.wait_until(lambda: self.descriptors() <= before + 2), "connections stay open")

    # Another user.

    STRANGER = """
import os, socket, sys
home, segments, said = sys.argv[1], sys.argv[2:], []
def attempt(what, action):
    try:
        action()
        said.append(what)
    except OSError:
        pass
def connect():
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(home + "/daemon.sock")
        link.settimeout(30)
        link.sendall(b'{"op":"runs"}\\n')
        if not link.recv(100):
            raise OSError("hung up")
for name in ("", "/store", "/spool", "/segments"):
    attempt("lists " + name, lambda: os.listdir(home + name))
for name in ("daemon.sock", "daemon.log", "daemon.lock", "id", "store/CURRENT"):
    attempt("reads " + name, lambda: open(home + "/" + name, "rb").read(1))
    attempt("writes " + name, lambda: open(home + "/" + name, "r+b"))
    attempt("deletes " + name, lambda: os.unlink(home + "/" + name))
attempt("connects", connect)
for path in segments:
    attempt("reads " + path, lambda: open(path, "rb").read(1))
    attempt("writes " + path, lambda: open(path, "r+b"))
    attempt("truncates " + path, lambda: os.truncate(path, 0))
    attempt("renames " + path, lambda: os.rename(path, path + "x"))
    attempt("deletes " + path, lambda: os.unlink(path))
attempt("signals", lambda: os.kill(int(os.environ["DAEMON"]), 0))
print("\\n".join(said))
"""

    def as_stranger(self, words):
        """Runs the words as the user nobody, with sudo where the test is not root."""
        env = dict(self.env, DAEMON=str(self.pid))
        nobody = pwd.getpwnam("nobody")
        if os.geteuid() == 0:
            return self.run_words(words, env=env, cwd="/", user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[])
        return self.run_words(["sudo", "-n", "-E", "-u", "nobody", *words], env=env, cwd="/")

    def test_another_user_can_do_nothing(self):
        producer = self.producer("1000", "--stay")
        self.assertTrue(support.wait_until(lambda: len(self.segment_paths()) >= 2))
        words = ["/usr/bin/python3", "-c", self.STRANGER, self.home, *self.segment_paths()]
        result = self.as_stranger(words)
        self.assertEqual((result.code, result.text.strip()), (0, ""), result)
        # Even where the folders are open, the daemon checks the user.
        os.chmod(self.home, 0o755)
        os.chmod(os.path.join(self.home, "daemon.sock"), 0o666)
        said = self.as_stranger(words).text.split("\n")
        self.assertNotIn("connects", said)
        self.assertFalse(
            [
                line
                for line in said
                if line.startswith(("writes", "deletes", "truncates", "renames", "signals"))
                and not line.endswith("daemon.sock")
            ],
            said,
        )
        os.chmod(self.home, 0o700)
        producer.stdin.close()
        producer.wait(support.TIMEOUT)
        self.assert_well()

    def test_the_owner_can_do_it_all(self):
        """The access that test_another_user_can_do_nothing tries works for the owner; otherwise that test proves nothing."""
        producer = self.producer("1000", "--stay")
        self.assertTrue(support.wait_until(lambda: len(self.segment_paths()) >= 2))
        words = ["/usr/bin/python3", "-c", self.STRANGER, self.home, *self.segment_paths()]
        said = self.run_words(words, env=dict(self.env, DAEMON=str(self.pid))).text
        for what in ("lists", "reads", "writes", "deletes", "truncates", "renames", "signals"):
            self.assertIn(what, said)
        producer.kill()
        os.kill(self.pid, signal.SIGKILL)  # its files are gone


if __name__ == "__main__":
    sys.exit(unittest.main())
