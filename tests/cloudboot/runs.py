# SPDX-License-Identifier: BSD-2-Clause
# Run folders for the tests of the record: as a run on Compute Engine leaves one, from the grammar alone, and as the simulator does.
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tests/evidence"), str(ROOT / "evidence")]
import check  # noqa: E402
import gen_markers  # noqa: E402
import logs  # noqa: E402
from provider_json import provider_record  # noqa: E402

BUILD = pathlib.Path(os.environ.get("CAPOS_BUILD", ROOT / "build/ship"))
SIMULATOR, PACKAGE = BUILD / "sim/capos-sim", BUILD / "capos.pkg"
NO_MINISIGN = "minisign is not installed (./capos setup cloudboot)"
HAVE_MINISIGN = shutil.which("minisign") is not None
NONCE = "00112233445566778899aabbccddeeff"
IMAGE = {"disk": b"disk", "disk_zeroed": b"zeroed", "archive": b"archive", "kernel": b"kernel", "package": b"package"}
LISTED = gen_markers.load()
SIM_SECONDS_MAX = 60


def sha256(data):
    return hashlib.sha256(data).hexdigest()


FILES = {name: sha256(data) for name, data in IMAGE.items()}


def cloud():
    return {"where": "standin", "gcloud": "528.0.0", "project_sha256": sha256(b"capos-standin"), "zone": "us-central1-a",
            "machine_type": "e2-small", "cpu_platform": "QEMU TCG", "instance_id": "1234567890123456789",
            "created": "2026-11-27T17:00:00.000-00:00", "nic_type": "VIRTIO_NET", "network_ip": "10.77.0.2", "nonce": NONCE,
            "guest_os_features": [], "status": "TERMINATED",
            "image": {"id": "42", "name": "capos-261127-00000000", "sha256_disk": FILES["disk"],
                      "sha256_disk_zeroed": FILES["disk_zeroed"], "sha256_archive": FILES["archive"],
                      "sha256_kernel": FILES["kernel"], "sha256_package": FILES["package"]}}


def serial(number, data, markers):
    return {"port": number, "bytes": len(data), "sha256": sha256(data), "gaps": [], "markers": markers}


def offsets(data, lines):
    return [{"name": line.split(" ", 2)[1], "offset": data.index(line.encode())} for line in lines]


def run_json(console, port, lines):
    return {"run": "capos-261127-00000000", "backend": "vpc", "holds": True, "reasons": [], "boot": logs.BOOT,
            "machine_seconds": 41.5, "cloud": cloud(),
            "serial": [serial(1, console, offsets(console, lines)), serial(2, port, offsets(port, lines))],
            "retries": [{"step": "instance", "zone": "us-central1-b", "reason": "stockout"}],
            "cost": {"estimate_usd": 0.0009, "worst_usd": 0.0062, "basis": "list prices read 2026-11, to be verified"},
            "sweep": {"instances": [], "buckets": []}}


def facts():
    """As a cloud's log has them."""
    worlds = {"platform": ("name=sim", "name=pc"), "first-frame": ("used_len=76", "used_len=72")}
    return [(name, values.replace(*worlds[name]) if name in worlds else values) for name, values in logs.FACTS]


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def record(folder, gate=True):
    """provider.json of what lies in the folder."""
    names = ("port1.log", "port2.log") if (folder / "port1.log").exists() else ("console.log", "evidence.log")
    console, port = ((folder / name).read_bytes() for name in names)
    run = check.read_run(folder / "run.json", required=True)
    result = check.judge(console, LISTED, check.read_key(folder / "chain.key"), gate, port, run)
    made = provider_record(result, check.gate_name(gate), "verified" if result["lines"] else "not-checked", console, run)
    write_json(folder / "provider.json", made)
    return made


def cloud_run(folder, listed=None, key=logs.KEY, boot=logs.BOOT):
    """A run's folder, judged, not signed. Returns its record."""
    folder.mkdir(exist_ok=True)
    lines = logs.evidence(listed or facts(), key, boot)
    console, port = logs.console(lines, "\r\n"), logs.port(lines)
    (folder / "port1.log").write_bytes(console)
    (folder / "port2.log").write_bytes(port)
    (folder / "chain.key").write_text(logs.KEY.hex() + "\n", encoding="ascii")
    write_json(folder / "run.json", run_json(console, port, lines))
    return record(folder)


def simulator_run(folder, package=PACKAGE):
    """A proof of the simulator: a real log, chained by the kernel. Returns its record."""
    (folder / "chain.key").write_text(logs.KEY.hex() + "\n", encoding="ascii")
    subprocess.run([SIMULATOR, "--package", package, "--proof", "--exchanges", "20", "--seed", "3", "--run-dir", folder,
                    "--key-file", folder / "chain.key", "--boot", logs.BOOT, "--commit", "x"], check=False, timeout=SIM_SECONDS_MAX,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return record(folder)
