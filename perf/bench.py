#!/usr/bin/env python3
"""Measures the slow-down of recording, as ratios in one interleaved run.

    perf/bench.py --bin build/bin --python /usr/bin/python3 [--python …] [--rounds 7] [--workload fib …] [--json FILE]

Every round runs each mode of each workload once, in turn, so that other work of the machine meets all modes. Prints
medians and spread (first to third quartile) of the ratio to the untraced run of the same round. Then prints the time
that recording adds to the start of an interpreter, and the memory that it adds to the peak of a workload.
"""

import argparse
import datetime
import json
import math
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

LEAST_SECONDS = 0.1  # a workload is repeated in its process until the untraced one takes about this long
ONCE = {"imports"}  # workloads that cannot be repeated

HERE = pathlib.Path(__file__).resolve().parent
WORKLOADS = [
    "fib",
    "lineloop",
    "nbody",
    "parser",
    "classes",
    "exceptions",
    "strings",
    "four_threads",
    "tasks",
    "imports",
    "highlight",
]
MODES = [
    "untraced",
    "empty line hook",
    "full record",
    "empty call hook",
    "calls only",
    "calls, arguments",
    "empty profile",
    "cProfile",
]
RECORDED = {
    "full record": "values",
    "calls only": "calls",
    "calls, arguments": "arguments",
}  # {mode: value of --detail}


def build_hooks(python, folder):
    script = "import sysconfig; print(sysconfig.get_path('include')); print(sysconfig.get_config_var('EXT_SUFFIX'))"
    include, suffix = subprocess.run(
        [python, "-c", script], check=True, capture_output=True, text=True
    ).stdout.split()
    target = folder / f"empty_hooks{suffix}"
    compiler = os.environ.get("CC", "cc")
    subprocess.run(
        [compiler, "-O2", "-shared", "-fPIC", f"-I{include}", str(HERE / "empty_hooks.c"), "-o", str(target)],
        check=True,
    )


def make_command(mode, python, smiley, workload, times, out):
    words = [str(HERE / "run_workload.py"), workload, str(times), str(out)]
    if mode in RECORDED:
        return [str(smiley), "run", "-q", "--detail", RECORDED[mode], "--python", python, *words]
    extra = {
        "empty line hook": ["line"],
        "empty call hook": ["call"],
        "empty profile": ["profile"],
        "cProfile": ["cprofile"],
    }.get(mode, [])
    return [python, *words, *extra]


def forget_run(smiley, environment):
    """Deletes the last run and waits until the daemon is idle, so that its snapshots and statistics meet no other mode."""

    def ask(*words):
        return subprocess.run(
            [str(smiley), *words], check=True, env=environment, capture_output=True, text=True
        ).stdout

    ask("delete", "last")
    pid = json.loads(ask("daemon", "status", "--json"))["pid"]
    used = None
    while used != (used := open(f"/proc/{pid}/stat").read().split()[13:15]):
        time.sleep(0.05)


def measure_start(python, smiley, environment, folder):
    """Seconds from start to end of an interpreter that does nothing: [untraced, recorded]. The daemon is running."""
    seconds = []
    for words in ([python, "-c", "pass"], [str(smiley), "run", "-q", "--python", python, "-c", "pass"]):
        begin = time.perf_counter()
        subprocess.run(words, check=True, env=environment, cwd=folder)
        seconds.append(time.perf_counter() - begin)
    return seconds


