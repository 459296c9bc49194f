"""Runs the tracer's C++ suites inside this interpreter.

    python3 -I tests/tracer/run.py MODULE [BOOST_TEST_OPTION…]

MODULE is the extension module with the suites, as build/bin/smiley_test_tracer_3.12.so. README.md says why it is a module.
"""

import importlib.machinery
import importlib.util
import sys


def load(path):
    name = "smiley_test_tracer"
    loader = importlib.machinery.ExtensionFileLoader(name, path)
    module = importlib.util.module_from_spec(importlib.machinery.ModuleSpec(name, loader, origin=path))
    loader.exec_module(module)
    return module


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: run.py MODULE [BOOST_TEST_OPTION…]")
    sys.exit(load(sys.argv[1]).run(sys.argv[1:]))
