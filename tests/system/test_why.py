"""smiley-why shows where the value of a variable came from."""

import unittest

import support

PROGRAM = """\
RATE = 3

def parse(text):
    number = int(text)
    return number

def price(count, each):
    cost = count * each
    return cost

def bill(words):
    first = words[0]
    count = parse(first)
    total = price(count, RATE)
    copy = total
    show = copy
    raise ValueError(show)

orders = ["14", "2"]
bill(orders)
"""


class Why(support.SmileyTest):
    def setUp(self):
        super().setUp()
        self.assert_code(self.record(PROGRAM, python=support.pythons()[0], name="bill.py"), 1)

    def why(self, *words):
        result = self.smiley("why", "last", *words, "--json")
        self.assert_code(result, 0)
        return result.objects

    def test_goes_back_through_copies_and_return_values(self):
        chain = self.why("exception", "show")
        self.assertEqual(
            [(link["name"], link["line"], link["how"]) for link in chain[:3]],
            [("show", 16, "copied"), ("copy", 15, "copied"), ("total", 14, "returned")],
        )
        self.assertEqual(chain[2]["returned_by"], "price")
        self.assertEqual([(link["name"], link["line"], link["how"]) for link in chain[3:]], [("cost", 8, "computed")])
        # The chain ends at a line that computed a value from two variables.
        self.assertEqual([(read["name"], read["value"]) for read in chain[3]["reads"]], [("count", 14), ("each", 3)])
        self.assertEqual([link["value"] for link in chain], [42] * 4)
        self.assertEqual(chain[3]["text"].strip(), "cost = count * each")

    def test_goes_back_through_arguments(self):
        chain = self.why("bill.py:4", "text")
        self.assertEqual(
            [(link["name"], link["function"], link["how"]) for link in chain],
            [
                ("text", "parse", "passed"),
                ("first", "bill", "part"),
                ("words", "bill", "passed"),
                ("orders", "<module>", "computed"),
            ],
        )
        self.assertEqual(chain[-1]["text"], 'orders = ["14", "2"]')

    def test_goes_on_where_a_link_says(self):
        chain = self.why("exception", "show")
        count = chain[-1]["reads"][0]
        more = self.why("bill.py:9", "count")
        self.assertEqual(
            [(link["name"], link["how"]) for link in more][:2], [("count", "passed"), ("count", "returned")]
        )
        self.assertEqual(more[0]["value"], count["value"])
        self.assertEqual(more[2]["name"], "number")

    def test_people_read_it_too(self):
        result = self.smiley("why", "last", "exception", "show")
        self.assert_code(result, 0)
        for part in ("show = 42", "bill.py:14", "returned by price", "cost = count * each", "each = 3"):
            self.assertIn(part, result.text)

    def test_what_is_not_there_is_said(self):
        result = self.smiley("why", "last", "exception", "nothing")
        self.assert_code(result, 1)
        self.assertIn("there is no variable 'nothing' at 1:", self.assert_one_line(result))
        self.assert_code(self.smiley("why", "last", "x", "show"), 2)
        self.assert_code(self.smiley("why", "last", "exception"), 2)


if __name__ == "__main__":
    unittest.main()
