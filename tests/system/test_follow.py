"""Python children are recorded however they were started, and none of them can see smiley."""

import json
import os
import subprocess
import unittest

import support


class Follow(support.SmileyTest):
    # Writes everything that a child can see of smiley: "[]" and a newline.
    CHILD = "import os; os.write(1, b'%r\\n' % [k for k in os.environ if 'SMILEY_R' in k or k == 'LD_PRELOAD'])"

    def processes(self):
        """The process objects of the last run, after all of them have ended."""

        def ended():
            result = self.smiley("export", "last", "--format", "jsonl")
            objects = result.objects if result.code == 0 else []
            return objects if objects and objects[-1].get("exit_code") is not None else None

        objects = support.wait_until(ended, 20)
        self.assertTrue(objects, "the run did not end")
        return [one for one in objects if one["type"] == "process"]

    def record_children(self, text, python, *words, options=(), code=0):
        path = self.script("app.py", "import os, subprocess, sys\nCHILD = %r\n" % self.CHILD + text)
        result = self.smiley("run", *options, "--python", python, path, *words)
        self.assert_code(result, code)
        return result

    def follow(self, text, expect=1, python=None):
        """Runs the text, which starts `expect` Python children that print CHILD; checks them and their parents."""
        for one in [python] if python else support.pythons():
            with self.subTest(python=one):
                result = self.record_children(text, one)
                self.assertEqual(result.text.splitlines().count("[]"), expect, repr(result))
                processes = self.processes()
                self.assertEqual(len(processes), 1 + expect, processes)
                self.assertIsNone(processes[0]["parent"])
                for process in processes[1:]:
                    self.assertEqual(process["parent"], processes[0]["process"], processes)
                    self.assertEqual(process["command"][0], "-c", process)

    def test_subprocess(self):
        self.follow("subprocess.run([sys.executable, '-c', CHILD])")

    def test_subprocess_with_an_environment_of_its_own(self):
        self.follow("subprocess.run([sys.executable, '-c', CHILD], env={})")

    def test_subprocess_that_closes_all_descriptors_in_a_new_session(self):
        self.follow("subprocess.run([sys.executable, '-c', CHILD], close_fds=True, start_new_session=True, cwd='/')")

    def test_a_shell_in_between(self):
        self.follow(
            'subprocess.run(\'"$0" -c "$1"; X=1 exec "$0" -c "$1"\'.replace(\'$0\', sys.executable)'
            ".replace('$1', CHILD), shell=True)",
            expect=2,
        )

    def test_env_and_a_script_in_between(self):
        self.follow(
            "open('s.sh', 'w').write('#!/bin/sh\\nexec env -i \"$@\"\\n'); os.chmod('s.sh', 0o755)\n"
            "subprocess.run(['./s.sh', sys.executable, '-c', CHILD])"
        )

    def test_os_system(self):
        self.follow("code = os.system(f'{sys.executable} -c \"{CHILD}\"; exit 3')\nassert code == 3 << 8, code")

    def test_os_popen(self):
        self.follow("print(os.popen(f'{sys.executable} -c \"{CHILD}\"').read())")

    def test_posix_spawn(self):
        self.follow(
            "words = [sys.executable, '-c', CHILD]\n"
            "os.waitpid(os.posix_spawn(sys.executable, words, os.environ), 0)\n"
            "os.environ['PATH'] = os.path.dirname(sys.executable) + ':' + os.environ['PATH']\n"
            "words[0] = os.path.basename(sys.executable)\n"
            "os.waitpid(os.posix_spawnp(words[0], words, {'PATH': '/bin'}), 0)",
            expect=2,
        )

    def test_fork_and_every_exec(self):
        text = """
python = sys.executable
os.environ["PATH"] = os.path.dirname(python) + ":" + os.environ["PATH"]
name = os.path.basename(python)
ways = [lambda: os.execv(python, [python, "-c", CHILD]), lambda: os.execve(python, [python, "-c", CHILD], {"A": "1"}),
        lambda: os.execvp(name, [name, "-c", CHILD]), lambda: os.execvpe(name, [name, "-c", CHILD], dict(os.environ)),
        lambda: os.execl(python, python, "-c", CHILD), lambda: os.execlp(name, name, "-c", CHILD),
        lambda: os.execle(python, python, "-c", CHILD, {}), lambda: os.execve(os.open(python, os.O_RDONLY), [python, "-c", CHILD], {})]
for way in ways:
    pid = os.fork()
    if pid == 0:
        way()
    assert os.waitpid(pid, 0)[1] == 0
"""
        for python in support.pythons():
            result = self.record_children(text, python)
            self.assertEqual(result.text.splitlines().count("[]"), 8, repr(result))
            # The forked child may have recorded events before its exec.
            commands = [process["command"][0] for process in self.processes()]
            self.assertEqual(commands.count("-c"), 8, commands)

    def test_the_c_library_s_own_ways(self):
        text = """
import ctypes
libc = ctypes.CDLL(None)
libc.popen.restype = ctypes.c_void_p
libc.pclose.argtypes = libc.fileno.argtypes = [ctypes.c_void_p]
command = f'{sys.executable} -c "{CHILD}"; exit 5'.encode()
assert libc.system(command) == 5 << 8
assert libc.system(None) != 0
stream = libc.popen(command, b"r")
print(os.read(libc.fileno(stream), 100).decode(), end="", flush=True)
assert libc.pclose(stream) == 5 << 8
stream = libc.popen(b"cat; exit 6", b"w")
os.write(libc.fileno(stream), b"to the child\\n")
assert libc.pclose(stream) == 6 << 8
assert libc.popen(b"true", b"x") is None
null = ctypes.c_char_p(None)
words = [ctypes.c_char_p(word.encode()) for word in (sys.executable, sys.executable, "-c", CHILD)]
pid = os.fork()
if pid == 0:
    libc.execl(*words, null)
os.waitpid(pid, 0)
pid = os.fork()
if pid == 0:
    environment = (ctypes.c_char_p * 2)(b"A=1", None)
    libc.execle(*words, null, environment)
os.waitpid(pid, 0)
"""
        for python in support.pythons():
            result = self.record_children(text, python)
            self.assertIn("to the child", result.text)
            self.assertEqual(result.text.splitlines().count("[]"), 4, repr(result))

    def test_multiprocessing(self):
        text = """
import multiprocessing
def work(x):
    return x + 1
if __name__ == "__main__":
    for method in ("spawn", "forkserver", "fork"):
        context = multiprocessing.get_context(method)
        queue = context.SimpleQueue()
        process = context.Process(target=queue.put, args=(method,))
        process.start()
        print(queue.get())
        process.join()
        assert process.exitcode == 0
"""
        for python in support.pythons():
            result = self.record_children(text, python)
            self.assertEqual(result.text, "spawn\nforkserver\nfork\n", repr(result))
            commands = [" ".join(process["command"]) for process in self.processes()]
            self.assertTrue(any("multiprocessing.spawn" in command for command in commands), commands)
            self.assertTrue(any("multiprocessing.forkserver" in command for command in commands), commands)

    def test_a_program_that_becomes_another(self):
        for python in support.pythons():
            result = self.record_children("os.execv(sys.executable, [sys.executable, '-c', CHILD])", python)
            self.assertEqual(result.out, b"[]\n", repr(result))
            first, second = self.processes()
            self.assertEqual(second["parent"], first["process"])
            self.assertEqual(second["pid"], first["pid"])

    def test_grandchildren(self):
        text = """
inner = "import os, subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1)'])"
subprocess.run([sys.executable, "-c", inner])
"""
        for python in support.pythons():
            self.record_children(text, python)
            processes = self.processes()
            self.assertEqual(
                [process["parent"] for process in processes], [None, processes[0]["process"], processes[1]["process"]]
            )

    def test_no_follow_records_the_first_process_only(self):
        for python in support.pythons():
            result = self.record_children(
                "subprocess.run([sys.executable, '-c', CHILD])\nos.system('true')", python, options=["--no-follow"]
            )
            self.assertEqual(result.out, b"[]\n", repr(result))
            self.assertEqual(len(self.processes()), 1)

    def test_the_users_own_preload_library_reaches_children(self):
        text = (
            'child = \'import os; print(os.environ["LD_PRELOAD"], "libresolv" in open("/proc/self/maps").read())\'\n'
            "subprocess.run([sys.executable, '-c', child], env={'LD_PRELOAD': 'libresolv.so.2'})\n"
            "subprocess.run(['/bin/sh', '-c', sys.executable + ' -c \\'' + child + '\\''], env={'LD_PRELOAD': 'libresolv.so.2'})\n"
        )
        for python in support.pythons():
            result = self.record_children(text, python)
            self.assertEqual(result.out, b"libresolv.so.2 True\n" * 2, repr(result))
            self.assertEqual(len(self.processes()), 3)

    def test_a_large_environment(self):
        text = (
            "environment = {'VARIABLE_%d' % n: 'x' for n in range(20000)}\n"
            'child = \'import os; print(len([k for k in os.environ if k.startswith("VARIABLE_")]), "LD_PRELOAD" in os.environ)\'\n'
            "for n in range(3):\n    subprocess.run([sys.executable, '-c', child], env=environment)\n"
        )
        for python in support.pythons():
            result = self.record_children(text, python)
            self.assertEqual(result.out, b"20000 False\n" * 3, repr(result))
            self.assertEqual(len(self.processes()), 4)

    def test_failures_of_exec_are_the_programs(self):
        text = """
for call in (lambda: os.execv("/nosuch", ["x"]), lambda: os.execvp("nosuch-command", ["x"]), lambda: os.execv("/etc/passwd", ["x"]),
             lambda: os.execv("/", ["x"]), lambda: subprocess.run(["nosuch-command"]), lambda: os.posix_spawn("/nosuch", ["x"], {})):
    try:
        call()
    except OSError as error:
        print(error.errno)
"""
        path = self.script("app.py", "import os, subprocess, sys\nCHILD = ''\n" + text)
        for python in support.pythons():
            before = self.run_words([python, path])
            self.assertEqual(self.smiley("run", "--python", python, path).out, before.out)

    def test_children_that_are_no_python_see_nothing(self):
        text = "sys.stdout.flush()\nsubprocess.run(['env'])\nsubprocess.run(['sh', '-c', 'cat /proc/$$/environ | tr \"\\\\0\" \"\\\\n\"'])"
        path = self.script("app.py", "import os, subprocess, sys\n" + text)
        for python in support.pythons():
            before = self.run_words([python, path])
            self.assertIn(b"SMILEY_HOME", before.out)
            self.assertEqual(self.smiley("run", "--python", python, path).out.rstrip(b"\n"), before.out.rstrip(b"\n"))

    def test_a_command_that_starts_pythons(self):
        for python in support.pythons():
            path = self.script(
                "start.sh", "#!/bin/sh\n%s -c 'print(1)'\n%s -c 'print(2)'\nexit 4\n" % (python, python)
            )
            os.chmod(path, 0o755)
            result = self.smiley("run", "--", "./start.sh")
            self.assert_code(result, 4)
            self.assertEqual(result.out, b"1\n2\n")
            self.assertEqual(len(self.processes()), 2)

    def test_a_command_that_starts_none_says_so(self):
        result = self.smiley("run", "--", "true")
        self.assert_code(result, 0)
        self.assertIn("nothing was recorded", self.assert_one_line(result))

    def test_a_python_without_a_tracer_is_named_in_the_run(self):
        # The interpreter line names a program of another C library or architecture: it runs without smiley.
        foreign = os.path.join(self.work, "foreign")
        with open("/bin/true", "rb") as file:
            image = bytearray(file.read())
        image[18:20] = b"\x03\x00" if image[18:20] != b"\x03\x00" else b"\x3e\x00"
        with open(foreign, "wb") as file:
            file.write(image)
        os.chmod(foreign, 0o755)
        for python in support.pythons():
            result = self.record_children(
                "try:\n    subprocess.run([%r])\nexcept OSError as error:\n    print(error.errno)" % foreign, python
            )
            self.assertEqual(result.out, b"8\n", repr(result))  # ENOEXEC, as without smiley
            self.assertIn("another architecture", self.smiley("show", "last", "--json").text)

    def test_a_smiley_run_inside_is_a_run_of_its_own(self):
        text = "subprocess.run([%r, '-q', '-c', 'print(1)'])" % os.path.join(support.BIN, "smiley-run")
        for number, python in enumerate(support.pythons(), 1):
            result = self.record_children(text, python)
            self.assertEqual(result.out, b"1\n", repr(result))
            runs = [json.loads(line) for line in self.smiley("list", "--json").text.splitlines()]
            self.assertEqual([run["processes"] for run in runs], [1] * 2 * number, runs)

    def test_many_threads_start_children_at_once(self):
        text = """
import threading
def start():
    for n in range(5):
        assert subprocess.run([sys.executable, "-c", CHILD]).returncode == 0
        assert os.system("exit 2") == 2 << 8
threads = [threading.Thread(target=start) for n in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
import signal
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
"""
        self.follow(text, expect=20, python=support.pythons()[0])


if __name__ == "__main__":
    unittest.main()
