# SPDX-License-Identifier: BSD-2-Clause
# A tap device in a network namespace that this process alone is in: nothing outside is touched, nothing outlives the process.
# Needs /dev/net/tun and the right to make a namespace (root, or user namespaces); says in one line which of them is missing.
import ctypes
import fcntl
import os
import pathlib
import socket
import struct

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
TUNSETIFF, SIOCSIFFLAGS = 0x400454ca, 0x8914
IFF_UP, IFF_TAP, IFF_NO_PI = 0x1, 0x2, 0x1000
NAME = "capos0"


class Missing(Exception):
    pass


def enter_namespace():
    """From here on this process and its children see no network but a loopback device that is down. There is no way back."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0 and libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
        raise Missing(f"no network namespace: {os.strerror(ctypes.get_errno())}")


def set_up(flags):
    return struct.pack("16sH22x", NAME.encode(), flags)


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
                fcntl.ioctl(any_socket, SIOCSIFFLAGS, set_up(IFF_UP))
        except OSError as error:
            os.close(self.fd)
            raise Missing(f"no tap device: {error.strerror}") from None
        return self

    def __exit__(self, *_):
        os.close(self.fd)

    def received(self):
        """Frames that came out of the machine, as the host's kernel counts them."""
        for line in pathlib.Path("/proc/self/net/dev").read_text(encoding="ascii").splitlines():
            name, _, counters = line.partition(":")
            if name.strip() == NAME:
                return int(counters.split()[1])
        raise Missing("the tap device is not listed")
