# SPDX-License-Identifier: BSD-2-Clause
# Runs the programs of this folder as the shipped and as the observed build, holds their output against each other, and plants
# differences in the shipped provider object that must be found. Trusts both builds to be there, in build/ship and build/explore.
import concurrent.futures
import json
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PRESETS = ("ship", "explore")
PLANTED_WORLD = "legacy direct 1"
# Fixed, not the day's: whether the comparison sees a planted difference must not hang on what a day happens to draw.
PLANTED_FIRST, PLANTED_SEEDS = 1, 100
SECONDS_MAX = 300
# What must have happened in the lives of one run: else their equal hashes say little.
SEEN = {"transport": {"legacy", "modern"}, "author": {"direct", "brokered"}, "lives": {"1", "2"},
        "ending": {"stop", "kill", "exit", "needs-reset", "removal"}}
# What must stand in every list of accesses, by its first words.
ACCESSES = (r"load (rx|tx)\+\d+ 2 ", r"load (rx|tx)\+\d+ 4 ", r"store (rx|tx)\+\d+ 2 ", r"store (rx|tx)\+\d+ 8 ", r"full barrier",
            r"memset (rx|tx)\+0 ", r"platform_(mmio|port)_write ", r"platform_(mmio|port)_read ")


class Failed(Exception):
    pass


