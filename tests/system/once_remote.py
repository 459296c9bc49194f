"""The runs of one home read from another: TLS and token, ssh, and the messages when something is missing."""

import json
import os
import socket
import subprocess
import tempfile
import shutil
import unittest

import support


class Remote(support.SmileyTest):
    """self.home is the server; far() runs a command in a home of its own with --connect."""

    def setUp(self):
        super().setUp()
        self.python = support.pythons()[0]
        self.far_home = tempfile.mkdtemp(prefix="sf-", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.far_home, True)
        self.far_env = dict(self.env, SMILEY_HOME=self.far_home)

    def listen(self):
        self.assert_code(self.smiley("daemon", "start", "--listen", "127.0.0.1:0"), 0)
        self.address = self.status()["listen"]
        self.assertRegex(self.address, r"^127\.0\.0\.1:\d+$")
        self.token = self.smiley("daemon", "token").text.strip()
        return self.address

    def far(self, verb, *words, target=None, **options):
        options.setdefault("env", self.far_env)
        return self.smiley(verb, *words, "--connect", target or self.address, **options)

    def record_one(self):
        self.assert_code(self.record("def f(n):\n    return n + 1\nf(41)\n", python=self.python, options=("-q",)), 0)
        return self.smiley("list", "--json").objects[0]["id"]

    def test_every_reading_command_goes_there(self):
        self.listen()
        run = self.record_one()
        kept = self.run_words(
            self.command("daemon", "token", "--save", self.address),
            input=(self.token + "\n").encode(),
            env=self.far_env,
        )
        self.assert_code(kept, 0)
        self.assertIn("smiley-list --connect " + self.address, kept.words)
        for words in (
            ["list", "--json"],
            ["show", run, "--json"],
            ["threads", "last", "--json"],
            ["replay", run],
            ["replay", run[:4], "--json"],
            ["export", run],
            ["export", run, "--format", "jsonl"],
            ["store", "check"],
            ["tail", run, "--no-follow"],
        ):
            here, there = self.smiley(*words), self.far(*words)
            self.assert_code(there, 0)
            self.assertEqual(there.out, here.out, words)
        self.assertIn(self.address, self.far("daemon", "status").text)
        self.assertEqual(os.listdir(self.far_home).count("daemon.lock"), 0)  # no daemon was needed on this side
        # Pin, delete and import again through the network.
        exported = self.smiley("export", run).out
        self.assert_code(self.far("pin", run), 0)
        self.assert_code(self.far("delete", run), 1)
        self.assert_code(self.far("pin", "--unpin", run), 0)
        self.assert_code(self.far("delete", run), 0)
        self.assertEqual(self.smiley("list", "--json").objects, [])
        self.assert_code(self.far("import", input=exported), 0)
        self.assertEqual(self.smiley("export", run).out, exported)

    def test_a_run_is_watched_from_there_while_it_goes_on(self):
        self.listen()
        path = self.script("slow.py", "import sys\nfor line in sys.stdin:\n    word = line.strip()\n")
        program = self.start("run", "-q", "--python", self.python, path, stdin=subprocess.PIPE)
        env, self.env = self.env, dict(self.far_env, SMILEY_TOKEN=self.token)
        watcher = self.start("tail", "--json", "--connect", self.address)
        self.env = env
        program.stdin.write(b"first\n")
        program.stdin.flush()
        self.read_until(watcher.stdout, b'"word":"first"')
        program.stdin.write(b"second\n")
        program.stdin.close()
        self.read_until(watcher.stdout, b'"type":"end"')
        self.assertEqual(program.wait(support.TIMEOUT), 0)
        program.stdin = None

    def test_who_has_no_token_or_a_wrong_one_is_told_how_to_get_it(self):
        self.listen()
        none = self.far("list")
        self.assert_code(none, 1)
        self.assertIn("smiley-daemon token --save " + self.address, self.assert_one_line(none))
        wrong = "smiley1_" + "0" * 32 + self.token[-65:]
        refused = self.far("list", env=dict(self.far_env, SMILEY_TOKEN=wrong))
        self.assert_code(refused, 1)
        self.assertIn("the token is wrong", self.assert_one_line(refused))
        other = self.token[:-1] + ("0" if self.token[-1] != "0" else "1")
        foreign = self.far("list", env=dict(self.far_env, SMILEY_TOKEN=other))
        self.assert_code(foreign, 1)
        self.assertIn("the token is for another daemon than the one on", self.assert_one_line(foreign))
        garbage = self.far("list", env=dict(self.far_env, SMILEY_TOKEN="let me in"))
        self.assert_code(garbage, 1)
        self.assertIn("SMILEY_TOKEN", self.assert_one_line(garbage))
        bad = self.run_words(
            self.command("daemon", "token", "--save", self.address), input=b"xyz\n", env=self.far_env
        )
        self.assert_code(bad, 1)
        self.assert_one_line(bad)

    def test_plain_text_is_refused_with_the_command_that_makes_it_right(self):
        host, port = self.listen().rsplit(":", 1)
        with socket.create_connection((host, int(port)), support.TIMEOUT) as plain:
            plain.sendall(b'{"op":"runs"}\n')
            plain.settimeout(support.TIMEOUT)
            answer = json.loads(plain.makefile("rb").readline())
        self.assertFalse(answer["ok"])
        self.assertIn("smiley-list --connect " + self.address, answer["error"]["message"])

    def test_it_listens_again_after_a_death_until_it_is_told_not_to(self):
        self.assert_code(self.smiley("daemon", "start", "--listen", "127.0.0.1:0"), 0)
        self.assertIsNotNone(self.status()["listen"])
        self.assertIn("TLS", self.smiley("daemon", "status").text)
        self.kill_daemon()
        self.assert_code(self.smiley("list"), 0)
        self.assertIsNotNone(self.status()["listen"])
        self.assert_code(self.smiley("daemon", "restart", "--listen", "off"), 0)
        self.assertIsNone(self.status()["listen"])

    def test_a_port_that_is_taken_is_said_and_programs_are_recorded_all_the_same(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            result = self.smiley("daemon", "start", "--listen", address)
            self.assert_code(result, 1)
            self.assertIn("cannot listen on " + address, self.assert_one_line(result))
            # The kept address cannot be used now: the daemon starts without it.
            with open(os.path.join(self.home, "settings.json"), "w") as file:
                json.dump({"listen": address}, file)
            self.record_one()
            self.assertIsNone(self.status()["listen"])

    def test_nobody_there_and_wrong_addresses(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = "127.0.0.1:%d" % server.getsockname()[1]
        token = "smiley1_" + "0" * 32 + "_" + "0" * 64
        gone = self.far("list", target=address, env=dict(self.far_env, SMILEY_TOKEN=token))
        self.assert_code(gone, 1)
        self.assertIn("nobody listens on " + address, self.assert_one_line(gone))
        for wrong in ("nowhere", ":80", "a b:1", "ssh:-oProxyCommand=x", "ssh:host:rm -rf"):
            result = self.far("list", target=wrong, env=dict(self.far_env, SMILEY_TOKEN=token))
            self.assert_code(result, 2)
            self.assert_one_line(result)
        for words in (["start", "--listen", "4040"], ["stop", "--listen", ":1"], ["start", "--connect", "a:1"]):
            result = self.smiley("daemon", *words)
            self.assert_code(result, 2)
            self.assert_one_line(result)
        self.assertIsNone(self.daemon_pid())

    def ssh(self, text):
        path = self.script("ssh", "#!/bin/sh\n" + text)
        os.chmod(path, 0o700)
        return dict(self.far_env, SMILEY_SSH=path)

    def test_the_same_over_ssh(self):
        run = self.record_one()
        # As ssh does: a shell on the other machine, with its environment.
        env = self.ssh('[ "$1" = -T ] && [ "$2" = me@host ] || exit 9\nSMILEY_HOME=%s exec sh -c "$3"\n' % self.home)
        target = "ssh:me@host:%s/smiley" % support.BIN
        for words in (["list", "--json"], ["export", run], ["replay", run, "--json"]):
            here, there = self.smiley(*words), self.far(*words, target=target, env=env)
            self.assert_code(there, 0)
            self.assertEqual(there.out, here.out, words)
        self.assert_code(self.smiley("daemon", "stop"), 0)
        self.assert_code(self.far("list", target=target, env=env), 0)  # starts the daemon on the other machine
        # smiley is in a folder there whose name a shell would split.
        strange = os.path.join(self.work, "it's a $(folder)")
        os.symlink(support.BIN, strange)
        spaced = self.far("show", run, target="ssh:me@host:%s/smiley" % strange, env=env)
        self.assert_code(spaced, 0)
        # The next command names the other machine, and can be pasted.
        self.assertIn("smiley-replay %s --connect 'ssh:me@host:" % run, spaced.out.decode())
        self.assertIn("/it'\\''s a $(folder)/smiley'", spaced.out.decode())
        broken = self.far("list", target="ssh:me@host", env=self.ssh("echo no such host >&2\nexit 255\n"))
        self.assert_code(broken, 1)
        self.assertIn("smiley: ssh:me@host does not answer", broken.words)


if __name__ == "__main__":
    unittest.main()
