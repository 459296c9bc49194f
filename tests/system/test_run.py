"""smiley-run ends as its program ends, prints one line, and reports what it cannot run before anything begins."""

import os
import signal
import subprocess
import unittest

import support


class RunEnds(support.SmileyTest):
    def last_line(self, result):
        lines = result.words.splitlines()
        self.assertTrue(lines, repr(result))
        self.assertRegex(lines[-1], r"^smiley: run [a-z][a-z0-9]{7}: ")
        return lines[-1]

    def both(self, text, python, *words):
        """Runs the text without and with smiley; output, errors and end are equal."""
        path = self.script("app.py", text)
        before = self.run_words([python, path, *words])
        after = self.smiley("run", "--python", python, path, *words)
        self.assertEqual(after.code, before.code, repr(after))
        self.assertEqual(after.out, before.out)
        line = self.last_line(after)
        self.assertEqual(after.words, before.words + line + "\n")
        return after

    def test_exit_codes_and_tracebacks(self):
        texts = [
            "pass",
            "raise SystemExit(1)",
            "import sys; sys.exit(3)",
            "import sys; sys.exit('text')",
            "raise SystemExit(300)",
            "def f():\n    {}['x']\nf()",
            "import os; print('x', flush=True); os._exit(7)",
            "this is no Python",
            "import atexit; atexit.register(print, 'bye'); 1/0",
        ]
        for python in support.pythons():
            for text in texts:
                with self.subTest(python=python, text=text):
                    self.both(text, python)

    def test_signals_that_end_the_program_end_smiley_run(self):
        for python in support.pythons():
            for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGPIPE, signal.SIGUSR1):
                with self.subTest(python=python, signal=number):
                    result = self.both(
                        "import os, signal; signal.signal({0}, signal.SIG_DFL) if {0} != 9 else 0\n"
                        "os.kill(os.getpid(), {0})".format(int(number)),
                        python,
                    )
                    self.assertEqual(result.code, -number)

    def test_the_last_line_counts_and_names_the_next_command(self):
        result = self.record("def f(x):\n    return x\nfor i in range(50):\n    f(i)\n")
        self.assert_code(result, 0)
        line = self.assert_one_line(result)
        self.assertRegex(
            line,
            r"^smiley: run (\w{8}): [\d,]+ events, 1 thread, 1 process, 0 lost, [\d.]+ k?B stored; "
            r"next: smiley-replay \1$",
        )

    def test_quiet_says_nothing(self):
        result = self.record("print(1)", options=["-q"])
        self.assertEqual((result.code, result.out, result.err), (0, b"1\n", b""))

    def test_options_end_where_the_program_begins(self):
        for options in (
            [],
            ["--shm"],
            ["--detail=calls"],
            ["--detail", "lines"],
            ["--name", "a name", "--deep"],
            ["--on-full=drop", "--block-timeout", "0.5"],
            ["--ring-size", "1M,128K"],
            ["--depth", "2", "--items=5"],
            ["--include", "json", "--exclude=x*", "--include-stdlib", "--no-site-packages"],
            ["--redact", "pin"],
            ["--no-redact"],
            ["--no-follow"],
            ["--where", "function == 'f'"],
        ):
            with self.subTest(options=options):
                result = self.record("import sys; print(sys.argv[1:])", "--quiet", "-q", "--help", options=options)
                self.assert_code(result, 0)
                self.assertEqual(result.out, b"['--quiet', '-q', '--help']\n")

    def test_a_name_is_kept(self):
        self.assert_code(self.record("pass", options=["--name", "für später"]), 0)
        self.assertIn("für später", self.smiley("list", "--json").text)


