"""Secrets reach neither ring, store nor export, wherever the program shows them."""

import base64
import json
import subprocess
import unittest

import support

SECRETS = [
    "hunter2-in-a-variable",
    "swordfish-attribute",
    "sesame-in-a-dict",
    "keyword-open-up",
    "literal-of-the-source",
    "argv-secret-words",
    "nested-deep-secret",
    "slot-kept-secret",
    "global-hidden-word",
    "bytes-secret-thing",
    "argv-second-secret",
    "default-secret-value",
]

TEXT = """
import os
import sys

PASSWORD = "global-" + "hidden-word"
api_key = "literal-of-the-source"


class Account:
    def __init__(self, name):
        self.name = name
        self.password = "-".join(["swordfish", "attribute"])
        self.public = "shown-attribute"


class Slotted:
    __slots__ = ("client_secret", "shown")

    def __init__(self):
        self.client_secret = "-".join(["slot", "kept", "secret"])
        self.shown = 1


def show(text):
    copy = text
    both = [text, {"again": text}]
    message = "it was " + text + ", you know"
    return copy


def keyword(name, **words):
    return words


def default(secret_word="default-secret-" + "value", other=2):
    return show(secret_word)


def fails(text):
    raise ValueError("cannot log in with " + text)


def numbers():
    secret_number = 1234567890123
    other_number = 5
    return other_number


def run(argv):
    my_password = "-".join(["hunter2", "in", "a", "variable"])
    shown = show(my_password)
    account = Account("me")
    show(account.password)
    slotted = Slotted()
    show(slotted.client_secret)
    config = {"user": "me", "Password": "-".join(["sesame", "in", "a", "dict"]), "port": 80}
    show(config["Password"])
    words = keyword("me", auth_token="-".join(["keyword", "open", "up"]))
    show(words["auth_token"])
    deep = {"a": [{"session_cookie": "-".join(["nested", "deep", "secret"])}]}
    show(deep["a"][0]["session_cookie"])
    private_key = b"-".join([b"bytes", b"secret", b"thing"])
    raw = private_key
    both = {"raw": [raw]}
    show(PASSWORD)
    show(api_key)
    default()
    numbers()
    for secret in list(words.values()) + [my_password]:
        try:
            fails(secret)
        except ValueError as error:
            caught = error
    print("visible-output")
    del argv
    return "visible-return"


run(sys.argv)
"""


