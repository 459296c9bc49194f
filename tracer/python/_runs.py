"""Reading stored and running runs: the daemon's protocol (daemon/protocol/PROTOCOL.md) over its UNIX socket."""

import json
import os
import socket
import subprocess
import time

from . import _smiley

PROGRAM = os.path.join(os.path.dirname(os.path.realpath(_smiley.__file__)), "..", "..", "bin", "smiley")
_GONE = {"ok": False, "error": {"message": "the daemon has gone"}}


class Error(RuntimeError):
    """smiley could not do what was asked. The message gives the reason."""


def home():
    """The folder with the store and the socket: SMILEY_HOME, else smiley's own below the user's state directory."""
    try:
        return _smiley.home()
    except RuntimeError as error:
        raise Error(str(error)) from None


def _connect():
    """Connects to the daemon, and starts it first when none answers."""
    folder = home()
    for attempt in (1, 2):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        opened = None
        try:
            # Paths are often too long for a socket's address.
            opened = os.open(folder, os.O_PATH | os.O_DIRECTORY)
            connection.connect("/proc/self/fd/%d/daemon.sock" % opened)
            return connection
        except OSError as error:
            connection.close()
            if attempt == 2:
                raise Error("the daemon cannot be reached: %s; try smiley-daemon start" % error) from None
        finally:
            if opened is not None:
                os.close(opened)
        try:
            subprocess.run(
                [PROGRAM, "daemon", "start"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )
        except OSError as error:
            raise Error("the daemon cannot be started: %s" % error) from None


class _Answer:
    """Iterates over the lines of an answer as they come. Closes its connection at the end, on close, or when deleted."""

    def __init__(self, op, fields):
        self._connection = _connect()
        self._lines = self._connection.makefile("r", encoding="utf-8", newline="\n")
        request = {name: value for name, value in fields.items() if value is not None}
        try:
            self._connection.sendall(json.dumps(dict(request, op=op)).encode() + b"\n")
            answer = json.loads(self._lines.readline() or "null") or _GONE
        except OSError as error:
            self.close()
            raise Error("the daemon has gone: %s" % error) from None
        if not answer["ok"]:
            self._fail(answer)
        if answer.get("stream") != "lines":
            self.close()

    def _fail(self, answer):
        self.close()
        raise Error(answer["error"]["message"])

    def __iter__(self):
        return self

    def __next__(self):
        if self._connection is None:
            raise StopIteration
        try:
            item = json.loads(self._lines.readline() or "null") or dict(_GONE, end=True)
        except OSError as error:
            self.close()
            raise Error("the daemon has gone: %s" % error) from None
        if item.get("end") is True:
            if "error" in item:
                self._fail(item)
            self.close()
            raise StopIteration
        return item

    def close(self):
        if self._connection is not None:
            self._lines.close()
            self._connection.close()
            self._connection = None

    def __del__(self):
        if getattr(self, "_connection", None) is not None:
            self.close()


class State:
    """A thread right after one event, as `smiley-show RUN --at POSITION` shows it.

    position   "thread:seq"
    event      the event, as in the JSON Lines export
    frames     innermost first, each with `function`, `file`, `line`, `variables` by name and `written`, which says where
               each variable was written
    threads    the other threads at that time, without variables
    output     the last texts that the program had written by then"""

    def __init__(self, info):
        self.info = info
        self.position = info["position"]
        self.event = info["event"]
        self.frames = info["frames"]
        self.threads = info["threads"]
        self.output = info["output"]

    @property
    def variables(self):
        """The variables of the innermost frame, by name; a deleted one is {"$type": "unbound"}."""
        return self.frames[0]["variables"] if self.frames else {}

    def __repr__(self):
        where = "%s:%s" % (self.frames[0].get("file"), self.frames[0].get("line")) if self.frames else "no frame"
        return "<smiley.State %s at %s>" % (self.position, where)


class Run:
    """A recorded run. Its attributes are the fields of `smiley-list --json`: id, name, command, exit_code, complete …"""

    def __init__(self, info):
        self.info = info

    def __getattr__(self, name):
        try:
            return self.__dict__["info"][name]
        except KeyError:
            raise AttributeError("a run has no %r" % name) from None

    def __repr__(self):
        return "<smiley.Run %s %s>" % (self.info["id"], " ".join(map(str, self.info["command"])))

    def _ask(self, op, **fields):
        return _Answer(op, dict(fields, run=self.info["id"]))

    def processes(self):
        """Its processes, as in the JSON Lines export."""
        return list(self._ask("processes"))

    def threads(self):
        """Its threads, as in the JSON Lines export."""
        return list(self._ask("threads"))

    def tasks(self):
        """Its asyncio tasks, as in the JSON Lines export."""
        return list(self._ask("tasks"))

    def sources(self):
        """Its source files with their texts, as in the JSON Lines export."""
        return list(self._ask("sources"))

    # `events` is a number of the run object and a method here: the number is info["events"].
    def events(self, where=None, *, thread=None, start=None, limit=None):
        """Iterates over the events in order, as dicts (the objects of the JSON Lines export).

        where    a filter expression: 'event == raise and file ~ "models.py"'
        thread   of this thread only
        start    from this position on, "thread:seq"
        limit    the largest number of events"""
        return self._ask("replay", where=where, thread=thread, limit=limit, **{"from": start})

    def at(self, position):
        """The State at a place: "thread:seq", "FILE:LINE" (its first execution), "FILE:LINE#N", "start", "end" or "exception"."""
        state = next(self._ask("state", at=str(position)), None)
        if state is None:
            raise Error("run %s has no place %s" % (self.info["id"], position))
        return State(state)


_met = None  # this process's run, once the daemon has listed it


def _meet_own_run():
    """Waits until the daemon lists this process's run, which it finds some milliseconds after the beginning."""
    global _met
    own, until = _smiley.run(), time.monotonic() + 2
    while own and own != _met:
        try:
            _Answer("processes", {"run": own}).close()
            _met = own
        except Error:
            if time.monotonic() > until:
                _met = own
            else:
                time.sleep(0.005)


def runs(*, failed=None, limit=None):
    """The runs of this user's store (SMILEY_HOME names another), newest first, with this process's own. `failed`: True for
    runs that failed only, False for runs that did not."""
    _meet_own_run()
    return [Run(info) for info in _Answer("runs", {"failed": failed, "limit": limit})]
