# SPDX-License-Identifier: BSD-2-Clause
# What each suite is given, and how it runs and builds things.
import dataclasses
import pathlib
import subprocess


class BuildFailed(Exception):
    pass


@dataclasses.dataclass
class Context:
    root: pathlib.Path
    deep: bool
    seed: int
    jobs: int
    chosen: bool  # the suite was named on the command line


def run(command, cwd, **more):
    done = subprocess.run([str(word) for word in command], cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, **more)
    return done.returncode, done.stdout.decode("utf-8", "replace")


def build(context, preset, *targets):
    command = [str(context.root / "door/build.sh"), preset, *targets]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, check=False)
    if done.returncode == 130:
        raise KeyboardInterrupt
    if done.returncode != 0:
        raise BuildFailed(f"the {preset} build failed: see build/{preset}/build.log")
