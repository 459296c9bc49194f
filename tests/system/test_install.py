"""cmake --install creates a prefix that works, whatever characters are in its path."""

import os
import unittest

import support


class Install(support.SmileyTest):
    def test_an_installed_prefix_works(self):
        build = os.path.dirname(support.BIN)
        prefix = os.path.join(self.work, "a prefix")
        installed = self.run_words(["cmake", "--install", build, "--prefix", prefix])
        self.assert_code(installed, 0)
        smiley = os.path.join(prefix, "bin", "smiley-run")
        for python in support.pythons():
            with self.subTest(python=python):
                self.assert_code(self.run_words([smiley, "-q", "--python", python, "-c", "x = 41 + 1"]), 0)
                replayed = self.run_words([os.path.join(prefix, "bin", "smiley-replay"), "last", "--json"])
                self.assertTrue(any(o.get("changed", {}).get("x") == 42 for o in replayed.objects), replayed)
                lib = os.path.join(prefix, "lib", "smiley", "python")
                itself = self.run_words(
                    [python, "-c", "import smiley; smiley.start(); y = 43; smiley.stop(); print(len(smiley.runs()))"],
                    env=dict(self.env, PYTHONPATH=lib, PYTHONDONTWRITEBYTECODE="1"),
                )
                self.assert_code(itself, 0)
                self.assertGreater(int(itself.text), 1)


if __name__ == "__main__":
    unittest.main()
