"""Runs a program as the interpreter would, with a trace function. The references share this module."""

import atexit
import sys
import threading
import types


class Threads:
    """One list of events for each thread, named as the thread is. Calls nothing that could make a thread object."""

    def __init__(self):
        self.lists = {}

    def current(self):
        ident = threading.get_ident()
        thread = threading._active.get(ident)
        name = thread.name if thread is not None else "ident %d" % ident
        return self.lists.setdefault(name, [])


def run(path, words, trace, finish):
    """Runs the file as __main__ under `trace`; `finish` is called after its atexit functions."""
    module = types.ModuleType("__main__")
    module.__file__ = path
    sys.argv[:] = [path, *words]
    sys.path[0] = path.rpartition("/")[0]
    with open(path) as file:
        code = compile(file.read(), path, "exec", dont_inherit=True)

    def last():
        sys.settrace(None)
        finish()

    atexit.register(last)
    sys.modules["__main__"] = module
    threading.settrace(trace)
    sys.settrace(trace)
    exec(code, module.__dict__)
