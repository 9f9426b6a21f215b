#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The harness of a run on Compute Engine, with what was built: run-test.sh [--local] [--require-provider-nic-proof] [flags].
# Started by ./capos cloudboot, or by itself on a tree that was built; then it takes what lies in build/ship.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
built=$root/build/ship
# The last of a flag counts: what the caller names comes behind.
exec /usr/bin/python3 -B "$root/evidence/cloudboot/cloudboot.py" --kernel "$built/kernel.elf" --package "$built/capos.pkg" \
    --vpc "$built/sim/capos-vpc" --secret-program "$built/user/authd/capos-secret" "$@"
