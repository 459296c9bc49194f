"""A daemon of another version holds the home: commands report it, say what to do, and change nothing."""

import json
import os
import socket
import threading
import unittest

import support


class AnotherVersion(support.SmileyTest):
    def setUp(self):
        super().setUp()
        self.assert_code(self.smiley("daemon", "start"), 0)
        self.assert_code(self.smiley("daemon", "stop"), 0)
        self.listener = socket.socket(socket.AF_UNIX)
        path = os.path.join(self.home, "daemon.sock")
        if os.path.exists(path):
            os.unlink(path)
        self.listener.bind(path)
        os.chmod(path, 0o600)
        self.listener.listen(8)
        self.asked = []
        threading.Thread(target=self.answer, daemon=True).start()
        self.addCleanup(self.listener.close)

    def answer(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client, client.makefile("rwb") as stream:
                for line in stream:
                    request = json.loads(line)
                    self.asked.append(request["op"])
                    answer = {
                        "ok": False,
                        "error": {
                            "code": "version",
                            "message": "this daemon is smiley 9.9 and speaks "
                            "protocol 99 only: smiley-daemon restart starts this one's",
                        },
                    }
                    if "id" in request:
                        answer["id"] = request["id"]
                    stream.write(json.dumps(answer).encode() + b"\n")
                    stream.flush()

    def test_reading_commands_name_both_and_what_to_do(self):
        for words in (["list"], ["show", "last"], ["replay", "last"], ["export", "last", "--format", "jsonl"]):
            with self.subTest(words=words):
                result = self.smiley(*words)
                self.assert_code(result, 1)
                self.assertEqual(result.out, b"")
                line = self.assert_one_line(result)
                self.assertIn("protocol 99", line)
                self.assertIn("restart", line)
        self.assertEqual(set(self.asked), {"hello"})


if __name__ == "__main__":
    unittest.main()
