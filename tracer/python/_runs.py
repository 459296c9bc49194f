"""Reads stored and running runs from the daemon. Its protocol over a UNIX socket is daemon/protocol/PROTOCOL.md."""

import json
import os
import socket
import subprocess
import time

from . import _smiley

PROGRAM = os.path.join(os.path.dirname(os.path.realpath(_smiley.__file__)), "..", "..", "bin", "smiley")
_GONE = {"ok": False, "error": {"message": "the daemon has gone"}}


class Error(RuntimeError):
    """The error of a failed call to smiley. The message gives the reason."""


def home():
    """The folder with the store and the socket: SMILEY_HOME, else the folder smiley in the user's state directory."""
    try:
        return _smiley.home()
    except RuntimeError as error:
        raise Error(str(error)) from None


def _connect():
    """Connects to the daemon. Starts the daemon first when it is not running."""
    folder = home()
    for attempt in (1, 2):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        opened = None
        try:
            # A socket's address has room for 107 bytes, and the path may be longer.
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
    """Iterates over the lines of an answer as they arrive.

    Closes its connection after the last line, on close, or when deleted."""

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
    """The state of a thread right after one event, as `smiley-show RUN --at POSITION` shows it.

    position   "thread:seq"
    event      the event, as in the JSON Lines export
    frames     innermost first; each has `function`, `file`, `line`, `variables` by name, and `written`, the place
               where each variable was written
    threads    the other threads at that time, without variables
    output     the last texts that the program had written before"""

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
    """A recorded run. Its attributes are the fields of `smiley-list --json`, such as id, name and exit_code."""

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
        """The run's processes, as in the JSON Lines export."""
        return list(self._ask("processes"))

    def threads(self):
        """The run's threads, as in the JSON Lines export."""
        return list(self._ask("threads"))

    def tasks(self):
        """The run's asyncio tasks, as in the JSON Lines export."""
        return list(self._ask("tasks"))

    def sources(self):
        """The run's source files with their texts, as in the JSON Lines export."""
        return list(self._ask("sources"))

    # The run object has a field `events`, a number, which this method hides: use info["events"].
    def events(self, where=None, *, thread=None, start=None, limit=None):
        """Iterates over the run's events in order. Each is a dict, as in the JSON Lines export.

        where    only events that match a filter expression, such as 'event == raise and file ~ "models.py"'
        thread   only events of this thread
        start    the position of the first event, "thread:seq"
        limit    at most this number of events"""
        return self._ask("replay", where=where, thread=thread, limit=limit, **{"from": start})

    def at(self, position):
        """The State at a place of the run.

        position   "thread:seq", "FILE:LINE" (its first execution), "FILE:LINE#N" (its Nth), "exception",
                   "start" or "end"
        """
        state = next(self._ask("state", at=str(position)), None)
        if state is None:
            raise Error("run %s has no place %s" % (self.info["id"], position))
        return State(state)


_met = None  # the id of this process's run once the daemon lists it


def _meet_own_run():
    """Waits until the daemon lists this process's run, for 2 seconds at most. It usually takes some milliseconds."""
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
    """The runs in this user's store, newest first, including this process's own run. SMILEY_HOME names another store.

    failed   True: only runs that failed; False: only runs that did not fail
    limit    at most this number of runs"""
    _meet_own_run()
    return [Run(info) for info in _Answer("runs", {"failed": failed, "limit": limit})]
