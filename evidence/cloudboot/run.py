# SPDX-License-Identifier: BSD-2-Clause
# The steps of a run: disk, bucket, image, network, machine; what it says is fetched until it has switched itself off; then all of
# it is removed. Two things are done beside each other where neither needs the other. A step that fails ends the run with Failed;
# what was created until then is the record's, and removed by whoever called.
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import secrets
import subprocess
import sys
import threading
import time

import disk
import plan
import serial
from gcloud import Stopped

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "door"))
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
import listeners  # noqa: E402
import web_probe  # noqa: E402
from provider_json import web_nonce  # noqa: E402

CREATE_TRIES = 3
ZONES_MAX = 3
READY_SECONDS = 600   # of an image whose creation nobody answered
OFF_SECONDS = 90      # from the last line of evidence to a machine that is off
LAST_TRIES = 4        # of fetching what was said last
LOOK_EVERY = 3        # turns of the serial ports: how is the machine?
ENDED = ("TERMINATED", "STOPPED", "STOPPING", "SUSPENDED", "SUSPENDING", "DEPROVISIONING")
EXCHANGES = 100
KNOCKS = "neighbour"  # the marker after which somebody outside is waited for,
ASKS = "l4-round-trip"  # and that after which somebody who asks for the web is


class Failed(Exception):
    """A step did not come about: which, and the answer or the words that say why."""

    def why(self):
        return self.args[1] if isinstance(self.args[1], str) else self.args[1].line()


class Outside(listeners.Knock):
    """The client outside, through a tunnel that may lead nowhere for a long time yet."""
    SECONDS = 10  # of one attempt

    def __init__(self, port, seconds):
        super().__init__(port)
        self.until, self.over = time.monotonic() + seconds, threading.Event()

    def run(self):
        while not self.back and time.monotonic() < self.until and not self.over.wait(self.PAUSE):
            self.once()


