# SPDX-License-Identifier: BSD-2-Clause
# ./capos setup [group ...]
command_setup() {
    local groups=() group
    if wants_help "$@"; then
        cat <<'TEXT'
usage: ./capos setup [build|test|evidence|qemu|image|uefi|cloudboot|bench|peers|browser ...] [--yes]

Installs the packages of the groups (all of them when none is named), fetches the pinned sources into the cache, and
builds, so that the other commands run offline. CAPOS_NO_INSTALL=1 installs nothing; CAPOS_SOURCES=DIR supplies sources.
TEXT
        return 0
    fi
    for group in "$@"; do
        case $group in
            build | test | evidence | qemu | image | uefi | cloudboot | bench | peers | browser) groups+=("$group") ;;
            *) fail 2 "setup: unknown group: $group (build, test, evidence, qemu, image, uefi, cloudboot, bench, peers, browser)" ;;
        esac
    done
    [ ${#groups[@]} -gt 0 ] || groups=(build test evidence qemu)
    need_groups "${groups[@]}"
    case " ${groups[*]} " in *" build "* | *" test "*) need_groups build; need_sources ;; esac
    case " ${groups[*]} " in *" build "*) build ship capos-sim; build explore capos-explore ;; esac
    case " ${groups[*]} " in *" test "*) build sanitize ;; esac
    case " ${groups[*]} " in *" browser "*) "$ROOT/cmake/npm_folder.sh" "$ROOT/tests/browser" >/dev/null || exit 3 ;; esac
    echo "capos: ready: ${groups[*]}"
}
