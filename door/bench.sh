# SPDX-License-Identifier: BSD-2-Clause
# ./capos bench [flags]: the flags are capos-bench's.
command_bench() {
    if wants_help "$@"; then
        help_of sim/bench/main.c
        return 0
    fi
    need_groups build
    need_sources
    build ship capos-bench
    cd "$cd_caller"
    exec "$ROOT/build/ship/sim/capos-bench" "$@"
}
