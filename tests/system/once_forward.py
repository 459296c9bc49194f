"""smiley-run --remote: a run is recorded here and stored on another machine exactly once, whatever breaks."""

import os
import shutil
import signal
import socket
import tempfile
import threading
import unittest

import support

# Texts that do not compress, so that the run is larger than the bytes that a broken connection carries.
LARGE = "import os\nfor n in range(2500):\n    text = os.urandom(240).hex()[:250]\nraise SystemExit(7)\n"


class Cutter:
    """A port that copies bytes to another one, and cuts a connection after `limit` bytes (None: never)."""

    def __init__(self, to, limit):
        self.to, self.limit, self.cuts = to, limit, 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.server.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.server.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self.to, support.TIMEOUT)
            except OSError:
                near.close()
                continue
            ends = (near, far)
            threading.Thread(target=self.carry, args=(*ends, True), daemon=True).start()
            threading.Thread(target=self.carry, args=(*reversed(ends), False), daemon=True).start()

    def carry(self, source, sink, counted):
        carried = 0
        try:
            while data := source.recv(16384):
                sink.sendall(data)
                carried += len(data)
                if counted and self.limit is not None and carried > self.limit:
                    self.cuts += 1
                    break
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()


class Forward(support.SmileyTest):
    """Programs are recorded in self.home; their runs are stored in self.far_home."""

    def setUp(self):
        super().setUp()
        self.python = support.pythons()[0]
        self.far_home = tempfile.mkdtemp(prefix="sf-", dir="/tmp")
        self.far_env = dict(self.env, SMILEY_HOME=self.far_home)
        self.listen("127.0.0.1:0")
        self.address = self.far("daemon", "status", "--json").objects[0]["listen"]
        self.env["SMILEY_TOKEN"] = self.far("daemon", "token").text.strip()

    def tearDown(self):
        self.far("daemon", "stop")
        shutil.rmtree(self.far_home, True)
        super().tearDown()

    def far(self, verb, *words, **options):
        return self.smiley(verb, *words, env=self.far_env, **options)

    def listen(self, address):
        self.assert_code(self.far("daemon", "start", "--listen", address), 0)

    def kill_far(self):
        pid = self.far("daemon", "status", "--json").objects[0]["pid"]
        os.kill(pid, signal.SIGKILL)
        self.assertTrue(support.wait_until(lambda: not self.is_running(pid)))

    def run_remote(self, text, address):
        return self.record(text, python=self.python, options=("--remote", address))

    def pending(self):
        return [f["run"] for f in self.status()["forwarding"]]

    def there_only(self, run, jsonl):
        """The other machine has the whole run once, and this one no longer has it."""
        self.assertTrue(support.wait_until(lambda: not self.pending()), self.status())
        self.assertEqual([r["id"] for r in self.far("list", "--json").objects], [run])
        self.assertEqual(self.far("export", run, "--format", "jsonl").out, jsonl)
        self.assert_code(self.far("store", "check"), 0)
        self.assertEqual(self.smiley("list", "--json").objects, [])
        self.assertEqual(os.listdir(os.path.join(self.home, "forward")), [])

    def test_a_run_is_over_there_when_the_program_has_ended(self):
        ended = self.run_remote("def f(n):\n    return n + 1\nf(41)\nraise SystemExit(3)\n", self.address)
        self.assert_code(ended, 3)
        line = self.assert_one_line(ended)
        run = line.split("run ")[1].split(":")[0]
        self.assertIn("stored at %s; next: smiley-replay %s --connect %s" % (self.address, run, self.address), line)
        shown = self.smiley("show", run, "--json", "--connect", self.address).objects[0]
        self.assertEqual((shown["exit_code"], shown["complete"]), (3, True))
        self.there_only(run, self.far("export", run, "--format", "jsonl").out)

    def test_what_can_be_wrong_is_said_before_the_program_starts(self):
        mark = os.path.join(self.work, "mark")
        token = self.env.pop("SMILEY_TOKEN")
        for address, words in (
            (self.address, "smiley-daemon token --save " + self.address),
            ("nowhere", "HOST:PORT"),
        ):
            refused = self.run_remote("open(%r, 'w')\n" % mark, address)
            self.assert_code(refused, 125)
            self.assertIn(words, self.assert_one_line(refused))
        self.env["SMILEY_TOKEN"] = token
        self.assertFalse(os.path.exists(mark))

    def test_it_waits_for_a_daemon_that_is_not_there(self):
        self.assert_code(self.far("daemon", "stop"), 0)
        ended = self.run_remote("x = 1\n", self.address)
        self.assert_code(ended, 0)
        line = self.assert_one_line(ended)
        self.assertIn("still to be sent to " + self.address, line)
        run = line.split("run ")[1].split(":")[0]
        self.assertEqual(self.pending(), [run])
        self.assertIn("run %s to %s: " % (run, self.address), self.smiley("daemon", "status").text)
        jsonl = self.smiley("export", run, "--format", "jsonl").out
        self.kill_daemon()
        self.listen(self.address)
        self.assert_code(self.smiley("daemon", "start"), 0)
        self.there_only(run, jsonl)

    def test_broken_connections_and_killed_daemons_lose_and_repeat_nothing(self):
        host, port = self.address.rsplit(":", 1)
        cutter = Cutter((host, int(port)), 100_000)
        self.addCleanup(cutter.server.close)
        ended = self.run_remote(LARGE, cutter.address)
        self.assert_code(ended, 7)
        run = self.assert_one_line(ended).split("run ")[1].split(":")[0]
        jsonl = self.smiley("export", run, "--format", "jsonl").out
        self.assertGreater(len(jsonl), 300_000)
        self.assertTrue(support.wait_until(lambda: cutter.cuts >= 2), self.status())
        self.kill_daemon()
        self.assert_code(self.smiley("daemon", "start"), 0)
        cuts = cutter.cuts
        self.assertTrue(support.wait_until(lambda: cutter.cuts > cuts))
        self.assertEqual(self.far("list", "--json").objects, [])  # no part of it
        self.kill_far()
        self.listen(self.address)
        cutter.limit = None
        self.there_only(run, jsonl)
        # The last answer may be lost, too. Then the run is sent again, and is stored once.
        self.assert_code(self.smiley("import", input=self.far("export", run).out), 0)
        with open(os.path.join(self.home, "forward", run), "w") as file:
            file.write("%s\n%s\n" % (self.address, self.env["SMILEY_TOKEN"]))
        self.kill_daemon()
        self.assert_code(self.smiley("daemon", "start"), 0)
        self.there_only(run, jsonl)


if __name__ == "__main__":
    unittest.main()