def run(program, *words):
    done = subprocess.run([str(program), *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          timeout=SECONDS_MAX)
    if done.returncode != 0:
        raise Failed(f"{program} {' '.join(map(str, words))} ended with status {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def program(root, preset, name):
    return root / "build" / preset / "tests/tie" / name


def both(root, name, *words):
    """The output of the shipped and of the observed build, run side by side."""
    with concurrent.futures.ThreadPoolExecutor(len(PRESETS)) as pool:
        return list(pool.map(lambda preset: run(program(root, preset, name), *words), PRESETS))


def first_difference(ship, explore):
    """None, or the first line that differs, with the call and the world that it belongs to."""
    ours, theirs = ship.splitlines(), explore.splitlines()
    for at in range(max(len(ours), len(theirs))):
        pair = [lines[at] if at < len(lines) else "(no more lines)" for lines in (ours, theirs)]
        if pair[0] != pair[1]:
            before = [line for line in ours[:at] if line.startswith(("world ", "call "))]
            world = [line for line in before if line.startswith("world ")][-1:]
            return ", ".join(world + before[-1:] + [f"line {at + 1}: shipped: {pair[0]}; observed: {pair[1]}"])
    return None


def fields(line):
    return dict(word.split("=", 1) for word in line.split())


def parted(root, line):
    """Where the lives of that seed part: the first call after which the hashes differ."""
    seed = fields(line)["seed"]
    return first_difference(*both(root, "capos-tie", "--from", seed, "--seeds", 1, "--steps"))


def lives(root, result, first, count):
    """Equal hashes over `count` seeds from `first` on; returns the shipped build's lines."""
    ship, explore = both(root, "capos-tie", "--from", first, "--seeds", count)
    ours, theirs = ship.splitlines(), explore.splitlines()
    result.check(len(ours) == len(theirs) == count, f"tie: {len(ours)} and {len(theirs)} lives, {count} are due")
    differ = [mine for mine, other in zip(ours, theirs) if mine != other]
    result.check(not differ, f"tie: {len(differ)} of {count} lives differ between the builds" +
                 (f"; {differ[0]}: {parted(root, differ[0])}" if differ else ""))
    lived = [fields(line) for line in ours]
    for field, wanted in SEEN.items():
        missing = wanted - {life[field] for life in lived}
        result.check(not missing, f"tie: no life in {count} had {field} {', '.join(sorted(missing))}")
    fired = sum(life["fired"] != "0" for life in lived)
    totals = {field: sum(int(life[field]) for life in lived) for field in ("calls", "published", "completed")}
    result.check(fired > 0 and all(totals.values()), f"tie: {fired} lives with an attack that fired, {totals}")
    # A life that is refused before its first choice looks like the next one refused so.
    told = [life["hash"] for life in lived if life["published"] != "0"]
    result.check(len(set(told)) == len(told) > count // 2,
                 f"tie: {len(set(told))} different hashes in {len(told)} lives that published")
    result.notes.append(f"{count} lives from seed {first}: {totals['calls']} traced events, {totals['published']} publications, "
                        f"{totals['completed']} completions, {fired} lives with an attack that fired")
    return ours


def other_seed(root, result, ours):
    """The comparison must see a difference: each life against that of the next seed."""
    first, count = int(fields(ours[0])["seed"]), min(len(ours), PLANTED_SEEDS)
    theirs = run(program(root, "explore", "capos-tie"), "--from", first + 1, "--seeds", count).splitlines()
    pairs = [(fields(mine), fields(other)) for mine, other in zip(ours, theirs)]
    same = sum(mine["hash"] == other["hash"] for mine, other in pairs if mine["published"] != "0")
    result.check(len(theirs) == count and same == 0, f"tie: {same} of {count} lives were not told from those of another seed")


def instructions(text):
    """The list without what has no instruction: compiler barriers, which the observed build alone tells of."""
    return "".join(line + "\n" for line in text.splitlines() if not line.startswith("~"))


def wraps(text):
    """The published index of each queue goes over its 65535."""
    values = {}
    for queue, offset, value in re.findall(r"^store (rx|tx)\+(\d+) 2 0x([0-9a-f]+)$", text, re.M):
        values.setdefault((queue, offset), []).append(int(value, 16))
    over = {queue for (queue, _), seen in values.items() if any(a > 0xfff0 and b < 0xf for a, b in zip(seen, seen[1:]))}
    return over == {"rx", "tx"}


def steps(root, result, jobs):
    """The accesses of the shipped object, world by world, are those that the observed build tells of."""
    worlds = run(program(root, "ship", "capos-steps")).splitlines()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        ship = list(pool.map(lambda world: run(program(root, "ship", "capos-steps"), world), worlds))
    compared = left_out = 0
    wrapped = []
    for world, ours in zip(worlds, ship):
        told = run(program(root, "explore", "capos-steps"), world)
        theirs = instructions(told)
        left_out += told.count("\n~")
        difference = first_difference(ours, theirs)
        result.check(difference is None, f"steps: {world}: {difference}")
        missing = [pattern for pattern in ACCESSES if not re.search("^" + pattern, ours, re.M)]
        result.check(not missing, f"steps: {world}: nothing in the list begins with {', '.join(missing)}")
        compared += len(re.findall(r"^(?:load|store|full) ", ours, re.M))
        wrapped += [world] if wraps(ours) else []
    result.check({world.split()[1] for world in wrapped} == SEEN["author"], f"steps: the index wraps in {wrapped} alone")
    result.notes.append(f"{len(worlds)} smallest worlds: {compared} ring accesses and full barriers equal, the index wraps in "
                        f"{len(wrapped)}; {left_out} compiler barriers have no instruction and are left out")


class Planted:
    """A patch of this folder: what it plants and which program must find it."""

    def __init__(self, path):
        self.path, self.name = path, path.stem
        text = path.read_text(encoding="utf-8")
        head = dict(re.findall(r"^# (bug|found by): (.+)$", text, re.M))
        self.files = re.findall(r"^\+\+\+ b/(\S+)", text, re.M)
        self.bug, self.program = head["bug"], head["found by"]


def must(command, folder, what):
    done = subprocess.run([str(word) for word in command], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{what}: " + "\n".join(done.stdout.splitlines()[-10:]))
    return done.stdout


def made_from(build, target):
    """The headers and sources that an object was made from, as the build has written down."""
    return {line.strip() for line in must(["ninja", "-t", "deps", target], build, "no dependencies").splitlines()[1:]}


def compile_provider(root, tree, jobs, patched):
    """The provider room with the commands of the shipped build: what depends on a file in `patched` (None: all) from the sources
    in `tree`, the rest as built. Returns the object."""
    build = root / "build/ship"
    entries = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    commands = [(pathlib.Path(entry["file"]).relative_to(root), shlex.split(entry["command"])) for entry in entries
                if "room_provider_parts" in entry["command"]]

    def compile_one(command):
        source, words = command
        built = words[words.index("-o") + 1]
        if patched is not None and not {str(root / path) for path in patched} & made_from(build, built):
            return build / built
        out = tree / (source.name + ".o")
        words = [word.replace(f"-I{root}", f"-I{tree}", 1) if word == f"-I{root}" or word.startswith(f"-I{root}/platform/")
                 else word for word in words]
        words[words.index("-o") + 1], words[words.index("-c") + 1] = out, tree / source
        must(words, build, f"{source} does not compile")
        return out

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        objects = list(pool.map(compile_one, commands))
    if patched is not None and not any(path.is_relative_to(tree) for path in objects):
        raise Failed(f"nothing of the provider is made from {', '.join(patched)}")
    must(["ld", "-r", "-o", tree / "provider.o", *objects], tree, "the provider room does not link")
    return tree / "provider.o"


def link(root, tree, name, provider):
    """The program as the shipped build links it, but with this provider object."""
    build = root / "build/ship"
    command = must(["ninja", "-t", "commands", f"tests/tie/{name}"], build, "no link command").splitlines()[-1]
    words = [word for word in shlex.split(command) if word not in (":", "&&") and not word.startswith("-Wl,-Map=")]
    if words.count("rooms/provider.o") != 1:
        raise Failed(f"{name} is not linked from one rooms/provider.o")
    words[words.index("rooms/provider.o")] = provider
    words[words.index("-o") + 1] = tree / name
    must(words, build, f"{name} does not link")
    return tree / name


def output_of(built, name):
    if name == "capos-steps":
        return instructions(run(built, PLANTED_WORLD))
    return run(built, "--from", PLANTED_FIRST, "--seeds", PLANTED_SEEDS)


def plant(root, result, jobs):
    """Each difference planted in the shipped provider is found by the program named; the copy without one is as the original."""
    planted = [Planted(path) for path in sorted((HERE / "planted").glob("*.patch"))]
    names = sorted({each.program for each in planted})
    expected = {name: output_of(program(root, "explore", name), name) for name in names}
    result.check(len(planted) > 0, "tie: nothing to plant")
    found = []
    for each in [None, *planted]:
        with tempfile.TemporaryDirectory(prefix="capos-tie-") as folder:
            tree = pathlib.Path(folder)
            for part in ("abi", "provider", "platform"):
                shutil.copytree(root / part, tree / part)
            if each:
                must(["patch", "-p1", "-s", "-i", each.path], tree, f"{each.path.name} does not apply")
            provider = compile_provider(root, tree, jobs, each.files if each else None)
            for name in [each.program] if each else names:
                try:
                    difference = first_difference(output_of(link(root, tree, name, provider), name), expected[name])
                except Failed as failure:  # the program itself refused what it saw
                    difference = str(failure)
                if each:
                    result.check(difference is not None, f"{each.name}: not found by {name}: {each.bug}")
                    found.append(each.name)
                else:
                    result.check(difference is None, f"tie: {name} over a copy of the provider differs: {difference}")
    result.notes.append("planted in the shipped provider and found: " + ", ".join(found))
