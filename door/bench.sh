# SPDX-License-Identifier: BSD-2-Clause
# ./capos bench [flags]: the flags are capos-bench's; the shares of the machine, the processes, the network and the explorer
# follow, unless one group was asked for. As JSON all are one object, {"host": ..., "machine": ..., "programs": ..., "network":
# ..., "image": ..., "disk": ..., "web": ..., "explore": ...}: null for a share that could not be had or was not asked for.
command_bench() {
    local argument flags=() peers=() only='' before='' json=0 status=0
    local host=null machine=null programs=null network=null image=null disk=null web=null explore=null
    if wants_help "$@"; then
        help_of sim/bench/main.c
        return 0
    fi
    for argument in "$@"; do
        [ "$before" != --only ] || only=$argument
        case $argument in
            --only=*) only=${argument#--only=} ;;
            --json) json=1 flags+=("$argument") ;;
            --peers) peers=(--peers) ;;
            --quick) flags+=("$argument") ;;
        esac
        case $argument in
            --*) # refused before minutes go into builds
                help_of sim/bench/main.c | grep -q -E -e "(^|[ ,])${argument%%=*}([ =,]|$)" || {
                    echo "capos bench: unknown flag: ${argument%%=*} (./capos bench --help lists them)" >&2
                    exit 2
                } ;;
        esac
        before=$argument
    done
    need_groups build
    need_sources
    if asked_for explore; then
        need_groups build bench
        build explore capos-explore capos-bench-lives
        ! command -v clang-14 >/dev/null || build fuzz capos-fuzz-nic
    fi
    ! asked_for image || { need_groups build qemu image uefi; build ship kernel.elf capos_pkg; }
    ! asked_for disk || { need_groups build qemu ${peers[@]:+peers}; build ship kernel.elf disk_pkg; }
    ! asked_for web || { need_groups build qemu ${peers[@]:+peers}; build ship capos-sim kernel.elf capos_pkg capos-secret; }
    if [ "$only" != explore ] && [ "$only" != image ] && [ "$only" != disk ] && [ "$only" != web ]; then
        ! { asked_for programs || asked_for network; } || need_groups build qemu bench ${peers[@]:+peers}
        build ship capos-bench capos-sim kernel.elf capos_pkg frames_pkg bench_nothing bench_flood bench_pkg network_pkg \
            capos-bench-programs
    fi
    cd "$cd_caller"
    if [ "$json" = 0 ]; then
        ! of_the_host || "$ROOT/build/ship/sim/capos-bench" "$@" || status=$?
        [ "$status" != 2 ] || exit 2
        [ -n "$only" ] || bench_machine ${flags[@]+"${flags[@]}"} || status=$?
        ! asked_for programs || bench_programs ${flags[@]+"${flags[@]}"} ${peers[@]+"${peers[@]}"} || status=$?
        ! asked_for network || bench_network ${flags[@]+"${flags[@]}"} ${peers[@]+"${peers[@]}"} || status=$?
        ! asked_for image || bench_image ${flags[@]+"${flags[@]}"} || status=$?
        ! asked_for disk || bench_disk ${flags[@]+"${flags[@]}"} ${peers[@]+"${peers[@]}"} || status=$?
        ! asked_for web || bench_web ${flags[@]+"${flags[@]}"} ${peers[@]+"${peers[@]}"} || status=$?
        ! asked_for explore || bench_explore ${flags[@]+"${flags[@]}"} || status=$?
        exit "$status"
    fi
    ! of_the_host || host=$("$ROOT/build/ship/sim/capos-bench" "$@") || status=$?
    [ "$status" != 2 ] || exit 2
    [ -n "$only" ] || machine=$(bench_machine "${flags[@]}") || status=$?
    ! asked_for programs || programs=$(bench_programs "${flags[@]}" ${peers[@]+"${peers[@]}"}) || status=$?
    ! asked_for network || network=$(bench_network "${flags[@]}" ${peers[@]+"${peers[@]}"}) || status=$?
    ! asked_for image || image=$(bench_image "${flags[@]}") || status=$?
    ! asked_for disk || disk=$(bench_disk "${flags[@]}" ${peers[@]+"${peers[@]}"}) || status=$?
    ! asked_for web || web=$(bench_web "${flags[@]}" ${peers[@]+"${peers[@]}"}) || status=$?
    ! asked_for explore || explore=$(bench_explore "${flags[@]}") || status=$?
    printf '{"host":%s,"machine":%s,"programs":%s,"network":%s,"image":%s,"disk":%s,"web":%s,"explore":%s}\n' "${host:-null}" \
        "${machine:-null}" "${programs:-null}" "${network:-null}" "${image:-null}" "${disk:-null}" "${web:-null}" "${explore:-null}"
    exit "$status"
}

asked_for() { # group: by itself, or because all were
    [ -z "$only" ] || [ "$only" = "$1" ]
}

of_the_host() { # a group of capos-bench's, or one that it refuses
    [[ $only != explore && $only != programs && $only != network && $only != image && $only != disk && $only != web ]]
}

bench_machine() {
    "${PYTHON[@]}" "$ROOT/door/bench_qemu.py" "$ROOT/build/ship/kernel.elf" "$ROOT/build/ship/sim/nothing.elf" \
        "$ROOT/build/ship/sim/flood.elf" "$@"
}

bench_programs() {
    local ship=$ROOT/build/ship
    "${PYTHON[@]}" "$ROOT/door/bench_programs.py" "$ship/kernel.elf" "$ship/sim/nothing.elf" "$ship/sim/flood.elf" \
        "$ship/sim/bench/programs/bench.pkg" "$ship/sim/bench/programs/capos-bench-programs" "$ship/sim/capos-sim" \
        "$ship/capos.pkg" "$@"
}

bench_network() {
    local ship=$ROOT/build/ship
    "${PYTHON[@]}" "$ROOT/door/bench_network.py" "$ship/kernel.elf" "$ship/sim/nothing.elf" \
        "$ship/sim/bench/network/network.pkg" "$ship/sim/bench/programs/capos-bench-programs" "$@"
}

bench_image() {
    "${PYTHON[@]}" "$ROOT/door/bench_image.py" "$ROOT/build/ship/kernel.elf" "$ROOT/build/ship/capos.pkg" "$@"
}

bench_disk() {
    "${PYTHON[@]}" "$ROOT/door/bench_disk.py" "$ROOT/build/ship/kernel.elf" "$ROOT/build/ship/sim/bench/disk/disk.pkg" "$@"
}

bench_web() {
    local ship=$ROOT/build/ship
    "${PYTHON[@]}" "$ROOT/door/bench_web.py" "$ship/kernel.elf" "$ship/capos.pkg" "$ship/sim/capos-sim" \
        "$ship/user/authd/capos-secret" "$ship/webui" "$@"
}

bench_explore() {
    "${PYTHON[@]}" "$ROOT/door/bench_explore.py" "$ROOT" "$@"
}
