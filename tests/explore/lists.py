# SPDX-License-Identifier: BSD-2-Clause
# Lists of choices as sim/choose.c writes them, for tests that need one that no run made.
import re

FIRST, PRIME, MASK = 0xcbf29ce484222325, 0x100000001b3, (1 << 64) - 1


def write(path, setup, choices, commit="abc", provider="sha256:00"):
    """choices: (tag, n, picked) each. Every line from `choices` on ends with a check over all content so far."""
    plain = ["capos-choices 2", "seed 0", f"commit {commit}", f"object {provider}", f"setup {setup}"]
    checked = [f"choices {len(choices)} of {len(choices)}", *(f"{tag} {n} {picked}" for tag, n, picked in choices), "end"]
    check, lines = FIRST, []
    for at, line in enumerate(plain + checked):
        for byte in line.encode("ascii"):
            check = (check ^ byte) * PRIME & MASK
        folded = (check ^ check >> 16 ^ check >> 32 ^ check >> 48) & 0xffff
        lines.append(line if at < len(plain) else f"{line} {folded:04x}")
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


def read(path):
    """setup, choices, commit, object."""
    lines = path.read_text(encoding="ascii").splitlines()
    head = dict(line.split(" ", 1) for line in lines[1:5])
    choices = [re.fullmatch(r"(\S+) (\d+) (\d+) [0-9a-f]{4}", line).groups() for line in lines[6:-1]]
    return head["setup"], [(tag, int(n), int(picked)) for tag, n, picked in choices], head["commit"], head["object"]
