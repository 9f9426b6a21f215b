# SPDX-License-Identifier: BSD-2-Clause
# ./capos bench [flags]: the flags are capos-bench's; the machine's share follows, unless one group was asked for.
command_bench() {
    local argument flags=() only=0 status=0
    if wants_help "$@"; then
        help_of sim/bench/main.c
        return 0
    fi
    for argument in "$@"; do
        case $argument in
            --only | --only=*) only=1 ;;
            --json | --quick) flags+=("$argument") ;;
        esac
    done
    need_groups build qemu
    need_sources
    build ship capos-bench kernel.elf bench_nothing
    cd "$cd_caller"
    "$ROOT/build/ship/sim/capos-bench" "$@" || status=$?
    if [ "$only" = 0 ] && [ "$status" != 2 ]; then
        "${PYTHON[@]}" "$ROOT/door/bench_qemu.py" "$ROOT/build/ship/kernel.elf" "$ROOT/build/ship/sim/nothing.elf" \
            ${flags[@]+"${flags[@]}"} || status=$?
    fi
    exit "$status"
}
