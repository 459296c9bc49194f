"""Runs clang-tidy with the checks of .clang-tidy. No finding is allowed.

    python3 tests/lint/tidy.py SOURCES BUILD [--all [--analyzer]] [--most 60] [--commits 30] [FILE…]

BUILD holds a compile_commands.json of any compiler. Without files the script checks the changed sources: those with
uncommitted changes, and those of the commits since the branch left origin's main, or else of the last commits. A
changed header is checked through the source of its name, or through another source that includes it. Other sources,
chosen by the newest commit, fill up to --most. --all checks every source; --analyzer adds the analyzer, which follows
each function's paths.

Reading headers takes most of the time. So sources with the same flags and different names are checked together as
one; a group that does not compile is halved. The analyzer gets each source alone, because it (like
misc-unused-alias-decls) skips included sources. A source without findings is skipped until its preprocessed text
changes (BUILD/tidy). The tree is kept clean for Debian 12's clang-tidy 14. Findings of a newer version are shown, and
fail with --strict only.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import time

FOLDERS = ("shm", "tracer", "daemon", "tools", "tests", "perf")
TOGETHER = 8  # sources that are checked as one, at most
# Sources with a name that a header declares too. Together with others they do not compile, which would only cost
# time.
ALONE = {"daemon/events/decoder.cc", "tools/link/event_view.cc"}
VERSION = "14"  # the clang-tidy whose findings fail
FINDING = re.compile(r"^(/[^:\n]+):(\d+):\d+: (?:warning|error): .*\[[\w.,-]+\]$", re.M)
ANALYZER = "clang-analyzer-*"


class Wrong(Exception):
    pass


def git(sources, *words):
    """Lines of git's output, or None where git fails."""
    done = subprocess.run(["git", "-C", sources, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.stdout.splitlines() if done.returncode == 0 else None


def changed(sources, commits):
    """(changed paths, a description of the choice, the newest commit)."""
    top = git(sources, "rev-parse", "--show-toplevel")
    head = git(sources, "rev-parse", "-q", "--verify", "HEAD")
    if not top or not head or os.path.realpath(top[0]) != os.path.realpath(sources):
        return [], "there is no history", time.strftime("%F")
    if not git(sources, "rev-parse", "-q", "--verify", "HEAD~1"):  # the only commit adds every file
        return [], "there is no history", head[0]
    names = (git(sources, "diff", "--name-only", "HEAD") or []) + (
        git(sources, "ls-files", "--others", "--exclude-standard") or []
    )
    for branch in ("origin/HEAD", "origin/main"):
        base = git(sources, "merge-base", branch, "HEAD")
        if base and base != head:
            since = git(sources, "diff", "--name-only", base[0], "HEAD") or []
            return names + since, "changed since %s, where the branch left %s" % (base[0][:12], branch), head[0]
    last = git(sources, "log", "--format=", "--name-only", "-n", str(commits)) or []
    return list(dict.fromkeys(names + last)), "changed in the last %d commits" % commits, head[0]


class Source:
    def __init__(self, command, sources):
        path = os.path.realpath(os.path.join(command["directory"], command["file"]))
        self.full, self.path = path, os.path.relpath(path, sources)
        words = command.get("arguments") or shlex.split(command["command"])
        # Drops the compiler, its launcher, input, output, warnings and the flags of code generation.
        kept, skip = [], 0
        for word in words[1:]:
            if skip or word in ("-o", "-c", "-MF", "-MT", "-MQ"):
                skip = 0 if skip or word == "-c" else 1
            elif kept[-1:] == ["-isystem"]:
                kept.append(word)
            elif word[0] == "-" and not word.startswith(("-W", "-O", "-g", "-M")) and not word.endswith("_EXPORTS"):
                kept.append(word)
        self.flags = tuple(kept)
        with open(path, errors="replace") as file:
            self.text = file.read()
        self.names = self.own_names()

    def own_names(self):
        """The names that the source declares outside of functions and classes, found by the beginning of lines."""
        found, hidden = set(), False
        for line in self.text.splitlines():
            hidden = line.startswith("namespace {") or (hidden and not line.startswith("}  // namespace"))
            match = re.match(r"(?:struct|class|enum class|enum|union) (\w+)|using (\w+) =|#\s*define (\w+)", line)
            if not match and (hidden or line.startswith(("static ", "constexpr ", "const ", "extern "))):
                match = re.match(r"[\w\[][\w:<>,&*\[\]\" ]*?[ &*](\w+)(?:\[\w*\])* ?[(={;]", line)
            if match:
                found.add(next(filter(None, match.groups())))
        return found


def choose(args, known):
    """(sources, a description of the choice)."""
    if args.all:
        return list(known.values()), "all"
    if args.files:
        named = [os.path.relpath(os.path.realpath(path), args.sources) for path in args.files]
        missing = [path for path in named if path not in known and not path.endswith(".h")]
        if missing:
            raise Wrong("not in compile_commands.json: " + " ".join(missing))
        paths, why, seed = named, "named", None
    else:
        paths, why, seed = changed(args.sources, args.commits)
    chosen = {path: known[path] for path in paths if path in known}
    for header in paths:
        if header.endswith(".h") and header.startswith(FOLDERS):
            users = [path for path, source in known.items() if '#include "%s"' % header in source.text]
            own = [path for path in users if path == header[:-2] + ".cc"]
            chosen.update((path, known[path]) for path in (own or users)[:1])
    chosen = list(chosen.values())
    more = [source for source in known.values() if source not in chosen]
    if seed is None:
        return chosen, why
    random.Random(seed).shuffle(more)
    more = more[: max(0, args.most - len(chosen))]
    return (chosen + more)[: args.most], "%d %s%s, %d others chosen by %s" % (
        min(len(chosen), args.most),
        why,
        " (of %d)" % len(chosen) if len(chosen) > args.most else "",
        len(more),
        seed[:12],
    )


def group(sources, most):
    groups = []
    for source in sorted(sources, key=lambda source: source.path):
        for members in groups:
            first = members[0]
            alike = first.flags == source.flags and os.path.dirname(first.path) == os.path.dirname(source.path)
            if (
                len(members) < most
                and alike
                and source.path.endswith(".cc")
                and first.path.endswith(".cc")
                and not any(member.names & source.names for member in members)
            ):
                members.append(source)
                break
        else:
            groups.append([source])
    alone = [[source] for source in sources if source.path in ALONE]
    return [kept for members in groups if (kept := [m for m in members if m.path not in ALONE])] + alone


class Checker:
    def __init__(self, args):
        self.args, self.dir = args, os.path.join(args.build, "tidy")
        found = (shutil.which(name) for name in ("clang-tidy-" + VERSION, "clang-tidy"))
        self.tidy = next(filter(None, found), None)
        if self.tidy is None:
            raise Wrong("no clang-tidy found (Debian: clang-tidy)")
        said = subprocess.run([self.tidy, "--version"], capture_output=True, text=True).stdout
        self.version = re.search(r"version (\d+)", said).group(1)
        self.config = os.path.join(args.sources, ".clang-tidy")
        with open(self.config) as file:
            self.key = said + file.read() + str(args.analyzer)
        self.findings, self.halved = {}, 0
        os.makedirs(self.dir, exist_ok=True)

    def preprocessed(self, path, flags):
        compiler = shutil.which("clang++-" + self.version) or shutil.which("clang++")
        if compiler is None:
            return None
        # Keeps comments (NOLINT) and macros, because some checks read them.
        words = [compiler, *flags, "-w", "-E", "-CC", "-dD", path]
        done = subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL)
        return hashlib.sha256(self.key.encode() + done.stdout).hexdigest() if done.returncode == 0 else None

    def check_group(self, members):
        path, flags = members[0].full, list(members[0].flags)
        if len(members) > 1:
            text = "".join('#include "%s"\n' % member.full for member in members)
            path = os.path.join(self.dir, "together-%s.cc" % hashlib.sha256(text.encode()).hexdigest()[:16])
            with open(path, "w") as file:
                file.write(text)
        key = self.preprocessed(path, flags)
        mark = os.path.join(self.dir, "clean-%s" % key)
        if key and os.path.exists(mark):
            return
        words = [self.tidy, "--quiet", "--config-file=" + self.config, path]
        if self.args.analyzer:
            words.insert(3, "--checks=" + ANALYZER)
        done = subprocess.run(
            [*words, "--", *flags, "-w"],
            cwd=self.args.sources,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
        )
        if len(members) > 1 and (done.returncode < 0 or "[clang-diagnostic-error]" in done.stdout):
            self.halved += 1
            self.check_group(members[: len(members) // 2])
            self.check_group(members[len(members) // 2 :])
            return
        # Findings in a library's header do not count: there the analyzer loses the frame of a coroutine.
        found = [
            (match, done.stdout[match.start() :])
            for match in FINDING.finditer(done.stdout)
            if match.group(1).startswith((self.args.sources + os.sep, self.dir + os.sep))
        ]
        for match, rest in found:
            # A finding's lines end where the next finding begins.
            following = FINDING.search(rest, match.end() - match.start())
            self.report(match.group(0), rest[: following.start()] if following else rest)
        if not found and done.returncode != 0:
            self.report(
                path,
                "%s: clang-tidy ended with %d\n%s%s"
                % (path, done.returncode, done.stdout[-2000:], done.stderr[-2000:]),
            )
        elif not found and key:
            open(mark, "w").close()

    def report(self, name, text):
        if name not in self.findings:  # each source that includes a header repeats its findings
            self.findings[name] = text
            print(text.rstrip().replace(self.args.sources + os.sep, ""), flush=True)

    def run(self):
        with open(os.path.join(self.args.build, "compile_commands.json")) as file:
            commands = json.load(file)
        known = {}
        for command in commands:
            full = os.path.realpath(os.path.join(command["directory"], command["file"]))
            path = os.path.relpath(full, self.args.sources)
            if (
                path.startswith(tuple(folder + os.sep for folder in FOLDERS))
                and path not in known
                and os.path.exists(full)
            ):
                known[path] = Source(command, self.args.sources)
        chosen, which = choose(self.args, known)
        print(
            "clang-tidy %s checks %d of %d sources: %s" % (self.version, len(chosen), len(known), which), flush=True
        )
        begun = time.monotonic()
        # The largest first, so that no single one is left at the end.
        groups = sorted(
            group(chosen, 1 if self.args.analyzer else TOGETHER),
            key=lambda members: -sum(len(member.text) for member in members),
        )
        with concurrent.futures.ThreadPoolExecutor(self.args.jobs) as pool:
            list(pool.map(self.check_group, groups))
        print(
            "%d sources in %.0f s" % (len(chosen), time.monotonic() - begun)
            + (", checked as %d" % (len(groups) + self.halved) if len(groups) < len(chosen) else "")
        )
        if not chosen:
            raise Wrong("there are no sources to check")
        print("%d sources checked, %d findings" % (len(chosen), len(self.findings)))
        if self.findings and self.version != VERSION and not self.args.strict:
            print("not counted: the tree is kept clean for clang-tidy %s" % VERSION)
            return 0
        return 1 if self.findings else 0


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", type=os.path.realpath)
    parser.add_argument("build", type=os.path.realpath)
    parser.add_argument("files", nargs="*", metavar="FILE")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--analyzer", action="store_true")
    parser.add_argument("--most", type=int, default=60)
    parser.add_argument("--commits", type=int, default=30)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--strict", action="store_true")
    try:
        return Checker(parser.parse_intermixed_args(words)).run()
    except Wrong as problem:
        print("tidy.py: %s" % problem)
        return 1


if __name__ == "__main__":
    sys.exit(main())
