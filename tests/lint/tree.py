"""The house rules that a machine can check, over the whole tree.

    python3 tests/lint/tree.py [SOURCES]

Prints `file:line: what is wrong` for each breach and ends with 1 when there is one. selftest.py plants each kind of
breach and looks whether it is found.
"""

import fnmatch
import os
import re
import sys

TOP_LEVEL = {"CMakeLists.txt", "shm", "daemon", "tracer", "tools", "tests", "perf", "README.md", "LICENSE"}

# Layers: which others each may include.
LAYERS = {"shm": (), "tracer": ("shm",), "daemon": ("shm",), "tools": ("shm", "daemon")}

# Rooms of each layer, in order: a folder may include itself, those before it in its layer, and the layers below.
# "." is the layer's own folder. The second list names rooms before it that a folder must not include all the same.
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
        ("run", ()),
        ("commands", ()),
        (".", ()),
    ],
}

# Rooms of the page's sources, in order: a module imports its own room and those before it. "." is src itself.
PAGE = "daemon/page/src"
PAGE_ROOMS = ("style", "data", "parts", "views", "moment", ".")

# Each third-party library has one home: the sources that may include it. The longest prefix of a header's name that stands
# here decides. Tests and perf may use any.
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
TEXT = SOURCE + (".py", ".sh", ".cmake", ".txt", ".md", ".ts", ".tsx", ".mjs", ".css", ".html")
MAX_LINES = 600

INCLUDE = re.compile(r'^\s*#\s*include\s*(<([^>]+)>|"([^"]+)")')
IMPORT = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*["'](\.[^"']*)["']""")
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:root|work|Users|home/[a-z_]\w{2,})/")
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|HACK)\b|(?i:\bnot (?:yet )?implemented\b)")
NAP = re.compile(r"\b(?:sleep_for|sleep_until|usleep|nanosleep|time\.sleep)\s*\(")
NOISE = re.compile(
    r"\bstd::(?:cout|cerr|clog)\b|(?<![\w.>:])(?:printf|puts|perror|abort)\s*\(|\bstd::(?:abort|terminate|exit)\s*\("
)


STD_LOCK = re.compile(
    r"\bstd::(?:(?:recursive_|timed_|shared_|shared_timed_)?mutex|condition_variable(?:_any)?|lock_guard|unique_lock|"
    r"shared_lock|scoped_lock)\b"
)
MUTEX = re.compile(r"^\s*(?:static |mutable )*(?:shm::)?(?:Shared)?Mutex (\w+);")
MUTEX_HOME = "shm/base/mutex.h"


def tree(root):
    """Paths of all text files, relative; build folders, caches and dot-folders left out."""
    for folder, folders, files in os.walk(root):
        top = folder == root
        folders[:] = sorted(
            f
            for f in folders
            if not f.startswith(".")
            and f not in ("__pycache__", "node_modules")
            and not (top and f.startswith("build"))
        )
        for name in sorted(files):
            if name.endswith(TEXT):
                yield os.path.relpath(os.path.join(folder, name), root)


def top_level(root):
    for name in sorted(os.listdir(root)):
        if name not in TOP_LEVEL and not name.startswith(".") and not name.startswith("build"):
            yield "%s:1: only %s and dot-files stand at the top" % (name, ", ".join(sorted(TOP_LEVEL)))


def home_of(header):
    fitting = [prefix for prefix in HOMES if header.startswith(prefix)]
    return max(fitting, key=len) if fitting else None


def room_of(path):
    """The room of a source, as ROOMS names it: "." for the layer's own folder."""
    return "/".join(path.split("/")[1:-1]) or "."


def check_order(path, target):
    """What is wrong with `path` including our own header `target`, or None."""
    layer, other = path.split("/")[0], target.split("/")[0]
    if other != layer:
        return None if other in LAYERS[layer] else "%s must not include %s" % (layer, other)
    order = [room for room, _ in ROOMS[layer]]
    room, needed = room_of(path), room_of(target)
    for name in (room, needed):
        if name not in order:
            return "%s/%s is no room of %s: give it a place in tests/lint/tree.py" % (layer, name, layer)
    if order.index(needed) > order.index(room) or needed in dict(ROOMS[layer])[room]:
        return "%s/%s must not include %s/%s" % (layer, room, layer, needed)
    return None


