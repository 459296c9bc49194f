#!/bin/sh
# From a fresh clone to a recorded and stored run: installs missing packages, builds, starts the daemon, records the
# bundled example with a live view, and prints the next commands. Needs no terminal; may be run again at any time.
#
#     sh tools/quickstart.sh
set -u

root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
build=$root/build
log=$build/quickstart.log
tail_pid=

fail() {
  echo "smiley: $*" >&2
  exit 1
}
step() { echo "smiley: $*" >&2; }
stop_tail() {
  [ -n "$tail_pid" ] || return 0
  kill "$tail_pid" 2>/dev/null
  wait "$tail_pid" 2>/dev/null
  tail_pid=
}
trap stop_tail EXIT
trap 'stop_tail; exit 130' INT
trap 'stop_tail; exit 143' TERM

sh "$root/tools/install-deps.sh" build || exit 1

# A compiler takes up to 1.5 GB. Two compilers that swap are slower than one.
jobs=$(nproc 2>/dev/null || echo 1)
memory=$(awk '/^MemAvailable:/ { print int($2 / 1500000) }' /proc/meminfo 2>/dev/null)
[ "${memory:-1}" -ge 1 ] || memory=1
[ "${memory:-1}" -ge "$jobs" ] || jobs=$memory

mkdir -p "$build" || fail "cannot write to $build"
# Runs a command. Its output goes into the log, and to the terminal if there is one.
logged() {
  if [ -t 1 ]; then
    { "$@" 2>&1 && echo done >"$build/.quickstart.ok"; } | tee -a "$log"
  else
    "$@" >>"$log" 2>&1 && echo done >"$build/.quickstart.ok"
  fi
  [ -e "$build/.quickstart.ok" ] && rm -f "$build/.quickstart.ok"
}
build_failed() {
  [ -t 1 ] || tail -n 25 "$log" >&2
  fail "$1; the whole log is $log"
}
: >"$log"
rm -f "$build/.quickstart.ok"
step "building (some minutes the first time, $jobs at a time)"
generator=
[ -e "$build/CMakeCache.txt" ] || generator=-GNinja
# shellcheck disable=SC2086
logged cmake -S "$root" -B "$build" $generator -DCMAKE_BUILD_TYPE=Release -DSMILEY_TESTS=OFF ||
  build_failed "cmake could not configure the build"
logged cmake --build "$build" -j "$jobs" || build_failed "the build failed"

bin=$build/bin
"$bin/smiley-daemon" start || fail "the daemon did not start (see the line above)"

step "recording tools/example/farm_shop.py, with a live view of it"
output=$build/quickstart-example.out
if [ -t 1 ]; then
  "$bin/smiley-tail" </dev/null &
else  # a log of ten thousand lines helps nobody: exceptions only
  "$bin/smiley-tail" --where 'event in (raise, handled)' </dev/null &
fi
tail_pid=$!
"$bin/smiley-run" --shm --name quickstart "$root/tools/example/farm_shop.py" >"$output" </dev/null
code=$?
# The view shows the run's end at once and then waits for the next run. A second is enough.
waited=0
while kill -0 "$tail_pid" 2>/dev/null && [ "$waited" -lt 10 ]; do
  sleep 0.1
  waited=$((waited + 1))
done
stop_tail
[ "$code" = 0 ] || fail "recording the example failed with exit code $code (see the lines above)"

case $(pwd) in "$root") show=build/bin ;; *) show=$bin ;; esac
cat <<END

The example wrote:

$(sed 's/^/    /' "$output")

Money is missing, and one customer was paid for shopping. The run is stored, and answers why. Who was paid, and whose basket had
a coupon in it before anybody gave one?

    $show/smiley-replay last --where 'function == "pay" and event == return and value < 0'
    $show/smiley-replay last --where 'function == "Basket.__init__" and event == call and coupons'

Then look around, and record your own:

    $show/smiley-list                          the runs that are stored
    $show/smiley-show last                     this one, at a glance
    $show/smiley-threads last                  its threads
    $show/smiley-run --shm app.py ARGUMENTS…   record a program
    $show/smiley-tail                          watch it, in another terminal
    $show/smiley-export last > run.smiley      a file for a colleague, who types
    $show/smiley-import run.smiley

Every command has --help, and README.md describes the rest.
END
