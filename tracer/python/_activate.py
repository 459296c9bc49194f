"""Imported by smiley.pth when SMILEY is set: the program begins again under smiley-run, in the same process."""

import os
import sys


def _is_recorded():
    """Under smiley-run already: its library is loaded."""
    with open("/proc/self/maps", errors="replace") as maps:
        return any("libsmiley_preload" in line for line in maps)


def _activate():
    os.environ.pop("SMILEY", None)  # the programs that this one starts are followed anyway
    if _is_recorded() or not sys.executable:
        return
    from ._runs import PROGRAM

    program = PROGRAM + "-run"
    try:
        os.execv(program, ["smiley-run", "--", sys.executable, *sys.orig_argv[1:]])
    except OSError as error:
        sys.stderr.write("smiley: %s: %s; the program goes on unrecorded\n" % (program, error))


_activate()