class RunRefuses(support.SmileyTest):
    def refuse(self, code, *words, expect, **options):
        result = self.smiley("run", *words, **options)
        self.assert_code(result, code)
        self.assertEqual(result.out, b"")
        line = result.words.splitlines()[0]
        self.assertTrue(line.startswith("smiley: "), repr(result))
        self.assertIn(expect, line)
        # Nothing was started: no run, and no daemon.
        self.assertFalse(os.path.exists(os.path.join(self.home, "daemon.sock")), repr(result))
        return result

    def test_a_missing_script(self):
        self.assert_one_line(self.refuse(127, "nosuch.py", expect="there is no file nosuch.py"))

    def test_a_folder(self):
        os.mkdir(os.path.join(self.work, "folder"))
        self.refuse(126, "folder", expect="__main__.py")

    def test_an_unreadable_script(self):
        os.chmod(self.script("secret.py", "pass"), 0)
        # Root can read every file without this change of capabilities.
        plain = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
        result = self.run_words([*plain, *self.command("run", "secret.py")])
        self.assert_code(result, 126)
        self.assertIn("cannot be read", self.assert_one_line(result))

    def test_a_program_that_is_no_python_file(self):
        self.refuse(126, "/bin/true", expect="not a Python file")

    def test_commands_that_are_missing_or_not_executable(self):
        self.refuse(127, "--", "nosuch-command", expect="no such command")
        self.refuse(127, "--", "/nosuch/command", expect="no such command")
        self.refuse(126, "--", self.script("plain.txt", "text"), expect="cannot be executed")

    def test_interpreters_that_are_missing_or_none(self):
        path = self.script("app.py", "pass")
        self.refuse(127, "--python", "/nosuch/python", path, expect="there is no such program")
        self.refuse(126, "--python", "/bin/true", path, expect="does not run as a Python")
        self.refuse(127, path, expect="no python3 on PATH", env=dict(self.env, PATH=self.work))

    def test_an_interpreter_without_a_tracer(self):
        path = self.script("app.py", "pass")
        other = self.script("python9", "#!/bin/sh\necho cpython 9.9\n")
        os.chmod(other, 0o755)
        line = self.refuse(125, "--python", other, path, expect="Python 9.9").words
        self.assertIn("there are tracers for 3.", line)
        threads = self.script("python3.13t", "#!/bin/sh\necho cpython 3.13t\n")
        os.chmod(threads, 0o755)
        self.refuse(125, "--python", threads, path, expect="a free-threaded Python")
        old = self.script("python3", "#!/bin/sh\necho cpython 3.8\n")
        os.chmod(old, 0o755)
        self.refuse(125, path, expect="3.11 and newer", env=dict(self.env, PATH=self.work + ":" + self.env["PATH"]))

    def test_wrong_options(self):
        path = self.script("app.py", "pass")
        for words, expect in (
            (["--nosuch", path], "--nosuch"),
            ([], "which program"),
            (["--"], "a command after --"),
            (["-m"], "a module after -m"),
            (["--detail", "all", path], "--detail"),
            (["--name"], "--name"),
            (["--on-full", "panic", path], "--on-full"),
            (["--depth", "-1", path], "--depth"),
            (["--block-timeout", "soon", path], "seconds"),
            (["--ring-size", "1K", path], "--ring-size"),
            (["--shm=yes", path], "no value"),
            (["--redact", "x", "--no-redact", path], "not both"),
        ):
            with self.subTest(words=words):
                self.assert_one_line(self.refuse(125, *words, expect=expect))

    def test_bad_expressions_point_at_the_character(self):
        path = self.script("app.py", "pass")
        result = self.refuse(125, "--where", "function == ", path, expect="--where")
        self.assertEqual(result.words.splitlines()[2].index("^"), len("function == "))
        self.refuse(125, "--where", "line == 3", path, expect="'line' is unknown")

    def test_a_home_that_cannot_be_used(self):
        path = self.script("app.py", "print('ran')")
        file = self.script("file", "")
        self.refuse(125, path, expect="smiley: ", env=dict(self.env, SMILEY_HOME=file))

    def test_help(self):
        result = self.smiley("run", "--help")
        self.assert_code(result, 0)
        self.assertIn("Examples:", result.text)


