"""Compiles each header alone, because a header includes all that it needs.

    python3 tests/lint/headers.py CXX [SOURCES] [--flags FLAG…]

Headers of the tracer and of its tests see the headers of the Python that runs this script. A header that only C files
include is compiled as C.
"""

import concurrent.futures
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig

# Parts of the sources of each CPython version. Their includers provide what they need.
PIECES = {
    "tracer/interp/interp_parts.h",
    "tracer/interp/interp_312_up.h",
    "tracer/interp/interp_313_up.h",
    "tracer/interp/interp_314_up.h",
    "tracer/interp/interp_frames.h",
}
LAYERS = ("shm", "tracer", "daemon", "tools", "tests")


def headers(root):
    for layer in LAYERS:
        for folder, folders, files in os.walk(os.path.join(root, layer)):
            folders.sort()
            for name in sorted(files):
                path = os.path.relpath(os.path.join(folder, name), root)
                if name.endswith(".h") and path not in PIECES:
                    yield path


def only_for_c(root, header):
    """True when C files of its folder include the header and no C++ file or header there does."""
    wanted = re.compile(r'^\s*#\s*include\s*"%s"' % re.escape(header), re.M)
    users = set()
    folder = os.path.join(root, os.path.dirname(header))
    for name in os.listdir(folder):
        if name.endswith((".c", ".cc", ".h")):
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                if wanted.search(file.read()):
                    users.add(os.path.splitext(name)[1])
    return users == {".c"}


def compile_alone(root, compiler, flags, header):
    c = only_for_c(root, header)
    words = compiler + ["-x", "c", "-std=c11"] if c else compiler + ["-x", "c++", "-std=c++20"]
    words += ["-fsyntax-only", "-Wall", "-Wextra", "-I", root] + flags
    if header.startswith(("tracer/", "tests/tracer/")):
        include = sysconfig.get_path("include")
        words += ["-isystem", include, "-isystem", os.path.join(include, "internal")]
    # Twice, because a header may be included again.
    text = '#include "%s"\n#include "%s"\n' % (header, header)
    # In root, because quotes look first in the folder where the compiler runs.
    done = subprocess.run(
        words + ["-"], cwd=root, input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.returncode, done.stdout.decode("utf-8", "replace")


def check(root, compiler, flags=(), workers=2):
    """(number of headers, {header that does not compile: the compiler's messages})."""
    failed = {}
    names = list(headers(root))
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        results = pool.map(lambda header: compile_alone(root, compiler, list(flags), header), names)
        for header, (code, words) in zip(names, results):
            if code != 0:
                failed[header] = words
    return len(names), failed


def main():
    words = sys.argv[1:]
    flags = []
    if "--flags" in words:
        at = words.index("--flags")
        words, flags = words[:at], words[at + 1 :]
    compiler = shlex.split(words[0] if words else os.environ.get("CXX") or shutil.which("g++") or "c++")
    root = os.path.abspath(words[1] if len(words) > 1 else os.path.join(os.path.dirname(__file__), "..", ".."))
    count, failed = check(root, compiler, flags)
    for header, text in failed.items():
        print("%s does not compile alone:\n%s" % (header, "\n".join(text.splitlines()[:15])))
    print("smiley: %d headers, %d of them do not compile alone" % (count, len(failed)), file=sys.stderr)
    return 1 if failed or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
