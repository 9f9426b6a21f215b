#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# build_client.sh OUT: builds the client into OUT/dist, in a copy of its sources beside it: nothing is written into the tree.
# Asks nobody once its packages are in the cache. Exit 3: they are not to be had, 1: the client does not build.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# -eq 1 ] || { echo "usage: build_client.sh OUT" >&2; exit 2; }
modules=$("$here/../cmake/npm_folder.sh" "$here/client") || exit 3
command -v node >/dev/null || { echo "build_client: there is no node" >&2; exit 3; }
rm -rf "$1/client"
mkdir -p "$1/client"
cp -r "$here/client/." "$1/client/"
rm -rf "$1/client/node_modules"
ln -s "$modules/node_modules" "$1/client/node_modules"
cd "$1/client"
node node_modules/vite/bin/vite.js build --outDir "$1/dist" --emptyOutDir --logLevel warn
