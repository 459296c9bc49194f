"""Records for a long time and judges whether memory, descriptors, segments and disk stay flat.

    python3 tests/soak/soak.py --bin build/bin [--seconds 600] [--load steady,threads,processes,runs] [--python EXE]
                               [--plant memory|descriptors]

Each load has a home and a daemon of its own and runs for its share of the seconds:

steady      one program that calls, changes values and writes, at about a tenth of a core
threads     one program that starts and ends threads, eight at once
processes   one program that starts and ends children, forked and executed
runs        one short program after the other, into a store with a quota

The first third is for warming up. A measure is flat when its median in the last third exceeds its median in the middle third
by no more than ALLOWED. At the end nothing may be lost, no segment may remain, and smiley-store check must find nothing.
With `--plant` the program itself grows, and the judgement must fail.
"""

import argparse
import json
import os
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

MIB = 1 << 20
SAMPLES = 60  # number of samples of each load
PATIENCE = 120  # seconds in which the daemon and the commands must answer
QUOTA_MIB = 24

# {measure: (the part by which the last third may exceed the middle third, the amount that is always allowed)}.
ALLOWED = {
    "daemon memory": (0.10, 12 * MIB),
    "daemon descriptors": (0.0, 4),
    "daemon threads": (0.0, 2),
    "program memory": (0.05, 3 * MIB),
    "program descriptors": (0.0, 1),
    "segments": (0.0, 4),
    "shared memory": (0.10, 2 * MIB),
    "disk": (0.15, 4 * MIB),
}

COMMON = """
import os, sys, threading, time
until = time.monotonic() + float(sys.argv[1])
plant = sys.argv[2]
pause = threading.Event()
kept = []
class Order:
    def __init__(self, number):
        self.number, self.lines = number, []
    def add(self, name, price):
        self.lines.append((name, price))
        return len(self.lines)
    def total(self):
        return sum(price for _, price in self.lines)
def work(turn):
    order = Order(turn)
    for name in ("tea", "milk", "bread"):
        order.add(name + str(turn % 100), turn % 7 + 0.5)
    try:
        if turn % 10 == 0:
            raise ValueError("turn %d" % turn)
    except ValueError as error:
        order.note = str(error)
    return order.total()
def grow():
    if plant == "memory":
        kept.append(bytes(200_000))
    elif plant == "descriptors":
        kept.append(os.open("/dev/null", os.O_RDONLY))
def go_on():
    return time.monotonic() < until
"""
PROGRAMS = {
    "steady": """
turn = 0
while go_on():
    for _ in range(200):
        turn += 1
        work(turn)
    print("turn", turn, flush=True)
    grow()
    pause.wait(0.05)
""",
    "threads": """
turn = 0
while go_on():
    turn += 1
    workers = [threading.Thread(target=work, args=(turn * 8 + n,), name="worker %d" % (turn % 50)) for n in range(8)]
    for worker in workers: worker.start()
    for worker in workers: worker.join()
    grow()
    pause.wait(0.02)
""",
    "processes": """
import subprocess
turn = 0
while go_on():
    turn += 1
    child = os.fork()
    if child == 0:
        work(turn)
        os._exit(0)
    os.waitpid(child, 0)
    subprocess.run([sys.executable, "-c", "def f(n):\\n    return n + 1\\nfor n in range(50): f(n)"], check=True)
    grow()
    pause.wait(0.1)
""",
    "runs": """
for turn in range(2000):
    work(turn)
""",
}


class Failed(Exception):
    """A failure other than growth."""


