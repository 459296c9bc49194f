"""Kills program and daemon at named points, restarts, and checks that nothing published is lost or doubled.

    python3 tests/kills/kills.py --bin build/bin [--pairs 240] [--seed N] [--seconds 200] [--all-pairs] [--random N] [--only TEXT]

Tries every single point first, then pairs of a program's and a daemon's point. A seed, which is printed, chooses the pairs;
the same seed gives the same trials. The last lines are those of a unittest.
"""

import argparse
import concurrent.futures
import os
import random
import sys
import time
import traceback

import points
from trials import Asked, Between, Stock, Trial

VICTIMS = [("program",), ("daemon",), ("program", "daemon")]


def nth(chance, point, most):
    """The point with the number of the time at which it acts. Half of the choices are among the first three times."""
    return "%s:%d" % (point, chance.randint(1, min(most, 3)) if chance.random() < 0.5 else chance.randint(1, most))


def program_points():
    for mode, table in points.PRODUCER.items():
        for point, most in table.items():
            yield mode, point, most
    for point, most in points.PYTHON.items():
        yield "python", point, most


def singles(chance, stock):
    for mode, point, _ in program_points():
        yield Trial(mode, point + ":1", None, ("program",))
    for point in points.DAEMON:
        yield Trial("block", None, point + ":1", ("daemon",))
        yield Trial("python", None, point + ":1", ("daemon",))
    # The run is stored by then, so a cursor behind pieces that are not stored would be accepted.
    for point in (None, "ring.block_left:2", "ring.block_left:3"):
        for victims in (("daemon",), ("program", "daemon")):
            yield Trial("block", point, "store.writing_pieces:2", victims)
    yield Trial("drop", "ring.loss_counted:50", "drain.loss_taken:1", ("program", "daemon"))
    for program, daemon in points.BETWEEN:
        yield Between("block", program, daemon)
    for point in points.RECOVERY:
        yield Trial(
            "block", nth(chance, "ring.published", 9000), "store.writing:3", ("program", "daemon"), [point + ":1"]
        )
    for what, table in (
        ("import", points.IMPORT),
        ("delete", points.DELETE),
        ("export", points.EXPORT),
        ("spool", points.SPOOL),
    ):
        for point, most in table.items():
            for time_of in range(1, most + 1):
                yield Asked(what, "%s:%d" % (point, time_of), stock)


def all_pairs(chance):
    for mode, point, most in program_points():
        for daemon, often in points.DAEMON.items():
            for victims in VICTIMS:
                yield Trial(mode, nth(chance, point, most), nth(chance, daemon, often), victims)


def random_pairs(chance, count):
    places = list(program_points())
    for _ in range(count):
        mode, point, most = chance.choice(places)
        if mode == "python" and chance.random() < 0.5:  # the start of Python takes long
            mode, point, most = chance.choice(places)
        daemon = chance.choice(list(points.DAEMON))
        recovery = [nth(chance, chance.choice(points.RECOVERY), 3) for _ in range(chance.choice([0, 0, 1, 2]))]
        yield Trial(
            mode,
            nth(chance, point, most),
            nth(chance, daemon, points.DAEMON[daemon]),
            chance.choice(VICTIMS),
            recovery,
        )


def attempt(trial, bin_dir, python):
    try:
        trial.run(bin_dir, python)
        return None
    except Exception:
        return traceback.format_exc()


def play(trials, args, pythons, until):
    """Runs the trials, several at once. Returns (the finished trials, the failures as texts)."""
    done, failures, missed = 0, [], []
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        waiting = {}
        trials = iter(enumerate(trials))
        while True:
            while len(waiting) < args.jobs and len(failures) < 10 and (until is None or time.monotonic() < until):
                number, trial = next(trials, (0, None))
                if trial is None:
                    break
                waiting[pool.submit(attempt, trial, args.bin, pythons[number % len(pythons)])] = trial
            if not waiting:
                return done, failures, missed
            for future in concurrent.futures.wait(waiting, return_when="FIRST_COMPLETED").done:
                trial = waiting.pop(future)
                done += 1
                if args.verbose:
                    print(trial, "reached", sorted(trial.reached), flush=True)
                if future.result():
                    failures.append("%s\n%s" % (trial, future.result()))
                    print("FAIL: " + failures[-1], flush=True)
                if not trial.reached:
                    missed.append(str(trial))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, type=os.path.abspath)
    parser.add_argument("--pairs", type=int, default=240)
    parser.add_argument("--random", type=int, default=0, help="instead of --pairs, without a limit of time")
    parser.add_argument("--all-pairs", action="store_true")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--seconds", type=float, default=None, help="begin no more pairs after these")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--only", default="", help="trials whose description has this in it")
    parser.add_argument("--any", action="store_true", help="points that are not reached are no failure")
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    pythons = [p for p in os.environ.get("SMILEY_TEST_PYTHONS", "").split(":") if p] or [sys.executable]
    print("seed %d" % seed, flush=True)
    started = time.monotonic()
    wanted = lambda trials: (trial for trial in trials if args.only in str(trial))
    single, failures, missed = play(wanted(singles(chance, Stock(args.bin))), args, pythons, None)
    if missed and not args.any:  # a point that is never reached tests nothing
        failures.append("not reached: " + "; ".join(missed))
        print("FAIL: " + failures[-1])
    single_seconds = time.monotonic() - started
    pairs = all_pairs(chance) if args.all_pairs else random_pairs(chance, args.random or args.pairs)
    until = started + args.seconds if args.seconds else None
    pair, more, unreached = play(wanted(pairs), args, pythons, until)
    failures += more
    print(
        "%d single points in %.0f s, %d pairs (%d of them before a point was reached), seed %d"
        % (single, single_seconds, pair, len(unreached), seed)
    )
    print("Ran %d tests in %.3fs\n" % (single + pair, time.monotonic() - started))
    print("FAILED (failures=%d)" % len(failures) if failures else "OK")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
