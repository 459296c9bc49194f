"""The touched-variable guarantee: at every event the recorded values equal those of the frame.

reference_values.py, a trace function in Python that reads f_locals, gives the expected values. They are compared with
the fold of `changed` of the export. At lines, values below the first level of containers and objects may be older;
they are compared at calls and returns only.
"""

import json
import os
import unittest

import support
from test_tracer_sequence import COUNTERPART, PROGRAMS, Recorded

REFERENCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "reference_values.py")
UNBOUND = {"$type": "unbound"}
KEYS = ("$type", "class", "text", "base64", "bits", "cut", "real", "imag", "notes")


class Side:
    """One value with its ids, to resolve references."""

    def __init__(self, value):
        self.value = value
        self.found = {}
        self.walk(value)

    def walk(self, value):
        if isinstance(value, list):
            for item in value:
                self.walk(item)
        elif isinstance(value, dict):
            if value.get("$type") != "ref" and "id" in value:
                # A definition that is not cut by depth replaces one that is.
                old = self.found.get(value["id"])
                if old is None or not ({"items", "attributes"} & set(old)):
                    self.found[value["id"]] = value
            for item in value.values():
                self.walk(item)

    def follow(self, value):
        if isinstance(value, dict) and value.get("$type") == "ref":
            return self.found.get(value["id"], value)
        return value


def difference(expected, found, levels):
    """None, or the place where two values differ. `levels`: nested levels to compare."""
    return differ(Side(expected), Side(found), expected, found, levels, "value")


def differ(one, other, a, b, levels, where):
    a, b = one.follow(a), other.follow(b)
    if not isinstance(a, dict) or not isinstance(b, dict):
        if type(a) is type(b) and repr(a) == repr(b):
            return None
        return "%s: expected %s, got %s" % (where, json.dumps(a)[:300], json.dumps(b)[:300])
    compound = {"items", "attributes", "args"} & (set(a) | set(b))
    cut_by_depth = (
        "id" in a
        and not ({"items", "attributes", "args"} & set(a))
        or "id" in b
        and not ({"items", "attributes", "args"} & set(b))
    )
    nested = where != "value"
    for key in KEYS:
        if key == "cut" and nested and (levels <= 0 or cut_by_depth):
            continue
        if nested and levels <= 0 and compound and key not in ("$type", "class"):
            continue
        if a.get(key) != b.get(key):
            return "%s.%s: expected %s, got %s" % (where, key, json.dumps(a)[:300], json.dumps(b)[:300])
    if levels <= 0 or (nested and cut_by_depth):
        return None
    for key in ("items", "args"):
        first, second = a.get(key), b.get(key)
        if (first is None) != (second is None) or first is not None and len(first) != len(second):
            return "%s.%s: expected %s, got %s" % (where, key, json.dumps(a)[:400], json.dumps(b)[:400])
        for i, (x, y) in enumerate(zip(first or (), second or ())):
            pair = key == "items" and isinstance(x, list)
            for n, (p, q) in enumerate(zip(x, y) if pair else [(x, y)]):
                wrong = differ(
                    one, other, p, q, levels - 1, "%s.%s[%d]%s" % (where, key, i, "[%d]" % n if pair else "")
                )
                if wrong:
                    return wrong
    first, second = a.get("attributes"), b.get("attributes")
    if (first is None) != (second is None) or first is not None and sorted(first) != sorted(second):
        return "%s: expected attributes %s, got %s" % (where, json.dumps(a)[:400], json.dumps(b)[:400])
    for name in first or ():
        wrong = differ(one, other, first[name], second[name], levels - 1, "%s.%s" % (where, name))
        if wrong:
            return wrong
    for key in ("cause", "context"):
        if (key in a) != (key in b) and levels > 1:
            return "%s: expected %s, got %s" % (where, json.dumps(a)[:300], json.dumps(b)[:300])
        if key in a and key in b:
            wrong = differ(one, other, a[key], b[key], levels - 1, "%s.%s" % (where, key))
            if wrong:
                return wrong
    return None


