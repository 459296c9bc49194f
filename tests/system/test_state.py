"""smiley-show --at: the state of a thread at one event, and the steps from there."""

import os
import unittest

import support

PROGRAM = """\
import threading

def pay(amount, coupons):
    left = amount
    for coupon in coupons:
        left = left - coupon
    return left

def shop(names):
    bought = []
    for name in names:
        bought.append(name)
        print("bought", name)
    total = pay(100, [30, 90])
    if total < 0:
        raise ValueError("paid " + str(total))
    return total

class Till:
    def __init__(self):
        self.money = 5

till = Till()
gate = threading.Event()
ready = threading.Event()

def wait_at_gate():
    ready.set()
    gate.wait()

other = threading.Thread(target=wait_at_gate, name="Gatekeeper")
other.start()
ready.wait()
try:
    shop(["egg", "tea"])
finally:
    gate.set()
    other.join()
"""


class State(support.SmileyTest):
    def setUp(self):
        super().setUp()
        python = support.pythons()[0]
        result = self.record(PROGRAM, python=python, name="shop.py")
        self.assert_code(result, 1)

    def show(self, *words):
        result = self.smiley("show", "last", *words, "--json")
        self.assert_code(result, 0)
        self.assertEqual(len(result.objects), 1)
        return result.objects[0]

    def test_shows_the_stack_with_every_variable_at_the_exception(self):
        state = self.show("--at", "exception")
        self.assertEqual(state["event"]["exception"], {"type": "ValueError", "message": "paid -20"})
        frames = state["frames"]
        self.assertEqual([f["function"] for f in frames], ["shop", "<module>"])
        self.assertEqual(frames[0]["line"], 16)
        self.assertEqual(frames[0]["text"].strip(), 'raise ValueError("paid " + str(total))')
        self.assertEqual(frames[0]["variables"]["total"], -20)
        self.assertEqual(frames[0]["variables"]["bought"]["items"], ["egg", "tea"])
        self.assertEqual(frames[1]["line"], 35)
        self.assertEqual(frames[1]["variables"]["till"]["attributes"], {"money": 5})
        # The other thread waits, and the earlier output is shown.
        self.assertEqual([t["name"] for t in state["threads"]], ["Gatekeeper"])
        self.assertEqual(state["threads"][0]["frames"][0]["function"], "wait_at_gate")
        for position, when in frames[0]["written"].items():
            self.assertRegex(when, r"^1:\d+$", position)

    def test_every_event_folds_to_what_replay_told(self):
        events = [e for e in self.smiley("replay", "last", "--thread", "1", "--json").objects]
        known = {}
        checked = 0
        for event in events:
            if "frame" in event:
                known.setdefault(event["frame"], {}).update(event.get("changed", {}))
            if event.get("function") == "pay":
                state = self.show("--at", "1:%d" % event["seq"])
                self.assertEqual(state["frames"][0]["frame"], event["frame"])
                values = state["frames"][0]["variables"]
                self.assertEqual(set(values), set(known[event["frame"]]))
                self.assertEqual(values["left"] if "left" in values else None, known[event["frame"]].get("left"))
                checked += 1
        self.assertGreater(checked, 8)

    def test_steps_lead_over_and_out_and_back(self):
        call = self.show("--at", "shop.py:14")
        self.assertEqual(call["frames"][0]["function"], "shop")
        over = self.show("--at", call["position"], "--over")
        self.assertEqual((over["frames"][0]["function"], over["frames"][0]["line"]), ("shop", 15))
        self.assertEqual(over["frames"][0]["variables"]["total"], -20)
        into = self.show("--at", call["position"], "--next")
        self.assertEqual(into["frames"][0]["function"], "pay")
        self.assertEqual(self.show("--at", into["position"], "--out")["position"], over["position"])
        self.assertEqual(self.show("--at", over["position"], "--back-over")["position"], call["position"])
        self.assertEqual(self.show("--at", into["position"], "--previous")["position"], call["position"])
        third = self.show("--at", "shop.py:6#2")
        self.assertEqual(third["frames"][0]["variables"]["left"], 70)

    def test_people_read_it_too(self):
        result = self.smiley("show", "last", "--at", "exception")
        self.assert_code(result, 0)
        for part in (
            "shop.py:16",
            'raise ValueError("paid " + str(total))',
            "total = -20",
            "<module>",
            "Gatekeeper",
            "ValueError: paid -20",
        ):
            self.assertIn(part, result.text)
        self.assertNotIn("\x1b", result.text)

    def test_places_that_are_not_there_are_said(self):
        for words, part in (
            (["--at", "shop.py:14#9"], "1 time only"),
            (["--at", "1:999999"], "ends at 1:"),
            (["--at", "9:1"], "smiley-threads"),
        ):
            result = self.smiley("show", "last", *words)
            self.assert_code(result, 1)
            self.assertIn(part, self.assert_one_line(result))
        for words in (["--at", "x"], ["--next"], ["--thread", "1"]):
            result = self.smiley("show", "last", *words)
            self.assert_code(result, 2)
            self.assert_one_line(result)


class Running(support.SmileyTest):
    def test_a_run_in_progress_answers(self):
        path = self.script("app.py", "def wait(n):\n    print('here', flush=True)\n    input()\nwait(41)\n")
        child = self.start("run", "--python", support.pythons()[0], path, stdin=support.subprocess.PIPE)
        self.read_until(child.stdout, b"here")

        def there():
            result = self.smiley("show", "last", "--at", "end", "--json")
            return result.code == 0 and result.objects[0]["frames"][0].get("line") == 3 and result.objects[0]

        state = support.wait_until(there)
        self.assertTrue(state)
        self.assertEqual(state["frames"][0]["variables"], {"n": 41})
        os.write(child.stdin.fileno(), b"\n")
        self.assertEqual(child.wait(support.TIMEOUT), 0)


if __name__ == "__main__":
    unittest.main()
