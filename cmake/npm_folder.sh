#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# npm_folder.sh [--here] FOLDER: prints the path of a folder whose node_modules holds exactly what FOLDER/package-lock.json pins,
# installing it first if it is not in the cache. --here installs nothing: exit 3 where it would have to.
# Trusts nothing but the hashes in the lock file, and runs no script of a package. Safe to run twice at once: folders appear by
# rename only. CAPOS_SOURCES=DIR: what npm needs is taken from its own cache DIR/npm, nobody is asked. Errors are one line; exit 3:
# not to be had, 2: usage.
set -euo pipefail
fail() { echo "npm_folder: $*" >&2; exit 3; }

here_only=0
[ "${1:-}" != --here ] || { here_only=1; shift; }
if [ $# -ne 1 ] || [ ! -f "$1/package-lock.json" ]; then
    echo "usage: npm_folder.sh [--here] FOLDER (with a package-lock.json)" >&2
    exit 2
fi
cache=${XDG_CACHE_HOME:-$HOME/.cache}/capos
sha=$(cat "$1/package.json" "$1/package-lock.json" | sha256sum | cut -c1-16)
name=$(basename "$1")-$sha
if [ -d "$cache/npm/$name/node_modules" ]; then
    echo "$cache/npm/$name"
    exit 0
fi
[ $here_only = 0 ] || fail "what $1 needs is not installed"
command -v npm >/dev/null || fail "what $1 needs is not installed, and there is no npm"
mkdir -p "$cache/npm" 2>/dev/null || fail "cannot create the cache $cache/npm"
from=(--cache "$cache/sources/npm")
[ -z "${CAPOS_SOURCES:-}" ] || from=(--offline --cache "$CAPOS_SOURCES/npm")
work=$(mktemp -d "$cache/npm/.install.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cp "$1/package.json" "$1/package-lock.json" "$1/.npmrc" "$work/"
(cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --logs-max=0 "${from[@]}" >log 2>&1 </dev/null) ||
    fail "npm cannot install what $1 needs: $(grep -m 1 -v '^npm warn' "$work/log" || tail -n 1 "$work/log")"
rm -f "$work/log"
chmod 755 "$work"
mv -T "$work" "$cache/npm/$name" 2>/dev/null || [ -d "$cache/npm/$name/node_modules" ] || fail "cannot rename to $cache/npm/$name"
echo "$cache/npm/$name"