class RunNeedsADaemon(support.SmileyTest):
    def break_the_store(self):
        self.script("file", "")
        os.symlink(os.path.join(self.work, "file"), os.path.join(self.home, "store"))

    def test_the_daemon_is_started_and_outlives_the_run(self):
        self.assert_code(self.record("pass"), 0)
        pid = self.daemon_pid()
        self.assertIsNotNone(pid)
        self.assert_code(self.record("pass"), 0)
        self.assertEqual(self.daemon_pid(), pid)

    def test_a_daemon_killed_meanwhile_is_started_again(self):
        path = self.script("app.py", "import sys\nprint('ready', flush=True)\nfor line in sys.stdin: x = line\n")
        child = self.start("run", path, stdin=subprocess.PIPE)
        self.read_until(child.stdout, b"ready\n")
        before = self.daemon_pid()
        os.kill(before, signal.SIGKILL)
        self.assertTrue(support.wait_until(lambda: not self.is_running(before)))
        out, err = child.communicate(b"line\n" * 100, support.TIMEOUT)
        self.assertEqual(child.returncode, 0, err)
        self.assertRegex(
            err.decode().splitlines()[-1],
            r"^smiley: run \w+: \d+ events, 1 thread, 1 process, 0 lost, .* stored; next: ",
        )
        self.assertNotIn(self.daemon_pid(), (None, before))

    def test_without_a_daemon_the_program_is_not_started(self):
        self.break_the_store()
        result = self.record("print('ran')")
        self.assert_code(result, 125)
        self.assertEqual(result.out, b"")
        self.assertIn("the program was not started", result.words)

    def test_overwrite_needs_no_daemon(self):
        self.break_the_store()
        result = self.record("print('ran')\nraise SystemExit(3)", options=["--on-full", "overwrite"])
        self.assert_code(result, 3)
        self.assertEqual(result.out, b"ran\n")
        self.assertIn("the daemon cannot be reached", result.words)
        # The end was kept for the next daemon.
        os.unlink(os.path.join(self.home, "store"))
        self.assert_code(self.smiley("daemon", "start"), 0)
        run = support.wait_until(
            lambda: [one for one in self.smiley("list", "--json").objects if one["exit_code"] == 3]
        )
        self.assertTrue(run)
        self.assertEqual(run[0]["command"], [os.path.join(self.work, "app.py")])

    def test_ctrl_c_while_the_rest_is_stored_ends_the_waiting_only(self):
        path = self.script("app.py", "print('ready', flush=True)\ninput()\nraise SystemExit(4)\n")
        child = self.start("run", path, stdin=subprocess.PIPE, start_new_session=True)
        self.read_until(child.stdout, b"ready\n")
        daemon = self.daemon_pid()
        with open("/proc/%d/task/%d/children" % (child.pid, child.pid)) as file:
            children = [int(pid) for pid in file.read().split()]
        os.kill(daemon, signal.SIGSTOP)
        try:
            child.stdin.write(b"\n")
            child.stdin.close()
            child.stdin = None
            # The program has ended and smiley-run waits for the daemon's answer.
            self.assertTrue(support.wait_until(lambda: not any(self.is_running(pid) for pid in children)))
            while child.poll() is None:
                child.send_signal(signal.SIGINT)
                support.wait_until(lambda: child.poll() is not None, 0.2)
            self.assertEqual(child.returncode, 4)
        finally:
            os.kill(daemon, signal.SIGCONT)


