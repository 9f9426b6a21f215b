# SPDX-License-Identifier: BSD-2-Clause
# ./capos explore [flags]: builds the observed rooms and the explorer over them, and runs it. The flags are capos-explore's; it
# checks them before it does anything, and makes the run's folder only when it has something to put there.
. "$ROOT/door/run.sh"

command_explore() {
    local argument run status helping=0
    for argument in "$@"; do
        case $argument in
            --help) helping=1 ;;
            --run-dir | --run-dir=* | --commit | --commit=*) fail 2 "explore: $argument is the front door's own" ;;
        esac
    done
    if [ "$helping" = 1 ]; then
        help_of sim/explore/options.c
        return 0
    fi
    need_groups build
    need_sources
    build explore capos-explore
    mkdir -p "$ROOT/out"
    run=$(name_run)
    cd "$cd_caller"
    # As it is to be typed from here.
    [ "$(pwd -P)" != "$(cd "$ROOT" && pwd -P)" ] || run=${run#"$ROOT"/}
    supervise "$ROOT/build/explore/sim/explore/capos-explore" "$@" --run-dir "$run" --commit "$(commit_id)"
    [ "$interrupted" = 0 ] || exit 130
    exit "$status"
}
