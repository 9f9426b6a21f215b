# SPDX-License-Identifier: BSD-2-Clause
# ./capos test [suite ...] [--deep] [--json] [--seed N]: tests/run.py does it.
command_test() {
    if ! wants_help "$@"; then
        need_groups build test
        # Without QEMU, minisign or Chromium their tests are skipped by name: each is installed where that needs no question, never
        # asked for.
        if [ "${CAPOS_NO_INSTALL:-}" != 1 ] && { [ "${CI:-}" = true ] || [ "$ASSUME_YES" = 1 ]; }; then
            need_groups qemu image uefi cloudboot browser
        fi
        need_sources
    else
        need_groups evidence # its interpreter prints the help
    fi
    cd "$ROOT"
    exec "${PYTHON[@]}" "$ROOT/tests/run.py" "$@"
}
