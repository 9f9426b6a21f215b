# SPDX-License-Identifier: BSD-2-Clause
# The network stack on a real wire: QEMU's card, a wire that loses, delays and reorders, a tap device, and behind it the host's own
# TCP and dnsmasq as DHCP and DNS server, in a network namespace of their own that has no way out. The wire is the device models'
# (wire/relay.c) in real time: netem is not in every kernel.
import concurrent.futures
import contextlib
import dataclasses
import hashlib
import ipaddress
import multiprocessing
import os
import pathlib
import random
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import unittest

import machine
import tap  # behind machine, which knows where the front door is

PACKAGE, RELAY = machine.BUILD / "tests/boot/wire/wire.pkg", machine.BUILD / "tests/boot/wire/wire-relay"
SECONDS_MAX = 60     # for anything that is waited for here
SERVER, NETWORK, NAME, NAMED = "10.0.3.1", "10.0.3.0/24", "wire.test", "10.0.3.77"
LEASES, LEASE_SECONDS, RENEW_SECONDS, MTU = ("10.0.3.50", "10.0.3.59"), 120, 3, 1400  # dnsmasq takes no shorter time of renewal
RENEWALS = 1
ECHO, BYTES, PINGS = 7, 1 << 20, 3
SEED = 20
# Per mille lost and reordered in each direction, milliseconds of delay in each.
CLEAN, ROUGH = (0, 0, 0), (10, 10, 2)
DEEP = [(loss, reorder, delay) for loss in (0, 10, 50) for reorder in (0, 50) for delay in (0, 25, 100)]


@dataclasses.dataclass
class Echoed:
    wire: tuple      # lost, reordered, delay
    equal: bool      # all of it came back as it was
    lost: int        # frames, of both directions
    reordered: int


@dataclasses.dataclass
class Played:
    missing: str = ""  # what the environment does not allow; then nothing else
    console: str = ""
    server: str = ""   # dnsmasq's log
    pings: int = 0     # answered
    echoed: list = dataclasses.field(default_factory=list)
    off: bool = False  # the machine switched itself off when it was asked to


def dnsmasq(folder):
    words = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-hosts", "--no-resolv", "--no-ping", "--user=root",
             f"--pid-file={folder}/pid", f"--dhcp-leasefile={folder}/leases", "--log-facility=-", "--log-dhcp", "--log-queries",
             f"--interface={tap.NAME}", "--bind-interfaces", "--dhcp-authoritative", f"--host-record={NAME},{NAMED}",
             f"--dhcp-range={LEASES[0]},{LEASES[1]},255.255.255.0,{LEASE_SECONDS}",
             f"--dhcp-option=option:T1,{RENEW_SECONDS}", f"--dhcp-option=option:mtu,{MTU}"]
    with open(f"{folder}/log", "wb") as log:
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)


def waited_for(condition):
    """What it is at last; within SECONDS_MAX something true."""
    until = time.monotonic() + SECONDS_MAX
    while not (found := condition()) and time.monotonic() < until:
        time.sleep(0.01)
    return found


@contextlib.contextmanager
def wire(fd, folder, damage):
    """Carries frames while the context lasts; how many were lost and reordered of each direction is left in the dict."""
    lost, reordered, delay = damage
    counts = {}
    words = [str(word) for word in (RELAY, fd, f"{folder}/relay", f"{folder}/card", lost, reordered, delay, SEED)]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, pass_fds=(fd,)) as relay:
        try:
            if relay.stdout.readline() != "ready\n":
                raise RuntimeError("the wire does not carry")
            yield counts
        finally:
            relay.terminate()
            for way, *found in re.findall(r"^(\w+) frames \d+ lost (\d+) reordered (\d+)$", relay.stdout.read(), re.M):
                counts[way] = tuple(map(int, found))


def pinged(address):
    """Answered echo requests of PINGS (RFC 792)."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as s:
        s.settimeout(SECONDS_MAX)
        for number in range(PINGS):
            data = struct.pack(">BBHHH", 8, 0, 0, 0x7769, number) + bytes(32)
            total = sum(struct.unpack(f">{len(data) // 2}H", data))
            total = (total & 0xffff) + (total >> 16)
            s.sendto(data[:2] + struct.pack(">H", ~(total + (total >> 16)) & 0xffff) + data[4:], (address, 0))
            while True:
                answer = s.recv(2048)[20:]
                if answer[0] == 0 and answer[4:8] == data[4:8]:
                    break
    return PINGS


def echoed(address):
    """BYTES there and back: are they the same?"""
    data, back = random.Random(SEED).randbytes(BYTES), b""
    with socket.create_connection((address, ECHO), SECONDS_MAX) as s:
        s.settimeout(SECONDS_MAX)

        def send():
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)

        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            sent = pool.submit(send)
            while piece := s.recv(1 << 16):
                back += piece
            sent.result()
    return hashlib.sha256(back).digest() == hashlib.sha256(data).digest()


def address_of(console):
    return str(ipaddress.IPv4Address(int(re.search(r"^wireprobe: address (\d+)", console, re.M)[1]).to_bytes(4, "little")))


def renewed(log):
    """DHCPACKs after the first."""
    return log.read_text(encoding="ascii", errors="replace").count(" DHCPACK(") - 1


def echoes(address, fd, folder, damages, played):
    for damage in damages:
        with wire(fd, folder, damage) as counts:
            equal = echoed(address)
        played.echoed.append(Echoed(damage, equal, *(sum(way) for way in zip(*counts.values()))))


def play_on(device, folder, damages, played):
    """One boot: the probe's questions and a renewal on a clean wire, then a stream on each other one."""
    log = pathlib.Path(folder, "log")

    def during(qmp):
        console = pathlib.Path(qmp.socket.getpeername()).parent / "console.log"
        address = address_of(console.read_text(encoding="ascii", errors="replace"))
        played.pings = pinged(address)
        waited_for(lambda: renewed(log) >= RENEWALS)
        first.close()
        echoes(address, device.fd, folder, damages, played)
        qmp.run("system_powerdown")

    nic = ["-netdev", f"dgram,id=n,local.type=unix,local.path={folder}/card,remote.type=unix,remote.path={folder}/relay",
           "-device", machine.NIC["modern"] + ",netdev=n", "-initrd", str(PACKAGE)]
    with contextlib.ExitStack() as first:
        first.enter_context(wire(device.fd, folder, CLEAN))
        outcome = machine.run(nic, line=machine.command_line(mode="serve"), during=during, wait_for=b"wireprobe: done",
                              seconds=SECONDS_MAX * len(damages))
    played.console = outcome.console.decode("ascii", "replace")
    played.off = outcome.switched_off()