class Home:
    """A home with a daemon. REQUIRES close()."""

    def __init__(self, bin_dir, python, *options):
        self.bin, self.python = bin_dir, python
        self.dir = tempfile.mkdtemp(prefix="sms-", dir="/tmp")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("SMILEY_")}
        self.env["SMILEY_HOME"] = self.dir
        self.smiley("daemon", "start", *options)

    def close(self):
        subprocess.run(
            [os.path.join(self.bin, "smiley-daemon"), "stop"], env=self.env, timeout=PATIENCE, capture_output=True
        )
        shutil.rmtree(self.dir, ignore_errors=True)

    def smiley(self, verb, *words):
        done = subprocess.run(
            [os.path.join(self.bin, "smiley-" + verb), *words],
            env=self.env,
            timeout=PATIENCE,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise Failed("smiley-%s %s: %s%s" % (verb, " ".join(words), done.stdout[-500:], done.stderr[-500:]))
        return done.stdout

    def start(self, text, seconds, plant):
        path = os.path.join(self.dir, "program.py")
        with open(path, "w") as file:
            file.write(COMMON + text)
        return subprocess.Popen(
            [os.path.join(self.bin, "smiley-run"), "-q", "--python", self.python, path, str(seconds), plant],
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def status(self):
        return json.loads(self.smiley("daemon", "status", "--json"))

    def segments(self):
        """(number, bytes) of the segments of this home, in all their folders."""
        with open(os.path.join(self.dir, "id")) as file:
            mine = "smiley.%s." % file.read().strip()
        count = total = 0
        for folder in ("/dev/shm", os.path.join(self.dir, "segments")):
            for name in os.listdir(folder) if os.path.isdir(folder) else ():
                if name.startswith(mine):
                    try:
                        total += os.stat(os.path.join(folder, name)).st_size
                    except FileNotFoundError:
                        continue
                    count += 1
        return count, total

    def disk(self):
        total = 0
        for top, _, names in os.walk(os.path.join(self.dir, "store")):
            for name in names:
                try:
                    total += os.stat(os.path.join(top, name)).st_blocks * 512
                except FileNotFoundError:
                    continue  # compaction removes them
        return total


def open_files(pid):
    """The open descriptors without those of the store's tables, of which RocksDB keeps up to 256 open."""
    files = []
    for number in os.listdir("/proc/%d/fd" % pid):
        try:
            files.append(os.readlink("/proc/%d/fd/%s" % (pid, number)))
        except FileNotFoundError:
            continue  # closed meanwhile
    return [file for file in files if not file.endswith(".sst")]


def of_process(pid, prefix):
    """Private memory, descriptors and threads of a process; {} when it has ended."""
    found = {}
    try:
        with open("/proc/%d/status" % pid) as file:
            for line in file:
                key, _, value = line.partition(":")
                found[key] = value
        return {
            prefix + " memory": 1024 * sum(int(found[key].split()[0]) for key in ("RssAnon", "RssFile")),
            prefix + " threads": int(found["Threads"]),
            prefix + " descriptors": len(open_files(pid)),
        }
    except (OSError, KeyError):
        return {}


def traced_of(child):
    """The pid of the recorded program, which smiley-run started."""
    try:
        with open("/proc/%d/task/%d/children" % (child.pid, child.pid)) as file:
            pids = [int(word) for word in file.read().split()]
    except OSError:
        return None
    for pid in pids:
        try:
            with open("/proc/%d/cmdline" % pid, "rb") as file:
                if b"program.py" in file.read() and os.readlink("/proc/%d/exe" % pid).rpartition("/")[2].startswith(
                    "python"
                ):
                    return pid
        except OSError:
            continue
    return None


def sample(home, daemon, program, quota):
    measures = of_process(daemon, "daemon")
    if not measures:
        raise Failed("the daemon is gone")
    if program:
        measures.update((k, v) for k, v in of_process(program, "program").items() if k in ALLOWED)
    measures["segments"], measures["shared memory"] = home.segments()
    if quota:
        measures["disk"] = home.disk()
    return measures


def follow(load, args, seconds):
    """Records one load. Returns {measure: its samples}."""
    quota = load == "runs"
    home = Home(args.bin, args.python, *(["--quota", "%dM" % QUOTA_MIB] if quota else []))
    samples = []
    try:
        daemon = home.status()["pid"]
        begun = time.monotonic()
        programs = 0
        child = program = None
        while time.monotonic() - begun < seconds:
            if child is None or child.poll() is not None:
                if child is not None and (child.returncode != 0 or not quota):
                    raise Failed("the program ended with %s: %s" % (child.returncode, child.stderr.read()[-500:]))
                child = home.start(PROGRAMS[load], seconds, args.plant)
                programs += 1
            if time.monotonic() - begun >= len(samples) * seconds / SAMPLES:
                program = None if quota else traced_of(child)
                samples.append(sample(home, daemon, program, quota))
            select.select([], [], [], 0.05)
        if child.wait(PATIENCE) != 0:
            raise Failed("the program ended with %s: %s" % (child.returncode, child.stderr.read()[-500:]))
        runs = [json.loads(line) for line in home.smiley("list", "--json").splitlines()]
        events, lost = sum(run["events"] for run in runs), sum(run["lost"] for run in runs)
        left = home.segments()[0]
        home.smiley("store", "check")
        print(
            "%s: %d programs, %d runs kept, %d events in them, %d samples"
            % (load, programs, len(runs), events, len(samples))
        )
        if lost or left or home.status()["pid"] != daemon:
            raise Failed(
                "%d events lost, %d segments left, daemon %s the same"
                % (lost, left, "is" if home.status()["pid"] == daemon else "is not")
            )
        if quota and home.disk() > 2 * QUOTA_MIB * MIB:
            raise Failed("the store takes %d MiB with a quota of %d" % (home.disk() // MIB, QUOTA_MIB))
    finally:
        if child is not None and child.poll() is None:
            child.terminate()
            child.wait()
        home.close()
    return samples


def judge(samples):
    """(lines to print, the names of the measures that are not flat)."""
    lines, grown = [], []
    third = len(samples) // 3
    for name, (part, much) in ALLOWED.items():
        series = [(at, measures[name]) for at, measures in enumerate(samples) if name in measures]
        middle = [value for at, value in series if third <= at < 2 * third]
        last = [value for at, value in series if at >= 2 * third]
        if not middle or not last:
            continue
        before, after = statistics.median(middle), statistics.median(last)
        flat = after <= before + max(before * part, much)
        show = (lambda v: "%.1f MiB" % (v / MIB)) if max(before, after) > 10_000 else (lambda v: "%d" % v)
        lines.append(
            "  %-20s first %s, middle %s, last %s%s"
            % (name, show(series[0][1]), show(before), show(after), "" if flat else "   GROWS")
        )
        if not flat:
            grown.append(name)
    return lines, grown


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, type=os.path.abspath)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--load", default=",".join(PROGRAMS))
    parser.add_argument("--python", default=shutil.which("python3"))
    parser.add_argument("--plant", default="none", choices=("none", "memory", "descriptors"))
    args = parser.parse_args()
    loads = args.load.split(",")
    if set(loads) - set(PROGRAMS):
        parser.error("loads are " + ", ".join(PROGRAMS))
    failures = 0
    for load in loads:
        try:
            samples = follow(load, args, args.seconds / len(loads))
            lines, grown = judge(samples)
            print("\n".join(lines))
            if len(samples) < 12:
                raise Failed("only %d samples: it needs more seconds" % len(samples))
            if grown:
                raise Failed("not flat: " + ", ".join(grown))
        except (Failed, subprocess.TimeoutExpired, OSError) as problem:
            failures += 1
            print("FAIL: %s: %s" % (load, problem))
        sys.stdout.flush()
    print("\nRan %d tests in %.3fs\n" % (len(loads), args.seconds))
    print("FAILED (failures=%d)" % failures if failures else "OK")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
