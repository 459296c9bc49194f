"""Records this Python program with smiley: control the recording, record marks, read recorded runs.

    import smiley

    with smiley.record(name="nightly import"):
        smiley.mark("begin", rows=len(rows))
        load(rows)

    run = smiley.runs()[0]
    for event in run.events(where='event == raise'):
        print(event["file"], event["line"], event["exception"])
    print(run.at("exception").variables)

A process has one recording, which belongs to one run. Under smiley-run it is the run that smiley-run began. `start`
begins the recording, or continues it after `pause` or `stop`. Functions that are already running then, in any thread,
are recorded from that moment on. A paused recording records nothing and costs nothing.
"""

import functools
import inspect
import os
import sys
import threading

# The folder with the extension module _smiley for each version of Python.
__path__.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

from . import _smiley
from ._runs import Error, Run, State, home, runs

__all__ = [
    "Error",
    "Run",
    "State",
    "home",
    "mark",
    "pause",
    "record",
    "recording",
    "resume",
    "run_id",
    "runs",
    "start",
    "stop",
]
__version__ = _smiley.__version__


def _one_of(name, value, *known):
    if value not in known:
        raise ValueError("%s is one of %s" % (name, ", ".join(map(repr, known))))


def _whole(name, value):
    """Checks a whole number from 1. Returns 0 for None, which means no limit or the default."""
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 0xFFFFFFFF:
        raise ValueError("%s is a whole number from 1, or None" % name)
    return value


def start(
    *,
    name="",
    detail="values",
    include=(),
    exclude=(),
    include_stdlib=False,
    site_packages=True,
    where="",
    max_depth=None,
    start_at="",
    stop_after="",
    gc=False,
    imports=False,
    log=False,
    c_calls=False,
    redact=(),
    redaction=True,
    depth=None,
    items=None,
    chars=None,
    nodes=None,
    bytes=None,
    deep=False,
    on_full="block",
    block_timeout=10.0,
    follow=True,
):
    """Begins recording all threads of this process. Starts the daemon when none is running.

    The options are those of smiley-run (see `smiley-run --help`). They take effect when the process's run begins:

    name            a name for the run
    detail          "calls", "arguments" (calls with arguments and return values), "lines" or "values"
    include, exclude, include_stdlib, site_packages, where, max_depth
                    which packages, files and functions are recorded, and how many calls deep
    start_at, stop_after
                    a function, as in "Shop.pay", or a file and a line, as in "shop.py:12"; stop_after may also be a
                    number of events
    gc, imports, log, c_calls
                    True to also record garbage collections, first imports, log records, calls of C functions
    redact          more names whose values are hidden; redaction=False hides none
    depth, items, chars, nodes, bytes, deep
                    how much of a value is recorded; None for the default (3, 64, 256, 512, 4096)
    on_full         when events come faster than the daemon stores them: "block" (wait), "drop" (lose events and count
                    them) or "overwrite" (keep the newest events)
    block_timeout   seconds to wait for a daemon that stores nothing
    follow          True to record child processes, too

    Returns the run's id. Raises ValueError for a bad option, and smiley.Error when recording cannot begin."""
    _one_of("detail", detail, "calls", "arguments", "lines", "values")
    _one_of("on_full", on_full, "block", "drop", "overwrite")
    if not 0 <= block_timeout <= 1e6:
        raise ValueError("block_timeout is a number of seconds")
    if not redaction and redact:
        raise ValueError("redact adds to what redaction=False leaves out")
    if isinstance(stop_after, int):
        stop_after = str(_whole("stop_after", stop_after))
    command = [str(word) for word in getattr(sys, "argv", [])] or [sys.executable or "python"]
    options = dict(
        name=name,
        detail=detail,
        command=command,
        include=list(include),
        exclude=list(exclude),
        redact=list(redact),
        redaction=bool(redaction),
        include_stdlib=bool(include_stdlib),
        site_packages=bool(site_packages),
        where=where,
        start_at=start_at,
        stop_after=stop_after,
        gc=bool(gc),
        imports=bool(imports),
        log=bool(log),
        c_calls=bool(c_calls),
        deep=bool(deep),
        on_full=on_full,
        block_timeout_ms=round(block_timeout * 1000),
        follow=bool(follow),
        max_depth=_whole("max_depth", max_depth),
        depth=_whole("depth", depth),
        items=_whole("items", items),
        chars=_whole("chars", chars),
        nodes=_whole("nodes", nodes),
        bytes=_whole("bytes", bytes),
    )
    try:
        _smiley.start(options)
    except RuntimeError as error:
        raise Error(str(error)) from None
    return _smiley.run()


def stop():
    """Ends recording with an `end` event. A later `start` continues the same run, which ends with the process."""
    _smiley.pause(end=True)


def pause():
    """Pauses recording until `resume`."""
    _smiley.pause()


def resume():
    """Continues recording after `pause` or `stop`. Raises smiley.Error when recording was never started."""
    try:
        _smiley.resume()
    except RuntimeError as error:
        raise Error(str(error)) from None


def recording():
    """Whether this process is being recorded now."""
    return _smiley.recording()


def run_id():
    """The id of this process's run, or None when recording was never started."""
    return _smiley.run() or None


def mark(text, /, **values):
    """Records a mark: a text with named values. Returns False when this process is not being recorded."""
    return _smiley.mark(str(text), values)


_depth = 0
_began = False
_lock = threading.Lock()


def _new_lock():
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_new_lock)


async def _recorded_values(block, generator):
    """Iterates over an asynchronous generator within the block, and passes on sent values and thrown exceptions."""
    with block:
        try:
            step = generator.asend(None)
            while True:
                try:
                    value = await step
                except StopAsyncIteration:
                    return
                try:
                    sent = yield value
                except GeneratorExit:
                    raise
                except BaseException as error:
                    step = generator.athrow(error)
                else:
                    step = generator.asend(sent)
        finally:
            await generator.aclose()


class record:
    """Records a block or a function: `with smiley.record(): …`, `@smiley.record`, `@smiley.record(name="…")`.

    Takes the options of `start`. A generator or coroutine is recorded until it ends. Nested blocks, and blocks in
    several threads, share one recording. It stops when the last block ends, unless it was on before the first.
    """

    def __new__(cls, function=None, /, **options):
        self = super().__new__(cls)
        self._options = options
        return self if function is None else self(function)

    def __enter__(self):
        global _depth, _began
        with _lock:
            if _depth == 0:
                _began = not recording()
                if _began:
                    start(**self._options)
            _depth += 1
        return self

    def __exit__(self, *exception):
        global _depth
        with _lock:
            _depth -= 1
            if _depth == 0 and _began:
                stop()
        return False

    def __call__(self, function):
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def recorded(*args, **kwargs):
                with self:
                    return await function(*args, **kwargs)
        elif inspect.isasyncgenfunction(function):

            @functools.wraps(function)
            def recorded(*args, **kwargs):
                return _recorded_values(self, function(*args, **kwargs))
        elif inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def recorded(*args, **kwargs):
                with self:
                    return (yield from function(*args, **kwargs))
        else:

            @functools.wraps(function)
            def recorded(*args, **kwargs):
                with self:
                    return function(*args, **kwargs)

        return recorded
