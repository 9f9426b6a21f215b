# SPDX-License-Identifier: BSD-2-Clause
# The client outside that asks for a machine's web: what it takes for an answer, and the one line that it has for each that is none.
import pathlib
import socket
import sys
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "door"))
import web_peer  # noqa: E402
import web_probe  # noqa: E402

NONCE, COMMIT, SECRET, HOST = "ab" * 16, "0123456789ab", "correct-horse", "127.0.0.1:18080"
WRONG = {"policy": "page: it came without its policy", "part": "part: its hash is not the one that it is named by",
         "json": "login: no JSON came", "cookie": "login: no cookie came, or no token",
         "nonce": f"overview: it shows the nonce {'1' * 32}, not this run's",
         "commit": "overview: it shows the commit other, not this run's",
         "dies": "overview: the connection ended: RemoteDisconnected", "witness": "witness: status 404 path, not 204",
         "logout": "afterwards: status 200, not 401"}


class Probe(unittest.TestCase):
    def probe(self, secret=SECRET, **more):
        """(the peer, what was told it, the client's record)."""
        told = []
        with web_peer.Peer(NONCE, COMMIT, SECRET, told=lambda *words: told.append(words), **more) as peer:
            thread = threading.Thread(target=peer.serve_forever, args=(0.01,))
            thread.start()
            made = web_probe.Probe(peer.server_address[1], HOST, secret, NONCE, COMMIT)
            made.watch(b"cloudboot-evidence: neighbour v1:")
            self.assertIsNone(made.thread.ident, "it comes too early")
            made.watch(b"cloudboot-evidence: l4-round-trip v1:")
            made.thread.join(web_probe.SECONDS)
            peer.shutdown()
            thread.join()
        return peer, told, made.end()

    def test_what_it_asks_and_what_it_keeps(self):
        peer, told, record = self.probe()
        self.assertEqual(record["reasons"], [])
        self.assertEqual(list(record["statuses"].items()), [
            ("page", 200), ("part", 200), ("login", 200), ("overview", 200), ("session", 200), ("witness", 204), ("logout", 204),
            ("afterwards", 401)])
        self.assertEqual(told, [(record["number"], web_peer.SESSION, record["page_bytes"])])
        self.assertEqual((record["nonce"], record["session"]), (NONCE, web_peer.SESSION))
        for path, host, origin in peer.asked:  # as a browser at that address would, whichever port leads there
            posted = path in ("/api/login", "/api/witness", "/api/logout")
            self.assertEqual((host, origin), (HOST, f"http://{HOST}" if posted else None))
        self.assertNotIn(SECRET, str(record))
        self.assertNotIn("A" * 43, str(record))

    def test_each_wrong_answer_has_its_line(self):
        for wrong, line in WRONG.items():
            with self.subTest(wrong):
                _, told, record = self.probe(wrong=wrong)
                self.assertEqual(record["reasons"], [f"web: {line}"])
                self.assertEqual(bool(told), wrong == "logout")

    def test_a_wrong_secret_has_its_line(self):
        _, told, record = self.probe(secret="another")
        self.assertEqual((record["reasons"], told), (["web: login: status 401 wrong, not 200"], []))

    def test_a_port_that_leads_nowhere_is_tried_until_the_run_is_over(self):
        with socket.create_server(("127.0.0.1", 0)) as server:  # takes a connection, and ends it without a byte
            server.settimeout(web_probe.SECONDS)
            made = web_probe.Probe(server.getsockname()[1], HOST, SECRET, NONCE, COMMIT)
            made.begin()
            for _ in range(3):
                server.accept()[0].close()
        self.assertEqual(made.end()["reasons"], ["web: nobody answered"])

    def test_a_run_that_does_not_come_that_far(self):
        made = web_probe.Probe(1, HOST, SECRET, NONCE, COMMIT)
        self.assertEqual(made.end()["reasons"], ["web: nobody could be asked: the run did not come that far"])


if __name__ == "__main__":
    unittest.main()
