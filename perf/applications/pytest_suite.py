"""A test-suite under pytest: parametrised tests, fixtures and failures of a small module, run in this process."""

import contextlib
import io
import itertools
import os
import tempfile

import pytest

SUITE = """
import pytest


class Account:
    def __init__(self, cents=0):
        self.cents = cents
        self.log = []

    def pay(self, cents):
        if cents > self.cents:
            raise ValueError(f"{cents} is more than {self.cents}")
        self.cents -= cents
        self.log.append(-cents)


@pytest.fixture
def account():
    return Account(500)


@pytest.mark.parametrize("cents", range(20))
def test_pays(account, cents):
    account.pay(cents)
    assert account.cents == 500 - cents
    assert account.log == [-cents]


def test_refuses(account):
    with pytest.raises(ValueError, match="more than"):
        account.pay(501)


def test_fails(account):
    account.pay(1)
    assert account.log == [-1, 0]
"""


numbers = itertools.count()


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, f"test_account_{next(numbers)}.py")  # a module is imported once
        with open(path, "w") as file:
            file.write(SUITE)
        with contextlib.redirect_stdout(io.StringIO()):
            code = pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", folder, path])
    if code != pytest.ExitCode.TESTS_FAILED:
        raise RuntimeError(f"pytest ended with {code}")
