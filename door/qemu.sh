# SPDX-License-Identifier: BSD-2-Clause
# ./capos qemu [flags]: builds kernel image and boot package, boots them in QEMU, and judges the log of a proof. door/qemu.py
# checks the flags before anything is built and runs the machine.
. "$ROOT/door/run.sh"

command_qemu() {
    local seed= proof=0 json=0 firmware= profile= previous= argument run status key boot package=() secret=()
    local secret_file= secret_cost= probe=
    for argument in "$@"; do
        case $previous in
            --seed) seed=$argument ;;
            --firmware) firmware=$argument ;;
            --profile) profile=$argument ;;
            --secret-file) secret_file=$argument ;;
            --secret-cost) secret_cost=$argument ;;
        esac
        case $argument in
            --seed=*) seed=${argument#*=} ;;
            --proof) proof=1 ;;
            --probe-web) probe=1 ;;
            --secret-file=*) secret_file=${argument#*=} ;;
            --secret-cost=*) secret_cost=${argument#*=} ;;
            --json) json=1 ;;
            --firmware=*) firmware=${argument#*=} ;;
            --profile=*) profile=${argument#*=} ;;
            --package | --package=* | --image | --image=*) package=(given) ;; # an image has its own
        esac
        previous=$argument
    done
    if wants_help "$@"; then
        need_groups evidence # its interpreter prints the help
        exec "${PYTHON[@]}" "$ROOT/door/qemu.py" --help
    fi
    need_groups build evidence qemu
    "${PYTHON[@]}" "$ROOT/door/qemu.py" --check "$@" || exit $?
    case ${firmware:-$profile} in # a profile's own firmware, unless another is asked for
        bios | gce) need_groups image ;;
        uefi | gce-gen3) need_groups image uefi ;;
    esac
    need_sources
    build ship kernel.elf capos_pkg frames_pkg capos-secret capos-vpc
    # Nobody outside could be made again.
    if [ -n "$seed" ] && [ ${#package[@]} = 0 ]; then
        set -- "$@" --package "$ROOT/build/ship/user/frames/frames.pkg"
        package=(given)
    fi
    cd "$cd_caller"
    run_to_the_end boot_qemu "$@"
}

boot_qemu() { # the flags: one run, in a folder of its own
    run=$(make_run)
    key=$(draw 'chain key' 32 "$seed") boot=$(draw 'boot id' 8 "$seed")
    (umask 077 && echo "$key" >"$run/chain.key")
    if [ "$probe" = 1 ]; then
        make_secret "$run" '' '' '' nobody
        secret+=(--probe "$(draw nonce 16 '')")
    fi
    [ "$proof" = 1 ] || make_secret "$run" "$seed" "$secret_file" "$secret_cost"
    supervise "${PYTHON[@]}" "$ROOT/door/qemu.py" "$@" ${package[@]+"${package[@]}"} --kernel "$ROOT/build/ship/kernel.elf" \
        --vpc "$ROOT/build/ship/sim/capos-vpc" --run-dir "$run" --boot "$boot" --commit "$(commit_id)" ${secret[@]+"${secret[@]}"}
    if [ ! -f "$run/console.log" ]; then # the package was refused: nothing ran
        rm -rf "$run"
        exit "$status"
    fi
    echo "run: ${run#"$ROOT"/}" >&2
}
