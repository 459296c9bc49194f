"""Checks the house rules that a machine can check, over the whole tree.

    python3 tests/lint/tree.py [SOURCES]

Prints `file:line: problem` for each breach and exits with 1 when there is one. selftest.py plants each kind of breach
and checks that this script reports it. commits.py, which this script calls, checks the subjects of commits.
"""

import fnmatch
import json
import os
import re
import sys
import tomllib

import commits

TOP_LEVEL = {"CMakeLists.txt", "shm", "daemon", "tracer", "tools", "tests", "perf", "README.md", "LICENSE"}

# For each layer of C++ the other layers that it may include.
LAYERS = {"shm": (), "tracer": ("shm",), "daemon": ("shm",), "tools": ("shm", "daemon")}
PAGE = "daemon/page/src"

# The rooms (folders) of each layer and of the page, in order. A room may include itself, the rooms before it in its
# layer, and the layers below. "." is the layer's own folder. The second member names earlier rooms that the room must
# not include.
ROOMS = {
    "shm": [("base", ()), (".", ()), ("expression", ())],
    "tracer": [
        ("config", ()),
        ("interp", ()),
        ("preload", ("interp",)),
        ("values", ("preload",)),
        ("code", ("preload",)),
        ("shadow", ("preload", "code")),
        ("recorder", ("preload",)),
        ("hooks", ("preload",)),
        (".", ("preload",)),
    ],
    "daemon": [
        ("run", ()),
        ("value", ()),
        ("protocol", ()),
        ("store", ()),
        ("store/repair", ()),
        ("events", ()),
        ("live", ()),
        ("find", ()),
        ("drain", ()),
        ("analysis", ()),
        ("exchange", ()),
        ("background", ()),
        ("query", ()),
        ("server", ()),
        (".", ()),
    ],
    "tools": [
        ("terminal", ()),
        ("link", ()),
        ("view", ()),
        ("run", ("view",)),
        ("commands", ()),
        (".", ()),
    ],
    PAGE: [("style", ()), ("data", ()), ("parts", ()), ("views", ()), ("moment", ()), (".", ())],
}

# Each third-party library has one home: patterns of the sources that may include it. The longest key that begins a
# header's name decides. Tests and perf may include any library.
HOMES = {
    "rocksdb/": ["daemon/store/*"],
    "pybind11/": ["tracer/module.cc"],
    "CLI/": ["tools/commands/arguments.cc"],
    "boost/interprocess/": ["shm/segment.cc"],
    "boost/asio": ["daemon/server/*"],
    "boost/beast/": ["daemon/server/web_session.*"],
    "boost/multiprecision/": ["tracer/values/big_int.cc"],
    "boost/": [],
    "concurrentqueue/": ["daemon/drain/pipeline.cc"],
    "openssl/": [
        "daemon/drain/*",
        "daemon/exchange/import_jsonl.cc",
        "daemon/protocol/remote_access.cc",
        "daemon/protocol/tls_client.cc",
    ],
    "zstd.h": ["daemon/store/chunk.cc"],
    "xxhash.h": ["shm/*", "tracer/*", "daemon/store/chunk.cc", "daemon/exchange/*"],
    "simdjson.h": ["daemon/protocol/*", "daemon/value/*", "daemon/exchange/*", "tools/link/*", "tools/run/report.cc"],
    "nlohmann/": ["daemon/*", "tools/*"],
    "spdlog/": ["daemon/daemon.cc"],
    "fmt/": ["daemon/*", "tools/*"],
    "Python.h": ["tracer/*"],
    "frameobject.h": ["tracer/*"],
    "internal/": ["tracer/interp/*"],
}
# Folders of the system's own headers.
SYSTEM_FOLDERS = {"sys", "linux", "arpa", "net", "netinet", "gnu", "bits", "asm"}

SOURCE = (".h", ".cc", ".c")
SCRIPT = (".ts", ".tsx")
TEXT = SOURCE + SCRIPT + (".py", ".sh", ".cmake", ".txt", ".md", ".mjs", ".css", ".html")
MAX_LINES = 600
MAX_README = 60  # lines of a room's README; a layer's own may be longer
CHANGELOG = ".github/CHANGELOG.md"
PACKAGES = ("daemon/page/package.json", "tests/lint/format/package.json")

