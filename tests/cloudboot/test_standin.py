# SPDX-License-Identifier: BSD-2-Clause
# The stand-in of Compute Engine: the life of a run as gcloud asks for it, with gcloud and without; archives
# that are none; what it refuses; and that nothing is left in its ledger.
import copy
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import cloud
import life
import standin
from cloud import BODY, GLOBAL, INSTANCE, PLACE, REGION, Cloud, Refused
from standin import StandIn, tar, tiny_archive

GONE = "cloudboot: test_standin: gcloud is not installed"
RECORDED = pathlib.Path(__file__).resolve().parent / "requests.json"
DEEP = os.environ.get("CAPOS_DEEP") == "1"


class Base(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="capos-archive-")
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.archive = tiny_archive(cls.temporary.name)
        cls.data = cls.archive.read_bytes()

    def stand_in(self, *flags):
        """Without machines, and without delays. At the end nothing is left."""
        server = StandIn("--delay", "0", *flags)

        def over():
            status = server.end() if server.status is None else server.status
            server.__exit__()
            self.assertEqual((status, server.left), (0, []))
        self.addCleanup(over)
        return server, Cloud(server)

    def refused(self, code, pattern, function, *words, **more):
        with self.assertRaises(Refused) as caught:
            function(*words, **more)
        self.assertEqual(caught.exception.code, code)
        self.assertRegex(caught.exception.message, pattern)

    def prepared(self, *flags):
        """Image and network are there."""
        server, engine = self.stand_in(*flags)
        self.addCleanup(engine.down)
        engine.image(self.data)
        engine.network()
        return server, engine


class Replay(Base):
    def test_what_gcloud_asked_is_answered_as_it_was(self):
        server, _ = self.stand_in()
        base, content = f"http://127.0.0.1:{server.port}", self.data.decode("latin-1")
        for command in json.loads(RECORDED.read_text()):
            for request in command["requests"]:
                body = request["body"].replace("{base}", base).replace("{archive}", content).encode("latin-1")
                status, answer, _ = server.ask(request["method"], request["path"], body, request["type"])
                what = f"{command['command']}: {request['method']} {request['path']}: {answer}"
                self.assertEqual(status, request["status"], what)
                if "/wait" in request["path"]:
                    self.assertEqual((answer["status"], answer.get("error")), ("DONE", None), command["command"])
                if "instances describe" in command["command"]:
                    self.described(answer)

    def described(self, answer):
        self.assertEqual((answer["status"], answer["labels"]), ("RUNNING", {"capos-run": life.RUN}))
        nic = answer["networkInterfaces"][0]
        self.assertEqual((nic["nicType"], nic["networkIP"], "accessConfigs" in nic), ("VIRTIO_NET", "10.77.0.2", False))
        self.assertIn({"key": "capos-nonce", "value": life.NONCE}, answer["metadata"]["items"])
        self.assertEqual(answer["scheduling"]["maxRunDuration"], {"seconds": "1200"})
        self.assertIn("terminationTimestamp", answer["scheduling"])
        self.assertEqual(answer["disks"][0]["diskSizeGb"], "10")

    def test_the_record_is_of_the_life(self):
        due = [" ".join(["gcloud", *command]) for command in life.LIFE]
        self.assertEqual([command["command"] for command in json.loads(RECORDED.read_text())], due)