class RunPassesSignalsOn(support.SmileyTest):
    PROGRAM = """
import os, signal, sys
def told(number, frame):
    os.write(1, signal.Signals(number).name.encode() + b"\\n")  # a print may be interrupted, and then refuses another
for number in map(int, sys.argv[1:]):
    signal.signal(number, told)
print("ready", flush=True)
while True:
    signal.pause()
"""

    def start_program(self, *signals, words=None):
        path = self.script("wait.py", self.PROGRAM)
        words = words or self.command("run", path)
        child = subprocess.Popen(
            [*words, *(str(int(s)) for s in signals)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.env,
            cwd=self.work,
            start_new_session=True,
        )
        self._children.append(child)
        self.read_until(child.stdout, b"ready\n")
        return child

    def test_ctrl_c_reaches_the_program_as_without_smiley(self):
        for python in support.pythons():
            # The traceback is equal wherever the program is interrupted.
            path = self.script(
                "interrupted.py",
                "import signal\ntry:\n    print('ready', flush=True)\n    while True: signal.pause()\n"
                "except KeyboardInterrupt:\n    raise KeyboardInterrupt('here') from None\n",
            )
            errors = []
            for words in ([python, path], self.command("run", "--python", python, path)):
                child = self.start_program(words=words)
                os.killpg(child.pid, signal.SIGINT)
                _, error = child.communicate(timeout=support.TIMEOUT)
                self.assertEqual(child.returncode, -signal.SIGINT)
                errors.append(error.decode().splitlines())
            self.assertIn("KeyboardInterrupt: here", errors[0])
            self.assertEqual(errors[1][:-1], errors[0])
            self.assertRegex(errors[1][-1], "^smiley: run ")

    def test_ctrl_c_on_a_terminal(self):
        path = self.script("wait.py", self.PROGRAM)
        child, terminal = self.in_terminal(self.command("run", path), wanted=b"ready")
        os.write(terminal, b"\x03")
        shown = self.read_until(terminal, b"next: smiley-replay")
        self.assertEqual(shown.count(b"KeyboardInterrupt"), 1)
        self.assertEqual(child.wait(support.TIMEOUT), -signal.SIGINT)

    def test_a_signal_for_smiley_run_alone_reaches_the_program(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT):
            child = self.start_program()
            child.send_signal(number)
            child.communicate(timeout=support.TIMEOUT)
            self.assertEqual(child.returncode, -number)

    def test_a_signal_for_the_whole_group_reaches_the_program_once(self):
        child = self.start_program(signal.SIGUSR1, signal.SIGTERM, signal.SIGWINCH)
        seen = b""
        for _ in range(5):
            os.killpg(child.pid, signal.SIGUSR1)
            seen += self.read_until(child.stdout, b"SIGUSR1\n")
            # Pending signals are delivered in order of their numbers: smiley-run has handled the earlier one when these arrive.
            for number in (signal.SIGTERM, signal.SIGWINCH):
                child.send_signal(number)
                seen += self.read_until(child.stdout, number.name.encode() + b"\n")
        self.assertEqual(seen.split(), [b"SIGUSR1", b"SIGTERM", b"SIGWINCH"] * 5)
        child.send_signal(signal.SIGKILL)

    def test_output_that_the_program_has_closed_is_closed(self):
        path = self.script("close.py", "import os, sys\nos.write(1, b'first')\nos.close(1)\nsys.stdin.read()\n")
        child = self.start("run", path, stdin=subprocess.PIPE)
        self.read_until(child.stdout, b"first")
        self.assertEqual(child.stdout.read(), b"")  # the end, although the program goes on
        self.assertIsNone(child.poll())
        child.stdin.close()
        child.stdin = None
        self.assertEqual(child.wait(support.TIMEOUT), 0)

    @staticmethod
    def command_of(pid):
        try:
            with open("/proc/%d/cmdline" % pid, "rb") as file:
                return file.read().split(b"\0")
        except FileNotFoundError:  # it has ended
            return []

    def test_a_killed_smiley_run_leaves_the_program_alone(self):
        child = self.start_program(signal.SIGUSR1)
        with open("/proc/%d/task/%d/children" % (child.pid, child.pid)) as file:
            children = [int(pid) for pid in file.read().split()]
        child.kill()
        child.wait(support.TIMEOUT)
        program = [pid for pid in children if self.command_of(pid)[:1] == [b"python3"]]
        self.assertEqual(len(program), 1)
        os.kill(program[0], signal.SIGUSR1)
        self.read_until(child.stdout, b"SIGUSR1\n")
        os.kill(program[0], signal.SIGKILL)
        witnesses = [pid for pid in children if pid != program[0]]
        self.assertTrue(support.wait_until(lambda: not any(self.is_running(pid) for pid in witnesses)))


if __name__ == "__main__":
    unittest.main()
