# SPDX-License-Identifier: BSD-2-Clause
# A proof that is asked for the web, on the wire: when the web process says its marker, when it does not, and that it then leaves.
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "cli"), str(pathlib.Path(__file__).resolve().parents[2] / "door")]
import listeners  # noqa: E402
from door import ROOT, SECONDS_MAX  # noqa: E402
from keyboard import SYSTEM_PACKAGE  # noqa: E402
from test_web import Peer, request  # noqa: E402

NONCE, NUMBER = "ab" * 16, "0123456789abcdef"
SHIP = ROOT / "build/ship"


class Probe(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="capos-probe-")
        self.addCleanup(temporary.cleanup)
        self.folder, self.port = pathlib.Path(temporary.name), listeners.free_port()
        secret = self.folder / "operator.secret"
        verifier = subprocess.run([SHIP / "user/authd/capos-secret", secret], capture_output=True, text=True, check=True).stdout
        self.secret, self.host = secret.read_text(encoding="ascii").strip(), f"127.0.0.1:{self.port}"
        self.system = subprocess.Popen(
            [SHIP / "sim/capos-sim", "--proof", "--probe-web", "--exchanges", "20", "--package", SYSTEM_PACKAGE, "--run-dir",
             self.folder, "--verifier", verifier.strip(), "--probe", NONCE, "--commit", "x", "--port", f"webd={self.port}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.addCleanup(self.system.wait)
        self.addCleanup(self.system.kill)

    def lines(self, marker):
        log = self.folder / "evidence.log"
        found = log.read_text(encoding="ascii").splitlines() if log.exists() else []
        return [line for line in found if line.startswith(f"cloudboot-evidence: {marker} ")]

    def peer(self):
        made = Peer(self.port)
        self.addCleanup(made.socket.close)
        return made

    def ask(self, peer, method, path, body=None, who=None):
        more = {"Origin": f"http://{self.host}", "Content-Type": "application/json"} if method == "POST" else {}
        peer.send(request(method, path, {"Host": self.host, **more, **(who or {})}, body))
        return peer.answer()

    def witness(self, peer, who, status, word, number=NUMBER):
        answer = self.ask(peer, "POST", "/api/witness", {"number": number}, who)
        self.assertEqual((answer.status, answer.json()["error"] if word else None), (status, word), answer.body)
        self.assertEqual(len(self.lines("web-ui-l4")), int(status in (204, 409) and word in (None, "done")))

    def test_one_number_of_a_session_that_saw_page_and_overview_on_its_connection(self):
        until = time.monotonic() + SECONDS_MAX
        while not self.lines("l4-round-trip"):
            self.assertLess(time.monotonic(), until)
            self.assertIsNone(self.system.poll())
            time.sleep(0.02)
        first, second = self.peer(), self.peer()
        answer = self.ask(first, "POST", "/api/login", {"secret": self.secret})
        who = {"Cookie": answer.fields["set-cookie"].partition(";")[0], "X-CSRF-Token": answer.json()["csrf"]}
        self.witness(self.peer(), {"Cookie": who["Cookie"]}, 403, "csrf")
        self.witness(first, who, 409, "unseen")
        first.send(request("HEAD", "/", {"Host": self.host}))
        first.head()
        self.assertEqual(self.ask(first, "GET", "/api/overview", None, who).json()["machine"],
                         {"world": "simulator", "build": "x", "nonce": NONCE})
        self.witness(first, who, 409, "unseen")  # of the page it had the head alone
        page = len(self.ask(first, "GET", "/").body)
        self.assertEqual(self.ask(second, "GET", "/").status, 200)
        self.witness(second, who, 409, "unseen")  # the overview went to another connection
        for number in (NUMBER[1:], NUMBER + "0", NUMBER.upper(), "0x" + NUMBER[2:], 7):
            self.witness(first, who, 400, "value", number)
        self.witness(first, who, 204, None)
        self.witness(first, who, 409, "done", "1" * 16)
        session, = [one["id"] for one in self.ask(first, "GET", "/api/session", None, who).json()["sessions"]]
        self.assertIn(f",port=8080,peer=10.0.2.2,number=0x{NUMBER},session={session},page={page},logins=1,",
                      self.lines("web-ui-l4")[0])
        self.assertEqual(self.ask(first, "POST", "/api/logout", {}, who).status, 204)
        self.assertIsNone(self.system.poll(), "it leaves before its client did")
        self.assertEqual(self.ask(first, "GET", "/api/overview", None, who).status, 401)
        for peer in (first, second):
            peer.socket.close()
        self.assertEqual(self.system.wait(SECONDS_MAX), 0)
        self.assertEqual(len(self.lines("end")), 1)
        self.assertNotIn("web", self.lines("not-attempted")[0].rpartition("items=")[2].split("+"))


if __name__ == "__main__":
    unittest.main()
