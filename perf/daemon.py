#!/usr/bin/env python3
"""Measures the daemon: storing, sizes, latency, clients.

    perf/daemon.py --bin build/bin --python /usr/bin/python3 [drain] [sizes] [latency] [clients]

* drain: the synthetic producer runs at full speed. Events that one second of the daemon's processor time drains,
  checks, indexes and stores; the daemon's peak of memory; bytes per event.
* sizes: bytes per event of real work of the standard library, all of it recorded.
* latency: the time from an event until a client of `tail` has read it, while a program records at full speed. The
  client requests as many events a second as smiley-tail does on a terminal.
* clients: the time of a recorded program while 50 clients watch, one of them stopped, against none; rounds in turn.
"""

import argparse
import os
import re
import selectors
import socket
import statistics
import subprocess
import threading
import time

from home import Home

SIZES = {
    "json": "import json\nfor i in range(40):\n json.loads(json.dumps({'a': [i, 2.5, None, 'x' * 20], 'b': {'c': list(range(30))}}, indent=1))",
    "tokenize": "import tokenize, argparse\nlist(tokenize.tokenize(open(argparse.__file__, 'rb').readline))",
    "argparse": "import argparse\nfor i in range(60):\n p = argparse.ArgumentParser()\n p.add_argument('--n', type=int)\n p.add_argument('names', nargs='*')\n p.parse_args(['--n', str(i), 'a', 'b'])\n p.format_help()",
    "logging": "import logging, io\nlogging.basicConfig(stream=io.StringIO(), level=logging.INFO)\nfor i in range(1500): logging.info('order %d of %s', i, 'shop')",
    "difflib": "import difflib\na = ['line %d' % i for i in range(120)]\nb = [x for i, x in enumerate(a) if i % 7] + ['new']\nlist(difflib.unified_diff(a, b))\ndifflib.get_close_matches('line 33', a)",
    "textwrap": "import textwrap\nfor i in range(60): textwrap.fill('the quick brown fox jumps over the lazy dog ' * 20, 40 + i % 20)",
}

TERMINAL_RATE = 4000  # events a second: kTerminalEventsPerSecond in tools/commands/tail.cc

WORK = """
import sys, time
def work(n):
    total = 0
    for i in range(n):
        total += i % 7
    return total
begin = time.perf_counter()
"""
LOOP = WORK + "while time.perf_counter() - begin < float(sys.argv[1]): work(1000)"
FIXED = WORK + "for _ in range(1500): work(1000)\nprint(time.perf_counter() - begin)"


def drain(bin_dir, events, calls):
    with Home(bin_dir) as home:
        before = home.processor_seconds()
        home.run("smiley_test_producer", str(events), *(["--calls"] if calls else []))
        while home.ask(op="run", run="last")["run"]["state"] != "ended":
            time.sleep(0.05)
        seconds = home.processor_seconds() - before
        run = home.ask(op="run", run="last")["run"]
        return "%.1f M/s and core, %.2f bytes/event, daemon at most %.0f MB, %d lost" % (
            run["events"] / seconds / 1e6,
            run["bytes"] / run["events"],
            home.peak_mb(),
            run["lost"],
        )


def sizes(bin_dir, python):
    found = {}
    with Home(bin_dir) as home:
        for name, code in SIZES.items():
            home.run("smiley-run", "-q", "--include-stdlib", "--python", python, "-c", code)
            run = home.ask(op="run", run="last")["run"]
            found[name] = (run["bytes"] / run["events"], run["events"])
    return found


def measure_latencies(bin_dir, python, seconds):
    """Sorted latencies in ms, one for each portion: from its newest event until the client read it."""
    found = []
    with Home(bin_dir) as home, home.connect() as client:
        client.sendall(b'{"op":"tail","max_rate":%d}\n' % TERMINAL_RATE)
        program = subprocess.Popen(
            [os.path.join(bin_dir, "smiley-run"), "-q", "--python", python, "-c", LOOP, str(seconds)], env=home.env
        )
        client.settimeout(5)
        rest = b""
        try:
            while program.poll() is None:
                rest += client.recv(1 << 20)
                now = time.time_ns()
                whole, newline, rest = rest.rpartition(b"\n")
                times = re.findall(rb'"time_ns":(\d+)', whole[-4096:])
                if times:
                    found.append((now - int(times[-1])) / 1e6)
        except socket.timeout:
            pass
        program.wait()
    return sorted(found)


def connect_clients(home, clients, stop):
    """Connects clients of `tail`. All but the first read until `stop` is set. Returns their thread."""
    connections = [home.connect() for _ in range(clients)]
    selector = selectors.DefaultSelector()
    for connection in connections:
        connection.sendall(b'{"op":"tail","max_rate":200}\n')
    for connection in connections[1:]:
        selector.register(connection, selectors.EVENT_READ)

    def read():
        while not stop.is_set():
            for key, _ in selector.select(0.05):
                key.fileobj.recv(1 << 16)
        for connection in connections:
            connection.close()

    thread = threading.Thread(target=read)
    thread.start()
    return thread


def clients(bin_dir, python, rounds):
    ratios = []
    for _ in range(rounds):
        took = {}
        for count in (0, 50):
            with Home(bin_dir) as home:
                stop = threading.Event()
                thread = connect_clients(home, count, stop) if count else None
                took[count] = float(home.run("smiley-run", "-q", "--python", python, "-c", FIXED))
                stop.set()
                if thread:
                    thread.join()
        ratios.append(took[50] / took[0])
    return sorted(ratios)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help="drain, sizes, latency, clients; all when absent")
    parser.add_argument("--bin", type=os.path.abspath, default="build/bin")
    parser.add_argument("--python", default="/usr/bin/python3")
    parser.add_argument("--events", type=int, default=30_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    what = args.what or ["drain", "sizes", "latency", "clients"]
    if "drain" in what:
        for name, calls in (("calls only", True), ("values", False)):
            print("drain, %s: %s" % (name, drain(args.bin, args.events, calls)), flush=True)
    if "sizes" in what:
        found = sizes(args.bin, args.python)
        for name, (size, events) in found.items():
            print("sizes, %s: %.2f bytes/event of %d" % (name, size, events))
        print("sizes, median: %.2f" % statistics.median(size for size, _ in found.values()), flush=True)
    if "latency" in what:
        found = measure_latencies(args.bin, args.python, 10)
        print(
            "latency: median %.1f ms, 99th percentile %.1f ms, %d portions"
            % (statistics.median(found), found[int(len(found) * 0.99)], len(found)),
            flush=True,
        )
    if "clients" in what:
        found = clients(args.bin, args.python, args.rounds)
        print(
            "clients: a program with 50 of them takes %.3f of the time (median; %.3f to %.3f)"
            % (statistics.median(found), found[0], found[-1]),
            flush=True,
        )


if __name__ == "__main__":
    main()
