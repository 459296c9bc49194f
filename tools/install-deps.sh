#!/bin/sh
# Installs the missing packages that smiley needs with apt-get, on Debian 12, 13 and testing. Prints nothing and runs
# no apt-get when all are installed. quickstart.sh and test.sh call it.
#
#     sh tools/install-deps.sh [build|test]      test: also the packages that only the tests need
#
# SMILEY_NO_INSTALL=1: only reports the missing packages.
set -u

fail() {
  echo "smiley: $*" >&2
  exit 1
}

what=${1:-build}
case $what in build | test) ;; *) fail "install-deps.sh takes build or test, not '$what'" ;; esac

version=
[ -r /etc/os-release ] && version=$(. /etc/os-release && echo "${VERSION_ID:-}")

# One requirement a line. Any of its alternatives is enough; the first one is installed when all are missing.
requirements() {
  cat <<'END'
g++
cmake
ninja-build
pkgconf|pkg-config
ccache
python3
python3-dev
librocksdb-dev
libsimdjson-dev
libconcurrentqueue-dev
pybind11-dev
libcli11-dev
libfmt-dev
libspdlog-dev
nlohmann-json3-dev
libzstd-dev
libxxhash-dev
libssl-dev
libgflags-dev
zlib1g-dev
END
  # For the page. They may be installed from elsewhere than Debian.
  command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || printf 'nodejs\nnpm\nca-certificates\n'
  # Debian 12 has Boost 1.74 (its default) and 1.81, which is closer to later versions.
  if [ "$version" = 12 ]; then
    echo "libboost1.81-dev|libboost1.74-dev"
    [ "$what" = test ] && echo "libboost-test1.81-dev|libboost-test1.74-dev"
  else
    echo "libboost-dev"
    [ "$what" = test ] && echo "libboost-test-dev"
  fi
  [ "$what" = test ] || return 0
  # CPython's own tests, for Debian's Python.
  case $version in
    12) echo libpython3.11-testsuite ;;
    13) echo libpython3.13-testsuite ;;
    *) /usr/bin/python3 -c 'import sys; print("libpython%d.%d-testsuite" % sys.version_info[:2])' 2>/dev/null ;;
  esac
  cat <<'END'
chromium
clang
clang-tidy
git
libclang-rt-dev
libfaketime
llvm
procps
strace
tmux
util-linux
END
}

installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

command -v dpkg-query >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1 ||
  fail "this script needs Debian's apt-get; install by hand: $(requirements | cut -d'|' -f1 | tr '\n' ' ')"

missing=
for line in $(requirements); do
  found=
  for package in $(echo "$line" | tr '|' ' '); do
    installed "$package" && found=yes && break
  done
  [ -n "$found" ] || missing="$missing ${line%%|*}"
done
[ -n "$missing" ] || exit 0

[ -z "${SMILEY_NO_INSTALL:-}" ] || fail "these packages are missing, and SMILEY_NO_INSTALL is set:$missing"

if [ "$(id -u)" = 0 ]; then
  as_root() { "$@"; }
elif command -v sudo >/dev/null 2>&1; then
  if [ -t 0 ] && [ -t 2 ]; then
    as_root() { sudo "$@"; }
  else
    as_root() { sudo -n "$@"; }
  fi
else
  fail "packages are missing, and there is no sudo to install them; as root: apt-get install$missing"
fi

apt() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600 "$@" </dev/null
}

log=$(mktemp "${TMPDIR:-/tmp}/smiley-apt.XXXXXX") || fail "cannot create a temporary file in ${TMPDIR:-/tmp}"
trap 'rm -f "$log"' EXIT
echo "smiley: installing$missing" >&2
# shellcheck disable=SC2086
if ! { apt update && apt install --no-install-recommends $missing; } >"$log" 2>&1; then
  tail -n 15 "$log" >&2
  fail "apt-get could not install all packages (its last lines are above); by hand: apt-get update && apt-get install$missing"
fi
