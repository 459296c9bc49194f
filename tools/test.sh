#!/bin/sh
# Installs missing packages, builds everything with warnings as errors in build-test/, runs every test, and ends with
# the line "N passed, N failed". Needs no terminal; may be run again at any time.
#
#     sh tools/test.sh
#
# The system tests run once for each CPython found (3.11 and newer with headers: on PATH, in /usr/bin, in
# ~/.pyenv/versions; one a minor version). SMILEY_TEST_PYTHONS=EXE:EXE… names them instead. With CI=true 3.11, 3.12
# and 3.13 must be among them. SMILEY_TEST_BUILD=DIR builds there.
set -u

root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
build=${SMILEY_TEST_BUILD:-$root/build-test}

fail() {
  echo "smiley: $*" >&2
  echo "0 passed, 1 failed"
  exit 1
}
step() { echo "smiley: $*" >&2; }

sh "$root/tools/install-deps.sh" test || fail "the packages that the tests need could not be installed"

describe='import os, sys, sysconfig
good = sys.version_info >= (3, 11) and sys.implementation.name == "cpython"
if not good or not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
    sys.exit(1)
print("%d.%d" % sys.version_info[:2], sys.executable)'
# "VERSION EXECUTABLE" lines, the first of each minor version.
find_pythons() {
  if [ -n "${SMILEY_TEST_PYTHONS:-}" ]; then
    echo "$SMILEY_TEST_PYTHONS" | tr ':' '\n'
  else
    for python in /usr/bin/python3 /usr/bin/python3.[0-9][0-9] /usr/local/bin/python3.[0-9][0-9]; do
      [ -x "$python" ] && echo "$python"
    done
    for minor in '' .11 .12 .13 .14 .15; do command -v "python3$minor"; done
    for python in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/python3; do [ -x "$python" ] && echo "$python"; done
  fi | while read -r python; do
    "$python" -c "$describe" 2>/dev/null </dev/null || echo "unfit $python"
  done | awk -v named="${SMILEY_TEST_PYTHONS:+1}" '$1 == "unfit" ? named : named || !seen[$1]++'
}
found=$(find_pythons)
case $found in
  *unfit*) fail "SMILEY_TEST_PYTHONS names no CPython 3.11 or newer with headers: $(echo "$found" | sed -n 's/^unfit //p')" ;;
esac
[ -n "$found" ] || fail "no CPython 3.11 or newer with headers was found (Debian: python3-dev)"
pythons=$(echo "$found" | cut -d' ' -f2- | tr '\n' ':' | sed 's/:$//')
echo "$found" | while read -r version python; do step "Python $version: $python"; done
if [ "${CI:-}" = true ]; then
  for version in 3.11 3.12 3.13; do
    echo "$found" | grep -q "^$version " ||
      fail "CI must test Python $version too, and there is none with headers on PATH, in /usr/bin or in pyenv"
  done
fi

jobs=$(nproc 2>/dev/null || echo 1)
memory=$(awk '/^MemAvailable:/ { print int($2 / 1500000) }' /proc/meminfo 2>/dev/null)
[ "${memory:-1}" -ge 1 ] || memory=1
[ "${memory:-1}" -ge "$jobs" ] || jobs=$memory

step "building in $build, $jobs at a time"
generator=
[ -e "$build/CMakeCache.txt" ] || generator=-GNinja
mkdir -p "$build" || fail "cannot write to $build"
log=$build/build.log
# shellcheck disable=SC2086
if ! cmake -S "$root" -B "$build" $generator -DSMILEY_WERROR=ON -DSMILEY_TESTS=ON -DSMILEY_CHECKS=ON \
  "-DSMILEY_PYTHONS=$(echo "$pythons" | tr ':' ';')" >"$log" 2>&1 ||
  ! cmake --build "$build" -j "$jobs" >>"$log" 2>&1; then
  grep -E 'error|Error|FAILED' "$log" | head -n 20 >&2
  tail -n 30 "$log" >&2
  fail "the build failed; the whole log is $log"
fi

# Counts each test case of every kind and prints the closing line.
exec env "SMILEY_BIN=$build/bin" "SMILEY_TEST_PYTHONS=$pythons" python3 "$root/tests/run_all.py" "$build" "$root"
