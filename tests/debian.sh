#!/bin/sh
# Tries smiley on a minimal Debian of another suite: creates its root with debootstrap, clones the committed tree into it,
# and runs smiley's scripts there with that suite's compilers, libraries and Pythons.
#
#     sh tests/debian.sh SUITE [quickstart|test] [--root DIR] [--mirror URL] [--also PACKAGES] [--stale] [--keep]
#
# SUITE      bookworm (12), trixie (13) or testing
# quickstart (default) tools/quickstart.sh without a terminal, then on one, and a check of what it left
# test       tools/test.sh
# --root     the folder of the root, which is created or used again (default /var/tmp/smiley-debian-SUITE)
# --also     more packages, for instance "python3.15-dev"
# --stale    accept a mirror whose Release file has expired
# --keep     keep the root after a success
#
# Needs root, debootstrap and util-linux's unshare. Everything runs in its own mount and process namespaces, so that no
# process and no mount remains.
set -u

fail() {
  echo "smiley: $*" >&2
  exit 1
}
step() { echo "smiley: $*" >&2; }

here=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
suite= what=quickstart root= mirror= also= stale= keep=
while [ $# -gt 0 ]; do
  case $1 in
    --root) root=${2:?--root needs a folder}; shift ;;
    --mirror) mirror=${2:?--mirror needs a URL}; shift ;;
    --also) also=${2:?--also needs packages}; shift ;;
    --stale) stale=yes ;;
    --keep) keep=yes ;;
    quickstart | test) what=$1 ;;
    -*) fail "tests/debian.sh knows no $1; its first lines list the options" ;;
    *) suite=$1 ;;
  esac
  shift
done
[ -n "$suite" ] || fail "which Debian? for instance: sh tests/debian.sh trixie"
[ "$(id -u)" = 0 ] || fail "a root of another Debian can be made by root only: sudo sh tests/debian.sh $suite $what"
command -v debootstrap >/dev/null 2>&1 || fail "apt-get install debootstrap, then again"
root=${root:-/var/tmp/smiley-debian-$suite}

if [ ! -e "$root/.smiley-made" ]; then
  step "making a bare $suite in $root"
  mkdir -p "$root" || exit 1
  # shellcheck disable=SC2086
  debootstrap --variant=minbase "$suite" "$root" $mirror >"$root.log" 2>&1 ||
    { tail -n 5 "$root.log" >&2; fail "debootstrap failed; its log is $root.log"; }
  # Whom this machine trusts besides the usual: proxies that open connections.
  mkdir -p "$root/usr/local/share/ca-certificates"
  cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/" 2>/dev/null
  [ -z "$stale" ] || echo 'Acquire::Check-Valid-Until "false";' >"$root/etc/apt/apt.conf.d/90stale"
  echo 'force-unsafe-io' >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io"
  : >"$root/.smiley-made"
fi

clone="$root/srv/a fresh clone"
rm -rf "$clone"
git clone -q --no-hardlinks "$here" "$clone" || exit 1

case $what in
  quickstart) inside='
set -e
cd "/srv/a fresh clone"
export SMILEY_HOME=/srv/.smiley-quickstart
rm -rf "$SMILEY_HOME"
sh tools/quickstart.sh </dev/null >/srv/quickstart.1.out 2>/srv/quickstart.1.err || { cat /srv/quickstart.1.err; exit 1; }
cat /srv/quickstart.1.err /srv/quickstart.1.out
[ "$(build/bin/smiley-list --json | grep -c "\"exit_code\":0")" = 1 ]
script -qec "sh tools/quickstart.sh" /srv/quickstart.2.out </dev/null >/dev/null
[ "$(build/bin/smiley-list --json | grep -c "\"exit_code\":0")" = 2 ]
build/bin/smiley-store check
build/bin/smiley-export last >/srv/run.smiley
build/bin/smiley-delete last
build/bin/smiley-import /srv/run.smiley
build/bin/smiley-daemon stop
[ -z "$(ls -A /dev/shm)" ]
' ;;
  test) inside='
set -e
cd "/srv/a fresh clone"
sh tools/test.sh </dev/null
' ;;
esac
[ -z "$also" ] || inside="apt-get -q update >/dev/null && apt-get -q -y install --no-install-recommends $also >/dev/null
$inside"

step "$what in $root, with $(sed -n 's/^PRETTY_NAME=//p' "$root/etc/os-release")"
export root inside
if unshare --mount --pid --fork --kill-child sh -c '
  mount --make-rprivate / && mount --bind "$root" "$root" && mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" &&
    mount -t tmpfs -o mode=1777 shm "$root/dev/shm" && mount --bind /etc/resolv.conf "$root/etc/resolv.conf" &&
    mkdir -p "$root/.outside" && cd "$root" && pivot_root . .outside || exit 1
  exec chroot . /usr/bin/env -i HOME=/srv PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8 TERM=xterm-256color ${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"} \
    DEBIAN_FRONTEND=noninteractive \
    sh -c "umount -l /.outside && rmdir /.outside && cd / && $inside"'; then
  step "$suite: $what passed"
  [ -n "$keep" ] || rm -rf "$root" "$root.log"
else
  fail "$suite: $what failed; the root is kept: $root"
fi
