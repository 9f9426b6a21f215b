# SPDX-License-Identifier: BSD-2-Clause
# ./capos explore [flags]: builds the observed rooms and the explorer over them, and runs it. The flags are capos-explore's; it
# checks them before it does anything, and makes the run's folder only when it has something to put there.
. "$ROOT/door/run.sh"

# Makes one object of a brought driver's files. Sets object.
compile_driver() { # folder, as it was typed
    local folder sources log=$ROOT/build/explore/driver.log
    folder=$(cd "$cd_caller" && cd "$1" 2>/dev/null && pwd -P) || fail 4 "explore: $1: no such folder"
    sources=("$folder"/byd_*.c)
    [ -e "${sources[0]}" ] || sources=("$folder"/*.c)
    [ -e "${sources[0]}" ] || fail 4 "explore: $1 holds no C file"
    object=$ROOT/build/explore/driver-$(printf %s "$folder" | sha256sum | cut -c 1-12).so
    if ! gcc -std=gnu17 -O2 -g -fPIC -shared -fno-omit-frame-pointer -I"$ROOT/sim" -o "$object" "${sources[@]}" >"$log" 2>&1; then
        cat "$log" >&2
        fail 4 "explore: the driver in $1 does not compile"
    fi
}

command_explore() {
    local argument previous= driver= run status helping=0 more=()
    for argument in "$@"; do
        [ "$previous" != --driver ] || driver=$argument
        previous=$argument
        case $argument in
            --help) helping=1 ;;
            --driver=*) driver=${argument#*=} ;;
            --driver-object | --driver-object=*) fail 2 "explore: $argument is the front door's own" ;;
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
    if [ -n "$driver" ]; then
        compile_driver "$driver"
        more=(--driver-object "$object")
    fi
    mkdir -p "$(out_folder)" 2>/dev/null || fail 3 "cannot create $(out_folder)"
    run=$(name_run)
    cd "$cd_caller"
    # As it is to be typed from here.
    [ "$(pwd -P)" != "$(cd "$ROOT" && pwd -P)" ] || run=${run#"$ROOT"/}
    supervise "$ROOT/build/explore/sim/explore/capos-explore" "$@" \
        ${more[@]+"${more[@]}"} --run-dir "$run" --commit "$(commit_id)"
    [ "$interrupted" = 0 ] || exit 130
    exit "$status"
}
