# SPDX-License-Identifier: BSD-2-Clause
# Each thing that the stand-in can be told to do wrong, as the answer that it is; time that runs out; and its machines: one that
# boots an image and proves, switches itself off and still exists, and those that must not outlive their server.
import copy
import http.client
import pathlib
import shutil
import signal
import sys
import tempfile
import time
import unittest

import cloud
import life
import standin
from cloud import GLOBAL, INSTANCE, PLACE
from standin import ROOT, StandIn, process_with, until
from test_standin import DEEP, Base

sys.path.append(str(ROOT / "tests/boot"))
import guest  # noqa: E402 - standin.py has put its folder on the path
import image  # noqa: E402
import instances  # noqa: E402
import listeners  # noqa: E402
import machine  # noqa: E402
import misbehave  # noqa: E402
import qemu_firmware  # noqa: E402
import world  # noqa: E402

VPC = machine.BUILD / "sim/capos-vpc"
LINE = f"mode=proof boot={machine.BOOT} chain_key={machine.KEY} exchanges=20 commit=x network=vpc nonce={life.NONCE}"
MISSING = "cloudboot: test_misbehave: GRUB's modules and mtools are not installed (./capos setup image)"
HAVE = all(map(shutil.which, ("grub-mkimage", "mcopy"))) and all((image.GRUB_FOLDER / name).is_dir() for name in image.GRUB)


class Misbehaviours(Base):
    def test_quota(self):
        _, engine = self.prepared("--misbehave", "quota")
        self.refused("QUOTA_EXCEEDED", r"Quota 'CPUS' exceeded\.  Limit: 2\.0 in region us-central1", engine.instance)
        self.refused(404, "was not found", engine.status)
        self.assertEqual(self.cpus(engine), (24, 0))

    def test_quota_that_shows(self):
        _, engine = self.stand_in("--misbehave", "quota=shown")
        self.assertEqual(self.cpus(engine), (2, 2))

    def cpus(self, engine):
        quotas = engine.ask("GET", f"/compute/v1/projects/{life.PROJECT}/regions/{life.REGION}")["quotas"]
        return next((quota["limit"], quota["usage"]) for quota in quotas if quota["metric"] == "CPUS")

    def test_stockout_in_one_zone(self):
        _, engine = self.prepared("--misbehave", f"stockout={life.ZONE}")
        self.refused("ZONE_RESOURCE_POOL_EXHAUSTED", "does not have enough resources", engine.instance)
        other = PLACE.replace(life.ZONE, "us-central1-b")
        engine.act("POST", f"{other}/instances", cloud.BODY)
        engine.act("DELETE", f"{other}/instances/{life.RUN}")

    def test_server_errors(self):
        _, engine = self.prepared("--misbehave", "server-error=2:compute.instances.create")
        for _ in range(2):
            self.refused(503, "Backend Error", engine.instance)
        engine.instance()

    def test_slow_operations(self):
        _, engine = self.stand_in("--misbehave", "slow=600")
        operation = engine.ask("POST", f"{GLOBAL}/networks", cloud.NETWORK)
        where = operation["selfLink"].partition("/compute/")[2]
        self.assertEqual(engine.ask("GET", f"/compute/{where}")["status"], "RUNNING")
        self.refused(404, "was not found", engine.ask, "GET", f"{GLOBAL}/networks/{life.RUN}")

    def test_a_lost_answer_leaves_an_instance(self):
        server, engine = self.prepared("--misbehave", "lost-create")
        with self.assertRaises(http.client.RemoteDisconnected):
            engine.instance()
        self.assertEqual(server.requests()[-1]["status"], 0)
        self.refused(409, "already exists", engine.instance)
        self.assertTrue(until(lambda: engine.status() == "RUNNING"))

    def test_a_machine_that_dies_still_exists(self):
        server, engine = self.prepared("--misbehave", "dies=0.1", "--misbehave", "serial-gone")
        engine.instance()
        self.assertTrue(until(lambda: engine.status() == "TERMINATED"))
        self.assertNotIn("terminationTimestamp", engine.ask("GET", INSTANCE)["scheduling"])
        self.assertLessEqual({"instance", "disk"}, {resource["kind"] for resource in server.ledger()})
        self.refused(400, "is not ready", engine.serial, 1)

    def test_an_import_that_fails_leaves_an_image(self):
        _, engine = self.stand_in("--misbehave", "image-failed")
        self.refused("INTERNAL_ERROR", "Internal error", engine.image, self.data)
        self.assertEqual(engine.ask("GET", f"{GLOBAL}/images/{life.RUN}")["status"], "FAILED")
        engine.down()

    def test_permission_denied(self):
        _, engine = self.prepared("--misbehave", "denied=compute.instances.create")
        self.refused(403, "Required 'compute.instances.create' permission for 'projects/", engine.instance)

    def test_deletions_that_fail_twice(self):
        _, engine = self.stand_in("--misbehave", "delete-fails")
        engine.act("POST", f"{GLOBAL}/networks", cloud.NETWORK)
        for _ in range(2):
            self.refused(400, "is not ready", engine.act, "DELETE", f"{GLOBAL}/networks/{life.RUN}")
        engine.down()

    def test_the_set_is_closed(self):
        for word in ("nothing", "slow", "quota=none", "delete-fails=x", "denied=all", "serial-gap=1"):
            with self.assertRaises(ValueError, msg=word):
                misbehave.Faults([word])


