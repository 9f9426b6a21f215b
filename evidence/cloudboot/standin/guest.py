# SPDX-License-Identifier: BSD-2-Clause
# One machine: QEMU in the profile that comes nearest to the machine type, its disk, its serial ports as files, and the network that
# is a program of ours and leads nowhere else. Trusts the disk no further than its bytes: it is a guest.
import pathlib
import secrets
import shutil
import subprocess
import sys
import types

sys.path.append(str(pathlib.Path(__file__).resolve().parents[3] / "door"))
import listeners  # noqa: E402
import qemu  # noqa: E402
import qemu_disk  # noqa: E402
import qemu_firmware  # noqa: E402
import qemu_profile  # noqa: E402
import sparse  # noqa: E402

WINDOW_BYTES = 1 << 20    # that a port keeps
LOG_BYTES_MAX = 256 << 20  # of a port: a guest that says more is stopped
PORTS = (1, 2, 3, 4)
FORWARDS_MAX = 8  # of capos-vpc


def profile_of(machine_type):
    return "gce-gen3" if machine_type.startswith(("n4-", "c3-")) else "gce"


def make_disk(source, target, gib):
    """The boot disk: the image, and behind it nothing up to its size."""
    sparse.copy(source, target)
    with open(target, "r+b") as file:
        file.truncate(gib << 30)


class Guest:
    """Start and end by the main thread: QEMU dies with the thread that started it. `nic`: whether QEMU can stand in for it.
    `ports`: of the guest, which a tunnel may lead to."""

    def __init__(self, folder, vpc, machine_type, memory_mib, nic, nonce, ports=()):
        self.folder, self.process, self.network = folder, None, None
        self.options = types.SimpleNamespace(profile=profile_of(machine_type), firmware="bios", image="", machine="pc",
                                             vpc=vpc, nonce=nonce or secrets.token_hex(16), accel="tcg", bios="seabios")
        self.options.disk = "nvme" if self.options.profile == "gce-gen3" else "scsi-legacy"
        self.ports, self.forwards = list(ports)[:FORWARDS_MAX], []
        self.nic, self.memory_mib = nic and self.options.profile == "gce", memory_mib
        self.lost = {port: 0 for port in PORTS}  # bytes of a port before which nothing is kept

    def words(self):
        serial = [word for port in PORTS for word in ("-serial", f"file:{self.log(port)}")]
        nic = qemu_profile.nic_words(self.network.folder.name) if self.network else []
        return ["qemu-system-x86_64", "-accel", "tcg", "-M", qemu_profile.machine(self.options), "-cpu", "max",
                "-m", str(self.memory_mib), "-nodefaults", "-no-user-config", "-display", "none",
                *qemu_firmware.words(self.options, "", self.folder), *qemu_disk.words(self.options, self.folder),
                *serial, *qemu_profile.devices(), *nic]

    def log(self, port):
        return self.folder / f"port{port}.log"

    def start(self, uefi):
        """ValueError, OSError: it could not be."""
        if uefi:
            self.options.firmware = "uefi"
            shutil.copyfile(qemu_firmware.OVMF / "OVMF_VARS_4M.fd", self.folder / "uefi.vars")
        for port in PORTS:
            self.log(port).write_bytes(b"")
        if self.nic:
            self.forwards = [(str(port), listeners.free_port(), port) for port in self.ports]
            self.network = qemu_profile.Network(self.options, self.forwards, qemu.die_with_parent)
        with open(self.folder / "qemu.log", "wb") as said:
            self.process = subprocess.Popen(self.words(), stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                            start_new_session=True, preexec_fn=qemu.die_with_parent)

    def running(self):
        if self.process is None or self.process.poll() is not None:
            return False
        if max(self.log(port).stat().st_size for port in PORTS) > LOG_BYTES_MAX:
            self.process.kill()
        return True

    def end(self):
        """Whatever it was about: gone, with its network. Its logs stay."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        if self.process is not None:
            self.process.wait()
        if self.network:
            self.network.process.kill()
            self.network.end()
            self.network = None

    def said(self):
        """QEMU's own last words, none as a rule."""
        return (self.folder / "qemu.log").read_text(errors="replace").strip()

    def output(self, port, start, gap):
        """(text, start, next) as getSerialPortOutput has it; a negative start means the last bytes. `gap`: pretend that more was
        said than the window keeps."""
        size = self.log(port).stat().st_size if self.log(port).exists() else 0
        first = max(self.lost[port], size - WINDOW_BYTES)
        if gap(size - first):
            first = self.lost[port] = first + (size - first) // 2
        at = max(first, size + start if start < 0 else start)
        if at >= size:
            return "", at, at
        with open(self.log(port), "rb") as file:
            file.seek(at)
            data = file.read(size - at)
        return data.decode("utf-8", "replace"), at, at + len(data)
