# SPDX-License-Identifier: BSD-2-Clause
# ./capos sim [flags]: builds the simulator, makes the run's folder and key, runs it, and judges the log of a proof. The
# flags are capos-sim's; it checks them before it does anything.
. "$ROOT/door/run.sh"

command_sim() {
    local seed= replay= proof=0 json=0 previous= argument run status helping=0 key boot package=() secret=()
    local secret_file= secret_cost= probe= prober=
    for argument in "$@"; do
        case $previous in
            --seed) seed=$argument ;;
            --replay) replay=$argument ;;
            --secret-file) secret_file=$argument ;;
            --secret-cost) secret_cost=$argument ;;
        esac
        case $argument in
            --seed=*) seed=${argument#*=} ;;
            --proof | --replay) proof=1 ;;
            --probe-web) probe=1 ;;
            --replay=*) proof=1 replay=${argument#*=} ;;
            --secret-file=*) secret_file=${argument#*=} ;;
            --secret-cost=*) secret_cost=${argument#*=} ;;
            --json) json=1 ;;
            --help) helping=1 ;;
            --package | --package=*) package=(given) ;;
            --run-dir | --run-dir=* | --key-file | --key-file=* | --boot | --boot=* | --commit | --commit=* | \
                --probe | --probe=* | --verifier | --verifier=* | --show-secret | --show-secret=*)
                fail 2 "sim: $argument is the front door's own" ;;
        esac
        previous=$argument
    done
    if [ "$helping" = 1 ]; then
        help_of sim/options.c
        return 0
    fi
    need_groups build evidence
    need_sources
    build ship capos-sim capos_pkg capos-secret
    cd "$cd_caller"
    run_to_the_end boot_sim "$@"
}

boot_sim() { # the flags: one run, in a folder of its own
    run=$(make_run)
    key=$(draw 'chain key' 32 "$seed") boot=$(draw 'boot id' 8 "$seed")
    [ -z "$replay" ] || draw_again "$replay"
    (umask 077 && echo "$key" >"$run/chain.key")
    [ "$probe$proof" != 11 ] || begin_probe "$run"
    [ "$proof" = 1 ] || make_secret "$run" "$seed" "$secret_file" "$secret_cost"
    supervise "$ROOT/build/ship/sim/capos-sim" "$@" ${package[@]+"${package[@]}"} --run-dir "$run" --key-file "$run/chain.key" \
        --boot "$boot" --commit "$(commit_id)" ${secret[@]+"${secret[@]}"}
    [ -z "$prober" ] || end_probe "$run"
    if [ ! -f "$run/console.log" ]; then # flags or input were refused: nothing ran
        rm -rf "$run"
        exit "$status"
    fi
    echo "run: ${run#"$ROOT"/}" >&2
}
