# SPDX-License-Identifier: BSD-2-Clause
# A tap device in a network namespace that this process alone is in: nothing outside is touched, nothing outlives the process.
# Needs /dev/net/tun and the right to make a namespace (root, or user namespaces); says in one line which of them is missing.
import contextlib
import ctypes
import fcntl
import os
import pathlib
import socket
import struct
import threading
import time

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
TUNSETIFF, SIOCSIFFLAGS, SIOCSIFTXQLEN = 0x400454ca, 0x8914, 0x8943
IFF_UP, IFF_TAP, IFF_NO_PI = 0x1, 0x2, 0x1000
NAME = "capos0"
QUEUE = 16384  # frames that the device keeps until the machine reads them
AHEAD_MAX = QUEUE // 2  # of them offered and not read: who offers may be kept from running for a while
BATCH = 256
# To everybody, of a protocol that is nobody's (IEEE 802, 0x88b5), from a locally administered address.
FRAME = bytes.fromhex("ffffffffffff" "020000000001" "88b5").ljust(60, b"\0")


class Missing(Exception):
    pass


def enter_namespace():
    """From here on this process and its children see no network but a loopback device that is down. There is no way back."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0 and libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
        raise Missing(f"no network namespace: {os.strerror(ctypes.get_errno())}")


def set_up(flags):
    return struct.pack("16sH22x", NAME.encode(), flags)


class Header(ctypes.Structure):
    """struct mmsghdr (sendmmsg(2))."""
    _fields_ = [("name", ctypes.c_void_p), ("name_bytes", ctypes.c_uint32), ("parts", ctypes.c_void_p),
                ("part_count", ctypes.c_size_t), ("control", ctypes.c_void_p), ("control_bytes", ctypes.c_size_t),
                ("flags", ctypes.c_int), ("sent", ctypes.c_uint)]


class Part(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("bytes", ctypes.c_size_t)]


class Batch:
    """One frame many times, for one system call."""

    def __init__(self):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.frame = ctypes.create_string_buffer(FRAME, len(FRAME))
        self.part = Part(ctypes.addressof(self.frame), len(FRAME))
        self.headers = (Header * BATCH)(*(Header(parts=ctypes.addressof(self.part), part_count=1) for _ in range(BATCH)))

    def send(self, fd):
        """How many of them the host's kernel took."""
        return max(0, self.libc.sendmmsg(fd, self.headers, BATCH, 0))


class Tap:
    """One tap device, up. `fd` is for the machine; frames that it sends are counted and then nobody's."""

    def __enter__(self):
        try:
            self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise Missing(f"/dev/net/tun: {error.strerror}") from None
        try:
            fcntl.ioctl(self.fd, TUNSETIFF, set_up(IFF_TAP | IFF_NO_PI))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
                fcntl.ioctl(any_socket, SIOCSIFTXQLEN, struct.pack("16si20x", NAME.encode(), QUEUE))
                fcntl.ioctl(any_socket, SIOCSIFFLAGS, set_up(IFF_UP))
        except OSError as error:
            os.close(self.fd)
            raise Missing(f"no tap device: {error.strerror}") from None
        return self

    def __exit__(self, *_):
        os.close(self.fd)

    def counters(self):
        """What the host's kernel counted: of frames out of the machine first, then of those for it (proc_pid_net(5))."""
        for line in pathlib.Path("/proc/self/net/dev").read_text(encoding="ascii").splitlines():
            name, _, counters = line.partition(":")
            if name.strip() == NAME:
                return [int(value) for value in counters.split()]
        raise Missing("the tap device is not listed")

    def received(self):
        """Frames that came out of the machine."""
        return self.counters()[1]

    def over(self):
        """Frames for the machine that it took, or that the host's kernel dropped before it could."""
        counters = self.counters()
        return counters[9] + counters[11]

    @contextlib.contextmanager
    def flood(self):
        """Frames of 60 bytes into the machine, while the context lasts: as many as it reads, never many more."""
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
            out.bind((NAME, 0))
            batch, ended = Batch(), threading.Event()
            thread = threading.Thread(target=self.offer, args=(out, batch, ended), daemon=True)
            thread.start()
            try:
                yield
            finally:
                ended.set()
                thread.join()

    def offer(self, out, batch, ended):
        offered = self.over()
        while not ended.is_set():
            if offered - self.over() > AHEAD_MAX:
                time.sleep(0.0002)
            else:
                offered += batch.send(out.fileno())
