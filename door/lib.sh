# SPDX-License-Identifier: BSD-2-Clause
# What the commands share: messages, what is installed, builds. Sourced by ./capos; owns ASSUME_YES, trusts `packages`.
PYTHON=(/usr/bin/python3 -B) # the one that apt's modules belong to; -B: no caches in the tree

fail() { # status, words
    local status=$1
    shift
    echo "capos: $*" >&2
    exit "$status"
}

commit_id() { # with -dirty when tracked files differ from it
    local commit
    commit=$(git -C "$ROOT" rev-parse --short=12 HEAD 2>/dev/null) || { echo unknown; return 0; }
    git -C "$ROOT" diff --quiet HEAD 2>/dev/null || commit=$commit-dirty
    echo "$commit"
}

print_version() {
    local abi
    abi=$(awk '$2 == "CAPOS_ABI_VERSION" { print $3 }' "$ROOT/abi/version.h")
    echo "capos $VERSION commit $(commit_id) abi ${abi%u}"
}

wants_help() { # arguments: true when --help or -h is one of them
    local argument
    for argument in "$@"; do
        case $argument in --help | -h) return 0 ;; esac
    done
    return 1
}

# The help text of a program of the tree, taken from its source: nothing has to be built to be asked for help.
help_of() { # file with `static const char help[] = "...";`
    sed -n '/^static const char help\[\]/,/;$/ s/^ *"\(.*\)\\n";\{0,1\}$/\1/p' "$ROOT/$1"
}

at_least() { # version, minimum
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

program_version() {
    case $1 in
        gcc) gcc -dumpfullversion ;;
        *) "$1" --version 2>/dev/null | grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1 ;;
    esac
}

unpacked() { # package: prints the folder that it is unpacked in
    echo "${XDG_CACHE_HOME:-$HOME/.cache}/capos/packages/$1"
}

# Of these packages those that are unpacked only, or the others.
sort_packages() { # unpack or others, packages
    local which=$1 package kind
    shift
    for package in "$@"; do
        kind=others
        ! grep -q -E "^[a-z]+ +$package +unpack:" "$ROOT/packages" || kind=unpack
        [ "$kind" != "$which" ] || echo "$package"
    done
}

unpack_packages() { # packages: from the archive that apt trusts into the cache; whole or not at all
    local package
    for package in "$@"; do
        mkdir -p "$(dirname "$(unpacked "$package")")" || fail 3 "cannot create $(unpacked "$package")"
        (
            work=$(mktemp -d "$(unpacked "$package").XXXXXX")
            trap 'rm -rf "$work"' EXIT
            (cd "$work" && apt-get -qq download "$package" && dpkg-deb -x ./*.deb files) >&2 2>"$work/log" </dev/null || {
                cat "$work/log" >&2
                exit 1
            }
            rm -rf "$(unpacked "$package")"
            mv "$work/files" "$(unpacked "$package")"
        ) || fail 3 "apt-get download failed: $package"
    done
}

# Is the need of a line of `packages` met already? A program on PATH in a sufficient version counts.
is_met() { # package, check
    local kind=${2%%:*} what=${2#*:} minimum=
    case $kind in
        cmd)
            case $what in *:*) minimum=${what##*:} what=${what%:*} ;; esac
            command -v "$what" >/dev/null && { [ -z "$minimum" ] || at_least "$(program_version "$what")" "$minimum"; }
            ;;
        fetch) command -v "${what#*:}" >/dev/null || "$ROOT/cmake/fetch_source.sh" --here "${what%%:*}" >/dev/null 2>&1 ;;
        unpack) command -v "$what" >/dev/null || [ -d "$(unpacked "$1")" ] ;;
        header) [ -f "/usr/include/$what" ] || [ -f "/usr/local/include/$what" ] ;;
        pc) pkg-config --exists "$what" 2>/dev/null ;;
        py) "${PYTHON[@]}" -c "import $what" 2>/dev/null ;;
        deb) [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ] ;;
        *) fail 1 "packages: unknown check $2" ;;
    esac
}

missing_packages() { # groups
    local group package check
    while read -r group package check; do
        case $group in "" | \#*) continue ;; esac
        case " $* " in *" $group "*) is_met "$package" "$check" || echo "$package" ;; esac
    done <"$ROOT/packages" | sort -u
}

# Megabytes to download for these packages and what they depend on; nothing when apt has no lists.
download_megabytes() {
    apt-get install --no-install-recommends --print-uris -qq -o Debug::NoLocking=1 "$@" 2>/dev/null |
        awk '$3 ~ /^[0-9]+$/ { bytes += $3; files++ } END { if (files) printf "%.1f MB in %d packages", bytes / 1e6, files }'
}

show_missing() { # packages
    local package size
    echo "capos: missing packages:" >&2
    for package in "$@"; do
        size=$(apt-cache show --no-all-versions "$package" 2>/dev/null | awk '$1 == "Size:" { printf "%.1f MB", $2 / 1e6; exit }')
        echo "  $package (${size:-size not known: apt has no package lists yet})" >&2
    done
    size=$(download_megabytes "$@")
    [ -z "$size" ] || echo "  to download, with what they depend on: $size" >&2
}

install_packages() { # packages
    local as_root=() unpack others
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || fail 3 "run as root: apt-get install --no-install-recommends $*"
        as_root=(sudo)
    fi
    # Package lists are fetched once, when apt does not know a package.
    if ! apt-cache show "$@" >/dev/null 2>&1; then
        ${as_root[@]+"${as_root[@]}"} apt-get -qq update >&2 || fail 3 "apt-get update failed"
    fi
    mapfile -t unpack < <(sort_packages unpack "$@")
    mapfile -t others < <(sort_packages others "$@")
    unpack_packages ${unpack[@]+"${unpack[@]}"}
    [ ${#others[@]} -gt 0 ] || return 0
    ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${others[@]}" >&2 </dev/null ||
        fail 3 "apt-get install failed: ${others[*]}"
}

# Makes sure that the packages of these groups are there, as the rules of the front door say.
need_groups() {
    local missing answer
    [ "$(uname -s)/$(uname -m)" = Linux/x86_64 ] || fail 3 "supported: x86-64 Linux with apt; this is $(uname -s)/$(uname -m)"
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || fail 3 "supported: x86-64 Linux with apt; missing here: ${missing[*]}"
    show_missing "${missing[@]}"
    [ "${CAPOS_NO_INSTALL:-}" != 1 ] || fail 3 "not installed, because CAPOS_NO_INSTALL=1: ${missing[*]}"
    if [ "${CI:-}" != true ] && [ "$ASSUME_YES" != 1 ]; then
        [ -t 0 ] && [ -t 2 ] || fail 3 "not installed: no terminal to ask on (use --yes, or CI=true): ${missing[*]}"
        read -r -p "capos: install them with apt-get? [y/N] " answer
        case $answer in y | Y | yes) ;; *) fail 3 "not installed: ${missing[*]}" ;; esac
    fi
    install_packages "${missing[@]}"
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -eq 0 ] || fail 3 "installed, but still not usable: ${missing[*]}"
}

# Fetches the pinned sources; with them in the cache this asks nobody.
need_sources() {
    local name _rest
    while read -r name _rest; do
        case $name in "" | \#*) continue ;; esac
        "$ROOT/cmake/fetch_source.sh" "$name" >/dev/null || exit 3
    done <"$ROOT/cmake/sources.lock"
}

build() { # preset, targets
    "$ROOT/door/build.sh" "$@" || exit $?
}
