"""Runs the C++ tests, the tracer and the fuzz targets with Clang's sanitizers.

    python3 tests/sanitize/sanitize.py SOURCES BUILD [PART…] [--fuzz-seconds 15]

| part | what it runs |
|---|---|
| `address` | every C++ test with AddressSanitizer (and its leak check) and UndefinedBehaviorSanitizer, but those that fork while threads run |
| `tracer` | the extension with both, in the example and in each program of tests/system/programs. Output and exit code must be those of the unrecorded program, and the store must be sound |
| `fuzz` | each fuzz target, for some seconds, from its corpus and from the inputs that earlier searches in this folder found |
| `thread` | with ThreadSanitizer: the tests of shm, and those of the daemon that have threads |

BUILD is the folder that tools/test.sh built. Its commands are used; only the tracer is replaced. The builds of this
script go into BUILD/sanitize. SMILEY_TEST_PYTHONS names the interpreters. Each report of a sanitizer is a failure,
also the report of a process that nobody waited for. The last line is "N passed, N failed".
"""

import argparse
import base64
import concurrent.futures
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PARTS = ("address", "tracer", "fuzz", "thread")
FUZZ = ("catalogue", "expression", "frames", "import", "request", "segment", "value")
# The suites of the daemon that have more than one thread. The others cannot have a race.
THREADED = (
    "live_feed",
    "live_view",
    "server",
    "server_tail",
    "web_door",
    "web_stream",
    "remote_clients",
    "piece_ahead",
    "store_keeps_runs",
    "store_care",
    "snapshots",
)
# Suites that fork from a process with threads, and whose child continues without exec. The allocators of Clang 14's
# run-time libraries may stay locked in that child. These suites run without a sanitizer only.
FORKING = ("drain_a_program", "drain_runs", "drain_damage", "exactly_once")
PATIENCE = 1800  # seconds that one test program may take
MOST_PRINTED = 6000  # bytes of a failing input that are printed, for machines that do not keep the folder
# Compiling takes most of the time, and -O0 halves it. -O0 also removes no access that a sanitizer could see.
FLAGS = "-O0 -g1"


class Failed(Exception):
    pass


def say(text):
    print(text, flush=True)


def clang():
    for suffix in ("", "-19", "-17", "-16", "-14"):
        if shutil.which("clang++" + suffix) and shutil.which("clang" + suffix):
            return "clang" + suffix, "clang++" + suffix
    raise Failed("no clang++ found (Debian: clang and libclang-rt-dev)")


def strict(cxx):
    """The flags for warnings: errors with Debian 12's Clang, none with a newer one, whose other warnings are no failures."""
    version = subprocess.run([cxx, "-dumpversion"], capture_output=True, text=True).stdout
    return ["-DSMILEY_WERROR=ON"] if version.startswith("14.") else []


