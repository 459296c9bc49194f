#!/bin/sh
# The long part of the tests, for which tools/test.sh has no time.
#
#     sh tests/long.sh BUILD [PART…]
#
# BUILD is the folder that tools/test.sh built (build-test). The parts (default: all):
#
# kills      all single points and all pairs of points, then SMILEY_LONG_KILLS (5000) random ones
# planted    every planted mistake
# tidy       clang-tidy over every source, with the analyzer
# leaks      the extension in programs that repeat themselves SMILEY_LONG_ROUNDS (60) times
# soak       recording for SMILEY_LONG_SOAK (14400) seconds
#
# Each part's output goes to BUILD/long/PART.log. One line is printed for each part, and a last one with the result.
set -u

[ $# -ge 1 ] && [ -e "$1/compile_commands.json" ] || {
  sed -n '2,15p' "$0" >&2
  exit 2
}
sources=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
build=$(CDPATH= cd -- "$1" && pwd)
shift
[ $# -gt 0 ] || set -- kills planted tidy leaks soak
mkdir -p "$build/long"
export SMILEY_BIN="$build/bin"
bad=0

for part; do
  log=$build/long/$part.log
  begun=$(date +%s)
  case $part in
    kills)
      python3 "$sources/tests/kills/kills.py" --bin "$build/bin" --all-pairs >"$log" 2>&1 &&
        python3 "$sources/tests/kills/kills.py" --bin "$build/bin" --random "${SMILEY_LONG_KILLS:-5000}" >>"$log" 2>&1
      ;;
    planted) python3 "$sources/tests/planted/planted.py" "$sources" "$build" >"$log" 2>&1 ;;
    tidy) python3 "$sources/tests/lint/tidy.py" "$sources" "$build" --all --analyzer >"$log" 2>&1 ;;
    leaks) python3 "$sources/tests/soak/leaks.py" --bin "$build/bin" --rounds "${SMILEY_LONG_ROUNDS:-60}" >"$log" 2>&1 ;;
    soak) python3 "$sources/tests/soak/soak.py" --bin "$build/bin" --seconds "${SMILEY_LONG_SOAK:-14400}" >"$log" 2>&1 ;;
    *)
      echo "long.sh: there is no part '$part'" >&2
      exit 2
      ;;
  esac
  code=$?
  [ "$code" = 0 ] || bad=$((bad + 1))
  echo "$(date +%F) $part: $([ "$code" = 0 ] && echo passed || echo "FAILED ($code), see $log") in $(($(date +%s) - begun)) s"
done
[ "$bad" = 0 ] && echo "all parts passed" || { echo "$bad parts failed"; exit 1; }
