"""Checks the subjects of commits: `folder: imperative, one change`, at most 72 characters.

    python3 tests/lint/commits.py [SOURCES]

The rule applies to commits that follow the one that added this file; merges are exempt. A tree without its history
(an archive, a clone of one commit) has nothing to check.
"""

import os
import re
import subprocess
import sys

MAX_SUBJECT = 72  # characters
SELF = "tests/lint/commits.py"
# One or more paths or the folders' names, then what the commit does: `daemon/store, tests: keep …`, `.github: add …`.
SUBJECT = re.compile(r"^[\w.-][\w./-]*(?:, [\w.-][\w./-]*)*: \S")


def git(root, *words):
    """Lines of git's output, or None where git fails or is missing."""
    try:
        done = subprocess.run(["git", "-C", root, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        return None
    return done.stdout.splitlines() if done.returncode == 0 else None


def check_subject(subject):
    """What is wrong with a subject, or None."""
    if len(subject) > MAX_SUBJECT:
        return "the subject has %d characters, %d are allowed" % (len(subject), MAX_SUBJECT)
    if not SUBJECT.match(subject):
        return "the subject does not begin with `folder: `"
    if subject.endswith("."):
        return "the subject ends with a full stop"
    return None


def check(root):
    """The problems of all commits, each as `commit: problem`."""
    top = git(root, "rev-parse", "--show-toplevel")
    if not top or os.path.realpath(top[0]) != os.path.realpath(root):
        return []
    added = git(root, "log", "--diff-filter=A", "--format=%H", "--", SELF)
    if not added:
        return []
    problems = []
    for line in git(root, "log", "--no-merges", "--ancestry-path", "--format=%h %s", added[-1] + "..HEAD") or []:
        commit, _, subject = line.partition(" ")
        if problem := check_subject(subject):
            problems.append("%s: %s: %s" % (commit, problem, subject))
    return problems


def main():
    root = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", ".."))
    problems = check(root)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