@unittest.skipUnless(standin.GCLOUD, GONE)
class Gcloud(Base):
    def run_life(self, commands):
        server, _ = self.stand_in()
        answers = {}
        for command in commands:
            done = server.gcloud(command, self.archive)
            self.assertEqual(done.returncode, 0, f"{command}\n{done.stderr}")
            answers.setdefault(" ".join(command[1:3]), done.stdout)
            if command in life.SWEEP:
                answers["sweep"] = answers.get("sweep", "") + done.stdout.strip()
        self.assertEqual(server.ledger(), [])
        return answers

    @unittest.skipUnless(DEEP, "cloudboot: test_standin: every command of the life, deep only")
    def test_every_command_of_the_life(self):
        # The daily tier has the whole run of test_local.py.
        answers = self.run_life([command for command in life.LIFE if command not in life.SWEEP] + life.SWEEP)
        self.assertEqual(answers["sweep"], "[]" * len(life.SWEEP))
        self.assertEqual(json.loads(answers["instances create"])[0]["status"], "RUNNING")
        self.assertEqual(json.loads(answers["images create"])[0]["status"], "READY")
        self.assertEqual(json.loads(answers["instances get-serial-port-output"])["contents"], "")

    def test_gcloud_understands_what_is_refused(self):
        server, _ = self.prepared("--misbehave", "stockout", "--misbehave", "denied=compute.disks.list")
        # A list that was refused is an empty one with status 0 and a warning: who sweeps must not believe it.
        for command, status, words in ((life.instance(), 1, "ZONE_RESOURCE_POOL_EXHAUSTED"), (life.DESCRIBE, 1, "was not found"),
                                       (life.SWEEP[1], 0, "(?s)WARNING: .*Required 'compute.disks.list' permission")):
            done = server.gcloud(command)
            self.assertEqual(done.returncode, status, command)
            self.assertRegex(done.stderr, words)


class Refusals(Base):
    def test_no_token_no_answer(self):
        server, _ = self.stand_in()
        self.assertEqual(server.ask("GET", PLACE, token="another")[0], 401)
        self.assertEqual(server.requests()[-1]["status"], 401)

    def test_unknown_calls_fields_and_places_are_refused(self):
        server, engine = self.prepared()
        for method, path, body, status, text in (
                ("GET", "/compute/v1/projects/p/nothing", None, 404, "was not found"),
                ("PATCH", INSTANCE, {}, 404, "was not found on this server for PATCH"),
                ("GET", f"{PLACE}?wrong=1", None, 400, "Unknown name \"wrong\""),
                ("POST", f"{GLOBAL}/networks", {**cloud.NETWORK, "extra": 1}, 400, "Unknown name \"extra\""),
                ("POST", f"{GLOBAL}/networks", cloud.NETWORK, 409, "already exists"),
                ("POST", f"{GLOBAL}/networks", {**cloud.NETWORK, "name": "A"}, 400, "Must be a match of regex"),
                ("POST", f"{REGION}/subnetworks", {**cloud.SUBNETWORK, "name": "b", "ipCidrRange": "8.0.0.0/8"}, 400, "private"),
                ("POST", f"{PLACE.replace('us-central1-a', 'us-none1-a')}/instances", BODY, 400, "Unknown zone"),
                ("GET", f"{GLOBAL}/networks?filter=name:x", None, 400, "Invalid list filter"),
                ("DELETE", INSTANCE, None, 404, "The resource 'projects/.*' was not found")):
            self.refused(status, text, engine.ask, method, path, body)

    def test_what_an_instance_asks_for_must_be_there(self):
        _, engine = self.prepared()
        for change, text in (
                (lambda body: body.update(machineType="zones/x/machineTypes/none"), "machine type does not exist"),
                (lambda body: body["disks"][0]["initializeParams"].update(sourceImage="projects/p/global/images/x"), "not found"),
                (lambda body: body.update(disks=[1]), "an object is due|Bad Request"),
                (lambda body: body["disks"][0].update(boot=False), "boot disk"),
                (lambda body: body["networkInterfaces"][0].update(nicType="GVNIC"), "nicType"),
                (lambda body: body["networkInterfaces"][0].update(strange=1), "strange"),
                (lambda body: body["scheduling"].pop("instanceTerminationAction"), "maxRunDuration"),
                (lambda body: body["scheduling"]["maxRunDuration"].update(seconds="5"), "30 to"),
                (lambda body: body["labels"].update(Upper="x"), "Upper")):
            body = copy.deepcopy(BODY)
            change(body)
            with self.assertRaisesRegex(Refused, text):
                engine.instance(**body)

    def test_what_is_in_use_stays(self):
        _, engine = self.prepared()
        engine.instance()
        self.refused(400, "is already being used by '.*/instances/", engine.act, "DELETE", f"{REGION}/subnetworks/{life.RUN}")
        self.refused(400, "is already being used by", engine.act, "DELETE", f"{GLOBAL}/networks/{life.RUN}")
        self.refused(400, "is already being used by", engine.act, "DELETE", f"{PLACE}/disks/{life.RUN}")
        self.refused(409, "already exists", engine.instance)

    def test_a_bucket_with_something_in_it_stays(self):
        _, engine = self.stand_in()
        engine.upload(b"x")
        self.refused(409, "not empty", engine.ask, "DELETE", f"/storage/v1/b/{life.RUN}")
        self.refused(404, "does not exist", engine.ask, "GET", "/storage/v1/b/another/o")
        engine.drop_bucket()

    def test_an_upload_in_pieces_and_its_hashes(self):
        server, engine = self.stand_in()
        engine.ask("POST", f"/storage/v1/b?project={life.PROJECT}", {"name": life.RUN})
        _, _, headers = server.ask("POST", f"/resumable/upload/storage/v1/b/{life.RUN}/o?uploadType=resumable&name=disk.tar.gz", {})
        path = headers["Location"].partition(str(server.port))[2]
        status, _, headers = server.ask("PUT", path, b"12345", **{"Content-Range": "bytes 0-4/*"})
        self.assertEqual((status, headers["Range"]), (308, "bytes=0-4"))
        self.assertEqual(server.ask("PUT", path, b"89", **{"Content-Range": "bytes 7-8/9"})[0], 400)
        status, made, _ = server.ask("PUT", path, b"6789", **{"Content-Range": "bytes 5-8/9"})
        self.assertEqual((status, made["size"]), (200, "9"))
        # RFC 3720, B.4 has the check value of the nine digits: e3069283.
        self.assertEqual((made["crc32c"], made["md5Hash"]), ("4waSgw==", "JfnnlDI7RTiF9RgfG2JNCw=="))
        engine.drop_bucket()


