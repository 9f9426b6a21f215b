# SPDX-License-Identifier: BSD-2-Clause
# ./capos cloudboot [COMMAND] [flags]: builds kernel image and boot package where a run is due, and hands over to the harness
# (evidence/cloudboot/cloudboot.py), which is asked first whether it takes the flags.
. "$ROOT/door/run.sh"

command_cloudboot() {
    local argument command=run
    if wants_help "$@"; then
        need_groups evidence # its interpreter prints the help
        exec "${PYTHON[@]}" "$ROOT/evidence/cloudboot/cloudboot.py" --help
    fi
    need_groups evidence
    [ "$ASSUME_YES" = 0 ] || set -- "$@" --yes
    "${PYTHON[@]}" "$ROOT/evidence/cloudboot/cloudboot.py" --check "$@" || exit $?
    for argument in "$@"; do
        case $argument in
            up | console | connect | down | status | sweep) command=$argument ;;
            --dry-run) command=dry ;;
        esac
    done
    cd "$cd_caller"
    case $command in
        run | up) ;;
        *) exec "$ROOT/evidence/cloudboot/run-test.sh" --out "$(out_folder)" "$@" ;; # nothing of it boots
    esac
    command -v gcloud >/dev/null || exec "$ROOT/evidence/cloudboot/run-test.sh" --out "$(out_folder)" "$@" # it says how to get it
    need_groups build image cloudboot
    case " $* " in *" --local "*) need_groups qemu ;; esac
    need_sources
    build ship kernel.elf capos_pkg capos-vpc capos-secret
    exec "$ROOT/evidence/cloudboot/run-test.sh" --kernel "$ROOT/build/ship/kernel.elf" --package "$ROOT/build/ship/capos.pkg" \
        --vpc "$ROOT/build/ship/sim/capos-vpc" --secret-program "$ROOT/build/ship/user/authd/capos-secret" \
        --commit "$(commit_id)" --out "$(out_folder)" "$@"
}