class Time(unittest.TestCase):
    """Without waiting for it: the clock of one instance is set."""

    def life_of(self, action):
        with tempfile.TemporaryDirectory() as folder:
            there = world.World(pathlib.Path(folder), misbehave.Faults([]), 0)
            engine = instances.Instances(there, None, None)
            path = instances.instance_path(life.PROJECT, life.ZONE, life.RUN)
            disk = path.replace("/instances/", "/disks/")
            scheduling = {"maxRunDuration": {"seconds": "30"}, "instanceTerminationAction": action}
            made = there.add(path, "compute#instance", name=life.RUN, scheduling=scheduling,
                             disks=[{"source": there.link(disk), "autoDelete": True}])
            there.add(disk, "compute#disk", name=life.RUN, users=[made["selfLink"]])
            engine.begin(path, made, cloud.BODY, {})
            there.turn()
            self.assertEqual(made["status"], "RUNNING")
            self.assertGreater(engine.timers[path]["over"], time.monotonic())
            engine.timers[path]["over"] = time.monotonic() - 1
            there.turn()
            return [resource["kind"] for resource in there.ledger()], made["status"]

    def test_a_machine_whose_time_is_over_is_gone_with_its_disk(self):
        self.assertEqual(self.life_of("DELETE")[0], [])

    def test_or_is_only_stopped(self):
        self.assertEqual(self.life_of("STOP"), (["disk", "instance"], "TERMINATED"))


class Window(unittest.TestCase):
    def test_a_port_keeps_its_last_mebibyte(self):
        with tempfile.TemporaryDirectory() as folder:
            port = guest.Guest(pathlib.Path(folder), None, "e2-small", 2048, False, None)
            text = b"".join(b"%07d\n" % n for n in range(200000))  # 1.6 MB
            port.log(1).write_bytes(text)
            kept = text[-guest.WINDOW_BYTES:].decode()
            first, end = len(text) - guest.WINDOW_BYTES, len(text)
            self.assertEqual(port.output(1, 0, lambda _: False), (kept, first, end))
            self.assertEqual(port.output(1, end - 8, lambda _: False), ("0199999\n", end - 8, end))
            self.assertEqual(port.output(1, -8, lambda _: False), ("0199999\n", end - 8, end))
            self.assertEqual(port.output(1, end, lambda _: False), ("", end, end))
            self.assertEqual(port.output(2, 0, lambda _: False), ("", 0, 0))


