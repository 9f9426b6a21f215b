#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# build.sh PRESET [TARGET ...]: configures once and builds; quiet unless it fails, the log is build/PRESET/build.log. Two of
# them on one preset wait for each other. Progress is shown on a terminal only. Exit 1: the build failed.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
preset=$1
shift
folder=$root/build/$preset
mkdir -p "$folder"
trap "exit 130" INT TERM
exec 9>"$folder/.lock"
flock 9
log=$folder/build.log
cd "$root"

failed() {
    [ ! -t 2 ] || printf '\r\033[K' >&2
    echo "capos: $1 failed ($preset); the end of build/$preset/build.log:" >&2
    grep -vE '^\[[0-9]+/[0-9]+\]' "$log" | tail -n 40 >&2
    exit 1
}

progress() { # ninja's lines in, the count of steps on one line out
    local line
    while IFS= read -r line; do
        echo "$line"
        case $line in \[*/*\]*) printf '\r\033[Kcapos: building %s %s' "$preset" "${line%%]*}]" >&2 ;; esac
    done
    printf '\r\033[K' >&2
}

: >"$log"
# Configured before Criterion was there: configure again, now with the tests.
if [ -f "$folder/without-tests" ] && pkg-config --exists criterion; then rm -f "$folder/build.ninja"; fi
if [ ! -f "$folder/build.ninja" ]; then
    [ ! -t 2 ] || printf 'capos: configuring %s' "$preset" >&2
    compiler=${CC:-gcc}
    options=()
    source_preset=$preset
    if [ "$preset" = clang ]; then # not a preset of its own: the shipped build by the other compiler
        compiler=clang-14 source_preset=ship options=(-B "$folder" -DCAPOS_TESTS=OFF)
    elif [ "$preset" = clang-tests ]; then
        compiler=clang-14 source_preset=ship options=(-B "$folder")
    elif [ "$preset" = fuzz ]; then
        compiler=clang-14
    fi
    CC=$compiler cmake --preset "$source_preset" ${options[@]+"${options[@]}"} >>"$log" 2>&1 9>&- || failed configuration
fi
if [ -t 2 ]; then
    ninja -C "$folder" "$@" 2>&1 9>&- | progress >>"$log" || failed build
else
    ninja -C "$folder" "$@" >>"$log" 2>&1 9>&- || failed build
fi
