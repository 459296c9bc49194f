#!/bin/sh
# Builds the ring stress with Clang's ThreadSanitizer twice: as it is, which must be clean, and with the publish
# weakened to relaxed, which must be reported. A detector that cannot see the weak one proves nothing by its silence.
# usage: weakened_publish.sh SOURCE_DIR WORK_DIR
set -eu
source_dir=$1
work_dir=$2
compiler=
for candidate in clang++ clang++-19 clang++-16 clang++-14; do
  if command -v "$candidate" >/dev/null 2>&1; then compiler=$candidate; break; fi
done
if [ -z "$compiler" ]; then
  echo "no clang++ found: install clang (its ThreadSanitizer sees what GCC 12's does not)" >&2
  exit 1
fi
mkdir -p "$work_dir"
cd "$work_dir"
set -- -std=c++20 -O1 -g -fsanitize=thread "-I$source_dir" -Wno-gnu  # the folder may have a space in its name
common=
for name in status identity clock test_point home segment ring_reader word_parser; do
  $compiler "$@" -c "$source_dir/shm/$name.cc" -o "$name.o"
  common="$common $name.o"
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
  echo "the ring as it is does not pass:" >&2
  head -60 plain.log >&2
  exit 1
fi
code=0
./ring_stress-weak >weak.log 2>&1 || code=$?
if [ "$code" != 66 ] || ! grep -q "data race" weak.log; then
  echo "a weakened publish was not reported (exit code $code)" >&2
  exit 1
fi
echo "clean as it is; weakened, it is reported"
