"""The touched-variable guarantee: at every event the recorded values are what a full look at the frame would show.

The other opinion is reference_values.py, a trace function in Python that reads f_locals; compared with the fold of
`changed` of the export. Below the first level of containers and objects values may be older at lines: they are compared
at calls and returns only.
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
    """One value with its ids, to follow references."""

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
                # A definition cut by depth gives way to one that is not.
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
    """None, or where the two values differ. `levels`: containers within containers that count."""
    return differ(Side(expected), Side(found), expected, found, levels, "value")


def differ(one, other, a, b, levels, where):
    a, b = one.follow(a), other.follow(b)
    if not isinstance(a, dict) or not isinstance(b, dict):
        if type(a) is type(b) and repr(a) == repr(b):
            return None
        return "%s: expected %s, got %s" % (where, json.dumps(a)[:300], json.dumps(b)[:300])
    compound = {"items", "attributes", "args"} & (set(a) | set(b))
    cut_by_depth = "id" in a and not ({"items", "attributes", "args"} & set(a)) or \
        "id" in b and not ({"items", "attributes", "args"} & set(b))
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
                wrong = differ(one, other, p, q, levels - 1, "%s.%s[%d]%s" % (where, key, i, "[%d]" % n if pair else ""))
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
        """All differences, as texts; the event of each is told."""
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
                wrong.append("sequence: expected %r, got %r" % ((event, function, line), (o["event"], o["function"], o["line"])))
                break
            exact = deep or event in ("call", "return")
            for name, value in sorted(expected.items()):
                compared += 1
                text = difference(value, state.get(name, UNBOUND), 3 if exact else 1)
                if text:
                    wrong.append("%s of %s, line %s, event %s: %s: %s" % (o["event"], function, line, o["seq"], name, text))
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
NOT_COMPARED = {"coroutines", "async_generators", "threads", "data_classes", "finalizers"}
NAMES = sorted(n[:-3] for n in os.listdir(PROGRAMS) if n.endswith(".py") and n[:-3] not in NOT_COMPARED)


def add(name):
    def test(self):
        self.check_program(name)
    setattr(Values, "test_program_" + name, test)


for _name in NAMES:
    add(_name)

if __name__ == "__main__":
    unittest.main()
