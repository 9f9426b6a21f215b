# SPDX-License-Identifier: BSD-2-Clause
# What the commands that run the system share: the run's folder, key and boot id, a supervised child, the gate. Sourced by
# door/sim.sh, door/qemu.sh and door/explore.sh; sets interrupted, status, key and boot.
interrupted=0

# Key, boot id of the run: from the seed when there is one, so that the whole log can be made again; else drawn.
draw() { # what, bytes, seed or nothing
    if [ -n "$3" ]; then
        printf 'capos %s of seed %s' "$1" "$3" | sha256sum | cut -c "1-$(($2 * 2))"
    else
        od -An -v -tx1 -N "$2" /dev/urandom | tr -d ' \n'
    fi
}

# Key and boot id of a run that is played again: those of the folder that its list lies in, so that the log comes out the
# same; of a list that stands alone, those of its seed. Sets key and boot.
draw_again() { # the list
    local beside
    beside=$(dirname "$1")
    if [ -f "$beside/chain.key" ] && [ -f "$beside/evidence.log" ]; then
        key=$(cat "$beside/chain.key")
        boot=$(grep -m 1 -oE 'boot=[0-9a-f]{16}' "$beside/evidence.log" | cut -d= -f2) || boot=
    elif [ -f "$1" ]; then
        local seed
        seed=$(awk '$1 == "seed" { print $2; exit }' "$1")
        key=$(draw 'chain key' 32 "$seed") boot=$(draw 'boot id' 8 "$seed")
    fi
}

out_folder() { # prints where runs go: CAPOS_OUT, or out/ of the tree
    case ${CAPOS_OUT:-} in
        '') echo "$ROOT/out" ;;
        /*) echo "$CAPOS_OUT" ;;
        *) echo "$cd_caller/$CAPOS_OUT" ;;
    esac
}

name_run() { # prints the folder of a new run, which is not made
    echo "$(out_folder)/$(date -u +%Y%m%dT%H%M%SZ)-$(od -An -tx1 -N 3 /dev/urandom | tr -d ' \n')"
}

make_run() { # prints the folder of a new run
    local run
    run=$(name_run)
    mkdir -p "$(out_folder)" 2>/dev/null || fail 3 "cannot create $(out_folder)"
    mkdir "$run" || fail 3 "cannot create $run"
    echo "$run"
}

# The operator's secret of a run that stays up: drawn, or the one of --secret-file. It stays in the run's folder; what boots
# gets the verifier alone, and a secret that was drawn is shown before the system starts, unless it is the client outside that
# logs in. Sets secret to the flags that say so.
make_secret() { # run folder, and each or nothing: seed, file, cost, whether nobody is shown it
    local words=() verifier
    [ -z "$2" ] || words+=(--seed "$2")
    [ -z "$3" ] || words+=(--secret-file "$3")
    [ -z "$4" ] || words+=(--secret-cost "$4")
    verifier=$("$ROOT/build/ship/user/authd/capos-secret" ${words[@]+"${words[@]}"} "$1/operator.secret") || {
        status=$?
        rm -rf "$1"
        exit "$status"
    }
    secret=(--verifier "$verifier")
    [ -n "$3" ] || [ -n "${5:-}" ] || secret+=(--show-secret "$1/operator.secret")
}

# What a proof has to do with --probe-web in the simulator: a secret, the nonce that the page has to show, a port that leads to
# the web, and the client outside, which waits beside the run. Adds to secret; sets prober.
begin_probe() { # run folder
    local nonce port
    make_secret "$1" '' '' '' nobody
    nonce=$(draw nonce 16 '')
    port=$(cd "$ROOT/door" && "${PYTHON[@]}" -c 'import listeners; print(listeners.free_port())')
    secret+=(--probe "$nonce" --port "webd=$port")
    "${PYTHON[@]}" "$ROOT/door/web_probe.py" "$1" --port "$port" --nonce "$nonce" --commit "$(commit_id)" &
    prober=$!
}

end_probe() { # run folder: what the client saw becomes the run's
    touch "$1/over"
    wait "$prober" || true
    rm -f "$1/over"
    [ ! -f "$1/run.json" ] || "${PYTHON[@]}" "$ROOT/door/web_probe.py" "$1" --into-run-json || status=1
    rm -f "$1/web.json"
}

# Runs a program in the background of this script but in the terminal's foreground group, hands signals on, and waits for
# its own end: it closes the log in order. Sets status.
supervise() {
    local child=
    trap 'interrupted=1; [ -z "$child" ] || kill -INT "$child" 2>/dev/null || true' INT
    trap 'interrupted=1; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null || true' TERM HUP
    "$@" <&0 &
    child=$!
    [ "$interrupted" = 0 ] || kill -TERM "$child" 2>/dev/null || true
    status=0
    wait "$child" || status=$?
    while kill -0 "$child" 2>/dev/null; do # a signal ended `wait`, not the child
        status=0
        wait "$child" || status=$?
    done
    trap - INT TERM HUP
}

# Did the system end in order to begin anew? Its run folder says so.
begins_anew() { # run folder
    [ "$interrupted" = 0 ] && [ "$status" = 0 ] && [ -e "$1/reboot" ]
}

judge() { # run folder, where the verdict line goes: writes provider.json; its status is the gate's
    local run=$1 extra=()
    [ ! -f "$run/run.json" ] || extra=(--run-json "$run/run.json")
    "${PYTHON[@]}" "$ROOT/evidence/check.py" "$run/console.log" --key-file "$run/chain.key" \
        --port-log "$run/evidence.log" --require-provider-nic-proof --out "$run/provider.json" ${extra[@]+"${extra[@]}"}
}

# Boots until it does not begin anew, judges the log of a proof, exits. Uses proof, json and package of the command that calls.
run_to_the_end() { # the function that boots once, its flags
    local boots=$1 gate=0
    shift
    # The package that was built, unless another is named.
    if [ ${#package[@]} != 0 ]; then package=(); else package=(--package "$ROOT/build/ship/capos.pkg"); fi
    while :; do
        "$boots" "$@"
        begins_anew "$run" || break
    done
    [ "$interrupted" = 0 ] || exit 130
    if [ "$proof" = 1 ] && [ "$status" != 130 ]; then
        if [ "$json" = 1 ]; then judge "$run" >&2 || gate=$?; else judge "$run" || gate=$?; fi
        [ "$status" != 0 ] || status=$gate
    fi
    exit "$status"
}
