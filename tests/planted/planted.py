"""Plants believable mistakes, one after the other, and checks that a test finds each.

    python3 tests/planted/planted.py SOURCES BUILD [NAME…] [--quick]

Each *.toml of this folder is a mistake:

* `what` describes the program with the mistake.
* `file`, `find`, `replace` are the edit. `find` must occur exactly once in the file, so that an edit whose code has
  moved fails.
* `targets` are linked again. `also` names the sources that include the file, when it is a header.
* `test` is the command that must fail, with {bin}, {sources} and {python}. It must pass without the edit.
* `quick = true` runs the mistake in continuous integration, too.

The script edits a copy of the sources, compiles the changed files with the commands of BUILD, and links them with its
other objects and libraries. So a mistake costs a compilation, a link and a test.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib

FOLDERS = ("shm", "tracer", "daemon", "tools", "tests")
PATIENCE = 600  # seconds for one test; a test that hangs counts as failed


class Workshop:
    def __init__(self, sources, build, python):
        self.sources, self.build, self.python = sources, build, python
        self.dir = tempfile.mkdtemp(prefix="smp-", dir="/tmp")
        self.tree, self.bin = os.path.join(self.dir, "tree"), os.path.join(self.dir, "bin")
        for folder in FOLDERS:
            shutil.copytree(os.path.join(sources, folder), os.path.join(self.tree, folder))
        shutil.copytree(os.path.join(build, "bin"), self.bin, symlinks=True)
        shutil.copytree(os.path.join(build, "lib"), os.path.join(self.dir, "lib"), symlinks=True)
        with open(os.path.join(build, "compile_commands.json")) as file:
            self.commands = [(os.path.relpath(c["file"], sources), c) for c in json.load(file)]

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def link_command(self, target):
        text = subprocess.check_output(["ninja", "-C", self.build, "-t", "commands", target], text=True)
        line = text.strip().split("\n")[-1]
        # CMake wraps links as ": && COMMAND && FOLLOWING".
        return line.split(" && ")[1] if line.startswith(": && ") else line

    def output_of(self, target):
        if target == "tracer":
            names = os.listdir(os.path.join(self.build, "lib", "smiley"))
            version = subprocess.check_output(
                [self.python, "-c", "import sys; print('%d%d' % sys.version_info[:2])"], text=True
            )
            name = next(n for n in names if n.startswith("_smiley.cpython-%s-" % version.strip()))
            return os.path.join("lib", "smiley", name)
        return os.path.join("bin", target)

    def build_with(self, files, targets):
        """Compiles `files` of the copied tree for each target that uses them, and links the targets into the workshop."""
        for target in targets:
            output = self.output_of(target)
            link = shlex.split(self.link_command(output))
            at = link.index("-o") + 1
            link[at] = os.path.join(self.dir, output)
            libraries = [i for i, word in enumerate(link) if word.endswith(".a")]
            fresh = []
            for name in files:
                for path, command in self.commands:
                    if path != name:
                        continue
                    words = shlex.split(command["command"])
                    old = words[words.index("-o") + 1]
                    if old in link:
                        place = link.index(old)
                    elif self.in_library(old, link):
                        place = None
                    else:
                        continue
                    new = os.path.join(self.dir, old.replace("/", "_"))
                    words[words.index("-o") + 1] = new
                    words[words.index(command["file"])] = os.path.join(self.tree, name)
                    words[1:1] = [] if words[0].endswith("ccache") else ["-I", self.tree]
                    if words[0].endswith("ccache"):
                        words[2:2] = ["-I", self.tree]
                    subprocess.run(words, cwd=command["directory"], check=True)
                    if place is None:
                        fresh.append(
                            new
                        )  # placed before the libraries, so that the linker does not take the old object from them
                    else:
                        link[place] = new
            place = libraries[0] if libraries else at + 1
            link[place:place] = fresh
            os.unlink(os.path.join(self.dir, output))
            subprocess.run(link, cwd=self.build, check=True)

    @staticmethod
    def in_library(old, link):
        """True when the object is a member of a library of the link: shm/CMakeFiles/smiley_shm.dir of shm/libsmiley_shm.a."""
        found = re.match(r"(.*)/CMakeFiles/([^/]+)\.dir/", old)
        return found and "%s/lib%s.a" % (found.group(1), found.group(2)) in link

    def restore(self, targets):
        for target in targets:
            output = self.output_of(target)
            shutil.copy2(os.path.join(self.build, output), os.path.join(self.dir, output))

    def run(self, words):
        """(passed, the end of its output). `passed` is None when no test ran."""
        words = [w.format(bin=self.bin, sources=self.tree, python=self.python) for w in words]
        env = dict(os.environ, SMILEY_BIN=self.bin, SMILEY_TEST_PYTHONS=self.python, SMILEY_TEST_TIMEOUT="30")
        child = subprocess.Popen(
            words,
            env=env,
            cwd=self.dir,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            out = child.communicate(timeout=PATIENCE)[0]
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, 9)
            return False, "hung: " + child.communicate()[0].decode("utf-8", "replace")[-1500:]
        text = out.decode("utf-8", "replace")
        ran = re.search(r"^(?:Ran|Running) ([1-9]\d*) test|^[1-9]\d* events, ", text, re.M)
        if child.returncode == 0 and not ran:
            return None, "it ran no test: " + text[-500:]
        return child.returncode == 0, text[-1500:]


def edit(tree, mistake):
    path = os.path.join(tree, mistake["file"])
    with open(path) as file:
        text = file.read()
    find, replace = mistake["find"].strip("\n"), mistake["replace"].strip("\n")
    if text.count(find) != 1:
        raise SystemExit(
            "planted: %s has this text %d times, not once: change the edit as the code has changed\n%s"
            % (mistake["file"], text.count(find), find)
        )
    with open(path, "w") as file:
        file.write(text.replace(find, replace))
    return lambda: open(path, "w").write(text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sources", type=os.path.abspath)
    parser.add_argument("build", type=os.path.abspath)
    parser.add_argument("names", nargs="*")
    parser.add_argument(
        "--quick", action="store_true", help="only the mistakes that are found quickly; all edits must fit"
    )
    args = parser.parse_args()
    here = os.path.dirname(os.path.abspath(__file__))
    mistakes = {}
    for name in sorted(os.listdir(here)):
        if name.endswith(".toml"):
            with open(os.path.join(here, name), "rb") as file:
                mistakes[name[:-5]] = tomllib.load(file)
    python = (os.environ.get("SMILEY_TEST_PYTHONS") or shutil.which("python3")).split(":")[0]
    workshop = Workshop(args.sources, args.build, python)
    ran, failures, sound = 0, [], set()
    try:
        for mistake in mistakes.values():
            edit(workshop.tree, mistake)()
        for name, mistake in mistakes.items():
            if (args.names and name not in args.names) or (args.quick and not mistake.get("quick")):
                continue
            ran += 1
            test = tuple(mistake["test"])
            if test not in sound:
                passed, said = workshop.run(test)
                if not passed:
                    failures.append("%s: its test fails without it\n%s" % (name, said))
                    print("FAIL: " + failures[-1], flush=True)
                    continue
                sound.add(test)
            undo = edit(workshop.tree, mistake)
            try:
                sources = [mistake["file"]] if mistake["file"].endswith((".cc", ".c")) else []
                workshop.build_with(sources + mistake.get("also", []), mistake["targets"])
                passed, said = workshop.run(test)
            except subprocess.CalledProcessError as error:
                passed, said = None, "it does not build: %s" % error
            finally:
                undo()
                workshop.restore(mistake["targets"])
            if passed is False:
                print("ok   %s: %s" % (name, mistake["what"]), flush=True)
            else:
                failures.append("%s (%s) was not found\n%s" % (name, mistake["what"], said))
                print("FAIL: " + failures[-1], flush=True)
    finally:
        workshop.close()
    print("\nRan %d tests in 0.000s\n" % ran)
    print("FAILED (failures=%d)" % len(failures) if failures else "OK")
    return 1 if failures or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
