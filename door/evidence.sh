# SPDX-License-Identifier: BSD-2-Clause
# ./capos evidence check|show|sign|key|list: the gate, and all that a run left, offline.
command_evidence() {
    need_groups evidence
    cd "$cd_caller"
    case ${1:-} in
        check) shift; exec "${PYTHON[@]}" "$ROOT/evidence/check.py" "$@" ;;
        show) shift; exec "${PYTHON[@]}" "$ROOT/evidence/show.py" "$@" ;;
        sign) shift; exec "${PYTHON[@]}" "$ROOT/evidence/statement.py" make "$@" ;;
        key) shift; exec "${PYTHON[@]}" "$ROOT/evidence/statement.py" key "$@" ;;
        list)
            [ $# -eq 1 ] || fail 2 "evidence list takes no argument"
            exec "${PYTHON[@]}" "$ROOT/evidence/gen_markers.py" --list
            ;;
        --help | -h)
            cat <<'TEXT'
usage: ./capos evidence check RUNFOLDER|provider.json [--public-key F] [--file NAME=PATH] [--json]
       ./capos evidence check LOG [--key-file F] [--require-provider-nic-proof] [--json] [--out provider.json]
       ./capos evidence show RUNFOLDER|provider.json [--out page.html]
       ./capos evidence sign RUNFOLDER [--key F] [--file NAME=PATH]
       ./capos evidence key FILE
       ./capos evidence list
TEXT
            ;;
        *) fail 2 "evidence: check, show, sign, key or list; see ./capos evidence --help" ;;
    esac
}
