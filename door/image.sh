# SPDX-License-Identifier: BSD-2-Clause
# ./capos image [flags]: builds kernel image and boot package, makes the disk image and its archive of them (door/image.py).
. "$ROOT/door/run.sh"

command_image() {
    local folder
    if wants_help "$@"; then
        need_groups evidence # its interpreter prints the help
        exec "${PYTHON[@]}" "$ROOT/door/image.py" --help
    fi
    need_groups build image
    "${PYTHON[@]}" "$ROOT/door/image.py" --check "$@" || exit $?
    need_sources
    build ship kernel.elf capos_pkg
    folder=$(out_folder)/image
    cd "$cd_caller"
    exec "${PYTHON[@]}" "$ROOT/door/image.py" --out "$folder" "$@" --kernel "$ROOT/build/ship/kernel.elf" \
        --package "$ROOT/build/ship/capos.pkg" --commit "$(commit_id)"
}
