"""Runs are exported and imported exactly, in both formats; damaged, cut and foreign files leave nothing behind."""

import os
import signal
import subprocess
import unittest

import support


class Export(support.SmileyTest):
    def setUp(self):
        super().setUp()
        self.assert_code(self.smiley("daemon", "start"), 0)

    def produce(self, events, *options):
        result = self.run_words([os.path.join(support.BIN, "smiley_test_producer"), str(events), *options])
        self.assert_code(result, 0)
        run_id = result.text.strip()
        self.assertTrue(support.wait_until(lambda: self.state(run_id) == "ended"), run_id)
        return run_id

    def state(self, run_id):
        return next((o["state"] for o in self.smiley("list", "--json").objects if o["id"] == run_id), None)

    def ids(self):
        return {o["id"] for o in self.smiley("list", "--json").objects}

    def test_both_formats_come_back_exactly(self):
        run_id = self.produce(5000, "--threads", "3", "--exception")
        lines = self.smiley("export", run_id, "--format", "jsonl").out
        events = self.smiley("replay", run_id, "--json").out
        for format in ("smiley", "jsonl"):
            exported = self.smiley("export", run_id, "--format", format)
            self.assert_code(exported, 0)
            self.assertEqual(exported.words, "")
            self.assert_code(self.smiley("delete", run_id), 0)
            self.assertNotIn(run_id, self.ids())
            imported = self.smiley("import", input=exported.out)
            self.assert_code(imported, 0)
            self.assertIn(run_id, self.assert_one_line(imported))
            self.assertEqual(self.smiley("export", run_id, "--format", "jsonl").out, lines, format)
            self.assertEqual(self.smiley("replay", run_id, "--json").out, events, format)
            self.assert_code(self.smiley("store", "check", run_id), 0)

    def test_importing_twice_changes_nothing(self):
        run_id = self.produce(500)
        exported = self.smiley("export", run_id).out
        before = self.smiley("list", "--json").out
        again = self.smiley("import", input=exported)
        self.assert_code(again, 0)
        self.assertIn("already", self.assert_one_line(again))
        self.assertEqual(self.smiley("list", "--json").out, before)

    def test_another_home_gets_it_through_a_pipe(self):
        run_id = self.produce(500)
        events = self.smiley("replay", run_id, "--json").out
        export = self.start("export", run_id)
        other = support.SmileyTest("setUp")
        other.setUp()
        self.addCleanup(other.tearDown)
        imported = subprocess.run(
            other.command("import", "-"),
            stdin=export.stdout,
            env=other.env,
            capture_output=True,
            timeout=support.TIMEOUT,
        )
        self.assertEqual(imported.returncode, 0, imported)
        self.assertEqual(other.smiley("replay", run_id, "--json").out, events)

    def test_damaged_cut_and_foreign_files_are_refused_whole(self):
        run_id = self.produce(3000, "--threads", "2")
        for format in ("smiley", "jsonl"):
            good = self.smiley("export", run_id, "--format", format).out
            bad = {"empty": b"", "foreign": b"PK\x03\x04 this is something else\n" * 40, "text": b"hello\n"}
            for part in (1, 10, 50, 90, 99):
                bad["cut at %d %%" % part] = good[: len(good) * part // 100]
            if format == "smiley":
                for part in (5, 30, 60, 95):
                    at = len(good) * part // 100
                    bad["changed at %d %%" % part] = good[:at] + bytes([good[at] ^ 0x10]) + good[at + 1 :]
            self.assert_code(self.smiley("delete", run_id), 0)
            for name, data in bad.items():
                with self.subTest(format=format, file=name):
                    result = self.smiley("import", input=data)
                    self.assert_code(result, 1)
                    self.assert_one_line(result)
                    self.assertEqual(self.ids(), set())
            self.assert_code(self.smiley("import", input=good), 0)
        self.assert_code(self.smiley("store", "check"), 0)

    def test_files_appear_whole_and_private_or_not_at_all(self):
        run_id = self.produce(500)
        path = os.path.join(self.work, "out.smiley")
        result = self.smiley("export", run_id, "-o", path)
        self.assert_code(result, 0)
        self.assertIn("out.smiley", self.assert_one_line(result))
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), self.smiley("export", run_id).out)
        nowhere = self.smiley("export", run_id, "-o", os.path.join(self.work, "no", "such", "file"))
        self.assert_code(nowhere, 1)
        self.assert_one_line(nowhere)
        full = self.smiley("export", "nosuch", "-o", os.path.join(self.work, "never"))
        self.assert_code(full, 1)
        self.assertEqual(sorted(os.listdir(self.work)), ["out.smiley"])

    def test_a_full_disk_is_said_in_one_line(self):
        run_id = self.produce(5000)
        with open("/dev/full", "wb") as full:
            child = self.start("export", run_id, stdout=full)
            said = child.stderr.read().decode()
            self.assertEqual(child.wait(support.TIMEOUT), 1)
        self.assertEqual(len(said.splitlines()), 1, said)

    def test_binary_never_reaches_a_terminal(self):
        run_id = self.produce(100)
        child, fd = self.in_terminal(self.command("export", run_id))
        self.read_until(fd, b"--format jsonl")
        self.assertEqual(child.wait(support.TIMEOUT), 2)
        child, fd = self.in_terminal(self.command("import"))
        self.read_until(fd, b"smiley-import FILE")
        self.assertEqual(child.wait(support.TIMEOUT), 2)

    def test_files_that_cannot_be_read_are_named(self):
        for path in (os.path.join(self.work, "missing.smiley"), self.work):
            result = self.smiley("import", path)
            self.assert_code(result, 1)
            self.assertIn(path, self.assert_one_line(result))

    def test_ctrl_c_and_a_killed_import_leave_nothing(self):
        run_id = self.produce(20000)
        good = self.smiley("export", run_id).out
        self.assert_code(self.smiley("delete", run_id), 0)
        for number, code in ((signal.SIGINT, 130), (signal.SIGKILL, -9)):
            child = self.start("import", stdin=subprocess.PIPE)
            child.stdin.write(good[: len(good) // 2])
            child.stdin.flush()
            self.assertTrue(
                support.wait_until(
                    lambda: (
                        b"sock"
                        in b"".join(
                            os.fsencode(os.readlink("/proc/%d/fd/%s" % (child.pid, n)))
                            for n in os.listdir("/proc/%d/fd" % child.pid)
                        )
                    )
                )
            )
            child.send_signal(number)
            self.assertEqual(child.wait(support.TIMEOUT), code)
            child.stdin.close()
            self.assertEqual(self.ids(), set())
        self.assert_code(self.smiley("import", input=good), 0)
        self.assertEqual(self.ids(), {run_id})


if __name__ == "__main__":
    unittest.main()
