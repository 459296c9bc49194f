"""The commands as typed: help, wrong words, empty stores, selectors, tables, JSON, colours, exit codes."""

import os
import re
import subprocess
import unittest

import support

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read_verbs():
    """The rows of tools/commands/verbs.def: name to summary. An alias has an empty summary."""
    with open(os.path.join(ROOT, "tools", "commands", "verbs.def"), encoding="utf-8") as file:
        return dict(re.findall(r'(?m)^SMILEY_VERB\("(\w+)", \w+, "(.*)"\)$', file.read()))


VERBS = read_verbs()
LOCAL = {"run", "web", "server", "doctor"}  # verbs without --connect


class Wording(support.SmileyTest):
    """Commands that need no daemon."""

    def test_every_verb_has_a_link_and_help_with_an_example(self):
        self.assertGreater(len(VERBS), 20)
        for verb in VERBS:
            self.assertEqual(os.readlink(os.path.join(support.BIN, "smiley-" + verb)), "smiley", verb)
            result = self.smiley(verb, "--help")
            self.assert_code(result, 0)
            self.assertRegex(result.text, r"\nExamples:\n  smiley-", verb)
            self.assertEqual(result.words, "", verb)
        self.assertIsNone(self.daemon_pid())

    def test_help_fits_the_terminal(self):
        for columns in (60, 80):
            for verb in VERBS:
                result = self.smiley(verb, "--help", env=dict(self.env, COLUMNS=str(columns)))
                whole = [line for line in result.text.splitlines() if not line.startswith("  smiley")]
                self.assertLessEqual(max(map(len, whole)), columns, verb)

    def test_umbrella_and_dashed_names_are_the_same_program(self):
        umbrella = [os.path.join(support.BIN, "smiley")]
        listed = self.run_words(umbrella + ["--help"])
        self.assert_code(listed, 0)
        for verb, summary in VERBS.items():
            if summary:
                self.assertRegex(listed.text, r"(?m)^  %s " % verb)
        one = self.run_words(umbrella + ["help", "replay"])
        two = self.smiley("replay", "--help")
        self.assertEqual(one.text.splitlines()[0], two.text.splitlines()[0])
        self.assert_code(self.run_words(umbrella), 2)

    def test_what_reads_runs_reads_those_of_other_machines(self):
        for verb in VERBS:
            if verb not in LOCAL:
                self.assertIn("--connect", self.smiley(verb, "--help").text, verb)

    def test_versions_agree(self):
        umbrella = self.run_words([os.path.join(support.BIN, "smiley"), "--version"])
        self.assertRegex(umbrella.text, r"^smiley \d+\.\d+\.\d+\n$")
        for verb in VERBS:
            if verb != "run":
                self.assertEqual(self.smiley(verb, "--version").text, umbrella.text, verb)

    def test_unknown_verbs_name_the_nearest(self):
        result = self.run_words([os.path.join(support.BIN, "smiley"), "replya"])
        self.assert_code(result, 2)
        line = self.assert_one_line(result)
        self.assertIn("did you mean 'replay'?", line)
        for verb in ("list", "export", "daemon"):
            self.assertIn(verb, line)
        result = self.run_words([os.path.join(support.BIN, "smiley"), "x\x1b[2J\nzzy"])
        self.assert_code(result, 2)
        self.assertNotIn("\x1b", self.assert_one_line(result))

    def test_wrong_usage_is_one_line_and_exit_2(self):
        for words in (
            ["list", "--nonsense"],
            ["show", "a", "b"],
            ["replay", "--limit", "many"],
            ["delete"],
            ["export"],
            ["export", "last", "--format", "xml"],
            ["tail", "--color", "pink"],
            ["replay", "last", "--from", "x"],
            ["replay", "last", "--from", "17"],
            ["store"],
            ["daemon"],
            ["daemon", "dance"],
        ):
            result = self.smiley(*words)
            self.assert_code(result, 2)
            self.assert_one_line(result)
            self.assertEqual(result.text, "")
        self.assertIsNone(self.daemon_pid())

    def test_a_bad_expression_is_pointed_at(self):
        for verb in ("replay", "tail"):
            result = self.smiley(verb, "--where", "depth < 3 andd x")
            self.assert_code(result, 2)
            lines = result.words.splitlines()
            self.assertTrue(lines[0].startswith("smiley: "), lines)
            self.assertIn("depth < 3 andd x", lines[1])
            self.assertEqual(lines[2].strip(), "^")
            self.assertEqual(lines[2].index("^"), lines[1].index("andd"))


