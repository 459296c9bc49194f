#!/usr/bin/env python3
"""Measures the cost of recording real applications: ratios in one interleaved run, and bytes an event.

    perf/bench_applications.py --bin build/bin --python /usr/bin/python3 [--rounds 5] [--held-out] [--application NAME …]

Each application is a library of Debian's packages at work (applications/*.py, described by applications.toml). Installed
packages are recorded, the standard library is not. A third of the applications is held out: it is measured only with
--held-out, in a table of its own, at the end of a day's work. An application of which nothing is recorded counts in no
mean.

Every round runs each mode of each application once, in turn. The seconds are the application's own, without its imports
and the start of the interpreter. Debian compiles extension modules for its own Python only. An application that another
Python cannot import is listed with the reason. AIMS holds the aims.
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
import tomllib

import bench

HERE = bench.HERE
PACKAGES = "/usr/lib/python3/dist-packages"
RECORDED = {"full": "values", "arguments": "arguments", "calls": "calls"}  # {mode: value of --detail}
MODES = ["untraced", "empty hook", *RECORDED]
# {mode: the aims of its ratio to untraced on 3.12 and newer, and on 3.11}. Each is (geometric mean, single application).
AIMS = {"full": ((2.5, 6), (3.5, 8)), "arguments": ((1.6, None), (2.2, None)), "calls": ((1.3, None), (1.8, None))}
FULL_BY_HOOK = 1.8  # the aim of full ÷ empty hook


def read_applications():
    with open(HERE / "applications" / "applications.toml", "rb") as file:
        return tomllib.load(file)


def make_environment(folder):
    return dict(
        os.environ,
        PYTHONPATH=os.pathsep.join([str(folder), PACKAGES]),
        PYTHONDONTWRITEBYTECODE="1",
        PYTHONWARNINGS="ignore",
        SMILEY_HOME=str(folder / "home"),
    )


def make_command(mode, python, smiley, name, times, out):
    words = [str(HERE / "run_workload.py"), f"applications.{name}", str(times), str(out)]
    if mode in RECORDED:
        return [str(smiley), "run", "-q", "--detail", RECORDED[mode], "--python", python, *words]
    return [python, *words, *(["line"] if mode == "empty hook" else [])]


def run(words, environment):
    return subprocess.run(
        words, env=environment, cwd=HERE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def find_last_run(smiley, environment):
    text = subprocess.run(
        [str(smiley), "list", "--json"], env=environment, capture_output=True, text=True, check=True
    ).stdout
    return json.loads(text.splitlines()[-1] if len(text.splitlines()) > 1 else text)


def prepare(python, smiley, names, folder, environment):
    """({application: number of runs of its main in a process}, {application that cannot run: the reason})."""
    often, missing = {}, {}
    out = folder / "seconds"
    for name in names:
        done = run(make_command("untraced", python, smiley, name, 1, out), environment)
        if done.returncode != 0:
            missing[name] = (done.stderr.strip().splitlines() or ["it ended with %d" % done.returncode])[-1]
            continue
        often[name] = max(1, math.ceil(bench.LEAST_SECONDS / float(out.read_text().split()[0])))
    return often, missing


def measure(python, smiley, names, rounds, folder):
    environment = make_environment(folder)
    out = folder / "seconds"
    often, missing = prepare(python, smiley, names, folder, environment)
    times = {(name, mode): [] for name in often for mode in MODES}
    sizes = {}
    for number in range(rounds):
        for name in often:
            for mode in MODES:
                done = run(make_command(mode, python, smiley, name, often[name], out), environment)
                if done.returncode != 0:
                    sys.exit(f"smiley: {name} failed ({mode}): {done.stderr.strip()[-2000:]}")
                times[name, mode].append(float(out.read_text().split()[0]))
                if mode in RECORDED:
                    recorded = find_last_run(smiley, environment)
                    if mode == "full":
                        sizes[name] = (recorded["events"], recorded["bytes"])
                    bench.forget_run(smiley, environment)
        print(f"\rround {number + 1} of {rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    subprocess.run([str(smiley), "daemon", "stop"], env=environment, capture_output=True)
    return times, sizes, missing


def compute_mean(values):
    return math.exp(statistics.fmean(map(math.log, values))) if values else math.nan


def report(version, times, sizes, missing, applications):
    names = sorted(sizes, key=list(applications).index)
    recorded = [name for name in names if sizes[name][0] > 100]
    medians = {
        (name, mode): statistics.median(bench.compute_ratios(times, name, mode))
        for name in names
        for mode in MODES[1:]
    }
    print(
        "| application | untraced | empty hook | full | full ÷ hook | arguments | calls | events | bytes an event |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name in names:
        events, size = sizes[name]
        untraced = statistics.median(times[name, "untraced"])
        hook, full = medians[name, "empty hook"], medians[name, "full"]
        spread = sorted(bench.compute_ratios(times, name, "full"))
        print(
            f"| {name} ({applications[name]['kind']}) | {untraced * 1000:.0f} ms | {hook:.2f} | "
            f"{full:.2f} ({spread[0]:.2f}–{spread[-1]:.2f}) | {full / hook:.2f} | {medians[name, 'arguments']:.2f} | "
            f"{medians[name, 'calls']:.2f} | {events:,} | {size / max(1, events):.1f} |"
        )
    means = {mode: compute_mean([medians[name, mode] for name in recorded]) for mode in MODES[1:]}
    quotient = compute_mean([medians[name, "full"] / medians[name, "empty hook"] for name in recorded])
    bytes_each = sorted(sizes[name][1] / sizes[name][0] for name in recorded)
    middle = statistics.median(bytes_each) if bytes_each else math.nan
    print(
        f"| geometric mean | | {means['empty hook']:.2f} | {means['full']:.2f} | {quotient:.2f} | {means['arguments']:.2f} | "
        f"{means['calls']:.2f} | | median {middle:.1f} |"
    )
    for name, why in missing.items():
        print(f"\nNot on this Python: {name} ({why}).")
    old = tuple(map(int, version.split(".")[:2])) < (3, 12)
    aims = ", ".join(
        f"{mode} {AIMS[mode][old][0]}" + (f" (each {AIMS[mode][old][1]})" if AIMS[mode][old][1] else "")
        for mode in AIMS
    )
    print(f"\nAims: {aims}, full ÷ hook {FULL_BY_HOOK}; a median of 5 bytes an event, none above 12.")
    return {
        "python": version,
        "means": {**means, "full by hook": quotient, "bytes an event": middle},
        "applications": {
            name: {mode: medians[name, mode] for mode in MODES[1:]}
            | {"events": sizes[name][0], "bytes": sizes[name][1]}
            for name in names
        },
        "missing": missing,
    }


def find_version(python):
    script = "import platform; print(platform.python_version())"
    return subprocess.run([python, "-c", script], check=True, capture_output=True, text=True).stdout.strip()


def main():
    applications = read_applications()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--bin", type=os.path.abspath, default=str(HERE.parent / "build" / "bin"), help="built commands"
    )
    parser.add_argument("--python", action="append", help="interpreter, repeatable; default: python3")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--application", action="append", choices=sorted(applications), help="repeatable")
    parser.add_argument("--held-out", action="store_true", help="measure the held-out third, in a table of its own")
    parser.add_argument("--json", help="also write the figures to this file")
    options = parser.parse_args()
    held_out = {name for name, about in applications.items() if about.get("held_out")}
    tables = [("Tuned for", [name for name in applications if name not in held_out])]
    if options.held_out:
        tables.append(("Held out", [name for name in applications if name in held_out]))
    if options.application:
        tables = [("Chosen", options.application)]
    cpu = next(
        (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?"
    )
    print(
        f"{datetime.date.today()}, {cpu}, {os.cpu_count()} cores, Linux {platform.release()}; medians of {options.rounds} "
        "interleaved rounds, in brackets least and most; ratios to untraced, daemon storing"
    )
    results = []
    for python in options.python or [shutil.which("python3")]:
        version = find_version(python)
        for title, names in tables:
            print(f"\n### CPython {version}: {title.lower()}\n", flush=True)
            folder = pathlib.Path(tempfile.mkdtemp(prefix="smiley-perf-"))
            try:
                bench.build_hooks(python, folder)
                measured = measure(python, pathlib.Path(options.bin) / "smiley", names, options.rounds, folder)
                results.append({"table": title, **report(version, *measured, applications)})
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
