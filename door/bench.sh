# SPDX-License-Identifier: BSD-2-Clause
# ./capos bench [flags]: the flags are capos-bench's; the machine's share follows, unless one group was asked for. As JSON both
# are one object, {"host": ..., "machine": ...}: null for a share that could not be had or was not asked for.
command_bench() {
    local argument flags=() only=0 json=0 host='' machine=null status=0
    if wants_help "$@"; then
        help_of sim/bench/main.c
        return 0
    fi
    for argument in "$@"; do
        case $argument in
            --only | --only=*) only=1 ;;
            --json) json=1 flags+=("$argument") ;;
            --quick) flags+=("$argument") ;;
        esac
    done
    need_groups build qemu
    need_sources
    build ship capos-bench kernel.elf bench_nothing bench_flood
    cd "$cd_caller"
    if [ "$json" = 0 ]; then
        "$ROOT/build/ship/sim/capos-bench" "$@" || status=$?
        [ "$only" = 1 ] || [ "$status" = 2 ] || bench_machine ${flags[@]+"${flags[@]}"} || status=$?
        exit "$status"
    fi
    host=$("$ROOT/build/ship/sim/capos-bench" "$@") || status=$?
    [ "$status" != 2 ] || exit 2
    [ "$only" = 1 ] || machine=$(bench_machine "${flags[@]}") || status=$?
    printf '{"host":%s,"machine":%s}\n' "${host:-null}" "${machine:-null}"
    exit "$status"
}

bench_machine() {
    "${PYTHON[@]}" "$ROOT/door/bench_qemu.py" "$ROOT/build/ship/kernel.elf" "$ROOT/build/ship/sim/nothing.elf" \
        "$ROOT/build/ship/sim/flood.elf" "$@"
}
