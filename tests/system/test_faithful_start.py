"""A program starts under smiley-run as without: every fact that it can find about itself is equal, byte for byte."""

import os
import subprocess
import unittest

import support

# Prints every fact that a program can find about its start, one a line.
PROBE = r"""
import sys, os
modules = sorted(sys.modules)
environ_bytes = open("/proc/self/environ", "rb").read()
def status(field):
    with open("/proc/self/status") as file:
        return [line.split()[1] for line in file if line.startswith(field)]
def frames(frame):
    return [(frame.f_code.co_filename, frame.f_code.co_name)] + frames(frame.f_back) if frame else []
main = sys.modules["__main__"]
facts = [
    ("flags", sys.flags), ("argv", sys.argv), ("path", sys.path), ("executable", sys.executable),
    ("prefix", (sys.prefix, sys.exec_prefix, sys.base_prefix)), ("xoptions", sys._xoptions), ("warnoptions", sys.warnoptions),
    ("main", [(name, repr(getattr(main, name, "absent")).split(" at 0x")[0])
              for name in ("__name__", "__file__", "__spec__", "__package__", "__cached__", "__doc__", "__loader__")]),
    ("environ", list(os.environ.items())), ("environ bytes", ENVIRON(environ_bytes)),
    ("modules", modules), ("tasks", len(os.listdir("/proc/self/task"))),
    ("descriptors", sorted(os.listdir("/proc/self/fd"), key=int)),
    ("signals", status("SigIgn"), status("SigCgt"), status("SigBlk"), status("ShdPnd")),
    ("umask", os.umask(0o22)), ("cwd", os.getcwd()), ("group", os.getpgrp() == os.getpid()),
    ("tty", [os.isatty(n) for n in (0, 1, 2)]), ("nice", os.nice(0)), ("dumpable", status("CoreDumping")),
    ("cmdline", open("/proc/self/cmdline", "rb").read()), ("frames", frames(sys._getframe(0))),
    ("hooks", sys.excepthook is sys.__excepthook__, sys.displayhook is sys.__displayhook__, sys.meta_path and len(sys.meta_path)),
    ("dont_write", sys.dont_write_bytecode, sys.getrecursionlimit(), sys.getswitchinterval()),
]
for fact in facts:
    print(*fact)
sys.stdout.flush()
"""
EXACT = PROBE.replace("ENVIRON(environ_bytes)", "environ_bytes")
# Without the right to move the end of the area the bytes are zero, not gone.
STRIPPED = PROBE.replace("ENVIRON(environ_bytes)", "environ_bytes.rstrip(b'\\0')")
PROBE = EXACT if os.geteuid() == 0 else STRIPPED