def measure(python, smiley, rounds, folder, workloads):
    environment = dict(
        os.environ, PYTHONPATH=str(folder), SMILEY_HOME=str(folder / "home"), PYTHONDONTWRITEBYTECODE="1"
    )
    times = {(w, m): [] for w in workloads for m in MODES}
    memory = {(w, m): [] for w in workloads for m in MODES}
    starts = []
    out = folder / "seconds"
    often = {}
    for workload in workloads:
        if workload in ONCE:
            often[workload] = 1
            continue
        subprocess.run(
            make_command("untraced", python, smiley, workload, 2, out), check=True, env=environment, cwd=HERE
        )
        often[workload] = max(1, math.ceil(2 * LEAST_SECONDS / float(out.read_text().split()[0])))
    for round_number in range(rounds):
        for workload in workloads:
            for mode in MODES:
                subprocess.run(
                    make_command(mode, python, smiley, workload, often[workload], out),
                    check=True,
                    env=environment,
                    stdout=subprocess.DEVNULL,
                    cwd=HERE,
                )
                if mode in RECORDED:
                    forget_run(smiley, environment)
                seconds, kib = out.read_text().split()
                times[workload, mode].append(float(seconds))
                memory[workload, mode].append(int(kib))
        starts.append(measure_start(python, smiley, environment, folder))
        print(f"\rround {round_number + 1} of {rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    subprocess.run(
        [str(smiley), "daemon", "stop"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return times, memory, starts


def compute_ratios(times, workload, mode):
    return [t / u for t, u in zip(times[workload, mode], times[workload, "untraced"])]


def report(python, measured, workloads):
    times, memory, starts = measured
    version = subprocess.run(
        [python, "-c", "import platform; print(platform.python_version())"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    print(f"\n### CPython {version}\n")
    print(
        "| workload | untraced | "
        + " | ".join(MODES[1:])
        + " | full ÷ empty line | calls ÷ empty call | arguments ÷ empty profile |"
    )
    print("|---|---" + "|---" * (len(MODES) + 2) + "|")
    means = {m: [] for m in MODES[1:]}
    result = {"python": version, "workloads": {}}
    for workload in workloads:
        cells = [f"{statistics.median(times[workload, 'untraced']) * 1000:.0f} ms"]
        medians = {}
        for mode in MODES[1:]:
            values = sorted(compute_ratios(times, workload, mode))
            medians[mode] = statistics.median(values)
            means[mode].append(medians[mode])
            quarter = max(1, len(values) // 4)
            cells.append(f"{medians[mode]:.2f} ({values[quarter - 1]:.2f}–{values[-quarter]:.2f})")
        cells.append(f"{medians['full record'] / medians['empty line hook']:.2f}")
        cells.append(f"{medians['calls only'] / medians['empty call hook']:.2f}")
        cells.append(f"{medians['calls, arguments'] / medians['empty profile']:.2f}")
        print(f"| {workload} | " + " | ".join(cells) + " |")
        result["workloads"][workload] = medians
    mean = {m: math.exp(statistics.fmean(map(math.log, v))) for m, v in means.items()}
    print(
        "| geometric mean | | "
        + " | ".join(f"{mean[m]:.2f}" for m in MODES[1:])
        + f" | {mean['full record'] / mean['empty line hook']:.2f} | {mean['calls only'] / mean['empty call hook']:.2f}"
        f" | {mean['calls, arguments'] / mean['empty profile']:.2f} |"
    )
    result["geometric_mean"] = mean
    added = {
        w: statistics.median(memory[w, "full record"]) - statistics.median(memory[w, "untraced"]) for w in workloads
    }
    most = max(added, key=added.get)
    plain, recorded = (statistics.median(s) * 1000 for s in zip(*starts))
    print(
        f"\nStart: {plain:.0f} ms untraced, {recorded:.0f} ms from `smiley run` to its end. Memory added, rings as far as "
        f"used included: {statistics.median(added.values()) / 1024:.1f} MiB in the middle, most in {most}: "
        f"{added[most] / 1024:.1f} MiB."
    )
    result["start_ms"], result["added_kib"] = [plain, recorded], added
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--bin", type=os.path.abspath, default=str(HERE.parent / "build" / "bin"), help="folder of the built commands"
    )
    parser.add_argument("--python", action="append", help="interpreter, repeatable; default: python3")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--workload", action="append", choices=WORKLOADS, help="repeatable; default: all")
    parser.add_argument("--json", help="also write the ratios to this file")
    options = parser.parse_args()
    cpu = next(
        (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?"
    )
    print(
        f"{datetime.date.today()}, {cpu}, {os.cpu_count()} cores, Linux {platform.release()}; "
        f"medians of {options.rounds} interleaved rounds, in brackets the first and third quartile; "
        "ratios to untraced, daemon storing"
    )
    results = []
    for python in options.python or [shutil.which("python3")]:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="smiley-perf-"))
        try:
            build_hooks(python, folder)
            workloads = options.workload or WORKLOADS
            measured = measure(python, pathlib.Path(options.bin) / "smiley", options.rounds, folder, workloads)
            results.append(report(python, measured, workloads))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
