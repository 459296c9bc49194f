"""A program that forks records the fork in both processes, and all processes belong to one run."""

import unittest

import support

FORKS = """\
import concurrent.futures, multiprocessing, os, subprocess, sys

def work(n):
    return n + 1

def main():
    pid = os.fork()
    if pid == 0:
        work(10)
        os._exit(0)
    os.waitpid(pid, 0)
    spawned = os.posix_spawn(sys.executable, [sys.executable, "-c", "spawned = 1"], os.environ)
    os.waitpid(spawned, 0)
    subprocess.run([sys.executable, "-c", "started = 1"], check=True)
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        pool.submit(work, 20).result()
    return pid

if __name__ == "__main__":
    main()
"""


class ChildEvents(support.SmileyTest):
    def test_forks_are_told_on_both_sides(self):
        for python in support.pythons():
            with self.subTest(python=python):
                self.assert_code(self.record(FORKS, python=python, options=["-q"]), 0)
                lines = self.smiley("export", "last", "--format", "jsonl").objects
                self.assertTrue(lines[-1]["complete"], lines[-1])
                processes = {o["process"]: o for o in lines if o["type"] == "process"}
                events = [o for o in lines if o["type"] == "event"]
                first = processes[1]
                self.assertEqual([o["parent"] for o in processes.values()], [None] + [1] * (len(processes) - 1))
                forks = [o["value"] for o in events if o["event"] == "fork" and o["process"] == 1]
                children = {o["process"]: o["value"] for o in events if o["event"] == "child"}
                self.assertIn(
                    len(forks), (3, 4)
                )  # fork, posix_spawn, the pool's, and subprocess where it uses posix_spawn
                self.assertEqual(set(children.values()), {first["pid"]})
                forked = {processes[p]["pid"] for p in children}
                self.assertEqual(len(forked), 2)
                self.assertLess(forked, set(forks))
                self.assertLessEqual(set(forks), {o["pid"] for o in processes.values()})
                self.assertEqual(len(processes), 5, processes)  # and the one that subprocess started
                # Each process has its own events.
                worked = {
                    o["changed"]["n"]: o["process"]
                    for o in events
                    if o["event"] == "call" and o["function"] == "work"
                }
                self.assertEqual(set(worked), {10, 20})
                self.assertLessEqual(set(worked.values()), set(children))
                ended = [o for o in events if o["event"] == "thread_end"]
                self.assertTrue(ended)  # of the pool's own threads


if __name__ == "__main__":
    unittest.main()
