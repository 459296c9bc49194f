"""smiley from within a Python program: control its recording, leave marks, read what was recorded.

    import smiley

    with smiley.record(name="nightly import"):
        smiley.mark("begin", rows=len(rows))
        load(rows)

    run = smiley.runs()[0]
    for event in run.events(where='event == raise'):
        print(event["file"], event["line"], event["exception"])
    print(run.at("exception").variables)

A process has one recording, which is one run (with smiley-run: the run that this process belongs to). `start` begins it,
or goes on with it after `pause` or `stop`. Functions that are running when recording begins or goes on, in any thread, are
recorded from there on. Nothing is recorded in between, and a paused recording costs nothing.
"""

import functools
import inspect
import os
import sys
import threading

# The recorder's module for this Python lies with the other versions' ones.
__path__.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

from . import _smiley 
from ._runs import Error, Run, State, home, runs

__all__ = ["Error", "Run", "State", "home", "mark", "pause", "record", "recording", "resume", "run_id", "runs", "start", "stop"]
__version__ = _smiley.__version__


def start(*, name="", detail="values", include=(), exclude=(), include_stdlib=False, site_packages=True, where="",
          redact=(), follow=True):
    """Begins recording this process, in all its threads; starts the daemon when none runs.

    The options are those of smiley-run and count when the process's run begins. Returns the run's id. Raises
    smiley.Error when recording cannot begin; says why."""
    if detail not in ("calls", "lines", "values"):
        raise ValueError("detail is 'calls', 'lines' or 'values'")
    command = [str(word) for word in getattr(sys, "argv", [])] or [sys.executable or "python"]
    try:
        _smiley.start(name=name, detail=detail, command=command, include=list(include), exclude=list(exclude),
                      redact=list(redact), include_stdlib=include_stdlib, site_packages=site_packages, where=where,
                      follow=follow)
    except RuntimeError as error:
        raise Error(str(error)) from None
    return _smiley.run()


def stop():
    """Ends recording with an `end` event. `start` goes on in the same run; the run ends with the process."""
    _smiley.pause(end=True)


def pause():
    """Records nothing until `resume`."""
    _smiley.pause()


def resume():
    """Goes on after `pause` or `stop`. Raises smiley.Error when recording was never started."""
    try:
        _smiley.resume()
    except RuntimeError as error:
        raise Error(str(error)) from None


def recording():
    """Whether this process is being recorded now."""
    return _smiley.recording()


def run_id():
    """The id of this process's run, None when none was begun."""
    return _smiley.run() or None


def mark(text, /, **values):
    """Leaves a note among the events, with values by name. False when nothing is recorded."""
    return _smiley.mark(str(text), values)


_depth = 0
_began = False
_lock = threading.Lock()


def _new_lock():
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_new_lock)


async def _recorded_values(block, generator):
    """The values of an asynchronous generator, within the block; what is sent and thrown reaches it."""
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

    Takes the options of `start`. Of a generator or coroutine, everything until it ends is recorded. Several at once,
    nested or in threads, are one: recording stops when the last has ended, unless it was on before the first."""

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
