"""smiley-store repair rebuilds a store without its list of tables, and keeps the damaged store."""

import glob
import os
import unittest

import support


class StoreRepair(support.SmileyTest):
    def setUp(self):
        super().setUp()
        self.env["PATH"] = os.path.dirname(support.pythons()[0]) + ":" + self.env["PATH"]

    def test_a_damaged_store_is_repaired_beside_and_kept(self):
        self.assert_code(self.record("print(sum(range(5)))\n", python=support.pythons()[0], options=("-q",)), 0)
        before = self.smiley("export", "last", "--format", "jsonl").out
        busy = self.smiley("store", "repair")
        self.assert_code(busy, 1)
        self.assertIn("smiley-daemon stop", self.assert_one_line(busy))
        self.assert_code(self.smiley("daemon", "stop"), 0)
        sound = self.smiley("store", "repair")
        self.assert_code(sound, 0)
        self.assertIn("nothing was changed", self.assert_one_line(sound))

        store = os.path.join(self.home, "store")
        (manifest,) = glob.glob(os.path.join(store, "MANIFEST-*"))
        os.unlink(manifest)
        names = {n for n in os.listdir(store) if not n.startswith("LOG")}
        refused = self.smiley("list")
        self.assert_code(refused, 1)
        self.assertIn("smiley-store repair", refused.words)
        repaired = self.smiley("store", "repair", "--json")
        self.assert_code(repaired, 0)
        end = repaired.objects[-1]
        self.assertEqual(
            (end["type"], end["sound"], end["store"], end["runs"], end["newly_lost"]), ("repair", False, store, 1, 0)
        )
        self.assertIn("finding", [o["type"] for o in repaired.objects])
        self.assertEqual({n for n in os.listdir(end["damaged"]) if not n.startswith("LOG")}, names)
        self.assertEqual(self.smiley("export", "last", "--format", "jsonl").out, before)
        self.assert_code(self.smiley("store", "check"), 0)
        self.assertEqual([n for n in os.listdir(self.home) if "repair" in n], [])

    def test_it_repairs_what_lies_here_and_all_of_it(self):
        for words in (("store", "repair", "last"), ("store", "repair", "--connect", "localhost:1")):
            result = self.smiley(*words)
            self.assert_code(result, 2)
            self.assert_one_line(result)
        nothing = self.smiley("store", "repair")
        self.assert_code(nothing, 1)
        self.assertIn("nothing was recorded yet", self.assert_one_line(nothing))


if __name__ == "__main__":
    unittest.main()
