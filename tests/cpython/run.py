"""Runs CPython's own test-suite without and with smiley-run. Each test must end in the same way.

    python3 tests/cpython/run.py [--python PYTHON]... [--quick] [--jobs N] [--stdlib] [--keep DIR] [MODULE...]

For each module of modules.toml (or each named module) that the Python has, `python -m test MODULE` runs alone and
under smiley-run, and the script compares the result of each test (passed, failed, error, skipped). A difference
counts when it occurs twice in a row and modules.toml does not accept it. The last line is "N modules the same, N
differ".

SMILEY_BIN            directory of the commands (default: build/bin beside the sources)
SMILEY_TEST_PYTHONS   interpreters, separated by colons, used without --python (default: python3 on PATH)
"""

import argparse
import concurrent.futures
import fnmatch
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BIN = os.path.abspath(os.environ.get("SMILEY_BIN") or os.path.join(ROOT, "build", "bin"))
TIMEOUT = 900  # seconds for one module alone
SLOWER = 20  # a recorded module may take this many times the seconds of the plain one, and a minute
MOST_SHOWN = 12  # differences that are printed for a module
MEMORY = 8 << 30  # bytes of address space of each process


class Python:
    def __init__(self, path):
        found = shutil.which(path)
        if found is None:
            sys.exit("smiley: there is no %s" % path)
        self.path = os.path.abspath(found)
        asked = "import sys, os, test; print('%d.%d' % sys.version_info[:2], os.path.dirname(test.__file__))"
        try:
            answer = subprocess.run([self.path, "-c", asked], capture_output=True, text=True, check=True).stdout
            self.version, self.folder = answer.rstrip("\n").split(" ", 1)
            self.has_suite = os.path.exists(os.path.join(self.folder, "test_grammar.py"))
        except subprocess.CalledProcessError:
            self.version, self.has_suite = "", False
        if not self.has_suite:
            sys.exit("smiley: %s has no test-suite (Debian: libpython3.11-testsuite)" % self.path)

    def has(self, module):
        path = os.path.join(self.folder, *module.split("."))
        return os.path.exists(path + ".py") or os.path.isdir(path)


class Outcome:
    """How one run of one module ended: `tests` is {name: result}, `end` the exit code or how it failed to end."""

    def __init__(self, end, tests, output, seconds, run=None):
        self.end, self.tests, self.output, self.seconds, self.run = end, tests, output, seconds, run


def read_report(path):
    """{test: result} of a JUnit report. A test that occurs several times gets all its results.

    The report gives failed subtests no name of their own, and their test is then missing.
    """
    found = {}
    for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        result = case.get("result", "")
        for kind in ("error", "failure", "skipped"):
            if case.find(kind) is not None:
                result = kind
        found.setdefault(case.get("name") or "subtests", []).append(result)
    return {name: ", ".join(sorted(results)) for name, results in found.items()}


def descendants(pid):
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name) as file:
                    parents.setdefault(int(file.read().rpartition(")")[2].split()[1]), []).append(int(name))
            except OSError:
                pass
    todo, found = [pid], []
    while todo:
        for child in parents.get(todo.pop(), []):
            found.append(child)
            todo.append(child)
    return found


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


