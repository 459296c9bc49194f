"""smiley-run --capture-fd: output of C code and children appears as events, and its bytes are unchanged."""

import fcntl
import os
import signal
import struct
import termios
import unittest

import support

MIXED = r"""
import ctypes, os, subprocess, sys
libc = ctypes.CDLL(None)

def work():
    print("from python", flush=True)
    os.system("echo from a shell; echo to the other >&2")
    libc.puts(b"from c")
    libc.fflush(None)
    os.write(1, b"by the system\n")
    os.writev(1, [b"by a ", b"vector\n"])
    subprocess.run([sys.executable, "-c", "print('from a child')"])
    sys.stderr.write("last\n")
    print("held back until the end")

work()
"""


class CaptureFd(support.SmileyTest):
    def setUp(self):
        super().setUp()
        self.env.pop("PYTHONUNBUFFERED", None)

    def each(self):
        for python in support.pythons():
            yield self.subTest(python=python), python

    def lines(self):
        """The run's objects, after its last event is stored."""

        def whole():
            objects = self.smiley("export", "last", "--format", "jsonl").objects
            return objects if objects and objects[-1]["complete"] else None

        objects = support.wait_until(whole)
        self.assertTrue(objects)
        self.assertEqual(objects[-1]["lost"], 0)
        return objects

    def texts(self, objects):
        """For each stream: the text of Python's own layers, and the other text."""
        beside = {o["thread"] for o in objects if o["type"] == "thread" and o["name"].endswith("beside Python")}
        found = {"stdout": ["", ""], "stderr": ["", ""]}
        for o in objects:
            if o["type"] == "event" and o["event"] in found:
                found[o["event"]][o["thread"] in beside] += o["value"]
                self.assertEqual("function" in o, o["thread"] not in beside, o)
        return {stream: tuple(texts) for stream, texts in found.items()}

    def test_all_that_is_written_is_told_once_and_comes_out_as_it_was(self):
        for test, python in self.each():
            with test:
                result = self.record(MIXED, python=python, options=["-q", "--capture-fd"])
                plain = self.run_words([python, "app.py"])
                self.assertEqual((result.code, result.out, result.err), (plain.code, plain.out, plain.err))
                texts = self.texts(self.lines())
                self.assertEqual(
                    texts["stdout"],
                    (
                        "from python\nby the system\nfrom a child\nheld back until the end\n",
                        "from a shell\nfrom c\nby a vector\n",
                    ),
                )
                self.assertEqual(texts["stderr"], ("last\n", "to the other\n"))

    def test_the_process_beside_the_program_is_no_python_and_not_the_first(self):
        for test, python in self.each():
            with test:
                self.script("app.py", "import os\nos.system('echo x')\n")
                words = ["-q", "--capture-fd", "--", "sh", "-c", "echo before; %s app.py" % python]
                self.assert_code(self.smiley("run", *words), 0)
                objects = self.lines()
                processes = [o for o in objects if o["type"] == "process"]
                self.assertEqual([o["python"] is None for o in processes], [False, True])
                self.assertEqual(processes[1]["command"], ["smiley-run", "--capture-fd"])
                self.assertEqual(self.texts(objects)["stdout"], ("", "before\nx\n"))

    def test_much_is_told_whole(self):
        text = (
            "import subprocess, sys\n"
            "for i in range(3000):\n    print('mine', i)\n"
            "print('x' * 300000, flush=True)\n"
            "subprocess.run(['seq', '1', '60000'])\n"
            "print('y' * 300000)\n"
        )
        for test, python in self.each():
            with test:
                result = self.record(text, python=python, options=["-q", "--capture-fd", "--detail", "calls"])
                numbers = "".join("%d\n" % i for i in range(1, 60001))
                mine = "".join("mine %d\n" % i for i in range(3000)) + "x" * 300000 + "\n"
                self.assertEqual(result.out.decode(), mine + numbers + "y" * 300000 + "\n")
                beside = {
                    o["thread"] for o in self.lines() if o["type"] == "thread" and o["name"].endswith("beside Python")
                }
                texts = [
                    o["value"]
                    for o in self.lines()
                    if o["type"] == "event" and o["event"] == "stdout" and o["thread"] in beside
                ]
                self.assertEqual("".join(texts), numbers)

    def test_of_writers_that_cut_each_other_nothing_is_lost(self):
        text = (
            "import subprocess, sys\n"
            "child = subprocess.Popen(['seq', '1', '60000'])\n"
            "for i in range(9000):\n    print('abcdefgh' * 3)\n"
            "sys.stdout.flush()\nchild.wait()\n"
        )
        for test, python in self.each():
            with test:
                result = self.record(text, python=python, options=["-q", "--capture-fd", "--detail", "calls"])
                texts = "".join(
                    o["value"] for o in self.lines() if o["type"] == "event" and o["event"] == "stdout"
                ).encode()
                for byte in b"0123456789abcdefgh\n":
                    self.assertGreaterEqual(texts.count(byte), result.out.count(byte), chr(byte))
                self.assertEqual(result.out.count(b"\n"), 69000)

    def test_what_was_written_before_the_program_was_killed_is_kept(self):
        text = "import os, signal\nos.system('echo last words')\nos.kill(os.getpid(), signal.SIGKILL)\n"
        for test, python in self.each():
            with test:
                result = self.record(text, python=python, options=["-q", "--capture-fd"])
                self.assertEqual((result.code, result.out), (-signal.SIGKILL, b"last words\n"))
                self.assertEqual(self.texts(self.lines())["stdout"], ("", "last words\n"))

    def test_a_reader_that_goes_ends_the_program_as_ever(self):
        text = "import os\nwhile os.system('echo y') == 0:\n    pass\n"
        for test, python in self.each():
            with test:
                path = self.script("app.py", text)
                child = self.start("run", "-q", "--capture-fd", "--python", python, path)
                self.read_until(child.stdout, b"y\n")
                child.stdout.close()
                child.stdout = None
                self.assertEqual(child.wait(support.TIMEOUT), 0)

    def test_what_writes_on_after_the_program_is_waited_for_by_nobody(self):
        for test, python in self.each():
            with test:
                gate = os.path.join(self.work, "gate")
                os.mkfifo(gate)
                path = self.script(
                    "app.py", "import os\nos.system('(read x <%s; echo late) &')\nprint('done')\n" % gate
                )
                child = self.start("run", "-q", "--capture-fd", "--python", python, path)
                self.read_until(child.stdout, b"done\n")
                self.assertEqual(child.wait(support.TIMEOUT), 0)
                with open(gate, "w") as file:
                    file.write("go\n")
                self.read_until(child.stdout, b"late\n")
                self.assertEqual(self.texts(self.lines())["stdout"], ("done\n", "late\n"))
                os.unlink(gate)

    def test_descriptors_that_are_closed_stay_closed(self):
        text = (
            "import os, sys\nfor fd in (1, 2):\n    try:\n        os.fstat(fd)\n    except OSError:\n"
            "        open('closed', 'a').write(str(fd))\n"
        )
        for test, python in self.each():
            with test:
                path = self.script("app.py", text)
                words = self.command("run", "-q", "--capture-fd", "--python", python, path)
                self.run_words(["sh", "-c", '"$@" >&-', "sh", *words])
                with open(os.path.join(self.work, "closed")) as file:
                    self.assertEqual(file.read(), "1")
                os.unlink(os.path.join(self.work, "closed"))

    def test_a_terminal_stays_one_with_its_size_and_modes(self):
        text = (
            "import os, select, signal, sys, termios\n"
            "os.system('echo shell')\n"
            "def report(*_):\n    os.write(1, b'size %d %d\\n' % os.get_terminal_size(1))\n"  # may interrupt itself
            "signal.signal(signal.SIGWINCH, report)\n"
            "print(os.isatty(1), os.isatty(2), os.getpgrp() == os.tcgetpgrp(0), flush=True)\n"
            "report()\n"
            # Python handles a signal that comes right before a read blocks only after the read.
            "while not select.select([0], [], [], 0.05)[0]:\n    pass\n"
            "input()\n"
            "modes = termios.tcgetattr(1)\nmodes[3] &= ~termios.ECHO\ntermios.tcsetattr(1, termios.TCSANOW, modes)\n"
            "print('quiet', flush=True)\n"
            "input()\n"
            "print('end', flush=True)\n"
        )
        for test, python in self.each():
            with test:
                path = self.script("app.py", text)
                words = self.command("run", "-q", "--capture-fd", "--python", python, path)
                child, terminal = self.in_terminal(words)
                seen = self.read_until(terminal, b"size 100 30\r\n")
                self.assertIn(b"shell\r\nTrue True True\r\n", seen)
                fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 70, 0, 0))
                self.read_until(terminal, b"size 70 20\r\n")
                os.write(terminal, b"\n")
                self.read_until(terminal, b"quiet\r\n")
                self.assertFalse(termios.tcgetattr(terminal)[3] & termios.ECHO)
                os.write(terminal, b"\n")
                self.read_until(terminal, b"end\r\n")
                self.assertEqual(child.wait(support.TIMEOUT), 0)
                out = self.texts(self.lines())["stdout"]
                self.assertEqual(out[1], "shell\n")
                self.assertTrue(out[0].startswith("True True True\nsize 100 30\n"), out)

    def test_secrets_of_the_command_line_are_masked(self):
        for test, python in self.each():
            with test:
                result = self.record(
                    "import os\nos.system('echo hunter2hunter2')\n",
                    "--password=hunter2hunter2",
                    python=python,
                    options=["-q", "--capture-fd"],
                )
                self.assertEqual(result.out, b"hunter2hunter2\n")
                self.assertEqual(self.texts(self.lines())["stdout"], ("", "***\n"))


if __name__ == "__main__":
    unittest.main()