class FaithfulStart(support.SmileyTest):
    def compare(self, plain, recorded, same_stderr=True, **options):
        """Runs both command lines; everything but smiley's summary line is equal."""
        before = self.run_words(plain, **options)
        after = self.run_words(recorded, **options)
        self.assertIn(b"flags ", before.out, repr(before))
        self.maxDiff = None
        self.assertEqual(
            after.out.decode("utf-8", "backslashreplace").splitlines(),
            before.out.decode("utf-8", "backslashreplace").splitlines(),
        )
        self.assertEqual(after.code, before.code, repr(after))
        lines = after.err.splitlines(keepends=True)
        self.assertTrue(lines and lines[-1].startswith(b"smiley: run "), repr(after))
        self.assertNotIn(b"nothing was recorded", lines[-1])
        self.assertEqual(b"".join(lines[:-1]), before.err)
        return after

    def both(self, python, *words, **options):
        self.compare([python, *words], self.command("run", "--python", python, *words), **options)

    def test_a_script(self):
        path = self.script("probe.py", PROBE)
        for python in support.pythons():
            self.both(python, path, "a", "", "b c", "--detail", "-x")
            self.both(python, "probe.py")

    def test_a_script_whose_path_has_spaces(self):
        folder = os.path.join(self.work, "a b;c%d")
        os.mkdir(folder)
        path = os.path.join(folder, "my probe.py")
        with open(path, "w") as file:
            file.write(PROBE)
        for python in support.pythons():
            self.both(python, path, "1")

    def test_arguments_that_are_no_utf8(self):
        path = self.script("probe.py", PROBE)
        for python in support.pythons():
            self.compare(
                [python, path, b"\xff\xfe;%41"], self.command("run", "--python", python, path) + [b"\xff\xfe;%41"]
            )

    def test_a_module(self):
        self.script("probe.py", PROBE)
        os.mkdir(os.path.join(self.work, "package"))
        self.script("package/__main__.py", PROBE)
        for python in support.pythons():
            self.both(python, "-m", "probe", "a", "-m")
            self.both(python, "-m", "package")

    def test_a_folder_with_a_main_module(self):
        os.mkdir(os.path.join(self.work, "folder"))
        self.script("folder/__main__.py", PROBE)
        for python in support.pythons():
            self.both(python, "folder", "a")

    def test_code_on_the_command_line(self):
        for python in support.pythons():
            self.both(python, "-c", PROBE, "-c", "--", "x")

    def test_a_program_from_a_pipe(self):
        for python in support.pythons():
            self.both(python, "-", "a", "b", input=PROBE.encode())

    def test_a_program_from_a_file_as_standard_input(self):
        path = self.script("probe.py", PROBE + "print(os.lseek(0, 0, os.SEEK_CUR))\n")
        for python in support.pythons():
            results = []
            for words in ([python, "-"], self.command("run", "--python", python, "-")):
                with open(path) as file:
                    results.append(
                        subprocess.run(
                            words,
                            stdin=file,
                            env=self.env,
                            cwd=self.work,
                            capture_output=True,
                            timeout=support.TIMEOUT,
                        )
                    )
            self.assertEqual(results[1].stdout, results[0].stdout)

    def test_a_long_program_from_a_pipe_and_what_comes_after_it(self):
        text = "#" * 3_000_000 + "\nprint('done')\n"
        for python in support.pythons():
            after = self.smiley("run", "--python", python, "-", input=text.encode())
            self.assertEqual(after.out, b"done\n", repr(after))

    def test_the_interpreters_own_options(self):
        path = self.script("probe.py", PROBE)
        for python in support.pythons():
            for options in (
                ["-I"],
                ["-S"],
                ["-E"],
                ["-O", "-B"],
                ["-X", "utf8", "-W", "error"],
                ["-u"],
                ["-s", "-P"],
            ):
                with self.subTest(options=options):
                    self.compare(
                        [python, *options, path, "a"], self.command("run", "--", python, *options, path, "a")
                    )

    def test_the_users_own_preload_library_is_kept(self):
        self.env["LD_PRELOAD"] = "libresolv.so.2"
        path = self.script("probe.py", PROBE + "print('libresolv' in open('/proc/self/maps').read())\n")
        for python in support.pythons():
            self.both(python, path)

    def test_an_almost_empty_environment(self):
        path = self.script("probe.py", PROBE)
        for python in support.pythons():
            self.both(python, path, env={"SMILEY_HOME": self.home})

    def test_ignored_signals_and_closed_descriptors_stay_so(self):
        path = self.script("probe.py", PROBE)
        for python in support.pythons():
            shell = "trap '' HUP USR1; exec \"$@\" <&-"
            self.compare(
                ["sh", "-c", shell, "sh", python, path],
                ["sh", "-c", shell, "sh", *self.command("run", "--python", python, path)],
            )

    def test_the_active_virtual_environment_is_used(self):
        for number, python in enumerate(support.pythons()):
            folder = os.path.join(self.work, "venv%d" % number)
            subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True, env=self.env)
            path = self.script("probe.py", PROBE)
            env = dict(self.env, VIRTUAL_ENV=folder, PATH=folder + "/bin:" + self.env["PATH"])
            self.compare(["python3", path], self.command("run", path), env=env)
            # Active, but not first on PATH.
            after = self.smiley("run", "-c", "import sys; print(sys.prefix)", env=dict(self.env, VIRTUAL_ENV=folder))
            self.assertEqual(after.text.strip(), folder)

    def test_a_terminal_stays_one(self):
        text = "import os, sys\nprint([os.isatty(n) for n in (0, 1, 2)], os.tcgetpgrp(0) == os.getpgrp(), 'end')\n"
        path = self.script("tty.py", text)
        child, terminal = self.in_terminal(self.command("run", "-q", path))
        self.assertIn(b"[True, True, True] True end", self.read_until(terminal, b"end"))
        self.assertEqual(child.wait(support.TIMEOUT), 0)


if __name__ == "__main__":
    unittest.main()