class EmptyStore(support.SmileyTest):
    def test_a_reading_command_starts_the_daemon_and_says_what_to_type(self):
        result = self.smiley("list")
        self.assert_code(result, 0)
        self.assertEqual(result.text, "")
        self.assertIn("smiley-run app.py", self.assert_one_line(result))
        self.assertIsNotNone(self.daemon_pid())
        self.assertEqual(self.smiley("list", "--json").text, "")

    def test_runs_that_are_not_there_are_one_line_and_exit_1(self):
        for words in (
            ["show"],
            ["show", "nosuch"],
            ["threads", "last"],
            ["replay", "last"],
            ["export", "last"],
            ["delete", "last~3"],
            ["show", "last:failed"],
            ["store", "check", "zz"],
        ):
            result = self.smiley(*words)
            self.assert_code(result, 1)
            self.assert_one_line(result)
            self.assertEqual(result.text, "")

    def test_the_empty_store_is_sound(self):
        self.assert_code(self.smiley("store", "check"), 0)

    def test_tail_without_follow_ends_on_an_empty_store(self):
        result = self.smiley("tail", "--no-follow")
        self.assert_code(result, 1)
        self.assert_one_line(result)


class Recorded(support.SmileyTest):
    """Every command, on one imaginary run."""

    def setUp(self):
        super().setUp()
        self.assert_code(self.smiley("daemon", "start"), 0)
        self.run_id = self.produce(2000, "--threads", "2", "--exception")

    def produce(self, events, *options):
        result = self.run_words([os.path.join(support.BIN, "smiley_test_producer"), str(events), *options])
        self.assert_code(result, 0)
        run_id = result.text.strip()
        self.assertTrue(support.wait_until(lambda: (self.run_object(run_id) or {}).get("state") == "ended"), run_id)
        return run_id

    def run_object(self, run_id):
        for run in self.smiley("list", "--json").objects:
            if run["id"] == run_id:
                return run
        return None

    def test_list_shows_a_table_and_json(self):
        result = self.smiley("list")
        self.assert_code(result, 0)
        head, row = result.text.splitlines()
        self.assertEqual(head.split(), ["RUN", "STARTED", "TOOK", "EVENTS", "LOST", "ENDED", "SIZE", "COMMAND"])
        self.assertIn(self.run_id, row)
        self.assertTrue(row.endswith("shop.py 2000"), row)
        run = self.run_object(self.run_id)
        self.assertEqual(run["command"], ["shop.py", "2000"])
        self.assertEqual(run["threads"], 2)
        self.assertEqual(run["lost"], 0)
        self.assertIn("{:,}".format(run["events"]), row)

    def test_show_and_threads_tell_what_is_known(self):
        shown = self.smiley("show", self.run_id[:5])
        self.assert_code(shown, 0)
        for words in (
            self.run_id,
            "shop.py 2000",
            "/imaginary",
            "3.11.2",
            "MainThread",
            "worker-2",
            "/imaginary/shop.py",
            "smiley-replay " + self.run_id,
        ):
            self.assertIn(words, shown.text)
        kinds = [o["type"] for o in self.smiley("show", "last", "--json").objects]
        self.assertEqual(kinds, ["run", "process", "thread", "thread", "source"])
        threads = self.smiley("threads", "--json").objects
        self.assertEqual([t["name"] for t in threads], ["MainThread", "worker-2"])
        self.assertIn("worker-2", self.smiley("threads").text)

    def test_replay_shows_every_event_once(self):
        objects = self.smiley("replay", "last", "--json").objects
        self.assertEqual(len(objects), self.run_object(self.run_id)["events"])
        for thread in (1, 2):
            numbers = [o["seq"] for o in objects if o["thread"] == thread]
            self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        text = self.smiley("replay", "last", "--thread", "1", "--no-fold")
        self.assert_code(text, 0)
        body = text.text
        self.assertEqual(
            len(re.findall(r"shop\.py:15 ", body)),
            len([o for o in objects if o["thread"] == 1 and o.get("line") == 15]),
        )
        for words in (
            "shop.pay(x)",
            "# refuse what cannot be paid",
            "amount = 2",
            "ValueError: negative",
            "MainThread",
        ):
            self.assertIn(words, body)
        self.assertNotIn("\x1b", body)

    def test_replay_folds_loops(self):
        folded = self.smiley("replay", "last", "--thread", "1").text
        self.assertLess(len(folded.splitlines()), 80)
        self.assertRegex(folded, r"… ×\d+, i=\d+→\d+")

    def test_replay_from_and_limit_and_where(self):
        objects = self.smiley("replay", "last", "--from", "2:100", "--limit", "5", "--json").objects
        self.assertEqual([(o["thread"], o["seq"]) for o in objects], [(2, n) for n in range(100, 105)])
        raised = self.smiley("replay", "last", "--where", "event == raise", "--json").objects
        self.assertEqual([o["event"] for o in raised], ["raise", "raise"])
        nothing = self.smiley("replay", "last", "--where", "function == 'nosuch'")
        self.assert_code(nothing, 1)
        self.assert_one_line(nothing)
        last = self.smiley("replay", "last", "-n", "3", "--json").objects
        self.assertEqual(len(last), 3)

    def test_colours_come_when_asked_for(self):
        for words in (["list"], ["show"], ["threads"], ["replay", "last", "--limit", "20"]):
            self.assertNotIn("\x1b", self.smiley(*words).text)
            self.assertIn("\x1b[", self.smiley(*words, "--color", "always").text)
            self.assertIn("\x1b[", self.smiley(*words, "--color", "always", env=dict(self.env, NO_COLOR="1")).text)

    def test_no_color_is_respected_on_a_terminal(self):
        for extra, colored in (({}, True), ({"NO_COLOR": "1"}, False)):
            child, fd = self.in_terminal(self.command("list"), env=dict(self.env, **extra))
            data = self.read_until(fd, b"shop.py 2000")
            self.assertEqual(b"\x1b[" in data, colored)
            child.wait(support.TIMEOUT)

    def test_a_closed_pipe_ends_quietly(self):
        big = self.produce(60000)
        for words in (
            ["replay", big],
            ["replay", big, "--json"],
            ["export", big, "--format", "jsonl"],
            ["list"],
            ["show", big],
        ):
            child = self.start(*words)
            first = os.read(child.stdout.fileno(), 10)
            self.assertTrue(first)
            child.stdout.close()
            err = child.stderr.read()
            self.assertIn(child.wait(support.TIMEOUT), (0, 141), words)
            self.assertEqual(err, b"", words)

    def test_an_ambiguous_prefix_names_the_runs(self):
        other = "q1aaaaaa", "q1bbbbbb"
        for run_id in other:
            self.produce(100, "--run", run_id)
        result = self.smiley("show", "q1")
        self.assert_code(result, 1)
        line = self.assert_one_line(result)
        for run_id in other:
            self.assertIn(run_id, line)
        self.assert_code(self.smiley("show", "q1a"), 0)

    def test_a_running_run_stays_and_a_finished_one_goes(self):
        producer = subprocess.Popen(
            [os.path.join(support.BIN, "smiley_test_producer"), "100", "--stay"],
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._children.append(producer)
        running = producer.stdout.readline().decode().strip()
        self.assertTrue(support.wait_until(lambda: (self.run_object(running) or {}).get("events", 0) >= 90))
        refused = self.smiley("delete", self.run_id, running)
        self.assert_code(refused, 1)
        self.assertIn("still running", self.assert_one_line(refused))
        self.assertIsNotNone(self.run_object(self.run_id))
        gone = self.smiley("delete", self.run_id)
        self.assert_code(gone, 0)
        self.assertRegex(self.assert_one_line(gone), r"deleted run %s: [\d,]+ events, .* freed" % self.run_id)
        self.assertIsNone(self.run_object(self.run_id))
        producer.stdin.close()
        self.assertEqual(producer.wait(support.TIMEOUT), 0)

    def test_the_store_is_sound(self):
        result = self.smiley("store", "check")
        self.assert_code(result, 0)
        self.assertEqual(result.text, "")
        self.assertIn("sound", self.assert_one_line(result))

    def test_a_store_that_cannot_be_written_is_still_read(self):
        events = self.smiley("replay", "last", "--json").objects
        self.assert_code(self.smiley("daemon", "stop"), 0)
        as_other = {}
        if os.geteuid() == 0:  # nothing is forbidden to root
            as_other = {"user": 65534, "group": 65534, "extra_groups": []}
        for where, folders, files in os.walk(self.home):
            for name in files:
                os.chmod(os.path.join(where, name), 0o400)
            os.chmod(where, 0o500)
            if as_other:
                for name in [where] + [os.path.join(where, f) for f in files]:
                    os.chown(name, 65534, 65534)
        os.chmod(self.work, 0o755)
        result = self.smiley("list", "--json", **as_other)
        self.assert_code(result, 0)
        self.assertEqual([o["id"] for o in result.objects], [self.run_id])
        self.assertIn("reading the store itself", self.assert_one_line(result))
        self.assertEqual(self.smiley("replay", "last", "--json", **as_other).objects, events)


if __name__ == "__main__":
    unittest.main()
