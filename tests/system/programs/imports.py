"""This file imported again under other names: by the import system, circularly, failing, reloaded, lazily by attribute."""
import importlib
import importlib.util
import os
import sys

depth = globals().get("depth", 0)


def load(name, **given):
    spec = importlib.util.spec_from_file_location(name, __file__)
    module = importlib.util.module_from_spec(spec)
    module.__dict__.update(given)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        sys.modules.pop(name)
    return module


def __getattr__(name):
    if name == "lazy":
        return "made when asked"
    raise AttributeError(name)


if __name__ == "fails":
    raise ImportError("on purpose")

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    again = importlib.import_module("imports")
    print(again.lazy, again.depth, hasattr(again, "nothing"))
    importlib.reload(again)
    from imports import load as other
    print(other is load, load("deeper", depth=4).depth)
    try:
        load("fails")
    except ImportError as error:
        print(error)
    try:
        import no_such_module_anywhere
    except ModuleNotFoundError as error:
        print(error.name)
