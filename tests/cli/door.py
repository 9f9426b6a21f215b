# SPDX-License-Identifier: BSD-2-Clause
# Runs ./capos for the tests of the front door and clears away the runs that they make.
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = pathlib.Path(os.environ.get("CAPOS_OUT", ROOT / "out"))
SECONDS_MAX = 300


def environment(**changes):
    out = {key: value for key, value in os.environ.items() if key not in ("CI", "CAPOS_NO_INSTALL", "CAPOS_SOURCES")}
    out.update({key: str(value) for key, value in changes.items()})
    return out


def capos(*arguments, cwd=ROOT, **changes):
    """Runs the front door without a terminal; returns status, standard output, standard error."""
    done = subprocess.run([str(ROOT / "capos"), *map(str, arguments)], cwd=cwd, env=environment(**changes), text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS_MAX, check=False)
    return done.returncode, done.stdout, done.stderr


def run_folder(errors):
    match = re.search(r"^run: (\S+)$", errors, re.M)
    return ROOT / match[1] if match else None



def package(folder, manifest, programs, change):
    """The boot package of a manifest of the tree in the shipped build; `change` gets its services by name, in their order."""
    built = ROOT / "build/ship"
    text = json.loads((ROOT / manifest).read_text(encoding="utf-8"))
    services = {entry["name"]: entry for entry in text["services"]}
    change(services)
    text["services"] = [entry | {"name": name} for name, entry in services.items()]
    changed, out = pathlib.Path(folder) / "manifest.json", pathlib.Path(folder) / "capos.pkg"
    changed.write_text(json.dumps(text), encoding="utf-8")
    subprocess.run([sys.executable, "-B", ROOT / "user/make_package.py", "--manifest", changed, "--markers",
                    ROOT / "evidence/markers.json", "--tables", built / "user/tables.bin", "--programs", built / programs,
                    "--out", out], check=True)
    return out


def runs():
    return set(OUT.iterdir()) if OUT.exists() else set()


def remove(folders):
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def path_without(folder, *programs, **replaced):
    """A folder for PATH with all of /usr/bin but some programs; replaced: name -> text of a script in its place."""
    for program in pathlib.Path("/usr/bin").iterdir():
        if program.name not in programs and program.name not in replaced:
            (folder / program.name).symlink_to(program)
    for name, text in replaced.items():
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)
    return folder
