"""Homes with a daemon of their own, for measurements."""

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time


class Connection:
    """A connection to the daemon of a home, for one request after the other."""

    def __init__(self, home):
        self.socket = home.connect()
        self.file = self.socket.makefile("rb")

    def ask(self, **request):
        """(the lines of the answer with the end line last, the seconds until it was complete)."""
        begin = time.perf_counter()
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        first = self.file.readline()
        lines = [first]
        if b'"stream"' in first[:60]:
            while b'"end":true' not in lines[-1][:60]:
                lines.append(self.file.readline())
        return lines, time.perf_counter() - begin


class Home:
    """A temporary home with its daemon. Leaving the context stops the daemon and removes the home."""

    def __init__(self, bin_dir):
        self.bin = bin_dir
        self.path = tempfile.mkdtemp(prefix="smd-", dir="/tmp")
        self.env = dict(os.environ, SMILEY_HOME=self.path)

    def __enter__(self):
        self.run("smiley-daemon", "start")
        return self

    def __exit__(self, *_):
        subprocess.run([os.path.join(self.bin, "smiley-daemon"), "stop"], env=self.env, capture_output=True)
        shutil.rmtree(self.path, ignore_errors=True)

    def run(self, program, *words, **options):
        return subprocess.run(
            [os.path.join(self.bin, program), *words],
            env=self.env,
            check=True,
            capture_output=True,
            text=True,
            **options,
        ).stdout

    def connect(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(os.path.join(self.path, "daemon.sock"))
        return connection

    def ask(self, **request):
        with self.connect() as connection:
            connection.sendall(json.dumps(request).encode() + b"\n")
            return json.loads(connection.makefile("rb").readline())

    def processor_seconds(self):
        fields = open("/proc/%d/stat" % self.ask(op="status")["pid"]).read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mb(self):
        status = open("/proc/%d/status" % self.ask(op="status")["pid"]).read()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024
