#!/usr/bin/env python3
"""Slow-down of recording, as ratios in one interleaved run.

    perf/bench.py --bin build/bin --python /usr/bin/python3 [--python …] [--rounds 7] [--json FILE]

Every round runs each mode of each workload once, in turn, so that what the machine does meanwhile meets all of them.
Prints medians and the spread (first to third quartile) of the ratio to the untraced run of the same round.
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

HERE = pathlib.Path(__file__).resolve().parent
WORKLOADS = ["fib", "lineloop", "nbody", "parser", "classes"]
MODES = ["untraced", "empty line hook", "full record", "empty call hook", "calls only", "cProfile"]


def build_hooks(python, folder):
    script = "import sysconfig; print(sysconfig.get_path('include')); print(sysconfig.get_config_var('EXT_SUFFIX'))"
    include, suffix = subprocess.run([python, "-c", script], check=True, capture_output=True, text=True).stdout.split()
    target = folder / f"empty_hooks{suffix}"
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", f"-I{include}", str(HERE / "empty_hooks.c"), "-o", str(target)],
                   check=True)


def command(mode, python, smiley, workload, out):
    words = [str(HERE / "run_workload.py"), workload, str(out)]
    if mode == "full record":
        return [str(smiley), "run", "-q", "--python", python, *words]
    if mode == "calls only":
        return [str(smiley), "run", "-q", "--detail", "calls", "--python", python, *words]
    extra = {"empty line hook": ["line"], "empty call hook": ["call"], "cProfile": ["cprofile"]}.get(mode, [])
    return [python, *words, *extra]


def measure(python, smiley, rounds, folder):
    environment = dict(os.environ, PYTHONPATH=str(folder), SMILEY_HOME=str(folder / "home"),
                       PYTHONDONTWRITEBYTECODE="1")
    times = {(w, m): [] for w in WORKLOADS for m in MODES}
    out = folder / "seconds"
    for round_number in range(rounds):
        for workload in WORKLOADS:
            for mode in MODES:
                subprocess.run(command(mode, python, smiley, workload, out), check=True, env=environment,
                               stdout=subprocess.DEVNULL, cwd=HERE)
                times[workload, mode].append(float(out.read_text()))
        print(f"\rround {round_number + 1} of {rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    subprocess.run([str(smiley), "daemon", "stop"], env=environment, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    return times


def ratios(times, workload, mode):
    return [t / u for t, u in zip(times[workload, mode], times[workload, "untraced"])]


def report(python, times):
    version = subprocess.run([python, "-c", "import platform; print(platform.python_version())"], check=True,
                             capture_output=True, text=True).stdout.strip()
    print(f"\n### CPython {version}\n")
    print("| workload | untraced | " + " | ".join(MODES[1:]) + " | full ÷ empty line | calls ÷ empty call |")
    print("|---|---" + "|---" * (len(MODES) + 1) + "|")
    means = {m: [] for m in MODES[1:]}
    result = {"python": version, "workloads": {}}
    for workload in WORKLOADS:
        cells = [f"{statistics.median(times[workload, 'untraced']) * 1000:.0f} ms"]
        medians = {}
        for mode in MODES[1:]:
            values = sorted(ratios(times, workload, mode))
            medians[mode] = statistics.median(values)
            means[mode].append(medians[mode])
            quarter = max(1, len(values) // 4)
            cells.append(f"{medians[mode]:.2f} ({values[quarter - 1]:.2f}–{values[-quarter]:.2f})")
        cells.append(f"{medians['full record'] / medians['empty line hook']:.2f}")
        cells.append(f"{medians['calls only'] / medians['empty call hook']:.2f}")
        print(f"| {workload} | " + " | ".join(cells) + " |")
        result["workloads"][workload] = medians
    mean = {m: math.exp(statistics.fmean(map(math.log, v))) for m, v in means.items()}
    print("| geometric mean | | " + " | ".join(f"{mean[m]:.2f}" for m in MODES[1:]) +
          f" | {mean['full record'] / mean['empty line hook']:.2f} | {mean['calls only'] / mean['empty call hook']:.2f} |")
    result["geometric_mean"] = mean
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=str(HERE.parent / "build" / "bin"), help="folder of the built commands")
    parser.add_argument("--python", action="append", help="interpreter, repeatable; default: python3")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", help="also write the ratios to this file")
    options = parser.parse_args()
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    print(f"{datetime.date.today()}, {cpu}, {os.cpu_count()} cores, Linux {platform.release()}; "
          f"medians of {options.rounds} interleaved rounds, in brackets the first and third quartile; "
          "ratios to untraced, daemon storing")
    results = []
    for python in options.python or [shutil.which("python3")]:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="smiley-perf-"))
        try:
            build_hooks(python, folder)
            results.append(report(python, measure(python, pathlib.Path(options.bin) / "smiley", options.rounds, folder)))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