class Redaction(support.SmileyTest):
    def record_secrets(self, python, *options):
        result = self.record(
            TEXT,
            "--password",
            "argv-secret-words",
            "--api_key=argv-second-secret",
            python=python,
            options=["-q", *options],
        )
        self.assert_code(result, 0)
        self.assertEqual(result.out, b"visible-output\n")
        outputs = {
            "export jsonl": self.smiley("export", "last", "--format", "jsonl").out,
            "export smiley": self.smiley("export", "last").out,
            "replay": self.smiley("replay", "last", "--json").out,
            "list": self.smiley("list", "--json").out,
        }
        self.assertGreater(len(outputs["export jsonl"]), 10000)
        return outputs

    def test_no_secret_is_anywhere(self):
        for python in support.pythons():
            with self.subTest(python=python):
                outputs = self.record_secrets(python)
                self.assertIn(b"visible-return", outputs["export jsonl"])
                self.assertIn(b"shown-attribute", outputs["export jsonl"])
                self.assertIn(b'"$type":"redacted"', outputs["export jsonl"])
                self.assert_code(self.smiley("daemon", "stop"), 0)
                outputs.update(self.bytes_of_the_home())
                self.assertEqual(
                    [
                        (name, secret)
                        for name, data in outputs.items()
                        for secret in SECRETS
                        if secret.encode() in data
                    ],
                    [],
                )

    def test_no_secret_is_in_shared_memory_while_the_program_runs(self):
        text = TEXT + "print('ready', flush=True)\nsys.stdin.readline()\n"
        for python in support.pythons():
            with self.subTest(python=python):
                path = self.script("app.py", text)
                child = self.start(
                    "run",
                    "-q",
                    "--python",
                    python,
                    path,
                    "--password",
                    "argv-secret-words",
                    "--api_key=argv-second-secret",
                    stdin=subprocess.PIPE,
                )
                self.read_until(child.stdout, b"ready")
                files = self.bytes_of_the_home()
                self.assertTrue(
                    [n for n in files if n.startswith("/dev/shm")] or self.segments(), "no segment was read"
                )
                self.assertEqual(
                    [(name, secret) for name, data in files.items() for secret in SECRETS if secret.encode() in data],
                    [],
                )
                child.stdin.write(b"\n")
                child.stdin.flush()
                self.assertEqual(child.wait(support.TIMEOUT), 0)

    def test_without_redaction_all_are_found(self):
        for python in support.pythons():
            with self.subTest(python=python):
                data = self.record_secrets(python, "--no-redact")["export jsonl"]
                missing = [s for s in SECRETS if s.encode() not in data and s != "bytes-secret-thing"]
                self.assertEqual(missing, [])
                self.assertIn(base64.b64encode(b"bytes-secret-thing"), data)
                self.assertNotIn(b'"$type":"redacted"', data)

    def test_names_of_ones_own(self):
        text = "def f(pin_code, other):\n    return other\nf('my-pin-' + '123456', 'in the open')\n"
        for python in support.pythons():
            with self.subTest(python=python):
                path = self.script("app.py", text)
                for options, hidden in ((["--redact", "pin_*"], True), ([], False)):
                    self.assert_code(self.smiley("run", "-q", *options, "--python", python, path), 0)
                    data = self.smiley("export", "last", "--format", "jsonl").out
                    self.assertEqual(b"my-pin-123456" not in data, hidden)
                    self.assertIn(b"in the open", data)

    def test_patterns_match_whole_names(self):
        text = (
            "def f(cookies_eaten, my_api_key, passwd, passwdx, token, x_token):\n    return 1\n"
            "f('value-%d-a' % 1, 'value-%d-b' % 1, 'value-%d-c' % 1, 'value-%d-d' % 1, 'value-%d-e' % 1,\n"
            "  'value-%d-f' % 1)\n"
        )
        for python in support.pythons():
            with self.subTest(python=python):
                path = self.script("app.py", text)
                self.assert_code(self.smiley("run", "-q", "--python", python, path), 0)
                data = self.smiley("export", "last", "--format", "jsonl").out
                shown = {letter for letter in "abcdef" if b"value-1-" + letter.encode() in data}
                self.assertEqual(shown, set("bde"))

    def test_what_changes_in_a_secret_is_no_patch(self):
        # The frames of `show` leave a cached list behind, and those of `hide` may find it.
        text = (
            "class Account:\n"
            "    def __init__(self):\n"
            "        self.passwd = 0\n"
            "        self.shown = 0\n"
            "    def change(self, n):\n"
            "        self.passwd = n\n"
            "        self.passwd = n + 1\n"
            "        self.shown = n - 1000\n"
            "def show(items, n):\n"
            "    items[0] = n - 2000\n"
            "    items[0] = n - 3000\n"
            "def hide(passwd, n):\n"
            "    passwd[0] = n\n"
            "    passwd[0] = n + 1\n"
            "numbers = [1, 2, 3]\n"
            "for n in range(5):\n"
            "    show(numbers, 2000); numbers[0] = 0\n"
            "    hide(numbers, int('7654321')); numbers[0] = 0\n"
            "    Account().change(int('8765432'))\n"
        )
        for python in support.pythons():
            with self.subTest(python=python):
                path = self.script("app.py", text)
                self.assert_code(self.smiley("run", "-q", "--python", python, path), 0)
                events = [
                    json.loads(line) for line in self.smiley("export", "last", "--format", "jsonl").out.splitlines()
                ]
                changed = [
                    (e["function"], name, value)
                    for e in events
                    if e["type"] == "event"
                    for name, value in e.get("changed", {}).items()
                    if name in ("passwd", "self")
                ]
                text_of = json.dumps(changed)
                self.assertIn("8764432", text_of)
                self.assertEqual([n for n in ("7654321", "7654322", "8765432", "8765433") if n in text_of], [])
                self.assertEqual([c for c in changed if c[1] == "passwd" and c[2] != {"$type": "redacted"}], [])


if __name__ == "__main__":
    unittest.main()
