#!/bin/sh
# Formats the tree, or with --check reports the sources that are not formatted. format/format.mjs describes the rules.
#
#     sh tests/lint/format.sh [--check] [FILE…]
#
# The formatters come from npm. They are installed once into the folder SMILEY_FORMAT_DIR (default: .cache/format in
# the tree). Exit code: 0 formatted, 1 not formatted, 2 the formatters could not run.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd)
modules=${SMILEY_FORMAT_DIR:-$root/.cache/format}
source=$root/tests/lint/format

fail() {
  echo "smiley: $*" >&2
  exit 2
}

for program in node npm; do
  command -v "$program" >/dev/null 2>&1 ||
    fail "$program is missing, and the formatters need it (Debian: apt-get install nodejs npm)"
done
mkdir -p "$modules" || fail "cannot write to $modules: set SMILEY_FORMAT_DIR to another folder"
if ! cmp -s "$source/package-lock.json" "$modules/installed.json"; then
  cp "$source/package.json" "$source/package-lock.json" "$modules/"
  (cd "$modules" && npm ci --ignore-scripts --prefer-offline --no-audit --no-fund --loglevel=error >&2) ||
    fail "npm could not install the formatters in $modules: its message is above; check the network and npm's registry"
  cp "$source/package-lock.json" "$modules/installed.json"
fi
exec node "$source/format.mjs" "$root" "$modules" "$@"