@unittest.skipUnless(VPC.exists(), "cloudboot: test_misbehave: capos-vpc is not built")
class Machines(Base):
    def booted(self, data, *flags, features=(), **changes):
        """A server with a machine that runs."""
        server = StandIn("--delay", "0", *flags, vpc=VPC)
        self.addCleanup(server.__exit__)
        engine = cloud.Cloud(server)
        engine.image(data, features)
        engine.network()
        engine.instance(**changes)
        return server, engine

    def proof_archive(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            image.make_disk(folder / "disk.raw", machine.KERNEL, machine.BUILD / "capos.pkg", folder)
            image.write_run_block(folder / "disk.raw", LINE)
            standin.sparse.archive(folder / "disk.raw", folder / "disk.tar.gz", 0)
            return (folder / "disk.tar.gz").read_bytes()

    @unittest.skipUnless(HAVE, MISSING)
    def test_a_machine_proves_and_switches_itself_off(self):
        server, engine = self.booted(self.proof_archive(), "--misbehave", "serial-gap")
        local = next(tunnel["local"] for tunnel in server.ask("GET", "/standin/tunnels")[1] if tunnel["port"] == 7)
        outside = listeners.Knock(local)
        outside.begin()
        self.assertTrue(until(lambda: engine.status() == "TERMINATED"))
        _, start, _ = engine.serial(1)
        self.assertGreater(start, 0)  # the first answer of a port is the one that lost something
        world_folder = next((server.folder / "world").glob("instance-*"))
        console, evidence = (world_folder.joinpath(f"port{port}.log").read_bytes() for port in (1, 2))
        again, at, _ = engine.serial(1)
        self.assertEqual((at, again.encode()), (start, console[start:]))  # and what is gone stays gone
        self.assertIn(b"\ncapos kernel starting\r\n", console)
        self.assertRegex(console, rb"metadata-nonce v1:[^\n]*status=200,nonce=" + life.NONCE.encode())
        judged = machine.check.judge(console, machine.gen_markers.load(), bytes.fromhex(machine.KEY), True, evidence)
        self.assertLessEqual({"provider-nic-bound", "l4-round-trip"}, {line.name for line in judged["lines"]})
        self.assertEqual(outside.back, outside.number)
        self.assertIn("instance", [resource["kind"] for resource in server.ledger()])
        engine.down()
        self.assertEqual((server.end(), server.left), (0, []))
        self.assertEqual(list((server.folder / "world").glob("i*")), [])

    @unittest.skipUnless(DEEP, "cloudboot: test_misbehave: a machine of the third generation, deep only")
    @unittest.skipUnless(HAVE and qemu_firmware.OVMF.is_dir(), MISSING)
    def test_a_machine_of_the_third_generation_boots_by_uefi(self):
        body = copy.deepcopy(cloud.BODY)
        body["networkInterfaces"][0]["nicType"] = "GVNIC"
        body["disks"][0]["initializeParams"]["diskType"] = "hyperdisk-balanced"
        features = ("UEFI_COMPATIBLE", "GVNIC")
        _, engine = self.booted(self.proof_archive(), features=features, **{**body, "machineType": "n4-standard-2"})
        self.assertTrue(until(lambda: engine.status() == "TERMINATED"))
        said = engine.serial(1)[0]
        self.assertIn("BdsDxe: starting", said)
        self.assertRegex(said, r"capos kernel starting\r\n(?s:.*): inventory v1:[^\n]*,nics=0,")
        self.assertRegex(said, "storage-read v1:[^\n]*transport=nvme")

    def test_no_machine_outlives_its_server(self):
        server, engine = self.booted(self.data)
        self.assertEqual(len(engine.serial(1)), 3)
        started = process_with(f"{server.folder}/world/")
        self.assertEqual(len(started), 2)  # the machine and its network
        server.end(signal.SIGKILL)
        self.assertTrue(until(lambda: not process_with(f"{server.folder}/world/")))

    def test_an_orderly_end_names_what_is_left(self):
        server, _ = self.booted(self.data)
        self.assertEqual(server.end(), 1)
        self.assertIn(f"left: instance projects/{life.PROJECT}/zones/{life.ZONE}/instances/{life.RUN}", server.left)
        self.assertEqual(process_with(f"{server.folder}/world/instance-"), [])

    def test_a_tunnel_leads_where_a_rule_lets_it(self):
        server, _ = self.booted(self.data)
        found = server.ask("GET", "/standin/tunnels")[1]
        self.assertEqual([(tunnel["instance"].rpartition("/")[2], tunnel["port"]) for tunnel in found],
                         [(life.RUN, 7), (life.RUN, 8080)])
        server.end()


if __name__ == "__main__":
    unittest.main()
