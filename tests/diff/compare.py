# SPDX-License-Identifier: BSD-2-Clause
# Holds two transcripts of tests/diff against each other. Each difference must be listed in allowed.json with the clause that
# allows it, each entry of the list must be used. Usage: compare.py DEVMODEL QEMU [ALLOWED]; exit status: 0 equal but for what is
# listed, 1 not.
import collections
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
FIELDS = {"key", "devmodel", "qemu", "clause", "right", "why"}


class Allowed:
    def __init__(self, entry):
        if set(entry) != FIELDS or entry["right"] not in ("both", "devmodel") or not all(entry.values()):
            raise ValueError(f"allowed.json: an entry has other fields than {', '.join(sorted(FIELDS))}: {entry}")
        self.entry, self.used = entry, 0
        self.patterns = [re.compile(entry[field]) for field in ("key", "devmodel", "qemu")]

    def covers(self, *found):
        hit = all(pattern.fullmatch(text) for pattern, text in zip(self.patterns, found))
        self.used += hit
        return hit


def parse(text):
    """{configuration: {key: value}}; a key that comes twice is a fault of the script."""
    out = {}
    for line in text.splitlines():
        config, key, value = line.split(" ", 2)
        keys = out.setdefault(config, {})
        if key in keys:
            raise ValueError(f"{config}: {key} is said twice")
        keys[key] = value
    return out


def compare(devmodel, qemu, entries):
    """Returns ({configuration: [differences not listed]}, [entries not used], listed differences)."""
    mine, theirs = parse(devmodel), parse(qemu)
    allowed = [Allowed(entry) for entry in entries]
    open_ones, listed = collections.OrderedDict(), 0
    for config in list(mine) + [name for name in theirs if name not in mine]:
        ours, other = mine.get(config, {}), theirs.get(config, {})
        open_ones[config] = []
        for key in list(ours) + [name for name in other if name not in ours]:
            pair = ours.get(key, "<missing>"), other.get(key, "<missing>")
            if pair[0] == pair[1]:
                continue
            if any([entry.covers(key, *pair) for entry in allowed]):
                listed += 1
            else:
                open_ones[config].append(f"{key}: devmodel {pair[0]}, QEMU {pair[1]}")
    return open_ones, [entry.entry for entry in allowed if not entry.used], listed


def main(argv):
    texts = [pathlib.Path(name).read_text(encoding="utf-8") for name in argv[:2]]
    path = pathlib.Path(argv[2]) if len(argv) > 2 else HERE / "allowed.json"
    found, unused, listed = compare(*texts, json.loads(path.read_text(encoding="utf-8"))["allowed"])
    for config, differences in found.items():
        for line in differences:
            print(f"{config}: {line}")
    for entry in unused:
        print(f"allowed.json: nothing differs like this any more: {entry['key']}")
    print(f"{len(found)} configurations, {listed} listed differences, {sum(map(len, found.values()))} others")
    return 1 if unused or any(found.values()) or not found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
