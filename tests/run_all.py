"""Runs all tests and counts them: CTest's tests; for each Python of SMILEY_TEST_PYTHONS the system tests and the
quick third of that Python's own test-suite (cpython/run.py); the sanitizers (sanitize/sanitize.py); clang-tidy over
the changed sources (lint/tidy.py).

    python3 tests/run_all.py BUILD SOURCES

Each of these counts as one: a Boost.Test case, a unittest method, a module of CPython's suite, a program recorded
with sanitizers, a fuzz target, a source that clang-tidy checked, and any other test of CTest. The last line is "N
passed, N failed". The exit code is 0 only when something passed, nothing failed and nothing was skipped.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import xml.etree.ElementTree

CTEST_TIMEOUT = 1200  # seconds for each test
SYSTEM_TIMEOUT = 3600  # seconds for all system tests of one Python


def count_output(text, failed):
    """(passed, failed, skipped) according to the output of one test program. `failed`: its exit code was not 0."""
    passed = bad = skipped = 0
    boost_total = sum(int(n) for n in re.findall(r"^Running (\d+) test cases?\.\.\.", text, re.M))
    if boost_total:
        bad += sum(int(n) for n in re.findall(r"^\s+(\d+) test cases? out of \d+ failed", text, re.M))
        skipped += sum(int(n) for n in re.findall(r"^\s+(\d+) test cases? out of \d+ skipped", text, re.M))
        passed += max(0, boost_total - bad - skipped)
    for ran, rest in re.findall(r"^Ran (\d+) tests? in [^\n]*\n+(\w+[^\n]*)", text, re.M):
        numbers = {k: int(v) for k, v in re.findall(r"(failures|errors|skipped|unexpected successes)=(\d+)", rest)}
        lost = numbers.get("failures", 0) + numbers.get("errors", 0) + numbers.get("unexpected successes", 0)
        bad += lost
        skipped += numbers.get("skipped", 0)
        passed += max(0, int(ran) - lost - numbers.get("skipped", 0))
    if failed and bad == 0:  # crashed, timed out, or no test framework at all
        bad = 1
        passed = max(0, passed - 1)
    elif not failed and passed + bad + skipped == 0:
        passed = 1
    return passed, bad, skipped


def run_ctest(build):
    report = os.path.join(build, "ctest.xml")
    if os.path.exists(report):
        os.unlink(report)
    environment = dict(os.environ, BOOST_TEST_REPORT_LEVEL="short", BOOST_TEST_COLOR_OUTPUT="no")
    code = subprocess.call(
        [
            "ctest",
            "--test-dir",
            build,
            "--output-on-failure",
            "--timeout",
            str(CTEST_TIMEOUT),
            "--output-junit",
            report,
            "--test-output-size-passed",
            "4000000",
            "--test-output-size-failed",
            "4000000",
        ],
        env=environment,
    )
    totals = [0, 0, 0]
    if not os.path.exists(report):
        return [0, 1, 0]
    for case in xml.etree.ElementTree.parse(report).getroot().iter("testcase"):
        if case.get("status") in ("disabled", "notrun") or case.find("skipped") is not None:
            totals[2] += 1
            print("not run: %s" % case.get("name"))
            continue
        output = case.findtext("system-out") or ""
        counted = count_output(output, case.find("failure") is not None or case.get("status") == "fail")
        totals = [a + b for a, b in zip(totals, counted)]
    if code != 0 and totals[1] == 0:
        totals[1] = 1
    return totals


def run_for(python, words, **more):
    """Runs this Python with `words` and with `python` as the interpreter under test; shows the output. Returns (exit code, output).
    `more` are further variables of the environment."""
    environment = dict(os.environ, SMILEY_TEST_PYTHONS=python)
    environment.update(more)
    # `smiley-run app.py` takes the python3 of PATH, which must be the interpreter under test.
    environment["PATH"] = os.path.dirname(python) + os.pathsep + environment.get("PATH", "")
    child = subprocess.Popen(
        [sys.executable, *words],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    late = threading.Timer(SYSTEM_TIMEOUT, os.killpg, (child.pid, signal.SIGKILL))
    late.start()
    lines = []
    for line in child.stdout:
        line = line.decode("utf-8", "replace")
        lines.append(line)
        sys.stdout.write(line)
        sys.stdout.flush()
    code = child.wait()
    late.cancel()
    if code < 0:
        print("smiley: the tests of %s did not end" % python)
    return code, "".join(lines)


def run_system(sources, python):
    code, text = run_for(
        python,
        ["-m", "unittest", "discover", "-v", "-s", os.path.join(sources, "tests", "system"), "-p", "test_*.py"],
    )
    if re.search(r"^Ran 0 tests", text, re.M):
        code = 1
    # Only the last summary is this unittest's own. A test may print the summary of another.
    start = text.rfind("\nRan ")
    return list(count_output(text[start + 1 :] if start >= 0 else "", code != 0))


def run_cpython(sources, python):
    """[passed, failed, skipped], or None for a Python that was installed without its test-suite."""
    if subprocess.call([python, "-c", "import test.test_grammar"], stderr=subprocess.DEVNULL) != 0:
        print("not installed: the test-suite of %s" % python)
        return None
    code, text = run_for(
        python, [os.path.join(sources, "tests", "cpython", "run.py"), "--quick", "--jobs", str(os.cpu_count() or 1)]
    )
    counted = re.findall(r"^(\d+) modules the same, (\d+) differ", text, re.M)
    if not counted:
        return [0, 1, 0]
    same, differ = map(int, counted[-1])
    return [same, max(differ, int(code != 0)), 0]


def run_sanitizers(build, sources):
    code, text = run_for(
        os.environ["SMILEY_TEST_PYTHONS"].split(":")[0],
        [os.path.join(sources, "tests", "sanitize", "sanitize.py"), sources, build],
        SMILEY_TEST_PYTHONS=os.environ["SMILEY_TEST_PYTHONS"],
    )
    counted = re.findall(r"^(\d+) passed, (\d+) failed$", text, re.M)
    if not counted:
        return [0, 1, 0]
    passed, failed = map(int, counted[-1])
    return [passed, max(failed, int(code != 0)), 0]


def run_tidy(build, sources):
    code, text = run_for(sys.executable, [os.path.join(sources, "tests", "lint", "tidy.py"), sources, build])
    counted = re.findall(r"^(\d+) sources checked, (\d+) findings$", text, re.M)
    if not counted:
        return [0, 1, 0]
    checked, findings = map(int, counted[-1])
    return [max(0, checked - findings), findings, 0] if code != 0 else [checked, 0, 0]


def main(build, sources):
    # The parent (a shell in the background, nohup) may ignore signals. Programs under test must not inherit that.
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    results = [("ctest", run_ctest(build))]
    if os.path.isdir(os.path.join(sources, "tests", "system")):
        for python in os.environ["SMILEY_TEST_PYTHONS"].split(":"):
            print("\nsystem tests with %s" % python, flush=True)
            results.append(("system tests with " + python, run_system(sources, python)))
        for python in os.environ["SMILEY_TEST_PYTHONS"].split(":"):
            print("\nCPython's own tests, the quick third, with %s" % python, flush=True)
            if counted := run_cpython(sources, python):
                results.append(("CPython's own tests with " + python, counted))
    print("\nwith sanitizers", flush=True)
    results.append(("with sanitizers", run_sanitizers(build, sources)))
    print("\nclang-tidy", flush=True)
    results.append(("clang-tidy", run_tidy(build, sources)))
    print()
    for name, (passed, failed, skipped) in results:
        print("%s: %d passed, %d failed%s" % (name, passed, failed, ", %d skipped" % skipped if skipped else ""))
    passed, failed, skipped = (sum(r[i] for _, r in results) for i in range(3))
    if skipped:  # a test that does not run proves nothing
        failed += skipped
    print("%d passed, %d failed" % (passed, failed))
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: run_all.py BUILD SOURCES")
    sys.exit(main(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])))