def play(damages):
    """In a process of its own: there is no way back out of a network namespace."""
    played = Played()
    try:
        tap.enter_namespace()
        with tap.Tap() as device, tempfile.TemporaryDirectory(prefix="capos-wire-") as folder:
            for words in (("link", "set", "lo", "up"), ("addr", "add", f"{SERVER}/24", "dev", tap.NAME)):
                done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
                if done.returncode != 0:
                    raise tap.Missing(f"ip {' '.join(words)}: {done.stderr.strip()}")
            with dnsmasq(folder) as server:
                try:
                    waited_for(lambda: b"started" in pathlib.Path(folder, "log").read_bytes())
                    play_on(device, folder, damages, played)
                finally:
                    server.terminate()
                    server.wait()
                    played.server = pathlib.Path(folder, "log").read_text(encoding="ascii", errors="replace")
    except tap.Missing as why:
        played.missing = str(why)
    return played


@unittest.skipIf(shutil.which("dnsmasq") is None or shutil.which("ip") is None, "dnsmasq-base or iproute2 is not installed "
                 "(./capos setup test)")
class Wire(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.deep = os.environ.get("CAPOS_DEEP") == "1"
        cls.damages = [CLEAN, ROUGH, *(DEEP if cls.deep else ())]
        with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
            cls.played = pool.submit(play, cls.damages).result()
        if cls.played.missing:
            raise unittest.SkipTest(f"no wire of its own: {cls.played.missing}")

    def said(self, what):
        found = re.findall(rf"^wireprobe: {what} (\d+)\r?$", self.played.console, re.M)
        self.assertEqual(len(found), 1, f"{what}: {self.played.console[-2000:]}{self.played.server[-2000:]}")
        return int(found[0])

    def address(self, what):
        return str(ipaddress.IPv4Address(self.said(what).to_bytes(4, "little")))

    def test_the_lease_is_what_dnsmasq_gave(self):
        address = self.address("address")
        first, given, last = map(ipaddress.IPv4Address, (LEASES[0], address, LEASES[1]))
        self.assertTrue(first <= given <= last, address)
        self.assertEqual([self.address(what) for what in ("gateway", "dns", "server")], [SERVER] * 3)
        self.assertEqual((self.said("prefix"), self.said("mtu")), (ipaddress.IPv4Network(NETWORK).prefixlen, MTU))
        self.assertTrue(LEASE_SECONDS - 10 <= self.said("lease") <= LEASE_SECONDS)
        # How often it asks before it is first answered is a matter of the host's time; afterwards it never begins anew.
        asked, acknowledged, renewed = self.played.server.partition(" DHCPACK(")
        self.assertTrue(" DHCPDISCOVER(" in asked and acknowledged, self.played.server)
        self.assertNotIn(" DHCPDISCOVER(", renewed)

    def test_it_is_renewed_under_the_same_address(self):
        acks = re.findall(rf" DHCPACK\({tap.NAME}\) (\S+) ", self.played.server)
        self.assertGreaterEqual(len(acks), 1 + RENEWALS, self.played.server)
        self.assertEqual(set(acks), {self.address("address")})
        self.assertNotIn("DHCPNAK", self.played.server)

    def test_pings_are_answered_both_ways(self):
        self.assertEqual(self.played.pings, PINGS)
        self.assertEqual(self.address("ping"), SERVER)

    def test_a_name_and_a_datagram_of_its_own_are_answered_by_the_same_server(self):
        self.assertEqual([self.address(what) for what in ("name", "udp")], [NAMED] * 2)
        self.assertEqual(len(re.findall(rf"query\[A\] {NAME} from {self.address('address')}", self.played.server)), 2)

    def test_a_stream_comes_back_whole_on_each_wire(self):
        self.assertEqual([each.wire for each in self.played.echoed], self.damages, self.played.console[-2000:])
        for each in self.played.echoed:
            with self.subTest(each.wire):
                self.assertTrue(each.equal)
                self.assertEqual((each.lost > 0, each.reordered > 0), (each.wire[0] > 0, each.wire[1] > 0))
        self.assertTrue(self.played.off)

    def test_the_grid_of_loss_reordering_and_delay(self):
        if not self.deep:
            self.skipTest(f"deep only: {len(DEEP)} wires")
        self.assertEqual(len(self.played.echoed), 2 + len(DEEP))


if __name__ == "__main__":
    unittest.main()