class Run:
    """`options`: of the command. `price`: of this place. `standin`: where there is one. `serve`: the machine is to stay."""

    def __init__(self, options, record, gcloud, progress, price, found, standin=None, serve=False):
        self.options, self.record, self.gcloud, self.progress = options, record, gcloud, progress
        self.price, self.found, self.standin, self.serve = price, found, standin, serve
        self.folder, self.place = record.folder, record.place()
        self.there = plan.resources(self.place)
        self.nonce, self.boot = secrets.token_hex(16), secrets.token_hex(8)
        self.retries, self.hashes, self.described, self.image_id = [], {}, {}, None
        self.machine_began, self.machine_seconds, self.status, self.reasons = None, None, None, []
        self.serial = serial.Serial(self.folder, gcloud, progress)
        self.outside, self.web, self.tunnels = None, None, {}

    # Creating

    def retry(self, step, reason):
        self.retries.append({"step": step, "zone": self.place.zone, "reason": reason[:1000]})
        self.record.set(retries=self.retries)
        self.progress.say(f"{step}: again: {reason}", step="retry", of=step, zone=self.place.zone, reason=reason)

    def create(self, kind, words):
        """Asked for once it is in the record; an answer that was lost is told from a refusal by looking."""
        resource = self.there[kind]
        entry, answer = self.record.intend(resource), None
        self.progress.doing(f"{kind} {resource['name']}")
        for tried in range(1, CREATE_TRIES + 1):
            answer = self.gcloud.call(kind, words)
            if answer.status == 0 or self.is_there(kind, answer):
                self.record.mark(entry, "exists")
                zone = f" in {resource['zone']}" if resource.get("zone") else ""
                self.progress.say(f"{kind} {resource['name']}{zone}", step="created", kind=kind, name=resource["name"])
                return answer
            if answer.why != "passing" or tried == CREATE_TRIES:
                break
            self.retry(kind, answer.line())
            self.gcloud.wait(2 * tried * self.options.pause)
        raise Failed(kind, answer)

    def is_there(self, kind, answer):
        """Was it created all the same?"""
        if answer.why not in ("there", "passing", "other"):
            return False
        until = time.monotonic() + READY_SECONDS
        while True:
            found = self.gcloud.call(f"look for {kind}", plan.describe(self.place, self.there[kind]))
            if found.status != 0:
                return False
            status = (found.json() or {}).get("status") if kind in ("image", "instance") else None
            if status in ("PENDING", "PROVISIONING", "STAGING") and time.monotonic() < until:
                self.gcloud.wait(2 * self.options.pause)
                continue
            if status in (None, "READY", "RUNNING", *ENDED):
                self.retry(kind, f"the answer was lost, but it is there: {answer.line()}")
                return True
            return False

    def files(self):
        """Disk, archive, bucket, upload, image."""
        key = secrets.token_hex(32)
        write_own(self.folder / "chain.key", key + "\n")
        probe = web_nonce(self.nonce) if self.options.probe_web else None
        verifier = self.verifier() if self.serve or probe else None
        line = disk.boot_line("serve" if self.serve else "proof", self.boot, key, self.options.exchanges, self.options.commit,
                              self.nonce, verifier, 0 if self.serve else self.options.hold,
                              self.options.local_port if self.serve or probe else None, probe)
        (self.folder / "boot.line").write_text(disk.public(line) + "\n", encoding="ascii")
        self.progress.doing("disk and archive")
        self.hashes = disk.make(self.folder, line, self.options.image, self.options.kernel, self.options.package)
        self.progress.say(f"archive: sha256 {self.hashes['sha256_archive']}", step="disk", **self.hashes)
        lifecycle = self.folder / "lifecycle.json"
        lifecycle.write_text(plan.LIFECYCLE, encoding="ascii")
        self.create("bucket", plan.create_bucket(self.place, lifecycle))
        self.step("label", plan.label_bucket(self.place))
        self.step("upload", plan.upload(self.place, self.folder / disk.ARCHIVE))
        answer = self.create("image", plan.create_image(self.place)).json()
        if isinstance(answer, list) and answer:
            self.image_id = str(answer[0].get("id") or "") or None

    def verifier(self):
        """The operator's secret stays in the run's folder; the machine is told what it is checked by."""
        path = self.folder / "operator.secret"
        done = subprocess.run([self.options.secret_program, path], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failed("secret", done.stderr.strip() or f"status {done.returncode}")
        return done.stdout.strip()

    def step(self, name, words):
        """What creates nothing of its own, and may be done again."""
        self.progress.doing(name)
        for tried in range(1, CREATE_TRIES + 1):
            answer = self.gcloud.call(name, words)
            if answer.status == 0:
                return answer
            if answer.why not in ("passing", "gone") or tried == CREATE_TRIES:
                raise Failed(name, answer)
            self.retry(name, answer.line())
            self.gcloud.wait(2 * tried * self.options.pause)

    def network(self):
        self.create("network", plan.create_network(self.place))
        self.create("subnet", plan.create_subnet(self.place))
        self.create("firewall", plan.create_firewall(self.place))

    def drop_bucket(self):
        """The image needs it no more. If it stays, the end of the run removes it."""
        answer = self.gcloud.call("bucket gone", plan.delete(self.place, self.there["bucket"]))
        if answer.status == 0:
            self.record.mark(self.record.intend(self.there["bucket"]), "gone")
            self.progress.say(f"bucket {self.place.run} is not needed any more, and deleted", step="deleted", kind="bucket",
                              name=self.place.run)

    def machine(self):
        """In the zone that was asked for, or if it is full in another of the region."""
        others = [zone for zone in self.found.zones if zone != self.place.zone]
        for zone in [self.place.zone, *others][:ZONES_MAX]:
            self.place = dataclasses.replace(self.place, zone=zone)
            self.there = plan.resources(self.place)
            self.record.set(zone=zone)
            self.machine_began = self.machine_began or time.monotonic()
            try:
                answer = self.create("instance", plan.create_instance(self.place, self.nonce, self.serve)).json()
            except Failed as failed:
                if failed.args[1].why != "full":
                    raise
                self.retry("instance", failed.args[1].line())
                last = failed
                continue
            self.take_description(answer[0] if isinstance(answer, list) and answer else {})
            return
        raise last

    def beside(self, *functions):
        """All of them; the first that fails is what failed, once all have ended."""
        with concurrent.futures.ThreadPoolExecutor(len(functions)) as pool:
            begun = [pool.submit(function) for function in functions]
        for done in begun:
            done.result()

    def build(self):
        self.beside(self.files, self.network)
        self.beside(self.machine, self.drop_bucket)

    # Watching

    def take_description(self, found):
        self.described = found or self.described
        self.status = found.get("status", self.status)

    def look(self):
        """How is the machine? Its status, or GONE."""
        answer = self.gcloud.call("status", plan.describe(self.place, self.there["instance"]))
        if answer.status == 0 and isinstance(answer.json(), dict):
            before = self.status
            self.take_description(answer.json())
            if self.status != before:
                self.progress.say(f"machine: {self.status}", step="status", status=self.status)
        elif answer.why == "gone":
            self.status = "GONE"
        return self.status

    def open_tunnel(self, port):
        """The port of this machine from which it leads to one of that machine, or None."""
        if self.standin:
            return self.standin.tunnel(self.place.run, port)
        local = listeners.free_port()
        self.tunnels[port] = self.gcloud.begin(plan.tunnel(self.place, port, local), stdout=subprocess.DEVNULL,
                                               stderr=subprocess.DEVNULL)
        return local

    def open_tunnels(self):
        """To the service that sends back what it gets; whoever waits there knocks until somebody is in. And to the web, if it is
        asked for."""
        local = self.open_tunnel(plan.PORTS[0])
        if local:
            self.outside = Outside(local, self.options.within)
        web = self.open_tunnel(plan.PORTS[1]) if self.options.probe_web else None
        if web:
            secret = (self.folder / "operator.secret").read_text(encoding="ascii").strip()
            self.web = web_probe.Probe(web, f"127.0.0.1:{self.options.local_port}", secret, web_nonce(self.nonce),
                                       self.options.commit)

    def knock(self):
        """Only once the machine's own exchanges of frames are over: a frame of somebody else among them would be one too many."""
        if self.outside and any(marker["name"] == KNOCKS for marker in self.serial.ports[2].markers):
            self.outside.begin()
        if self.web and any(marker["name"] == ASKS for marker in self.serial.ports[2].markers):
            self.web.begin()

    def close_tunnels(self):
        if self.outside:
            self.outside.over.set()
        ended = {port: tunnel.poll() for port, tunnel in self.tunnels.items()}
        if self.web:
            self.web.end()
        for tunnel in self.tunnels.values():
            self.gcloud.end(tunnel)
        self.tunnels = {}
        # Of one that has served its turn it is nobody's business.
        failed = {plan.PORTS[0]: self.outside and self.outside.back != self.outside.number,
                  plan.PORTS[1]: self.web and self.web.failed()}
        self.reasons += [f"the tunnel to port {port} ended by itself, with status {status}"
                         for port, status in ended.items() if status is not None and failed[port]]

    def poll(self):
        self.beside(lambda: self.serial.poll(self.place, 1), lambda: self.serial.poll(self.place, 2))
        self.knock()

    def turn(self, number):
        """The port of the evidence, and beside it in turn the console and how the machine is."""
        other = self.look if number % LOOK_EVERY == 0 else lambda: self.serial.poll(self.place, 1)
        self.beside(lambda: self.serial.poll(self.place, 2), *([other] if number % 2 or number % LOOK_EVERY == 0 else []))
        self.knock()

    def watch(self):
        """Until the machine has switched itself off, is gone, or its time is over."""
        until, turn, ended = time.monotonic() + self.options.within, 0, None
        while True:
            turn += 1
            self.progress.doing("the machine runs")
            if self.serial.whole():
                self.look()
            else:
                self.turn(turn)
            if ended is None and self.serial.ended():
                ended = time.monotonic()
                self.gather()
            if self.status in (*ENDED, "GONE"):
                break
            if ended and time.monotonic() - ended > OFF_SECONDS:
                self.progress.say(f"the machine said its last line and is {self.status} all the same", step="not-off")
                break
            if time.monotonic() > until:
                self.reasons.append(f"the machine was not done within {self.options.within} s")
                break
            self.gcloud.wait(self.options.pause)
        if self.status == "GONE":
            self.reasons.append("the machine was gone before its output was fetched")

    def gather(self):
        """What the unwatched ports have, and the console's end: the machine stays on for a while behind its last line."""
        self.beside(*(lambda number=number: self.serial.poll(self.place, number) for number in (1, 3, 4)))

    def fetch(self):
        """What all four ports have, before the machine is deleted and with it all that it said."""
        if self.status == "GONE":
            return
        if not self.serial.whole():
            self.gather()
        for _ in range(LAST_TRIES):
            before = [self.serial.ports[number].next for number in serial.WATCHED]
            self.poll()
            if self.serial.whole() and before == [self.serial.ports[number].next for number in serial.WATCHED]:
                break
            self.gcloud.wait(self.options.pause)
        missing = sorted(set(serial.PORTS) - self.serial.fetched)
        if missing:
            self.progress.say(f"no answer of port {', '.join(map(str, missing))}", step="not-fetched", ports=missing)

    def proof(self):
        """The whole of it up to the last byte that the machine said."""
        try:
            self.build()
            self.open_tunnels()
            self.watch()
            self.machine_seconds = round(time.monotonic() - self.machine_began, 3)
            if not self.described.get("networkInterfaces"):
                self.look()
            self.fetch()
        except Failed as failed:
            self.reasons.append(f"{failed.args[0]}: {failed.why()}")
            raise
        except Stopped:
            self.reasons.append("interrupted")
            raise
        finally:
            self.close_tunnels()
        if self.outside:
            for line in (self.folder / "port2.log").read_bytes().splitlines():
                if line.startswith(b"cloudboot-evidence: l4-round-trip "):
                    self.outside.watch(line.partition(b": ")[2])
            self.reasons += self.outside.reasons()
        else:
            self.reasons.append("no tunnel leads to the machine")
        if self.options.probe_web and not self.web:
            self.reasons.append("no tunnel leads to the machine's web port")

    # What it comes to

    def spent(self):
        return self.price.of_machine(time.monotonic() - self.machine_began) if self.machine_began and self.price.known else None

    def image_record(self):
        return {"id": self.image_id, "name": self.place.run, "features": self.place.features,
                **{name: self.hashes[name] for name in sorted(self.hashes)}}

    def facts(self, commit, seconds, project_sha256):
        """run.json: the harness's word, no evidence."""
        found, nic = self.described, (self.described.get("networkInterfaces") or [{}])[0]
        swept = {kind: [item["name"] for item in items] for kind, items in (self.record.data["sweep"] or {}).items()}
        facts = {"world": "standin" if self.standin else "gce", "backend": "vpc", "mode": "proof", "boot": self.boot,
                 "commit": commit, "run": self.place.run, "seconds": round(seconds, 3),
                 "machine_seconds": self.machine_seconds, "calls": self.gcloud.calls, "holds": not self.reasons,
                 "reasons": self.reasons, "retries": self.retries, "serial": self.serial.record(), "sweep": swept}
        if self.hashes:
            facts["cloud"] = {"where": facts["world"], "gcloud": self.found.version, "project_sha256": project_sha256,
                              "zone": self.place.zone, "machine_type": self.place.machine_type,
                              "cpu_platform": found.get("cpuPlatform"), "instance_id": found.get("id"),
                              "created": found.get("creationTimestamp"), "status": self.status, "nic_type": nic.get("nicType"),
                              "network_ip": nic.get("networkIP"),
                              "guest_os_features": sorted({str(feature.get("type")) for disk_ in found.get("disks", [])
                                                           for feature in disk_.get("guestOsFeatures", [])}),
                              "nonce": self.nonce, "image": self.image_record()}
        if self.web:
            facts["web"] = self.web.record
        if self.price.known:
            spent = self.spent()
            facts["cost"] = {**self.price.record(), **({"estimate_usd": round(spent, 6)} if spent else {})}
        return facts


def write_own(path, text):
    """For its owner alone."""
    with open(path, "x", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
