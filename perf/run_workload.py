"""Runs one workload and writes its seconds and its peak of memory (KiB) to a file.

    run_workload.py NAME TIMES OUT [line|call|profile|cprofile]

The seconds do not include the start of the interpreter and the recorder.
"""

import importlib
import resource
import sys
import threading
import time

name, times, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
mode = sys.argv[4] if len(sys.argv) > 4 else ""
workload = importlib.import_module(name if "." in name else f"workloads.{name}")


def main():
    for _ in range(times):
        workload.main()


if mode in ("line", "call", "profile"):
    import empty_hooks

    empty_hooks.start(mode)
    if sys.version_info < (3, 12) or mode == "profile":
        threading.settrace(
            lambda *event: (sys.settrace(None), empty_hooks.start(mode))[1]
        )  # runs at the first event of each thread
    begin = time.perf_counter()
    main()
    seconds = time.perf_counter() - begin
elif mode == "cprofile":
    import cProfile

    if sys.version_info < (3, 12):
        threading.setprofile(
            lambda *event: cProfile.Profile().enable()
        )  # a profiler of 3.12 and newer sees all threads
    profile = cProfile.Profile()
    begin = time.perf_counter()
    profile.runcall(main)
    seconds = time.perf_counter() - begin
else:
    begin = time.perf_counter()
    main()
    seconds = time.perf_counter() - begin
with open(out, "w") as file:
    file.write(f"{seconds!r} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}")