INCLUDE = re.compile(r'^\s*#\s*include\s*(<([^>]+)>|"([^"]+)")')
IMPORT = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*["'](\.[^"']*)["']""")
# A file of ours, named in a comment, a document or a script.
NAMED_PATH = re.compile(
    r"(?<![\w./{}$*-])(?:shm|tracer|daemon|tools|tests|perf)(?:/[\w.-]+)+\.(?:h|cc|c|def|md|py|sh|mjs|tsx?|toml)\b(?![*{])"
)
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:root|work|Users|home/[a-z_]\w{2,})/")
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|HACK)\b|(?i:\bnot (?:yet )?implemented\b)")
NAP = re.compile(r"\b(?:sleep_for|sleep_until|usleep|nanosleep|time\.sleep)\s*\(")
NOISE = re.compile(
    r"\bstd::(?:cout|cerr|clog)\b|(?<![\w.>:])(?:printf|puts|perror|abort)\s*\(|\bstd::(?:abort|terminate|exit)\s*\(|"
    r"\b__builtin_trap\s*\("
)
NOISE_HOME = "shm/base/requires.h"
STD_LOCK = re.compile(
    r"\bstd::(?:(?:recursive_|timed_|shared_|shared_timed_)?mutex|condition_variable(?:_any)?|lock_guard|unique_lock|"
    r"shared_lock|scoped_lock)\b"
)
MUTEX = re.compile(r"^\s*(?:static |mutable )*(?:shm::)?(?:Shared)?Mutex (\w+);")
MUTEX_HOME = "shm/base/mutex.h"


def list_texts(root):
    """Yields the paths of all text files, relative to root, without build folders, caches and dot-folders but .github."""
    for folder, folders, files in os.walk(root):
        top = folder == root
        folders[:] = sorted(
            f
            for f in folders
            if (not f.startswith(".") or (top and f == ".github"))
            and f not in ("__pycache__", "node_modules")
            and not (top and f.startswith("build"))
        )
        for name in sorted(files):
            if name.endswith(TEXT):
                yield os.path.relpath(os.path.join(folder, name), root)


def check_top_level(root):
    for name in sorted(os.listdir(root)):
        if name not in TOP_LEVEL and not name.startswith(".") and not name.startswith("build"):
            yield "%s:1: only %s and dot-files are allowed at the top" % (name, ", ".join(sorted(TOP_LEVEL)))


def find_home(header):
    """The key of HOMES that applies to a header, or None."""
    fitting = [prefix for prefix in HOMES if header.startswith(prefix)]
    return max(fitting, key=len) if fitting else None


def split_room(path):
    """(layer, room) of a source as ROOMS names them. The layer is None outside of all layers."""
    layers = [layer for layer in ROOMS if path.startswith(layer + "/")]
    if not layers:
        return None, None
    layer = max(layers, key=len)
    return layer, os.path.dirname(path[len(layer) + 1 :]) or "."


def check_order(path, target):
    """Says how `path` breaks the order by including our own header or script `target`; None when it does not."""
    layer, room = split_room(path)
    other, needed = split_room(target)
    if other != layer:
        return None if other in LAYERS.get(layer, ()) else "%s must not include %s" % (layer, target.split("/")[0])
    order = [name for name, _ in ROOMS[layer]]
    for name in (room, needed):
        if name not in order:
            return "%s/%s is no room of %s: add it to ROOMS in tests/lint/tree.py" % (layer, name, layer)
    if order.index(needed) > order.index(room) or needed in dict(ROOMS[layer])[room]:
        return "%s/%s must not include %s/%s" % (layer, room, layer, needed)
    return None


def check_include(path, header, quoted, root):
    if path.split("/")[0] not in LAYERS:
        return None
    if quoted:
        if "/" not in header or not os.path.exists(os.path.join(root, header)):
            return 'our own headers are included by their path from the root of the tree: there is no "%s"' % header
        return check_order(path, header)
    if header.split("/")[0] in LAYERS and "/" in header:
        return "our own headers are included with quotes"
    home = find_home(header)
    if home is not None:
        if not any(fnmatch.fnmatchcase(path, pattern) for pattern in HOMES[home]):
            return "%s may be included in %s only" % (header, ", ".join(HOMES[home]) or "no file")
    elif "/" in header and header.split("/")[0] not in SYSTEM_FOLDERS:
        return "the library of %s has no home yet: add it to HOMES in tests/lint/tree.py" % header
    return None


def check_line(root, path, line):
    """Yields the problems that one line shows by itself."""
    layer = path.split("/")[0]
    code = path.endswith(SOURCE)
    if code and (found := INCLUDE.match(line)):
        yield check_include(path, found.group(2) or found.group(3), found.group(3) is not None, root)
    if path.startswith(PAGE + "/") and path.endswith(SCRIPT):
        for target in IMPORT.findall(line):
            yield check_order(path, os.path.normpath(os.path.join(os.path.dirname(path), target)))
    if path.startswith("tests/lint/"):
        return  # these files contain the patterns themselves
    for named in NAMED_PATH.findall(line):
        if not any(os.path.exists(os.path.join(root, base, named)) for base in ("", os.path.dirname(path))):
            yield "there is no %s" % named
    if MACHINE_PATH.search(line):
        yield "a path of one machine"
    if UNFINISHED.search(line):
        yield "unfinished: finish it or open an issue"
    if layer == "tests" and NAP.search(line):
        yield "tests wait for events, not for the clock"
    if code and layer in LAYERS and path != MUTEX_HOME and STD_LOCK.search(line.split("//")[0]):
        yield "use the locks of %s, which Clang can check" % MUTEX_HOME
    if code and layer in ("shm", "daemon") and path != NOISE_HOME and NOISE.search(line.split("//")[0]):
        yield "libraries never print or abort"


def check_file(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        lines = file.read().split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    if not path.endswith(".md") and len(lines) > MAX_LINES:
        yield "%s:%d: longer than %d lines" % (path, MAX_LINES + 1, MAX_LINES)
    if path.endswith(".h"):
        if not lines or not lines[0].startswith("// Thread rule: "):
            yield "%s:1: a header begins with '// Thread rule: '" % path
        if "#pragma once" not in lines:
            yield "%s:1: a header has #pragma once" % path
    locks = path.endswith(SOURCE) and path.split("/")[0] in LAYERS and path != MUTEX_HOME
    for number, line in enumerate(lines, 1):
        for problem in check_line(root, path, line):
            if problem:
                yield "%s:%d: %s" % (path, number, problem)
        mutex = MUTEX.match(line) if locks else None
        if mutex and not any("GUARDED_BY(%s)" % mutex.group(1) in other for other in lines):
            yield "%s:%d: a mutex says what it guards: nothing here is SMILEY_GUARDED_BY(%s)" % (
                path,
                number,
                mutex.group(1),
            )


def list_folder(root, folder):
    """The sorted names in a folder; empty when there is none."""
    path = os.path.join(root, folder)
    return sorted(os.listdir(path)) if os.path.isdir(path) else []


def read(root, path):
    """The text of a file; empty when there is none."""
    try:
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def check_planted(root):
    """Each planted mistake fits the code: its text is once in its file."""
    for name in list_folder(root, "tests/planted"):
        if name.endswith(".toml"):
            mistake = tomllib.loads(read(root, "tests/planted/" + name))
            count = read(root, mistake["file"]).count(mistake["find"].strip("\n"))
            if count != 1:
                yield "tests/planted/%s:1: %s has the text of `find` %d times, not once" % (
                    name,
                    mistake["file"],
                    count,
                )


def check_version(root):
    """The version is in CMakeLists.txt only, and the changelog describes it."""
    found = re.search(r"^project\(\w+ VERSION ([\d.]+)", read(root, "CMakeLists.txt"), re.M)
    if found is None:
        yield "CMakeLists.txt:1: project() has no VERSION"
    elif "## [%s]" % found.group(1) not in read(root, CHANGELOG):
        yield "CMakeLists.txt:1: version %s has no section in %s" % (found.group(1), CHANGELOG)
    for path in PACKAGES:
        if "version" in json.loads(read(root, path) or "{}"):
            yield "%s:1: a version of its own: the version is in CMakeLists.txt only" % path


def check_readmes(root):
    """Each room has a README of at most a page. Those of the layers and of the page may be longer."""
    for layer, rooms in ROOMS.items():
        for room, _ in rooms:
            folder = (layer if layer != PAGE else os.path.dirname(PAGE)) if room == "." else layer + "/" + room
            if not any(name.endswith(SOURCE + SCRIPT) for name in list_folder(root, layer + "/" + room)):
                continue
            lines = read(root, folder + "/README.md").count("\n")
            if lines == 0:
                yield "%s/README.md:1: a room has a README" % folder
            elif lines > MAX_README and room != ".":
                yield "%s/README.md:%d: longer than a page of %d lines" % (folder, MAX_README + 1, MAX_README)


def check(root):
    """All problems of the tree, each as `file:line: problem`."""
    problems = [*check_top_level(root), *check_planted(root), *check_version(root), *check_readmes(root)]
    for path in list_texts(root):
        problems.extend(check_file(root, path))
    return problems


def main():
    root = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", ".."))
    problems = check(root) + commits.check(root)
    for problem in problems:
        print(problem)
    print(
        "smiley: %d breach%s of the house rules" % (len(problems), "" if len(problems) == 1 else "es"),
        file=sys.stderr,
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
