# SPDX-License-Identifier: BSD-2-Clause
# ./capos qemu --profile: the machine that comes nearest to one of Compute Engine's. gce: the first generations, legacy virtio-net
# and virtio-scsi by way of SeaBIOS; gce-gen3: NVMe by way of OVMF, and no NIC that QEMU could stand in for. docs/gce.md says what
# neither can imitate. The network of gce is a program of ours, capos-vpc, at the other end of a stream netdev.
import secrets
import subprocess
import tempfile

KINDS = ("gce", "gce-gen3")
NIC_MAC = "42:01:0a:4d:00:02"  # 42:01 and the guest's address: devmodel/include/capos/devmodel/vpc.h
MACHINE = "pc,hpet=off"
FIRMWARE = {"gce": "bios", "gce-gen3": "uefi"}
END_SECONDS = 2
SET = ("--machine", "--nic", "--nics", "--net", "--bios", "--disk", "--seed")  # what a profile decides


def add_flags(parser):
    parser.add_argument("--profile", choices=KINDS, help="as on Compute Engine: machine, slots, disk, network (none)")
    parser.add_argument("--nonce", help="with --profile gce: what its metadata server gives, 32 hex digits (one that is drawn)")


def given(words, flag):
    return any(word == flag or word.startswith(flag + "=") for word in words)


def apply(parser, options, words):
    """What the profile decides, into the options; a flag that says otherwise is a usage error."""
    if options.nonce and (options.profile != "gce" or len(options.nonce) != 32 or options.nonce.strip("0123456789abcdef")):
        parser.error("--nonce takes 32 hex digits, with --profile gce")
    if not options.profile:
        return
    for flag in SET:
        if given(words, flag):
            parser.error(f"--profile {options.profile} decides {flag}")
    options.machine, options.nic = "pc", "legacy"
    options.nics = 1 if options.profile == "gce" else 0
    if not given(words, "--firmware"):
        options.firmware = FIRMWARE[options.profile]
    if options.profile == "gce":
        options.nonce = options.nonce or secrets.token_hex(16)


def boot_words(options):
    """For the boot line."""
    return f" network=vpc nonce={options.nonce}" if options.nonce else ""


def machine(options):
    return MACHINE if options.profile else options.machine


def nic_words(folder):
    """The NIC at the vpc's socket, in its slot."""
    return ["-netdev", f"stream,id=n0,server=off,addr.type=unix,addr.path={folder}/vpc",
            "-device", "virtio-net-pci,netdev=n0,addr=4,disable-legacy=off,disable-modern=on,mq=on,event_idx=off,"
            f"rx_queue_size=1024,mac={NIC_MAC}"]


def words(options):
    """What stands beside disk and NIC: the entropy device, and serial ports up to the fourth."""
    if not options.profile:
        return []
    ports = 2 if options.proof else 1
    return [*devices(), *["-serial", "null"] * ports]


def devices():
    return ["-object", "rng-builtin,id=rng", "-device", "virtio-rng-pci,rng=rng,addr=5,disable-legacy=off,disable-modern=on",
            "-vga", "none"]


class Network:
    """capos-vpc, beside the machine: there before it starts, gone with it. ValueError: it could not be, a port is taken."""

    def __init__(self, options, forwards, born=None):
        """`born`: called in its process before it starts."""
        self.folder = tempfile.TemporaryDirectory(prefix="capos-")
        command = [options.vpc, "--socket", f"{self.folder.name}/vpc", "--nonce", options.nonce]
        for _, host, guest in forwards:
            command += ["--forward", f"{host}:{guest}"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        start_new_session=True, text=True, preexec_fn=born)
        if self.process.stdout.readline() != "listening\n":
            raise ValueError(self.process.communicate()[1].strip() or "capos-vpc ended")

    def end(self):
        """It ends by itself when the machine is gone, and with it the stream. What was wrong with it: lines, none as a rule."""
        if self.process.stdout.closed:
            return []
        self.folder.cleanup()
        try:
            _, said = self.process.communicate(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return ["capos-vpc did not end with the machine: " + self.process.communicate()[1].strip()]
        return [said.strip() or f"capos-vpc ended with status {self.process.returncode}"] if self.process.returncode else []
