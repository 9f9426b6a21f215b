# SPDX-License-Identifier: BSD-2-Clause
# The peer of ./capos bench --peers: Debian's own kernel in the same machine, its pktgen, its driver and its TCP beside ours. What
# boots is the kernel that Debian installs and an initial file system of busybox, the modules that are needed, and a script: one
# takes the same words from its console as sim/bench/programs, one serves the ports of sim/bench/network.
import lzma
import pathlib
import shutil

DRIVER = ("virtio_pci", "virtio_net")
FRAMES = (*DRIVER, "pktgen")
APPEND = "console=ttyS0 quiet panic=-1 mitigations=off"
FRAMES_SCRIPT = r"""#!/bin/busybox sh
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
for module in /modules/*; do busybox insmod $module; done
busybox ip link set eth0 up
generate() { # count, frames that the driver is handed before it tells the device
    (echo rem_device_all; echo add_device eth0) | while read word; do echo "$word" >/proc/net/pktgen/kpktgend_0; done
    (echo "count $1"; echo "pkt_size 60"; echo "delay 0"; echo "clone_skb 1000000"; echo "burst $2"
     echo "dst_mac 02:00:00:00:00:01") | while read word; do echo "$word" >/proc/net/pktgen/eth0; done
    echo bench: begins=1
    echo start >/proc/net/pktgen/pgctrl
    echo bench: done=$1
}
echo
echo bench: link=1
while read name count batch; do
    [ $name != send ] || generate $count $batch
done
"""
# The address is written down, not asked for: less to do than ours has. Each connection gets a process of its own.
STREAMS_SCRIPT = r"""#!/bin/busybox sh
for module in /modules/*; do busybox insmod $module; done
busybox ip addr add 10.0.2.15/24 dev eth0
busybox ip link set eth0 up
busybox nc -ll -p 7 -e /bin/busybox cat &
busybox nc -ll -p 9 -e /bin/busybox dd of=/dev/null bs=256k 2>/dev/null &
busybox nc -ll -p 19 -e /bin/busybox dd if=/dev/zero bs=256k 2>/dev/null &
while true; do busybox sleep 1000; done
"""


class Missing(Exception):
    pass


def newest_kernel():
    """The kernel that was installed last, and the folder of its modules."""
    images = pathlib.Path("/boot").glob("vmlinuz-*")
    found = [(image, pathlib.Path("/lib/modules", image.name.partition("-")[2])) for image in images]
    whole = [pair for pair in found if (pair[1] / "modules.dep").exists()]
    if not whole:
        raise Missing("no Debian kernel with its modules is installed (./capos setup peers)")
    return max(whole, key=lambda pair: pair[0].stat().st_mtime)


def modules(folder, names):
    """Files of the modules, each after those that it needs; what is built in has none."""
    needs = {}
    for line in (folder / "modules.dep").read_text(encoding="ascii").splitlines():
        path, _, others = line.partition(":")
        needs[path] = others.split()
    by_name = {pathlib.Path(path).name.partition(".")[0].replace("-", "_"): path for path in needs}
    order = []
    for name in names:
        if name in by_name:
            path = by_name[name]
            order += [each for each in (*reversed(needs[path]), path) if each not in order]
    return [folder / path for path in order]


def plain(path):
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


class Archive:
    """An initial file system (newc, cpio(5))."""

    def __init__(self):
        self.data, self.number = b"", 0

    def put(self, name, mode, data=b"", device=(0, 0)):
        self.number += 1
        fields = (self.number, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0)
        self.data += b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
        self.data += b"\0" * (-len(self.data) % 4) + data
        self.data += b"\0" * (-len(self.data) % 4)


def initial_files(folder, names, script, files, folders):
    busybox = shutil.which("busybox")
    if busybox is None:
        raise Missing("busybox is not installed (./capos setup peers)")
    out = Archive()
    for name in ("bin", "dev", "modules", "proc", "sys", *folders):
        out.put(name, 0o040755)
    for name, device in (("console", (5, 1)), ("null", (1, 3)), ("zero", (1, 5))):
        out.put(f"dev/{name}", 0o020666, device=device)
    out.put("bin/busybox", 0o100755, pathlib.Path(busybox).read_bytes())
    out.put("init", 0o100755, script.encode())
    for at, path in enumerate(modules(folder, names)):
        out.put(f"modules/{at:02}.ko", 0o100644, plain(path))
    for name, data in files.items():
        out.put(name, 0o100755, data)
    out.put("TRAILER!!!", 0)
    return out.data


def make(folder, names=FRAMES, script=FRAMES_SCRIPT, files=None, folders=()):
    """Kernel, its command line, and its initial file system, which is written into `folder`. `files`: more of them, {name: bytes},
    and `folders` for them."""
    kernel, found = newest_kernel()
    path = pathlib.Path(folder, "linux.cpio")
    path.write_bytes(initial_files(found, names, script, files or {}, folders))
    return kernel, APPEND, path
