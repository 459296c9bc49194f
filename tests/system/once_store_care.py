"""Care of the store by commands: quota, pins, --keep-last, --older-than, and settings that the daemon keeps."""

import json
import os
import unittest

import support


class StoreCare(support.SmileyTest):
    def setUp(self):
        super().setUp()
        self.env["PATH"] = os.path.dirname(support.pythons()[0]) + ":" + self.env["PATH"]

    def ids(self):
        return [run["id"] for run in self.smiley("list", "--json").objects]

    def record_some(self, count):
        """Ids of new runs, oldest first."""
        before = set(self.ids())
        for number in range(count):
            self.assert_code(self.record("x = %d\n" % number, python=support.pythons()[0], options=("-q",)), 0)
        return [run for run in reversed(self.ids()) if run not in before]

    def test_runs_go_by_age_and_number_and_pinned_ones_stay(self):
        first, second, third, fourth = self.record_some(4)
        pinned = self.smiley("pin", first)
        self.assert_code(pinned, 0)
        self.assertIn("pinned run " + first, self.assert_one_line(pinned))
        self.assertRegex(self.smiley("list").text, r"%s .*\(pinned\)" % first)
        self.assertTrue(self.smiley("show", first, "--json").objects[0]["pinned"])
        self.assertIn("pinned", self.smiley("show", first).text)

        refused = self.smiley("delete", second, first)
        self.assert_code(refused, 1)
        self.assertIn("smiley-pin --unpin " + first, self.assert_one_line(refused))
        self.assertEqual(len(self.ids()), 4)

        self.assertIn("nothing to delete", self.assert_one_line(self.smiley("delete", "--older-than", "1h")))
        shown = self.smiley("delete", "--keep-last", "2", "--dry-run")
        self.assert_code(shown, 0)
        self.assertEqual([line.split()[0] for line in shown.text.splitlines()], [second])
        self.assertEqual(len(self.ids()), 4)
        both = self.smiley("delete", "--keep-last", "2", "--older-than", "1h")
        self.assertIn("nothing to delete", self.assert_one_line(both))

        gone = self.smiley("delete", "--keep-last", "2", "--json")
        self.assert_code(gone, 0)
        self.assertEqual([(o["type"], o["id"]) for o in gone.objects], [("deleted", second)])
        self.assertEqual(self.ids(), [fourth, third, first])
        self.assert_code(self.smiley("delete", "--older-than", "0s"), 0)
        self.assertEqual(self.ids(), [first])

        self.assert_code(self.smiley("pin", "--unpin", "last"), 0)
        self.assert_code(self.smiley("delete", first), 0)
        self.assertEqual(self.ids(), [])
        self.assert_code(self.smiley("store", "check"), 0)

    def test_wrong_words_are_one_line_and_exit_2(self):
        for words in (
            ["delete", "last", "--keep-last", "3"],
            ["delete"],
            ["delete", "--older-than", "7"],
            ["delete", "--keep-last", "-1"],
            ["daemon", "start", "--quota", "much"],
            ["daemon", "start", "--quota", "10"],
            ["daemon", "status", "--quota", "1G"],
            ["pin"],
        ):
            result = self.smiley(*words)
            self.assert_code(result, 2)
            self.assert_one_line(result)
        self.assertIsNone(self.daemon_pid())

    def test_the_quota_removes_the_oldest_and_outlives_the_daemon(self):
        self.assert_code(self.smiley("daemon", "start"), 0)
        before = self.daemon_pid()
        started = self.smiley("daemon", "start", "--quota", "1.5MB")
        self.assert_code(started, 0)
        self.assertNotEqual(self.daemon_pid(), before)  # it was restarted with the new setting
        self.assertEqual(self.status()["quota_bytes"], 1_500_000)
        self.assertIn("1.5 MB", self.smiley("daemon", "status").text)
        self.kill_daemon()
        # The next daemon, which a command starts, keeps the setting.
        self.assertEqual(self.ids(), [])
        self.assertEqual(self.status()["quota_bytes"], 1_500_000)

        text = "import os\nfor n in range(5000):\n    text = os.urandom(240).hex()[:250]\n"
        runs = []
        for _ in range(4):
            self.assert_code(self.record(text, python=support.pythons()[0], options=("-q",)), 0)
            runs.append(self.smiley("list", "--json", "-n1").objects[0])
        self.assertGreater(sum(run["bytes"] for run in runs), 1_500_000, runs)
        self.assertTrue(support.wait_until(lambda: self.status()["store_bytes"] <= 1_500_000), self.status())
        left = self.ids()
        self.assertEqual(left, [run["id"] for run in reversed(runs)][: len(left)])  # the newest runs are kept
        self.assertGreater(len(left), 0)
        self.assertLess(len(left), 4)
        self.assert_code(self.smiley("store", "check"), 0)
        self.assert_code(self.smiley("daemon", "restart", "--quota", "off"), 0)
        self.assertIsNone(self.status()["quota_bytes"])

    def test_another_store_is_remembered(self):
        elsewhere = os.path.join(self.work, "elsewhere")
        self.assert_code(self.smiley("daemon", "start", "--store", elsewhere), 0)
        (run,) = self.record_some(1)
        self.assertEqual(self.status()["store"], elsewhere)
        self.assert_code(self.smiley("daemon", "stop"), 0)
        self.assertEqual(self.ids(), [run])
        self.assertEqual(self.status()["store"], elsewhere)
        self.assert_code(self.smiley("daemon", "restart", "--store", "default"), 0)
        self.assertEqual(self.ids(), [])

    def test_settings_that_cannot_be_read_are_named(self):
        with open(os.path.join(self.home, "settings.json"), "w") as file:
            file.write("{")
        result = self.smiley("daemon", "start")
        self.assert_code(result, 1)
        self.assertIn("settings.json", self.assert_one_line(result))


if __name__ == "__main__":
    unittest.main()
