#!/bin/sh
# Formats the tree, or with --check reports what is not formatted: see format/format.mjs.
#
#     sh tests/lint/format.sh [--check] [FILE…]
#
# The formatters come from npm, once, into SMILEY_FORMAT_DIR (.cache/format below the tree unless it is set).
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd)
modules=${SMILEY_FORMAT_DIR:-$root/.cache/format}
source=$root/tests/lint/format
command -v npm >/dev/null 2>&1 || {
  echo "smiley: npm is missing, and the formatters come from it (Debian: apt-get install nodejs npm)" >&2
  exit 2
}
mkdir -p "$modules"
if ! cmp -s "$source/package-lock.json" "$modules/installed.json"; then
  cp "$source/package.json" "$source/package-lock.json" "$modules/"
  (cd "$modules" && npm ci --ignore-scripts --prefer-offline --no-audit --no-fund --loglevel=error >&2) || {
    echo "smiley: npm ci failed in $modules" >&2
    exit 2
  }
  cp "$source/package-lock.json" "$modules/installed.json"
fi
exec node "$source/format.mjs" "$root" "$modules" "$@"