class Values(Recorded):
    def reference(self, python, path):
        out = os.path.join(self.work, "reference.json")
        result = self.run_words([python, REFERENCE, out, path])
        self.assertEqual((result.code, result.err), (0, b""), repr(result))
        with open(out) as file:
            return json.load(file)

    def compare(self, python, path, *options, deep=False):
        """All differences as texts, each with its event."""
        reference = self.reference(python, path)
        lines = self.recorded(python, path, *options)
        names = {(o["process"], o["thread"]): o["name"] for o in lines if o["type"] == "thread"}
        place = dict.fromkeys(reference, 0)
        states, wrong, compared = {}, [], 0
        for o in lines:
            if o["type"] != "event" or o.get("file") != path:
                continue
            state = states.setdefault((o["process"], o["frame"]), {})
            state.update(o.get("changed", {}))
            if o["event"] not in COUNTERPART:
                continue
            thread = names[o["process"], o["thread"]]
            at = place[thread]
            place[thread] += 1
            if at >= len(reference[thread]):
                wrong.append("more events than settrace saw")
                break
            event, function, line, expected = reference[thread][at]
            if (event, function) != (COUNTERPART[o["event"]], o["function"]) or event == "line" and line != o["line"]:
                wrong.append(
                    "sequence: expected %r, got %r"
                    % ((event, function, line), (o["event"], o["function"], o["line"]))
                )
                break
            exact = deep or event in ("call", "return")
            for name, value in sorted(expected.items()):
                compared += 1
                text = difference(value, state.get(name, UNBOUND), 3 if exact else 1)
                if text:
                    wrong.append(
                        "%s of %s, line %s, event %s: %s: %s" % (o["event"], function, line, o["seq"], name, text)
                    )
        self.assertGreater(compared, 5)
        return wrong

    def check(self, text):
        for python in support.pythons():
            with self.subTest(python=python):
                self.tell(self.compare(python, self.script("app.py", text)))

    def check_program(self, name):
        for python in support.pythons():
            with self.subTest(python=python):
                self.tell(self.compare(python, os.path.join(PROGRAMS, name + ".py")))

    def tell(self, wrong):
        if wrong:
            self.fail("%d differences\n%s" % (len(wrong), "\n".join(wrong[:8])))


# In these, objects of the library hold addresses, times or locks, other threads run at their own pace, or the
# reference, by looking at f_locals, keeps alive what should have died.
NOT_COMPARED = {
    "pools",
    "task_groups",
    "new_syntax",
    "coroutines",
    "async_generators",
    "threads",
    "data_classes",
    "finalizers",
}
NAMES = sorted(n[:-3] for n in os.listdir(PROGRAMS) if n.endswith(".py") and n[:-3] not in NOT_COMPARED)


def add(name):
    def test(self):
        self.check_program(name)

    setattr(Values, "test_program_" + name, test)


for _name in NAMES:
    add(_name)


