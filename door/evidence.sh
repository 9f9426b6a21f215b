# SPDX-License-Identifier: BSD-2-Clause
# ./capos evidence check LOG [flags] | list: the gate, offline.
command_evidence() {
    need_groups evidence
    cd "$cd_caller"
    case ${1:-} in
        check) shift; exec "${PYTHON[@]}" "$ROOT/evidence/check.py" "$@" ;;
        list)
            [ $# -eq 1 ] || fail 2 "evidence list takes no argument"
            exec "${PYTHON[@]}" "$ROOT/evidence/gen_markers.py" --list
            ;;
        --help | -h)
            echo "usage: ./capos evidence check LOG [--key-file F] [--require-provider-nic-proof] [--json] [--out provider.json]"
            echo "       ./capos evidence list"
            ;;
        *) fail 2 "evidence: check LOG or list; see ./capos evidence --help" ;;
    esac
}
