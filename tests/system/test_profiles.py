"""Exports for other tools are valid for those tools, and Chrome traces can be imported."""

import io
import json
import os
import pstats
import subprocess
import sys
import unittest

import support

PROGRAM = """import threading

def leaf(n):
    return n * n

def branch(n):
    return [leaf(i) for i in range(n)]

def recurse(n):
    return 0 if n == 0 else 1 + recurse(n - 1)

def worker():
    try:
        branch(3)
        raise KeyError("k")
    except KeyError:
        pass

branch(5)
recurse(4)
t = threading.Thread(target=worker, name="w")
t.start()
t.join()
"""


def nested(events):
    """Checks that events (start, end, name) of one thread lie within each other; returns (depth, name) in order of begin."""
    out, stack = [], []
    for start, end, name in sorted(events, key=lambda e: (e[0], -e[1])):
        while stack and stack[-1][1] <= start:
            stack.pop()
        assert not stack or end <= stack[-1][1], (stack, start, end, name)
        out.append((len(stack), name))
        if end > start:
            stack.append((start, end))
    return out


class Profiles(support.SmileyTest):
    def setUp(self):
        super().setUp()
        self.assert_code(self.record(PROGRAM, options=("--no-site-packages",)), 0)
        self.stats = {
            o["function"]: o for o in self.smiley("stats", "last", "--json").objects if o["type"] == "function"
        }

    def export(self, format):
        result = self.smiley("export", "last", "--format", format)
        self.assert_code(result, 0)
        return result.out

    def test_pstats(self):
        path = os.path.join(self.work, "run.pstats")
        self.assert_code(self.smiley("stats", "export", "last", path), 0)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), self.export("pstats"))
        for python in support.pythons():
            text = subprocess.run(
                [
                    python,
                    "-c",
                    "import pstats, sys; p = pstats.Stats(sys.argv[1]);"
                    "p.sort_stats('ncalls').print_stats(); p.print_callers()",
                    path,
                ],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            self.assertIn("primitive calls", text)
            self.assertIn("app.py:9(recurse)", text)
        read = pstats.Stats(path, stream=io.StringIO())
        for (file, line, name), (primitive, calls, own, cumulative, callers) in read.stats.items():
            function = self.stats[name]
            self.assertEqual(
                (file, line, primitive, calls),
                (function["file"], function["line"], function["primitive"], function["calls"]),
            )
            self.assertAlmostEqual(own, function["own_ns"] / 1e9, places=9)
            self.assertAlmostEqual(cumulative, function["cumulative_ns"] / 1e9, places=9)
            self.assertEqual(
                {key[2]: value[0] for key, value in callers.items()},
                {c["function"]: c["calls"] for c in function["callers"]},
            )
        self.assertEqual(len(read.stats), len(self.stats))

    def test_chrome(self):
        trace = json.loads(self.export("chrome"))
        events = trace["traceEvents"]
        names = {e["args"]["name"] for e in events if e["ph"] == "M" and e["name"] == "thread_name"}
        self.assertEqual(names, {"MainThread", "w"})
        calls = [e for e in events if e["ph"] == "X"]
        self.assertEqual(sum(e["name"].startswith("leaf (") for e in calls), self.stats["leaf"]["calls"])
        self.assertEqual(len(calls), sum(o["calls"] for o in self.stats.values()))
        for tid in {e["tid"] for e in calls}:
            nested(
                [
                    (round(e["ts"] * 1000), round(e["ts"] * 1000) + round(e["dur"] * 1000), e["name"])
                    for e in calls
                    if e["tid"] == tid
                ]
            )
        self.assertEqual([e["name"] for e in events if e["ph"] == "i"], ["KeyError"])

    def test_speedscope(self):
        data = json.loads(self.export("speedscope"))
        self.assertEqual(data["$schema"], "https://www.speedscope.app/file-format-schema.json")
        frames = data["shared"]["frames"]
        self.assertEqual([p["name"] for p in data["profiles"]], ["MainThread", "w"])
        opened = 0
        for profile in data["profiles"]:
            stack, at = [], profile["startValue"]
            for event in profile["events"]:
                self.assertGreaterEqual(event["at"], at)
                at = event["at"]
                if event["type"] == "O":
                    stack.append(event["frame"])
                    opened += frames[event["frame"]]["name"] == "recurse"
                else:
                    self.assertEqual(stack.pop(), event["frame"])
            self.assertEqual(stack, [])
            self.assertLessEqual(at, profile["endValue"])
        self.assertEqual(opened, 5)

    def test_collapsed(self):
        own = {}
        for line in self.export("collapsed").decode().splitlines():
            chain, _, ns = line.rpartition(" ")
            name = chain.split(";")[-1].split(" (")[0]
            own[name] = own.get(name, 0) + int(ns)
            self.assertIn(chain.split(";")[0], ("MainThread", "w"))
        for name, ns in own.items():
            self.assertLessEqual(abs(ns - self.stats[name]["own_ns"]), 30, name)  # rounded node by node

    def test_a_chrome_trace_comes_back(self):
        exported = self.export("chrome")
        imported = self.smiley("import", input=exported)
        self.assert_code(imported, 0)
        run_id = self.assert_one_line(imported).split("imported run ")[1].split(":")[0]
        stats = {o["function"]: o for o in self.smiley("stats", run_id, "--json").objects if o["type"] == "function"}
        self.assertEqual(
            {name: (o["file"], o["line"], o["calls"]) for name, o in stats.items()},
            {name: (o["file"], o["line"], o["calls"]) for name, o in self.stats.items()},
        )
        self.assertEqual({t["name"] for t in self.smiley("threads", run_id, "--json").objects}, {"MainThread", "w"})
        self.assert_code(self.smiley("store", "check", run_id), 0)
        again = self.smiley("import", input=exported)
        self.assert_code(again, 0)
        self.assertIn("already", self.assert_one_line(again))
        # The import is an ordinary run.
        smiley = self.smiley("export", run_id).out
        self.assert_code(self.smiley("delete", run_id), 0)
        self.assert_code(self.smiley("import", input=smiley), 0)

    def test_viztracer_traces(self):
        events = [
            {"ph": "M", "pid": 7, "tid": 7, "name": "process_name", "args": {"name": "MainProcess"}},
            {"ph": "M", "pid": 7, "tid": 71, "name": "thread_name", "args": {"name": "MainThread"}},
            # VizTracer writes a function when it ends.
            {
                "pid": 7,
                "tid": 71,
                "ts": 723086509427.25,
                "dur": 1.5,
                "name": "g (/a/app.py:5)",
                "ph": "X",
                "cat": "FEE",
                "args": {"func_args": {"n": "3"}, "return_value": "9"},
            },
            {
                "pid": 7,
                "tid": 71,
                "ts": 723086509430.0,
                "ph": "i",
                "cat": "INSTANT",
                "name": "here",
                "args": None,
                "s": "g",
            },
            {"pid": 7, "tid": 71, "ts": 723086509431.0, "ph": "C", "name": "gauge", "args": {"a": 20, "b": 1.5}},
            {
                "pid": 7,
                "tid": 71,
                "ts": 723086509426.0,
                "dur": 10.0,
                "name": "f (/a/app.py:1)",
                "ph": "X",
                "cat": "FEE",
            },
            {
                "pid": 7,
                "tid": 71,
                "ts": 723086509425.0,
                "dur": 12.0,
                "name": "builtins.exec",
                "ph": "X",
                "cat": "FEE",
            },
            {"pid": 7, "tid": 72, "ts": 723086509425.0, "ph": "B", "name": "open (/a/app.py:9)"},
            {"pid": 7, "tid": 72, "ts": 723086509428.0, "ph": "E", "name": "open (/a/app.py:9)"},
            {"pid": 7, "tid": 72, "ts": 723086509429.0, "ph": "B", "name": 'left "open" (/a/app.py:12)'},
            {"pid": 7, "tid": 72, "ts": 1, "ph": "s", "id": 3, "name": "a flow"},
        ]
        trace = {
            "traceEvents": events,
            "viztracer_metadata": {"overflow": False, "baseTimeNanoseconds": 1_700_000_000_000_000_000},
            "file_info": {"files": {"/a/app.py": ["def f():\n  pass\n", 2]}, "functions": {}},
        }
        for data in (json.dumps(trace), json.dumps(trace, indent=2), json.dumps(events)):
            with self.subTest(begin=data[:20]):
                imported = self.smiley("import", "--json", input=data.encode())
                self.assert_code(imported, 0)
                run = imported.objects[0]["run"]
                seen = [
                    (o["thread"], o["event"], o.get("function"), o.get("line"), o.get("depth"))
                    for o in self.smiley("replay", run["id"], "--json").objects
                    if o["thread"] == 1
                ]
                self.assertEqual(
                    seen,
                    [
                        (1, "call", "builtins.exec", None, 0),
                        (1, "call", "f", 1, 1),
                        (1, "call", "g", 5, 2),
                        (1, "return", "g", 5, 2),
                        (1, "mark", "f", 1, 1),
                        (1, "mark", "f", 1, 1),
                        (1, "return", "f", 1, 1),
                        (1, "return", "builtins.exec", None, 0),
                    ],
                )
                events_of = self.smiley("replay", run["id"], "--json").objects
                g = [o for o in events_of if o.get("function") == "g"]
                self.assertEqual((g[0]["changed"], g[1]["value"]), ({"n": "3"}, "9"))
                self.assertEqual(g[1]["time_ns"] - g[0]["time_ns"], 1500)
                marks = [o for o in events_of if o["event"] == "mark"]
                self.assertEqual([m["value"] for m in marks], ["here", "gauge"])
                self.assertEqual(marks[1]["changed"], {"a": 20, "b": 1.5})
                second = [(o["event"], o["function"]) for o in events_of if o["thread"] == 2]
                self.assertEqual(
                    second, [("call", "open"), ("return", "open"), ("call", 'left "open"'), ("return", 'left "open"')]
                )
                self.assertTrue(any("1 events of the trace" in note for note in run["notes"]), run)
                self.assert_code(self.smiley("store", "check", run["id"]), 0)
        for name, bad in {
            "cut": json.dumps(trace)[:-30],
            "more": json.dumps(trace) + "}",
            "words": '{"traceEvents":[{"ph":"X"}]}',
            "empty": '{"traceEvents":[]}',
        }.items():
            with self.subTest(name=name):
                before = self.smiley("list", "--json").out
                refused = self.smiley("import", input=bad.encode())
                self.assert_code(refused, 1)
                self.assert_one_line(refused)
                self.assertEqual(self.smiley("list", "--json").out, before)

    def test_a_large_trace_is_streamed(self):
        # More events than memory may hold: they are sorted in parts.
        path = os.path.join(self.work, "large.json")
        count = 700_000
        with open(path, "w") as file:
            file.write('{"traceEvents":[')
            for i in range(count):
                file.write(
                    '{"ph":"X","pid":1,"tid":1,"ts":%d,"dur":1,"name":"f%d (/a.py:%d)"},\n'
                    % (count - i, i % 9, i % 9 + 1)
                )
            file.write('{"ph":"X","pid":1,"tid":1,"ts":0,"dur":%d,"name":"main (/a.py:99)"}]}' % (count + 5))
        imported = self.smiley("import", path)
        self.assert_code(imported, 0)
        run_id = self.assert_one_line(imported).split("imported run ")[1].split(":")[0]
        rows = self.smiley("stats", run_id, "--json").objects
        self.assertEqual(rows[-1]["calls"], count + 1)
        main = next(o for o in rows if o.get("function") == "main")
        self.assertEqual((main["calls"], main["recorded_cumulative_ns"]), (1, (count + 5) * 1000))


if __name__ == "__main__":
    unittest.main()
