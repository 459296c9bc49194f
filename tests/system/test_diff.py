"""smiley-diff: the first difference of two runs with its stacks and values, further differences, and times."""

import unittest

import support

PROGRAM = """import sys
def price(item):
    return {"apple": 3, "pear": 4}[item]

def total(items):
    sum = 0
    for item in items:
        try:
            sum += price(item)
        except KeyError:
            sum += 1
    return sum

def report(sum):
    class Holder:
        pass
    holder = Holder()
    print(sum)

report(total(sys.argv[1:]))
"""


class Diff(support.SmileyTest):
    def run_with(self, *words, text=PROGRAM, python=None):
        self.assert_code(self.record(text, *words, python=python), 0)
        return self.smiley("list", "-n1", "--json").objects[0]["id"]

    def test_equal_runs_are_equal(self):
        for python in support.pythons():
            with self.subTest(python=python):
                a, b = (self.run_with("apple", "pear", python=python) for _ in range(2))
                result = self.smiley("diff", a, b)
                self.assert_code(result, 0)
                self.assertEqual(result.text, "")
                self.assertIn("no difference", self.assert_one_line(result))
                totals = self.smiley("diff", a, b, "--json").objects[-1]
                self.assertEqual((totals["type"], totals["equal"], totals["differences"]), ("totals", True, 0))

    def test_the_first_difference_and_the_rest(self):
        a, b = self.run_with("apple", "pear", "pear"), self.run_with("apple", "plum", "pear")
        result = self.smiley("diff", a, b, "--json", "--ignore", "items")
        self.assert_code(result, 1)
        rows = result.objects
        first = rows[0]
        self.assertTrue(first["first"])
        self.assertEqual([n["name"] for n in first["names"]], ["item"])
        self.assertEqual((first["names"][0]["a"], first["names"][0]["b"]), ("pear", "plum"))
        self.assertEqual(first["a"]["text"].strip(), "for item in items:")
        self.assertEqual([f["function"] for f in first["a"]["stack"]], ["<module>", "total"])
        raised = [r for r in rows if r.get("kind") == "exception"]
        self.assertTrue(any(r["b"] and r["b"].get("exception", {}).get("type") == "KeyError" for r in raised), rows)
        text = self.smiley("diff", a, b).text
        self.assertTrue(text.startswith("first difference"), text)
        self.assertIn("a = ", text)
        flow = self.smiley("diff", a, b, "--flow", "--json")
        self.assert_code(flow, 1)
        self.assertFalse([r for r in flow.objects if r.get("kind") == "value"])

    def test_code_that_only_moved_is_the_same(self):
        moved = "# a remark\n\n" + PROGRAM
        self.assert_code(self.smiley("diff", self.run_with("apple"), self.run_with("apple", text=moved)), 0)

    def test_calls_that_one_makes_more(self):
        a, b = self.run_with("apple"), self.run_with("apple", "pear", "apple")
        rows = self.smiley("diff", a, b, "--flow", "--json").objects
        calls = [r for r in rows if r.get("kind") == "calls"]
        self.assertTrue(any(r["a"] is None and r["b"]["function"] == "price" for r in calls), rows)

    def test_timings(self):
        a, b = self.run_with("apple"), self.run_with("apple")
        result = self.smiley("diff", a, b, "--stats", "--json")
        self.assertIn(result.code, (0, 1))
        rows = {o["function"]: o for o in result.objects if o["type"] == "timing"}
        self.assertEqual(rows["price"]["a"]["calls"], 1)
        self.assertIsNone(rows["total"]["noise_ns"])
        self.assertEqual(rows["total"]["delta_ns"], rows["total"]["b"]["own_ns"] - rows["total"]["a"]["own_ns"])
        self.assertIn("FUNCTION", self.smiley("diff", a, b, "--stats").text)

    def test_errors_of_usage(self):
        a = self.run_with("apple")
        for words in ((), (a,), (a, "nosuch"), (a, a, "--nosuch")):
            result = self.smiley("diff", *words)
            self.assert_code(result, 2)
            self.assert_one_line(result)


if __name__ == "__main__":
    unittest.main()
