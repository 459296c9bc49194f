"""smiley-when finds the events at which an expression becomes true."""

import unittest

import support

PROGRAM = """\
class Order:
    def __init__(self):
        self.total = 0
        self.state = "open"

    def add(self, price):
        self.total = self.total + price
        return self.total

    def close(self):
        self.state = "closed"
        return self.total

def account(amounts):
    balance = 10
    for amount in amounts:
        balance = balance + amount
    return balance

def broken(n):
    try:
        return {}[n]
    except KeyError:
        return None

order = Order()
order.add(5)
order.add(0)
order.add(7)
order.close()
account([5, -20, -1, 30, -100])
account([1, 2])
account([-11])
for n in range(3):
    broken(n)
"""


class When(support.SmileyTest):
    def setUp(self):
        super().setUp()
        self.assert_code(self.record(PROGRAM, python=support.pythons()[0], name="bank.py"), 0)

    def when(self, expression, *words):
        result = self.smiley("when", "last", expression, *words, "--json")
        self.assertIn(result.code, (0, 1), repr(result))
        return result.objects

    def test_a_variable_is_followed_in_each_call_by_itself(self):
        found = self.when("balance < 0")
        # 15 -5 -6 24 -76: it becomes negative twice in the first call, and once in the third.
        self.assertEqual([e["variables"]["balance"] for e in found], [-5, -76, -1])
        self.assertEqual([e["function"] for e in found], ["account"] * 3)
        self.assertEqual(found[0]["frame"], found[1]["frame"])
        self.assertNotEqual(found[1]["frame"], found[2]["frame"])
        self.assertEqual(found[0]["position"], "%d:%d" % (found[0]["thread"], found[0]["seq"]))

    def test_what_replay_knows_of_each_event_agrees(self):
        events = self.smiley("replay", "last", "--json").objects
        state, held, expected = {}, {}, []
        for event in events:
            frame = event.get("frame")
            if frame is None:
                continue
            state.setdefault(frame, {}).update(event.get("changed", {}))
            value = state[frame].get("balance")
            holds = isinstance(value, int) and value < 0
            if holds and not held.get(frame):
                expected.append((event["thread"], event["seq"]))
            held[frame] = holds
        self.assertEqual([(e["thread"], e["seq"]) for e in self.when("balance < 0")], expected)
        raised = [(e["thread"], e["seq"]) for e in events if e["event"] == "raise" and "exception" in e]
        self.assertEqual([(e["thread"], e["seq"]) for e in self.when('event == raise and exception ~ "Key"')], raised)
        self.assertEqual(len(raised), 3)
        changed = [(e["thread"], e["seq"]) for e in events if "amount" in e.get("changed", {})]
        self.assertEqual([(e["thread"], e["seq"]) for e in self.when("amount changed")], changed)
        calls = [(e["thread"], e["seq"]) for e in events if e["event"] == "call" and e["function"] == "account"]
        self.assertEqual([(e["thread"], e["seq"]) for e in self.when('function == "account"')], calls)

    def test_attributes_of_objects_and_variables_of_functions(self):
        totals = [e["variables"]["self"]["attributes"]["total"] for e in self.when("self.total changed")]
        self.assertEqual(totals, [0, 5, 12])
        self.assertEqual(
            [e["function"] for e in self.when('self.state == "closed" and function ~ "close"')], ["Order.close"]
        )
        self.assertEqual([e["variables"]["amount"] for e in self.when("account.amount > 20")], [30])
        self.assertEqual(self.when("broken.amount > 20"), [])

    def test_first_last_count_and_reverse(self):
        everything = self.when("balance < 0")
        self.assertEqual(self.when("balance < 0", "--first"), everything[:1])
        self.assertEqual(self.when("balance < 0", "--last"), everything[-1:])
        self.assertEqual(self.when("balance < 0", "-n", "2"), everything[:2])
        self.assertEqual(self.when("balance < 0", "--reverse"), everything[::-1])
        self.assertEqual(self.when("balance < 0", "--reverse", "-n", "1"), everything[-1:])
        self.assertEqual(self.when("balance < 0", "--count"), [{"type": "count", "count": 3}])
        result = self.smiley("when", "last", "balance < 0", "--count")
        self.assertEqual(result.text, "3\n")
        self.assertRegex(result.words, r"smiley: 3 events of run \w+; read \d+ chunks?, skipped \d+")

    def test_people_read_it_and_nothing_found_is_exit_1(self):
        result = self.smiley("when", "last", "balance < 0")
        self.assert_code(result, 0)
        self.assertIn("bank.py:", result.text)
        self.assertIn("balance = -5", result.text)
        result = self.smiley("when", "last", "balance > 10000")
        self.assert_code(result, 1)
        self.assertEqual(result.text, "")
        for words in (["last"], ["last", "balance <"], ["last", "a", "--first", "--last"], ["last", ""]):
            self.assert_code(self.smiley("when", *words), 2)


if __name__ == "__main__":
    unittest.main()
