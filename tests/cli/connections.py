# SPDX-License-Identifier: BSD-2-Clause
# The shell over a connection, in a run of the simulator: a client of the forwarded port, and who comes again until it is greeted.
import socket

from door import ROOT, SECONDS_MAX
from keyboard import SECRET, Session

TELNET_PACKAGE = ROOT / "build/ship/user/telnetd/telnetd.pkg"
IAC, DONT, DO, WONT, WILL = 255, 254, 253, 252, 251
GREETING = bytes([IAC, WILL, 1, IAC, WILL, 3])


class Connection:
    """A client of the forwarded port."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=SECONDS_MAX)
        self.seen = b""

    def until(self, wanted):
        """Reads until `wanted` was seen since the last call; False: the connection ended before."""
        while wanted not in self.seen:
            try:
                piece = self.socket.recv(4096)
            except ConnectionError:
                piece = b""
            if not piece:
                return False
            self.seen += piece
        self.seen = self.seen.partition(wanted)[2]
        return True

    def ends(self):
        """The other side ends it; what still came is in `seen`."""
        try:
            while piece := self.socket.recv(4096):
                self.seen += piece
        except ConnectionError:
            pass
        self.socket.close()

    def type(self, keys):
        self.socket.sendall(keys)

    def log_in(self):
        """False: it ended before somebody asked, or before the shell's prompt."""
        if not self.until(b"secret: "):
            return False
        self.type(SECRET.encode() + b"\r\n")
        return self.until(b"capos> ")


class Connected(Session):
    def start_remote(self):
        system = self.start("sim", "--package", str(TELNET_PACKAGE))
        port = self.port_of(system, "telnetd")
        self.due(system, "init: shell-remote runs as process ")
        return system, port

    def connect(self, port):
        """Comes again until it is greeted and has a prompt: a life of the stack may still ask for its lease."""
        for _ in range(600):
            connection = Connection(port)
            if connection.until(GREETING) and connection.log_in():
                return connection
            connection.socket.close()
        self.fail("no connection got a prompt")
