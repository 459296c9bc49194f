#!/usr/bin/env python3
"""Measures queries against the length of a run, which the synthetic producer records.

perf/queries.py --bin build/bin --events 100000 1000000 10000000
"""

import argparse
import json
import os
import random
import re
import statistics
import time

from home import Connection, Home


def median_and_99(times):
    times = sorted(times)
    return "%.1f / %.1f" % (1e3 * statistics.median(times), 1e3 * times[min(len(times) - 1, int(len(times) * 0.99))])


def wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit("the run did not end within %d s" % seconds)
        time.sleep(0.2)


def measure(bin_dir, events, queries):
    row = {"events": events}
    with Home(bin_dir) as home:
        begin = time.perf_counter()
        home.run("smiley_test_producer", str(events))
        daemon = Connection(home)
        state = lambda: json.loads(daemon.ask(op="run", run="last")[0][0])["run"]
        wait_for(lambda: state()["state"] == "ended", 3600)
        took = time.perf_counter() - begin
        run = state()
        row["stored"] = "%.2f" % (run["events"] / took / 1e6)
        row["bytes"] = "%.2f" % (run["bytes"] / run["events"])
        random.seed(1)
        places = ["1:%d" % random.randint(1, run["events"]) for _ in range(queries)]
        # Without snapshots a state is read from the beginning of the run. Long runs get few of these queries.
        few = places[: max(2, min(10, int(3e7 / run["events"])))]
        row["before"] = median_and_99([daemon.ask(op="state", run="last", at=place)[1] for place in few])
        lines, seconds = daemon.ask(op="reindex", run="last")
        made = json.loads(lines[1])
        row["reindex"] = "%.2f" % (run["events"] / seconds / 1e6)
        row["snapshots"] = "%.1f %%" % (100 * made["bytes"] / run["bytes"])
        row["state"] = median_and_99([daemon.ask(op="state", run="last", at=place)[1] for place in places])
        row["chunks"] = statistics.median(
            int(re.search(rb'"chunks_read":(\d+)', daemon.ask(op="state", run="last", at=place)[0][-1])[1])
            for place in places[:20]
        )
        lines, seconds = daemon.ask(op="when", run="last", where="nothing < 0")
        row["skip"] = "%.1f" % (1e3 * seconds)
        lines, seconds = daemon.ask(op="when", run="last", where="event == line and line == 8 and depth == 99")
        row["scan"] = "%.1f" % (json.loads(lines[-1])["events_read"] / seconds / 1e6)
        lines, seconds = daemon.ask(op="when", run="last", where="x < 0", count=True)
        row["values"] = "%.1f" % (json.loads(lines[-1])["events_read"] / seconds / 1e6)
        row["stats"] = "%.1f" % (1e3 * daemon.ask(op="stats", run="last")[1])
        row["list"] = "%.1f" % (1e3 * daemon.ask(op="runs")[1])
        row["show"] = "%.1f" % (
            1e3
            * (
                daemon.ask(op="processes", run="last")[1]
                + daemon.ask(op="threads", run="last")[1]
                + daemon.ask(op="sources", run="last")[1]
            )
        )
        row["page"] = "%.1f" % (1e3 * daemon.ask(op="replay", run="last", limit=100)[1])
        row["memory"] = "%d" % (json.loads(daemon.ask(op="status")[0][0])["memory_bytes"] / 1e6)
        return row


COLUMNS = [
    ("events", "events"),
    ("stored", "stored, M/s"),
    ("bytes", "bytes/event"),
    ("before", "state without snapshots, ms"),
    ("reindex", "snapshots made, M/s"),
    ("snapshots", "their bytes"),
    ("state", "state, ms"),
    ("chunks", "chunks read"),
    ("skip", "when, nothing fits, ms"),
    ("scan", "when, every chunk, M/s"),
    ("values", "when, a variable of every chunk, M/s"),
    ("stats", "statistics, ms"),
    ("list", "list, ms"),
    ("show", "show, ms"),
    ("page", "first page, ms"),
    ("memory", "daemon, MB"),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=os.path.abspath, default="build/bin")
    parser.add_argument("--events", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--queries", type=int, default=100)
    args = parser.parse_args()
    print("| " + " | ".join(title for _, title in COLUMNS) + " |")
    print("|" + "---|" * len(COLUMNS), flush=True)
    for events in args.events:
        row = measure(os.path.abspath(args.bin), events, args.queries)
        print("| " + " | ".join(str(row[key]) for key, _ in COLUMNS) + " |", flush=True)


if __name__ == "__main__":
    main()
