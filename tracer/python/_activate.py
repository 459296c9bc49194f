"""Restarts the program under smiley-run, in the same process. smiley.pth imports this module when SMILEY is set."""

import os
import sys


def _is_recorded():
    """Whether the program already runs under smiley-run, whose library is then loaded."""
    with open("/proc/self/maps", errors="replace") as maps:
        return any("libsmiley_preload" in line for line in maps)


def _activate():
    os.environ.pop("SMILEY", None)  # child processes are recorded without it
    if _is_recorded() or not sys.executable:
        return
    from ._runs import PROGRAM

    program = PROGRAM + "-run"
    try:
        os.execv(program, ["smiley-run", "--", sys.executable, *sys.orig_argv[1:]])
    except OSError as error:
        sys.stderr.write("smiley: %s: %s; the program goes on unrecorded\n" % (program, error))


_activate()
