#!/bin/sh
# Builds the ring stress with Clang's ThreadSanitizer twice. The plain build must have no race. The other build weakens the
# publish to relaxed, and the detector must report it. Otherwise the plain build's result proves nothing.
# usage: weakened_publish.sh SOURCE_DIR WORK_DIR
set -eu
source_dir=$1
work_dir=$2
compiler=
for candidate in clang++ clang++-19 clang++-16 clang++-14; do
  if command -v "$candidate" >/dev/null 2>&1; then compiler=$candidate; break; fi
done
if [ -z "$compiler" ]; then
  echo "no clang++ found: install clang (its ThreadSanitizer reports races that GCC 12's misses)" >&2
  exit 1
fi
mkdir -p "$work_dir"
cd "$work_dir"
set -- -std=c++20 -O1 -g -fsanitize=thread "-I$source_dir" -Wno-gnu  # the folder may have a space in its name
common=
for source in "$source_dir"/shm/base/*.cc "$source_dir"/shm/clock.cc "$source_dir"/shm/segment.cc \
  "$source_dir"/shm/ring_reader.cc "$source_dir"/shm/word_parser.cc; do
  object=$(basename "$source" .cc).o
  $compiler "$@" -c "$source" -o "$object"
  common="$common $object"
done
for variant in plain weak; do
  define=
  if [ "$variant" = weak ]; then define=-DSMILEY_WEAKEN_PUBLISH; fi
  $compiler "$@" $define -c "$source_dir/shm/ring_writer.cc" -o "ring_writer-$variant.o"
  $compiler "$@" $define -c "$source_dir/tests/tsan/ring_stress.cc" -o "ring_stress-$variant.o"
  $compiler -fsanitize=thread $common "ring_writer-$variant.o" "ring_stress-$variant.o" -pthread -lrt -o "ring_stress-$variant"
done
export TSAN_OPTIONS="exitcode=66 halt_on_error=1"
if ! ./ring_stress-plain >plain.log 2>&1; then
  echo "the plain build does not pass:" >&2
  head -60 plain.log >&2
  exit 1
fi
code=0
./ring_stress-weak >weak.log 2>&1 || code=$?
if [ "$code" != 66 ] || ! grep -q "data race" weak.log; then
  echo "a weakened publish was not reported (exit code $code)" >&2
  exit 1
fi
echo "the plain build is clean, the weakened publish is reported"