class Bench:
    def __init__(self, args):
        self.sources, self.build, self.seconds = args.sources, args.build, args.fuzz_seconds
        self.dir = os.path.join(self.build, "sanitize")
        self.jobs = args.jobs
        self.pythons = [p for p in os.environ.get("SMILEY_TEST_PYTHONS", "").split(":") if p] or [
            shutil.which("python3")
        ]
        self.totals = [0, 0]
        os.makedirs(self.dir, exist_ok=True)

    # Builds.

    def make(self, name, sanitizers, targets, *options):
        """Builds `targets` with `sanitizers`. Returns the folder."""
        where = os.path.join(self.dir, name)
        cc, cxx = clang()
        begun, before = time.monotonic(), sum(os.times()[2:4])
        log = os.path.join(self.dir, name + ".log")
        with open(log, "wb") as file:
            for words in (
                [
                    "cmake",
                    "-S",
                    self.sources,
                    "-B",
                    where,
                    "-G",
                    "Ninja",
                    "-DCMAKE_C_COMPILER=" + cc,
                    "-DCMAKE_CXX_COMPILER=" + cxx,
                    "-DCMAKE_BUILD_TYPE=Sanitized",
                    "-DCMAKE_C_FLAGS_SANITIZED=" + FLAGS,
                    "-DCMAKE_CXX_FLAGS_SANITIZED=" + FLAGS,
                    "-DSMILEY_SANITIZE=" + sanitizers,
                    "-DSMILEY_CHECKS=ON",
                    "-DSMILEY_NPM=",
                    *strict(cxx),
                    "-DSMILEY_PYTHONS=" + ";".join(self.pythons),
                    *options,
                ],
                ["cmake", "--build", where, "-j", str(self.jobs), "--target", *targets],
            ):
                if subprocess.call(words, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT) != 0:
                    with open(log, errors="replace") as text:
                        lines = text.read().splitlines()
                    wrong = [line for line in lines if re.search(r"error|FAILED", line)]
                    raise Failed(
                        "the build with %s failed (%s):\n%s" % (sanitizers, log, "\n".join(wrong[:20] + lines[-20:]))
                    )
        used = sum(os.times()[2:4]) - before
        say("built with %s in %.0f s, with %.0f s of processors' time" % (sanitizers, time.monotonic() - begun, used))
        return where

    def make_address(self):
        targets = ["smiley_test_shm", "smiley_test_daemon", "smiley_test_tools", "smiley_fuzz_all", "smiley_tracers"]
        return self.make("address", "address,undefined", targets, "-DSMILEY_FUZZ=ON")

    # Running.

    def environment(self, reports, leaks=True, **more):
        common = "log_path=%s:exitcode=86:allocator_may_return_null=1" % reports
        known = lambda kind: ':suppressions="%s"' % os.path.join(HERE, kind + ".txt")  # a space would end the value
        return dict(
            os.environ,
            LSAN_OPTIONS="print_suppressions=0" + known("leaks"),
            UBSAN_OPTIONS=common + ":print_stacktrace=1",
            ASAN_OPTIONS="%s:detect_leaks=%d:strict_string_checks=1:detect_stack_use_after_return=1"
            ":verify_asan_link_order=0" % (common, leaks),
            TSAN_OPTIONS=common + ":second_deadlock_stack=1:history_size=4" + known("races"),
            **more,
        )

    def run(self, words, environment, **more):
        """(exit code, output). The exit code is None when the program did not end."""
        child = subprocess.Popen(
            words,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **more,
        )
        try:
            out, code = child.communicate(timeout=PATIENCE)[0], child.returncode
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            out, code = child.communicate()[0], None
        return code, out.decode("utf-8", "replace")

    def judge(self, name, passed, failed, words=""):
        self.totals[0] += passed
        self.totals[1] += failed
        say(
            "%s %s: %d passed%s"
            % ("ok  " if not failed else "FAIL", name, passed, ", %d FAILED\n%s" % (failed, words) if failed else "")
        )

    def suite(self, where, layer, name):
        """Runs one suite of a Boost.Test executable in a process of its own. Each case counts as one."""
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="sms-", dir="/tmp") as work:
            environment = self.environment(
                os.path.join(work, "report"), BOOST_TEST_REPORT_LEVEL="short", BOOST_TEST_COLOR_OUTPUT="no"
            )
            words = [os.path.join(where, "bin", "smiley_test_" + layer), "--log_level=message", "--run_test=" + name]
            code, out = self.run(words, environment)
            reports = read_reports(work)
        # Boost.Test reports the cases of other suites as skipped. They count with their own suite.
        passed, failed = (
            sum(map(int, re.findall(r"^\s+(\d+) test cases? out of \d+ " + word, out, re.M)))
            for word in ("passed", "failed")
        )
        if not failed and (code != 0 or reports or not passed):
            passed, failed = max(0, passed - 1), 1
        title = "%s, %s/%s, %.0f s" % (os.path.basename(where), layer, name, time.monotonic() - begun)
        self.judge(
            title, passed, failed, "%s\n%s" % ("it did not end" if code is None else out[-4000:], "\n".join(reports))
        )

    def suites(self, where, *layers):
        calls = []
        for layer in layers:
            words = [os.path.join(where, "bin", "smiley_test_" + layer), "--list_content"]
            listed = subprocess.run(
                words, capture_output=True, text=True, env=self.environment("stderr", leaks=False)
            ).stderr
            names = re.findall(r"^(\w+)\*", listed, re.M)
            if not names:
                raise Failed("%s lists no suites: %s" % (words[0], listed[-2000:]))
            names = [name for name in names if name not in FORKING]
            calls += [(self.suite, where, layer, name) for name in names]
        self.side_by_side(calls)

    def side_by_side(self, calls):
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            for done in [pool.submit(*call) for call in calls]:
                done.result()

    # The parts.

    def address(self):
        self.suites(self.make_address(), "daemon", "shm", "tools")

    def thread(self):
        targets = ["smiley_test_shm", "smiley_test_daemon"]
        where = self.make("thread", "thread", targets, "-DSMILEY_DAEMON_SUITES=" + ";".join(THREADED))
        self.suites(where, "daemon", "shm")

    def tracer(self):
        """A folder with the commands of BUILD and the tracer that AddressSanitizer instruments."""
        where = self.make_address()
        lab = os.path.join(self.dir, "lab")
        shutil.rmtree(lab, ignore_errors=True)
        shutil.copytree(
            os.path.join(self.build, "bin"),
            os.path.join(lab, "bin"),
            symlinks=True,
            ignore=lambda folder, names: [n for n in names if n.startswith("smiley_")],
        )
        shutil.copytree(os.path.join(self.build, "lib"), os.path.join(lab, "lib"), symlinks=True)
        for library in glob.glob(os.path.join(where, "lib", "smiley", "_smiley*.so")):
            shutil.copy2(library, os.path.join(lab, "lib", "smiley"))
        found = subprocess.run(
            [clang()[0], "-print-file-name=libclang_rt.asan-x86_64.so"], capture_output=True, text=True
        ).stdout.strip()
        if not os.path.isabs(found):
            found = subprocess.run(
                [clang()[0], "-print-file-name=libclang_rt.asan.so"], capture_output=True, text=True
            ).stdout.strip()
        if not os.path.isabs(found):
            raise Failed("the library of AddressSanitizer is not there (Debian: libclang-rt-dev)")
        programs = [os.path.join(self.sources, "tools", "example", "farm_shop.py")]
        programs += sorted(glob.glob(os.path.join(self.sources, "tests", "system", "programs", "*.py")))
        self.side_by_side(
            [(self.recorded, lab, found, python, program) for python in self.pythons for program in programs]
        )

    def recorded(self, lab, runtime, python, program):
        with tempfile.TemporaryDirectory(prefix="sms-", dir="/tmp") as work:
            # The program's objects come from malloc, so that AddressSanitizer sees an access to a freed one.
            environment = self.environment(
                os.path.join(work, "report"),
                leaks=False,
                LD_PRELOAD=runtime,
                PYTHONMALLOC="malloc",
                SMILEY_HOME=os.path.join(work, "home"),
                PYTHONHASHSEED="0",
                PYTHONDONTWRITEBYTECODE="1",
            )
            plain = self.run([python, program], environment, cwd=work)
            with_smiley = self.run(
                [os.path.join(lab, "bin", "smiley-run"), "--quiet", "--python", python, program],
                environment,
                cwd=work,
            )
            clean = dict(os.environ, SMILEY_HOME=environment["SMILEY_HOME"])
            checked = self.run([os.path.join(lab, "bin", "smiley-store"), "check"], clean)
            exported = self.run([os.path.join(lab, "bin", "smiley-export"), "last", "--format", "jsonl"], clean)
            self.run([os.path.join(lab, "bin", "smiley-daemon"), "stop"], clean)
            reports = read_reports(work)
        wrong = []
        if with_smiley[0] != plain[0] or (
            with_smiley[1] != plain[1] and program.startswith(os.path.join(self.sources, "tests"))
        ):
            wrong.append(
                "plain it ends with %s, recorded with %s:\n%s" % (plain[0], with_smiley[0], with_smiley[1][-2000:])
            )
        if checked[0] != 0 or exported[0] != 0 or '"type":"event"' not in exported[1]:
            wrong.append("what was stored is not sound:\n%s\n%s" % (checked[1][-2000:], exported[1][-2000:]))
        name = "tracer, %s, %s" % (python, os.path.basename(program))
        self.judge(name, not (wrong or reports), bool(wrong or reports), "\n".join(wrong + reports))

    def fuzz(self):
        where = self.make_address()
        self.side_by_side([(self.search, where, name) for name in FUZZ])

    def search(self, where, name):
        corpus, finds = (os.path.join(self.dir, kind, name) for kind in ("corpus", "crashes"))
        os.makedirs(corpus, exist_ok=True)
        os.makedirs(finds, exist_ok=True)
        code, out = self.run(
            [
                os.path.join(where, "bin", "smiley_fuzz_" + name),
                "-max_total_time=%d" % self.seconds,
                "-timeout=20",
                "-rss_limit_mb=3000",
                "-print_final_stats=1",
                "-artifact_prefix=" + finds + os.sep,
                corpus,
                os.path.join(self.sources, "tests", "fuzz", "corpus", name),
            ],
            self.environment("stderr"),
        )
        tried = re.search(r"^stat::number_of_executed_units:\s*(\d+)", out, re.M)
        words = [out[-6000:]]
        for path in re.findall(r"^artifact_prefix=.*Test unit written to (.*)$", out, re.M):
            with open(path, "rb") as file:
                content = file.read(MOST_PRINTED)
            words.append(
                "the input is %s, in base64 (the first %d bytes):\n%s"
                % (path, MOST_PRINTED, base64.b64encode(content).decode())
            )
        failed = code != 0 or not tried or int(tried.group(1)) == 0
        self.judge(
            "fuzz, %s, %s inputs in %d s" % (name, tried.group(1) if tried else "no", self.seconds),
            not failed,
            failed,
            "\n".join(words),
        )


def read_reports(folder):
    found = []
    for path in sorted(glob.glob(os.path.join(folder, "report*"))):
        with open(path, errors="replace") as file:
            found.append(file.read()[:6000])
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", type=os.path.abspath)
    parser.add_argument("build", type=os.path.abspath)
    parser.add_argument("parts", nargs="*", metavar="PART")
    parser.add_argument("--fuzz-seconds", type=int, default=15)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    if set(args.parts) - set(PARTS):
        parser.error("the parts are " + ", ".join(PARTS))
    bench = Bench(args)
    for part in args.parts or PARTS:
        begun = time.monotonic()
        try:
            getattr(bench, part)()
        except Failed as problem:
            bench.judge(part, 0, 1, str(problem))
        say("%s: %.0f s" % (part, time.monotonic() - begun))
    print("%d passed, %d failed" % tuple(bench.totals))
    return 0 if bench.totals[1] == 0 and bench.totals[0] > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
