"""A small tree of sources, in which the selftests of the lint plant breaches."""

import os
import shutil
import tempfile
import unittest


class PlantedTree(unittest.TestCase):
    GOOD = {}  # {path in the tree: its text}

    def setUp(self):
        self.root = os.path.realpath(tempfile.mkdtemp(prefix="smiley-lint-"))
        self.addCleanup(shutil.rmtree, self.root)
        for path, text in self.GOOD.items():
            self.write(path, text)

    def write(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