def check_include(path, header, quoted, root):
    layer = path.split("/")[0]
    if layer not in LAYERS:
        return None
    if quoted:
        if "/" not in header or not os.path.exists(os.path.join(root, header)):
            return 'includes of our own are written from the root of the tree: "%s" is none' % header
        return check_order(path, header)
    if header.split("/")[0] in LAYERS and "/" in header:
        return "our own headers are included with quotes"
    home = home_of(header)
    if home is not None:
        if not any(fnmatch.fnmatchcase(path, pattern) for pattern in HOMES[home]):
            return "%s is at home in %s only" % (header, ", ".join(HOMES[home]) or "no file")
    elif "/" in header and header.split("/")[0] not in SYSTEM_FOLDERS:
        return "%s belongs to a library that has no home yet: give it one in tests/lint/tree.py" % header
    return None


def page_room_of(path):
    """The room of a module below PAGE, as PAGE_ROOMS names it."""
    inner = os.path.relpath(path, PAGE)
    return inner.split("/")[0] if "/" in inner else "."


def check_import(path, target):
    """What is wrong with the page's module `path` importing `target`, a relative path as written there, or None."""
    needed = page_room_of(os.path.normpath(os.path.join(os.path.dirname(path), target)))
    room = page_room_of(path)
    for name in (room, needed):
        if name not in PAGE_ROOMS:
            return "%s/%s is no room of the page: give it a place in tests/lint/tree.py" % (PAGE, name)
    if PAGE_ROOMS.index(needed) > PAGE_ROOMS.index(room):
        return "%s/%s must not import %s/%s" % (PAGE, room, PAGE, needed)
    return None


def check_file(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        lines = file.read().split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    layer = path.split("/")[0]
    code = path.endswith(SOURCE)
    locks = code and layer in LAYERS and path != MUTEX_HOME
    if not path.endswith(".md") and len(lines) > MAX_LINES:
        yield "%s:%d: longer than %d lines" % (path, MAX_LINES + 1, MAX_LINES)
    if path.endswith(".h"):
        if not lines or not lines[0].startswith("// Thread rule: "):
            yield "%s:1: a header begins with '// Thread rule: '" % path
        if "#pragma once" not in lines:
            yield "%s:1: a header has #pragma once" % path
    for number, line in enumerate(lines, 1):
        here = "%s:%d: " % (path, number)
        if code:
            found = INCLUDE.match(line)
            if found:
                problem = check_include(path, found.group(2) or found.group(3), found.group(3) is not None, root)
                if problem:
                    yield here + problem
        if path.startswith(PAGE + "/") and path.endswith(SCRIPT):
            for target in IMPORT.findall(line):
                problem = check_import(path, target)
                if problem:
                    yield here + problem
        if path.startswith("tests/lint/"):
            continue  # the rules themselves
        if MACHINE_PATH.search(line):
            yield here + "a path of somebody's machine"
        if UNFINISHED.search(line):
            yield here + "unfinished: finish it or open an issue"
        if layer == "tests" and NAP.search(line):
            yield here + "tests wait on events, not on the clock"
        if locks and STD_LOCK.search(line.split("//")[0]):
            yield here + "locks are those of %s, which Clang can check" % MUTEX_HOME
        mutex = MUTEX.match(line) if locks else None
        if mutex and not any("GUARDED_BY(%s)" % mutex.group(1) in other for other in lines):
            yield here + "nothing here is SMILEY_GUARDED_BY(%s): a mutex says what it guards" % mutex.group(1)
        if code and layer in ("shm", "daemon") and NOISE.search(line.split("//")[0]):
            yield here + "libraries never print or abort"


def check(root):
    problems = list(top_level(root))
    for path in tree(root):
        problems.extend(check_file(root, path))
    return problems


def main():
    root = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", ".."))
    problems = check(root)
    for problem in problems:
        print(problem)
    print(
        "smiley: %d breach%s of the house rules" % (len(problems), "" if len(problems) == 1 else "es"),
        file=sys.stderr,
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
