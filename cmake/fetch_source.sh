#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# fetch_source.sh [--here] NAME: prints the path of a pinned source archive (sources.lock), fetching it first if it is not cached.
# --here fetches nothing: exit 3 where it would have to.
# Trusts nothing but the SHA-256 in sources.lock. Safe to run twice at once: files appear by rename only.
# CAPOS_SOURCES=DIR takes the file from DIR and never fetches. Errors are one line; exit 3: not to be had, 2: usage.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
fail() { echo "fetch_source: $*" >&2; exit 3; }

here_only=0
[ "${1:-}" != --here ] || { here_only=1; shift; }
[ $# -eq 1 ] || { echo "usage: fetch_source.sh [--here] NAME" >&2; exit 2; }
name=$1
read -r version release file sha < <(awk -v n="$name" '$1 == n { print $2, $3, $4, $5 }' "$here/sources.lock") ||
    fail "$name is not in cmake/sources.lock"

good() { [ -f "$1" ] && [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$sha" ]; }

if [ -n "${CAPOS_SOURCES:-}" ]; then
    [ -f "$CAPOS_SOURCES/$file" ] || fail "CAPOS_SOURCES=$CAPOS_SOURCES has no $file"
    good "$CAPOS_SOURCES/$file" || fail "$CAPOS_SOURCES/$file does not have the pinned SHA-256 $sha"
    echo "$CAPOS_SOURCES/$file"
    exit 0
fi

cache=${XDG_CACHE_HOME:-$HOME/.cache}/capos/sources
if good "$cache/$file"; then
    echo "$cache/$file"
    exit 0
fi
[ $here_only = 0 ] || fail "$file is not cached"
mkdir -p "$cache" 2>/dev/null || fail "cannot create the cache $cache"

keep() { # folder with the file: into the cache, if it is the one
    good "$1/$file" || fail "the fetched $file does not have the pinned SHA-256 $sha"
    mv -f "$1/$file" "$cache/$file"
    echo "$cache/$file"
}

if [ "$release" = npm ]; then
    command -v npm >/dev/null || fail "$file is not cached and there is no npm: set CAPOS_SOURCES to a folder with it"
    work=$(mktemp -d "$cache/.fetch.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT TERM
    (cd "$work" && npm pack --silent --ignore-scripts "$name@$version" >log 2>&1 </dev/null) ||
        fail "npm cannot fetch $name@$version: $(tail -n 1 "$work/log")"
    keep "$work"
    exit 0
fi

command -v apt-get >/dev/null || fail "$file is not cached and there is no apt-get: set CAPOS_SOURCES to a folder with it"

# Words that name a suite, for the release wanted: bookworm and bookworm-updates are trixie, bookworm-security is
# trixie-security. A release's updates are left out: what is pinned is of the release itself or of its security archive.
suites() { # words
    local word out=
    [ "$release" != - ] || { echo "$*"; return; }
    for word; do
        case $word in *security*) word=$release-security ;; *) word=$release ;; esac
        case " $out " in *" $word "*) ;; *) out="$out $word" ;; esac
    done
    echo "${out# }"
}

# An apt configuration of our own, made from the machine's: source entries instead of binary ones, of the release wanted, lists
# and cache in a temporary folder. The machine's apt state is not touched.
work=$(mktemp -d "$cache/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$work"/{lists/partial,parts,cache/archives/partial,get}
if [ -f /etc/apt/sources.list.d/debian.sources ]; then
    sources=$work/sources.sources
    while IFS= read -r line; do
        read -ra words <<<"$line"
        case $line in
            Types:*) echo "Types: deb-src" ;;
            Suites:*) echo "Suites: $(suites "${words[@]:1}")" ;;
            *) printf '%s\n' "$line" ;;
        esac
    done </etc/apt/sources.list.d/debian.sources >"$sources"
elif [ -s /etc/apt/sources.list ]; then
    sources=$work/sources.list
    while read -ra words; do
        [ "${words[0]:-}" = deb ] || continue
        at=1
        if [[ ${words[1]:-} == \[* ]]; then # options, up to the bracket that closes them
            while [ $at -lt ${#words[@]} ] && [[ ${words[at]} != *\] ]]; do at=$((at + 1)); done
            at=$((at + 1))
        fi
        echo "deb-src ${words[*]:1:at} $(suites "${words[at + 1]:-}") ${words[*]:at + 2}"
    done </etc/apt/sources.list >"$sources"
else
    fail "$file is not cached and apt has no Debian sources: set CAPOS_SOURCES to a folder with it"
fi
apt=(apt-get -qq -o "Dir::Etc::sourcelist=$sources" -o "Dir::Etc::sourceparts=$work/parts"
     -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache" -o "APT::Sandbox::User=$(id -un)"
     -o Acquire::Retries=3)
"${apt[@]}" update >"$work/log" 2>&1 || true # judged by what follows: one index that is missing may not matter
# The archive alone: a mirror may lack the other files of a source package.
(cd "$work/get" && { "${apt[@]}" source --download-only --tar-only "$name=$version" ||
    "${apt[@]}" source --download-only --tar-only "$name"; }) \
    >>"$work/log" 2>&1 || fail "apt cannot fetch the source of $name $version: $(tail -n 1 "$work/log")"
keep "$work/get"
