"""Checks that the extension keeps nothing: a recorded program that repeats itself must not grow.

    python3 tests/soak/leaks.py --bin build/bin [--rounds 60] [--python EXE…] [--plant] [WORKLOAD…]

Each workload of perf/workloads is recorded in one process, round after round. After each round the program counts the
blocks of Python's allocator, which show a kept reference and an object that is never freed, and its private memory, which
shows the extension's own allocations. The first third of the rounds is for warming up. From the middle to the last third
the blocks may grow by at most one for two rounds more than without smiley, and the memory by 1 MiB or 5 %. With `--plant`
the recorded workload keeps one object each round, which must be found.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

PATIENCE = 3600
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

DRIVER = """
import array, contextlib, gc, importlib, io, json, os, sys
folder, name, rounds, plant, out = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "plant", sys.argv[5]
kept = []
blocks, memory = array.array("q", [0]) * rounds, array.array("q", [0]) * rounds
def private():
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
sys.path.insert(0, folder)
main = importlib.import_module("workloads." + name).main
for turn in range(rounds):
    with contextlib.redirect_stdout(io.StringIO()):
        main()
    if plant:
        kept.append([turn])
    gc.collect()
    blocks[turn] = sys.getallocatedblocks()
    memory[turn] = private()
with open(out, "w") as file:
    json.dump([blocks.tolist(), memory.tolist()], file)
"""


def rounds_of(before, args, python, name, work):
    """(blocks, KiB of memory) of each round. Raises when the program failed."""
    driver, out = os.path.join(work, "driver.py"), os.path.join(work, "out.json")
    with open(driver, "w") as file:
        file.write(DRIVER)
    env = {k: v for k, v in os.environ.items() if not k.startswith("SMILEY_")}
    env["SMILEY_HOME"] = os.path.join(work, "home")
    words = before + [
        driver,
        os.path.join(ROOT, "perf"),
        name,
        str(args.rounds),
        "plant" if args.plant and len(before) > 1 else "plain",
        out,
    ]
    done = subprocess.run(
        words, env=env, cwd=work, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE
    )
    if done.returncode != 0:
        raise RuntimeError("ended with %d: %s" % (done.returncode, done.stderr[-500:]))
    with open(out) as file:
        blocks, memory = json.load(file)
    os.unlink(out)
    return blocks, memory


def look(args, python, name, work):
    """(a line to print, whether the workload grows)."""
    third = args.rounds // 3
    ends = lambda series: (statistics.median(series[third : 2 * third]), statistics.median(series[2 * third :]))
    plain = ends(rounds_of([python], args, python, name, work)[0])
    recorded, memory = rounds_of(
        [os.path.join(args.bin, "smiley-run"), "-q", "--python", python], args, python, name, work
    )
    before, after = ends(recorded)
    kib_before, kib_after = ends(memory)
    more = (after - before) - (plain[1] - plain[0])
    grows = more >= third / 2 or kib_after > kib_before + max(1024, kib_before * 0.05)
    return "blocks %d then %d (%+d against plain), memory %.2f then %.2f MiB%s" % (
        before,
        after,
        more,
        kib_before / 1024,
        kib_after / 1024,
        "   GROWS" if grows else "",
    ), grows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, type=os.path.abspath)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--python", action="append")
    parser.add_argument("--plant", action="store_true")
    parser.add_argument("workloads", nargs="*")
    args = parser.parse_args()
    if args.rounds < 12:
        parser.error("fewer than 12 rounds show nothing")
    given = [p for p in os.environ.get("SMILEY_TEST_PYTHONS", "").split(":") if p]
    pythons = args.python or given or [shutil.which("python3")]
    folder = os.path.join(ROOT, "perf", "workloads")
    names = args.workloads or sorted(
        name[:-3] for name in os.listdir(folder) if name.endswith(".py") and name != "__init__.py"
    )
    work = tempfile.mkdtemp(prefix="sml-", dir="/tmp")
    failures = 0
    try:
        for python in pythons:
            for name in names:
                try:
                    said, grows = look(args, python, name, work)
                except RuntimeError as problem:
                    said, grows = str(problem), True
                failures += grows
                print("%s %s, %d rounds: %s" % (python, name, args.rounds, said), flush=True)
    finally:
        subprocess.run(
            [os.path.join(args.bin, "smiley-daemon"), "stop"],
            env=dict(os.environ, SMILEY_HOME=os.path.join(work, "home")),
            capture_output=True,
        )
        shutil.rmtree(work, ignore_errors=True)
    print("\nRan %d tests in 0.000s\n" % (len(pythons) * len(names)))
    print("FAILED (failures=%d)" % failures if failures else "OK")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
