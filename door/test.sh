# SPDX-License-Identifier: BSD-2-Clause
# ./capos test [suite ...] [--deep] [--json] [--seed N]: tests/run.py does it.
command_test() {
    if ! wants_help "$@"; then
        need_groups build test
        need_sources
    else
        need_groups evidence # its interpreter prints the help
    fi
    cd "$ROOT"
    exec "${PYTHON[@]}" "$ROOT/tests/run.py" "$@"
}
