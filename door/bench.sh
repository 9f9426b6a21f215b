# SPDX-License-Identifier: BSD-2-Clause
# ./capos bench [flags]: the flags are capos-bench's; the machine's share and the explorer's follow, unless one group was asked
# for. As JSON all are one object, {"host": ..., "machine": ..., "explore": ...}: null for a share that could not be had or
# was not asked for.
command_bench() {
    local argument flags=() only='' before='' json=0 host=null machine=null explore=null status=0
    if wants_help "$@"; then
        help_of sim/bench/main.c
        return 0
    fi
    for argument in "$@"; do
        [ "$before" != --only ] || only=$argument
        case $argument in
            --only=*) only=${argument#--only=} ;;
            --json) json=1 flags+=("$argument") ;;
            --quick) flags+=("$argument") ;;
        esac
        before=$argument
    done
    need_groups build
    need_sources
    if [ "$only" != explore ]; then
        [ -n "$only" ] || need_groups build qemu
        build ship capos-bench kernel.elf bench_nothing bench_flood
    fi
    if [ -z "$only" ] || [ "$only" = explore ]; then
        need_groups build bench
        build explore capos-explore capos-bench-lives
        ! command -v clang-14 >/dev/null || build fuzz capos-fuzz-nic
    fi
    cd "$cd_caller"
    if [ "$json" = 0 ]; then
        [ "$only" = explore ] || "$ROOT/build/ship/sim/capos-bench" "$@" || status=$?
        [ "$status" != 2 ] || exit 2
        [ -n "$only" ] || bench_machine ${flags[@]+"${flags[@]}"} || status=$?
        [ -n "$only" ] && [ "$only" != explore ] || bench_explore ${flags[@]+"${flags[@]}"} || status=$?
        exit "$status"
    fi
    [ "$only" = explore ] || host=$("$ROOT/build/ship/sim/capos-bench" "$@") || status=$?
    [ "$status" != 2 ] || exit 2
    [ -n "$only" ] || machine=$(bench_machine "${flags[@]}") || status=$?
    [ -n "$only" ] && [ "$only" != explore ] || explore=$(bench_explore "${flags[@]}") || status=$?
    printf '{"host":%s,"machine":%s,"explore":%s}\n' "${host:-null}" "${machine:-null}" "${explore:-null}"
    exit "$status"
}

bench_machine() {
    "${PYTHON[@]}" "$ROOT/door/bench_qemu.py" "$ROOT/build/ship/kernel.elf" "$ROOT/build/ship/sim/nothing.elf" \
        "$ROOT/build/ship/sim/flood.elf" "$@"
}

bench_explore() {
    "${PYTHON[@]}" "$ROOT/door/bench_explore.py" "$ROOT" "$@"
}