class Shapes(Recorded):
    """Expectations written by hand, for cases that the comparison above accepts either way."""

    def each(self, text, *options):
        for self.python in support.pythons():
            yield self.events(self.python, text, *options)

    def shortDescription(self):
        return "with %s" % getattr(self, "python", "no interpreter")

    @staticmethod
    def plain(value):
        """Without ids."""
        if isinstance(value, list):
            return [Shapes.plain(v) for v in value]
        if isinstance(value, dict):
            return {k: Shapes.plain(v) for k, v in value.items() if k != "id"}
        return value

    def find(self, events, kind, function, n=0):
        return [o for o in events if (o["event"], o["function"]) == (kind, function)][n]

    def test_a_call_tells_its_parameters_and_nothing_else(self):
        for events in self.each("def f(a, b=2, *c, d, **e):\n    x = 1\n    return x\nf(1, 3, 4, d=5, z=6)\n"):
            self.assertEqual(
                self.plain(self.find(events, "call", "f")["changed"]),
                {
                    "a": 1,
                    "b": 3,
                    "c": {"$type": "tuple", "items": [4]},
                    "d": 5,
                    "e": {"$type": "dict", "items": [["z", 6]]},
                },
            )

    def test_the_last_line_is_told_with_the_return(self):
        for events in self.each("def f(x):\n    return (x := x + 1)\ndef g():\n    y = 1\nf(1)\ng()\n"):
            back = self.find(events, "return", "f")
            self.assertEqual((back["changed"], back["value"]), ({"x": 2}, 2))
            back = self.find(events, "return", "g")
            self.assertEqual((back["changed"], back["value"]), ({"y": 1}, None))

    def test_shared_and_cyclic_parts_are_references(self):
        for events in self.each("def f(a):\n    return a\nx = [1]\ny = [x, x]\ny.append(y)\nf(y)\n"):
            value = self.find(events, "return", "f")["value"]
            first = value["items"][0]
            self.assertEqual(first, {"$type": "list", "id": first["id"], "items": [1]})
            self.assertEqual(
                value["items"][1:], [{"$type": "ref", "id": first["id"]}, {"$type": "ref", "id": value["id"]}]
            )

    def test_an_object_keeps_its_number(self):
        for events in self.each("class C: pass\ndef f(a):\n    return [a]\nc = C()\nf(c)\nf(c)\n"):
            numbers = {self.find(events, "call", "f", n)["changed"]["a"]["id"] for n in (0, 1)}
            numbers |= {self.find(events, "return", "f", n)["value"]["items"][0]["id"] for n in (0, 1)}
            self.assertEqual(len(numbers), 1)

    def test_two_that_are_equal_have_numbers_of_their_own(self):
        for events in self.each(
            "def f(make):\n    x = one = make()\n    x = other = make()\n    return [one, other, x]\n"
            "f(lambda: bytearray(b'same'))\nf(lambda: [1])\n"
        ):
            for n in (0, 1):
                back = self.find(events, "return", "f", n)
                one, other, x = (item["id"] for item in back["value"]["items"])
                told = [
                    e["changed"]["x"]["id"]
                    for e in events
                    if e.get("frame") == back["frame"] and "x" in e.get("changed", {})
                ]
                self.assertEqual((told, x), ([one, other], other))

    def test_limits_are_options(self):
        text = "def f(a):\n    return a\nf(['x' * 10, [[1, 2], 3, 4, 5], 6, 7])\n"
        for events in self.each(text, "--depth", "2", "--items", "3", "--chars", "4"):
            self.assertEqual(
                self.plain(self.find(events, "return", "f")["value"]),
                {
                    "$type": "list",
                    "cut": 1,
                    "items": [
                        {"$type": "str", "text": "xxxx", "cut": 6},
                        {"$type": "list", "cut": 1, "items": [{"$type": "list", "cut": 2}, 3, 4]},
                        6,
                    ],
                },
            )

    def test_huge_values_are_cut_and_say_so(self):
        text = (
            "def f(a):\n    return a\n"
            "f([['y' * 200] * 60 for _ in range(60)])\nf(['z%d' % i + 'y' * 200 for i in range(64)])\n"
        )
        for events in self.each(text):
            value = self.find(events, "return", "f")["value"]
            self.assertEqual(value["$type"], "list")
            self.assertEqual(len(value.get("items", [])) + value["cut"], 60)
            value = self.find(events, "return", "f", 1)["value"]
            self.assertEqual(len(value["items"]) + value["cut"], 64)
            self.assertGreater(len(value["items"]), 10)

    def test_deep_parts_are_exact_when_asked_for(self):
        text = (
            "def change(x):\n    x[0][0].append(1)\n"
            "def f():\n    a = [[[]]]\n    b = a\n    a[0][0].append(2)\n    a\n    a[0][0].clear()\n    a\n    return 1\n"
            "f()\n"
        )
        for python in support.pythons():
            with self.subTest(python=python):
                events = self.events(python, text, "--deep")
                state, seen = {}, {}
                for o in events:
                    if o["function"] == "f":
                        state.update(o.get("changed", {}))
                        if o["event"] == "line":
                            seen[o["line"]] = self.plain(state.get("a"))
                inner = [seen[line]["items"][0]["items"][0]["items"] for line in (6, 7, 9)]
                self.assertEqual(inner, [[], [2], []])

    def test_a_part_read_earlier_says_when(self):
        text = "def f():\n    a = [[[]], 1]\n    a[0][0].append(2)\n    a[1] = 2\n    a[1] = 3\n    return a\nf()\n"
        for events in self.each(text):
            lines = [o for o in events if o["function"] == "f" and "a" in o.get("changed", {})]
            first = lines[0]
            nested = next(o for o in lines if o["event"] == "line" and o["changed"]["a"]["items"][1] == 3)
            self.assertEqual(
                nested["changed"]["a"]["items"][0].get("asof"), "%d:%d" % (first["thread"], first["seq"])
            )
            last = lines[-1]
            self.assertEqual(self.plain(last["changed"]["a"]["items"][0]["items"][0]["items"]), [2])

    def test_a_large_value_that_is_sent_again_says_when_its_parts_were_read(self):
        text = (
            "def f(rows):\n    return len(rows)\n"
            "rows = [[n, [n] * 20] for n in range(20)]\n"
            "for n in range(4):\n    rows[3][0] = n + 100\n    f(rows)\n"
            "rows[0] = 7\nf(rows)\n"
        )
        for events in self.each(text):
            calls = [e for e in events if e["event"] == "call" and e["function"] == "f"]
            self.assertEqual(len(calls), 5)
            sent = [e["changed"]["rows"]["items"] for e in calls]
            # Read at the first call, and shown as it was then until its first level changes.
            self.assertEqual([items[3]["items"][0] for items in sent], [100, 100, 100, 100, 103])
            first = "%d:%d" % (calls[0]["thread"], calls[0]["seq"])
            self.assertEqual([items[3].get("asof") for items in sent], [None, first, first, first, None])
            self.assertEqual(sent[4][0], 7)

    def test_a_large_value_is_read_again_now_and_then(self):
        text = (
            "def f(rows):\n    return len(rows)\n"
            "rows = [[n, [n] * 20] for n in range(20)]\n"
            "for n in range(40):\n    rows[3][0] = n\n    f(rows)\n"
        )
        for events in self.each(text):
            calls = [e for e in events if e["event"] == "call" and e["function"] == "f"]
            late = max(n - e["changed"]["rows"]["items"][3]["items"][0] for n, e in enumerate(calls))
            self.assertTrue(1 <= late <= 16, late)

    def test_a_large_value_that_is_sent_again_shows_what_was_changed_in_a_call(self):
        # Frames with the same value share one cached state of it, until one of them changes the value.
        text = (
            "class Box:\n    pass\nbox = Box()\nbox.__dict__.update({'a%d' % n: n for n in range(30)})\n"
            "def outer(d, l, b, new):\n    inner(d, l, b, new)\n    return [d['7'], l[7], b.a7]\n"
            "def inner(d, l, b, new):\n    before = [d['7'], l[7], b.a7]\n"
            "    if new:\n        d['7'] = new\n        l[7] = new\n        b.a7 = new\n    return before\n"
            "d = {str(n): n for n in range(40)}\nl = list(range(40))\n"
            "for n in range(40):\n    outer(d, l, box, n if n % 9 == 8 else 0)\n"
        )

        def plain(state):
            return [dict(state["d"]["items"])["7"], state["l"]["items"][7], state["b"]["attributes"]["a7"]]

        for events in self.each(text):
            state, seen = {}, 0
            for o in events:
                function, event = o.get("function"), o["event"]
                if function not in ("outer", "inner"):
                    continue
                if event == "call":
                    state[function] = {}
                for name, value in o.get("changed", {}).items():
                    state[function][name] = value
                if function == "inner" and event == "line" and "before" in o.get("changed", {}):
                    self.assertEqual(plain(state["inner"]), o["changed"]["before"]["items"], o)
                if event == "return" and function == "outer":
                    self.assertEqual(plain(state["outer"]), o["value"]["items"], o)
                    seen += 1
            self.assertEqual(seen, 40)

    def test_what_changes_below_the_first_level_now_and_then_is_exact_at_each_call_and_return(self):
        # Runs of calls with and without changes, some of them undone at once, objects replaced by equal ones. State that
        # is cached between two events must not show.
        text = (
            "import json, random\n"
            "class Box:\n    pass\n"
            "def new():\n    box = Box()\n    box.a = [1, {'k': 2, 's': 'x'}]\n    box.b = {'p': [3.5, None]}\n    return box\n"
            "def change(box, what):\n"
            "    if what == 0: box.a[1]['k'] += 1\n"
            "    elif what == 1: box.b['p'].append(len(box.b['p'])); del box.b['p'][9:]\n"
            "    elif what == 2: box.a[1] = dict(box.a[1])\n"
            "    elif what == 3: box.a[1]['s'] = 'x' if box.a[1]['s'] == 'y' else 'y'\n"
            "    elif what == 4: box.b = {'p': box.b['p'][:2]}\n"
            "def f(box, shown, what):\n    change(box, what)\n    after = json.dumps([box.a, box.b])\n    return after\n"
            "r = random.Random(4711)\nbox = new()\n"
            "for n in range(400):\n"
            "    busy = n // 40 % 2\n"
            "    if n % 97 == 0: box = new()\n"
            "    if busy: change(box, r.randrange(9))\n"
            "    if n % 5 == 0: box.a[1]['k'] += r.randrange(2)\n"  # no frame holds it as a variable that is read deeply
            "    f(box, json.dumps([box.a, box.b]), r.randrange(9) if n % 3 == busy else 9)\n"
        )

        def plain(box):
            a, b = (box["attributes"][name] for name in "ab")
            return [[a["items"][0], dict(a["items"][1]["items"])], {"p": dict(b["items"])["p"]["items"]}]

        for events in self.each(text):
            state, calls, returns = {}, 0, 0
            for o in events:
                if o["function"] != "f" or o["event"] not in ("call", "line", "return"):
                    continue
                state = dict(o["changed"]) if o["event"] == "call" else {**state, **o.get("changed", {})}
                if o["event"] == "line":
                    continue
                shown = o["value"] if o["event"] == "return" else state["shown"]
                self.assertEqual(plain(state["box"]), json.loads(shown), o)
                calls, returns = calls + (o["event"] == "call"), returns + (o["event"] == "return")
            self.assertEqual((calls, returns), (400, 400))

    def test_a_generator_that_is_dropped_takes_no_other_along(self):
        text = (
            "def g(n):\n    x = [n]\n    yield n\n"
            "def f():\n    a = g(1)\n    next(a)\n    del a\n    b = g(2)\n    next(b)\n    return list(b)\nf()\n"
        )
        for events in self.each(text):
            frames = {}
            for o in events:
                if o["function"] == "g":
                    frames.setdefault(o["frame"], []).append(o["event"])
            first, second = frames.values()
            self.assertEqual(first[:4], ["call", "line", "line", "yield"])
            self.assertIn(first[4:], ([], ["throw", "raise", "unwind"]))  # from 3.13 on it does not run any more
            self.assertEqual(second, ["call", "line", "line", "yield", "resume", "return"])


if __name__ == "__main__":
    unittest.main()