class Job:
    """One module on one Python."""

    def __init__(self, python, entry, stdlib, keep):
        self.python, self.entry, self.stdlib, self.keep = python, entry, stdlib, keep
        self.name = entry["name"]
        self.notes = []

    def label(self):
        return "%s %s%s" % (self.python.version, self.name, " --include-stdlib" if self.stdlib else "")

    def words(self, report, temporary):
        # The same command in both runs, with the options of the test program in their order.
        words = ["-m", "test", "--junit-xml", report, "--tempdir", temporary]
        for pattern in self.entry.get("only", []):
            words += ["-m", pattern]
        for pattern in self.entry.get("leave_out", []):
            words += ["-i", pattern]
        return words + ["test." + self.name]

    def run(self, recorded, timeout):
        work = tempfile.mkdtemp(prefix="smc-", dir="/tmp")
        home = tempfile.mkdtemp(prefix="sm-", dir="/tmp")
        report = os.path.join(work, "report.xml")
        temporary = os.path.join(work, "t")
        os.mkdir(temporary)
        env = {k: v for k, v in os.environ.items() if not k.startswith("SMILEY_")}
        env.update(SMILEY_HOME=home, TMPDIR=temporary, PYTHONHASHSEED="0", LC_ALL="C.UTF-8")
        words = [self.python.path] + self.words(report, temporary)
        if recorded:
            options = ["--include-stdlib"] if self.stdlib else ["--include", "test", "--include", "test.*"]
            words = [os.path.join(BIN, "smiley-run"), *options, *self.entry.get("options", []), "--python", *words]
        output = open(os.path.join(work, "output"), "w+b")
        start = time.monotonic()
        child = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=work,
            start_new_session=True,
            preexec_fn=limit_memory,
        )
        try:
            end = child.wait(timeout)
        except subprocess.TimeoutExpired:
            left = descendants(child.pid)
            for pid in [*left, child.pid]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            child.wait()
            end = "did not end within %d s" % timeout
        seconds = time.monotonic() - start
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
        output.close()
        tests = read_report(report) if os.path.exists(report) else {}
        run = self.ask_and_stop(env) if recorded else None
        if self.keep:
            name = "%s-%s-%s" % (self.python.version, self.name, "smiley" if recorded else "alone")
            shutil.copy(os.path.join(work, "output"), os.path.join(self.keep, name))
        for folder in (work, home):
            shutil.rmtree(folder, ignore_errors=True)
        return Outcome(end, tests, text, seconds, run)

    @staticmethod
    def ask_and_stop(env):
        """The daemon's description of the run. Stops the daemon."""
        listed = subprocess.run([os.path.join(BIN, "smiley-list"), "--json"], env=env, capture_output=True)
        subprocess.run([os.path.join(BIN, "smiley-daemon"), "stop"], env=env, capture_output=True)
        try:
            return json.loads(listed.stdout.splitlines()[0])
        except (ValueError, IndexError):
            return None

    def exceptions(self, exceptions, test):
        return [
            e
            for e in exceptions
            if e["module"] == self.name
            and self.python.version in e.get("pythons", [self.python.version])
            and (not e.get("stdlib") or self.stdlib)
            and any(fnmatch.fnmatchcase(test, "*" + t) for t in e.get("tests", ["*"]))
        ]

    def compare(self, exceptions):
        """The differences that nothing excuses, as [(test, alone, recorded)]."""
        alone = self.run(False, TIMEOUT)
        recorded = self.run(True, min(TIMEOUT, 60 + SLOWER * alone.seconds))
        self.alone, self.recorded = alone, recorded
        differ = []
        for test in sorted(alone.tests.keys() | recorded.tests.keys()):
            a, b = alone.tests.get(test, "not run"), recorded.tests.get(test, "not run")
            if a != b:
                differ.append((test, a, b))
        if alone.end != recorded.end and not differ:
            differ.append(("the exit code", str(alone.end), str(recorded.end)))
        if not alone.tests:
            differ.append(("the module", "no test ran", ""))
        run = recorded.run
        if run is None:
            differ.append(("the recording", "", "there is none"))
        elif not run["complete"] or run["lost"] or run["events"] < 10:
            differ.append(("the recording", "", "incomplete: %d events, %d lost" % (run["events"], run["lost"])))
        excused = []
        for entry in list(differ):
            reasons = self.exceptions(exceptions, entry[0])
            if reasons:
                differ.remove(entry)
                excused.append((entry, reasons[0]["reason"]))
        self.excused = excused
        return differ

    def check(self, exceptions):
        differ = self.compare(exceptions)
        if differ:
            first = self.recorded
            again = self.compare(exceptions)
            both = {d[0] for d in differ} & {d[0] for d in again}
            for name in sorted({d[0] for d in differ} - both):
                self.notes.append("differed once of two times: " + name)
            differ = [d for d in differ if d[0] in both]
            self.recorded = first
        return differ


def report(job, differ, verbose):
    events = job.recorded.run["events"] if job.recorded.run else 0
    print(
        "%-9s %-50s %4d tests  %6.1f s alone %6.1f s recorded  %d events"
        % (
            "differs" if differ else "same",
            job.label(),
            len(job.alone.tests),
            job.alone.seconds,
            job.recorded.seconds,
            events,
        )
    )
    for (test, alone, recorded), reason in job.excused:
        print("          excused: %s: %s alone, %s recorded: %s" % (test, alone or "-", recorded or "-", reason))
    for note in job.notes:
        print("          " + note)
    for test, alone, recorded in differ[:MOST_SHOWN]:
        print("          %s: %s alone, %s recorded" % (test, alone or "-", recorded or "-"))
    if len(differ) > MOST_SHOWN:
        print("          and %d more" % (len(differ) - MOST_SHOWN))
    if differ and verbose:
        print("".join("          | %s\n" % line for line in job.recorded.output.splitlines()[-40:]))
    sys.stdout.flush()


def read_list():
    with open(os.path.join(HERE, "modules.toml"), "rb") as file:
        listed = tomllib.load(file)
    return listed["module"], listed.get("exception", [])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", help="an interpreter with its test-suite; may be repeated")
    parser.add_argument("--quick", action="store_true", help="only the modules that are marked quick")
    parser.add_argument("--jobs", type=int, default=2, help="modules at a time (default 2)")
    parser.add_argument(
        "--stdlib", action="store_true", help="record the standard library too, whatever the list says"
    )
    parser.add_argument("--keep", help="keep the outputs in this folder")
    parser.add_argument("--verbose", action="store_true", help="show the end of the output where something differs")
    parser.add_argument("modules", nargs="*", metavar="MODULE")
    options = parser.parse_args()
    entries, exceptions = read_list()
    named = [p for p in os.environ.get("SMILEY_TEST_PYTHONS", "").split(":") if p]
    pythons = [Python(p) for p in options.python or named or ["python3"]]
    if options.keep:
        os.makedirs(options.keep, exist_ok=True)
    known = {e["name"] for e in entries}
    if options.modules:
        entries = [e for e in entries if e["name"] in options.modules]
        entries += [{"name": m} for m in options.modules if m not in known]
    jobs, absent = [], []
    for python in pythons:
        for entry in entries:
            if not python.has(entry["name"]):
                absent.append("%s %s" % (python.version, entry["name"]))
            elif not options.quick or entry.get("quick"):
                jobs.append(Job(python, entry, options.stdlib or entry.get("stdlib", False), options.keep))
    lock = threading.Lock()
    counts = [0, 0]

    def do(job):
        differ = job.check(exceptions)
        with lock:
            report(job, differ, options.verbose)
            counts[bool(differ)] += 1

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for done in [pool.submit(do, job) for job in jobs]:
            done.result()
    if absent:
        print("not in that version: " + ", ".join(absent))
    print("%d modules the same, %d differ" % tuple(counts))
    return 0 if counts[1] == 0 and counts[0] > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
