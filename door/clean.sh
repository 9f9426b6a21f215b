# SPDX-License-Identifier: BSD-2-Clause
# ./capos clean [--all]
command_clean() {
    if wants_help "$@"; then
        cat <<'TEXT'
usage: ./capos clean [--all]

Removes build/. With --all also out/ (the runs) and the cache of pinned sources.
TEXT
        return 0
    fi
    case "$*" in
        "") rm -rf "$ROOT/build" ;;
        --all) rm -rf "$ROOT/build" "$ROOT/out" "${XDG_CACHE_HOME:-$HOME/.cache}/capos" ;;
        *) fail 2 "clean: unknown argument: $*" ;;
    esac
}