class Archives(Base):
    def test_archives_that_are_none_fail_with_the_reason(self):
        server, engine = self.stand_in()
        with tempfile.TemporaryDirectory() as folder:
            odd = pathlib.Path(folder) / "odd.tar.gz"
            standin.sparse.archive(standin.tiny_disk(pathlib.Path(folder) / "disk.raw", standin.GIB + 512), odd, 0)
            uneven = odd.read_bytes()
        for data, reason in (
                (tar(("disk.raw", b"x" * 512), ("more", b"")), "multiple of 1 GB"),
                (tar(("image.raw", b"x")), "its member is image.raw"),
                (tar(("disk.raw", b"x"), magic=b"ustar\x0000"), "old GNU format"),
                (tar(("disk.raw", b"x"), kind=b"2"), "its member is disk.raw|multiple of 1 GB"),
                (uneven, "not a multiple of 1 GB"),
                (self.two_members(), "holds more than disk.raw"),
                (b"no gzip at all", "not gzip"),
                (self.data[:-20], "cut off"),
                (tar(), "old GNU format|missing")):
            self.refused("INVALID_ARGUMENT", reason, engine.image, data)
            self.assertEqual(engine.ask("GET", f"{GLOBAL}/images/{life.RUN}")["status"], "FAILED")
            engine.down()
        self.assertEqual(server.ledger(), [])

    def two_members(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            tiny_archive(folder)
            (folder / "more").write_bytes(b"x")
            subprocess.run(["tar", "--format=oldgnu", "-C", folder, "-Sczf", folder / "two.tar.gz", "disk.raw", "more"], check=True)
            return (folder / "two.tar.gz").read_bytes()


if __name__ == "__main__":
    unittest.main()
