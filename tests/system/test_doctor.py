"""smiley-doctor checks the installation, and makes SMILEY=1 work in a Python environment."""

import json
import os
import unittest

import support


class Doctor(support.SmileyTest):
    def test_an_installation_is_examined(self):
        result = self.smiley("doctor", "--json")
        self.assertEqual((result.code, result.err), (0, b""), repr(result))
        checks = {o["name"]: o for o in result.objects}
        self.assertEqual(
            set(checks),
            {"installation", "tracers", "python", "kernel", "clock", "shm", "home", "daemon", "store", "segments"},
        )
        self.assertEqual({o["type"] for o in checks.values()}, {"check"})
        for name in ("installation", "tracers", "home", "daemon", "segments"):
            self.assertEqual((checks[name]["state"], checks[name]["advice"]), ("ok", None), checks[name])
        self.assertIn(self.home, checks["home"]["text"])
        self.assertIn("not running", checks["daemon"]["text"])
        shown = self.smiley("doctor", "--color", "never")
        self.assertIn("ok      installation ", shown.text)
        self.assert_code(self.smiley("daemon", "start"), 0)
        self.assertIn('"running"', self.smiley("doctor", "--json").text)

    def test_what_is_wrong_is_said_with_what_to_do(self):
        os.chmod(self.home, 0o777)
        result = self.smiley("doctor", "--json")
        self.assert_code(result, 1)
        home = next(o for o in result.objects if o["name"] == "home")
        self.assertEqual(home["state"], "problem")
        self.assertIn("SMILEY_HOME", home["advice"])

    def test_an_environment_records_when_it_is_asked_to(self):
        self.env.pop("PYTHONPATH", None)
        self.script(
            "app.py", "import smiley, sys\nprint(smiley.recording(), sys.argv[1:])\nx = 41 + 1\nsys.exit(3)\n"
        )
        for python in support.pythons():
            with self.subTest(python=python):
                environment = os.path.join(
                    self.work, "env-" + os.path.basename(os.path.dirname(os.path.dirname(python)))
                )
                self.assert_code(self.run_words([python, "-m", "venv", "--without-pip", environment]), 0)
                own = os.path.join(environment, "bin", "python")
                installed = self.smiley("doctor", "--install-pth", "--python", own, "--json")
                self.assert_code(installed, 0)
                self.assertIn(environment, installed.objects[0]["text"])

                plain = self.run_words([own, "app.py", "a"])
                self.assertEqual((plain.code, plain.out, plain.err), (3, b"False ['a']\n", b""))
                asked = self.run_words([own, "app.py", "a", "b c"], env=dict(self.env, SMILEY="1"))
                self.assertEqual((asked.code, asked.out), (3, b"True ['a', 'b c']\n"), repr(asked))
                self.assertTrue(asked.words.startswith("smiley: run "), asked.words)
                self.assertEqual(len(asked.words.splitlines()), 1, asked.words)
                run = json.loads(self.smiley("list", "--json").text.splitlines()[0])
                self.assertEqual((run["exit_code"], run["command"][-3:]), (3, ["app.py", "a", "b c"]))
                # smiley-run in such an environment records one run.
                twice = self.smiley("run", "--python", own, "app.py", env=dict(self.env, SMILEY="1"))
                self.assertEqual(
                    (twice.code, twice.out, len(twice.words.splitlines())), (3, b"True []\n", 1), repr(twice)
                )

                self.assert_code(self.smiley("doctor", "--remove-pth", "--python", own), 0)
                gone = self.run_words([own, "-c", "import smiley"], env=dict(self.env, SMILEY="1"))
                self.assertIn("ModuleNotFoundError", gone.words)


if __name__ == "__main__":
    unittest.main()
