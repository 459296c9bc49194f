"""asyncio tasks: their names, and the running task at each event of a thread."""

import unittest

import support

PROGRAM = r"""
import asyncio, os, sys, threading

async def inner():
    for _ in range(2):
        mine = asyncio.current_task().get_name()
        await asyncio.sleep(0)

def helper():
    mine = asyncio.current_task().get_name()
    return mine

async def worker(n):
    mine = asyncio.current_task().get_name()
    await inner()
    helper()
    if n == 2:
        asyncio.current_task().set_name("another name")
    print("worker", n)
    await asyncio.sleep(0)

def callback():
    outside = 1
    print("called back")

async def main():
    loop = asyncio.get_running_loop()
    loop.call_soon(callback)
    names = [None, "named", None]
    await asyncio.gather(*[asyncio.create_task(worker(i), name=name) for i, name in enumerate(names)])
    await asyncio.wait_for(inner(), 60)

async def brief(n):
    return n

async def many():
    for n in range(50):  # tasks that use each other's addresses again
        await asyncio.create_task(brief(n), name="brief")

def between():
    return 1

asyncio.run(main())
between()
thread = threading.Thread(target=asyncio.run, args=(inner(),))
thread.start()
thread.join()
asyncio.run(many())
sys.stdout.flush()
pid = os.fork()
asyncio.run(inner())
if pid == 0:
    os._exit(0)
os.waitpid(pid, 0)
"""


class TaskEvents(support.SmileyTest):
    def test_each_event_tells_the_task_that_was_running(self):
        for python in support.pythons():
            with self.subTest(python=python):
                self.assert_code(self.record(PROGRAM, python=python, options=["-q"]), 0)
                lines = self.smiley("export", "last", "--format", "jsonl").objects
                self.assertTrue(lines[-1]["complete"], lines[-1])
                tasks = {(o["process"], o["task"]): o for o in lines if o["type"] == "task"}
                self.assertEqual({p for p, _ in tasks}, {1, 2})
                # Task numbers count within the run, across processes.
                self.assertEqual(sorted(t for _, t in tasks), list(range(1, len(tasks) + 1)))
                child = next(t for p, t in tasks if p == 2)
                for words, ok in (
                    (["--task", child], True),
                    (["--task", "2:%d" % child], True),
                    (["--task", "1:%d" % child], False),
                ):
                    self.assertEqual(self.smiley("stats", "last", "--json", *words).code == 0, ok, words)
                names = [o["name"] for (p, _), o in tasks.items() if p == 1]
                for name in ("Task-1", "named", "another name"):
                    self.assertEqual(names.count(name), 1, names)
                self.assertEqual(names.count("brief"), 50)

                events = [o for o in lines if o["type"] == "event" and o.get("file", "").endswith("app.py")]
                said = {}
                for event in events:
                    if "mine" in event.get("changed", {}):
                        name = event["changed"]["mine"]
                        task = event["process"], event["task"]
                        if tasks[task]["name"] != "another name":
                            self.assertEqual(tasks[task]["name"], name, event)
                        said.setdefault(task, name)
                self.assertGreaterEqual(len(said), 7)
                renamed = next(n for n, o in tasks.items() if o["name"] == "another name")
                self.assertRegex(said[renamed], r"^Task-\d+$")
                for event in events:
                    if event["function"] in ("<module>", "between", "callback") and event["event"] != "task":
                        self.assertNotIn("task", event)
                written = {
                    o["value"]: (o["process"], o["task"]) for o in events if o["event"] == "stdout" and "task" in o
                }
                self.assertEqual(
                    {v: tasks[t]["name"] for v, t in written.items() if v != "worker 0\n"},
                    {"worker 1\n": "named", "worker 2\n": "another name"},
                )
                # An exported and imported copy has the same tasks.
                exported = self.smiley("export", "last").out
                self.assert_code(self.smiley("delete", "last"), 0)
                self.assert_code(self.smiley("import", input=exported), 0)
                self.assertEqual(self.smiley("export", "last", "--format", "jsonl").objects, lines)
                told = [o for o in lines if o["type"] == "event" and o["event"] == "task"]
                for thread in {o["thread"] for o in told}:
                    switches = [o.get("task", 0) for o in told if o["thread"] == thread]
                    self.assertEqual(
                        [a for a, b in zip(switches, switches[1:]) if a == b], [], "no event without a change"
                    )
                    self.assertEqual(switches[-1], 0)


if __name__ == "__main__":
    unittest.main()
