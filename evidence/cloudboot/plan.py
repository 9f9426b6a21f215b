# SPDX-License-Identifier: BSD-2-Clause
# What a run asks of gcloud, word by word, and what it will have created. Nothing here runs anything: the same words are printed by
# --dry-run, checked by the tests, and handed to gcloud. No rule opens anything to the world, and no secret stands in any word: key,
# nonce's counterpart and verifier are in the image's run block.
import dataclasses
import datetime
import re
import secrets
import shlex

TUNNELS = "35.235.240.0/20"  # where connections of the identity-aware proxy come from
PORTS = (7, 8080)            # of the machine: the service that sends back what comes in, and the web's
RANGE = "10.77.0.0/28"       # a proof asks for its first address before it has a lease (docs/gce.md)
LABEL = "capos-run"
RUN = re.compile(r"capos-\d{6}-[0-9a-f]{8}")
PROJECT = re.compile(r"(?:[a-z0-9.-]{1,62}:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")
ZONE = re.compile(r"[a-z]+-[a-z]+\d{1,2}-[a-z]")
MACHINE = re.compile(r"[a-z]\d[a-z]?-[a-z]+(?:-\d{1,3})?")
DURATION = re.compile(r"(?:(\d{1,2})h)?(?:(\d{1,4})m)?(?:(\d{1,5})s)?")
SECONDS_MIN, SECONDS_MAX = 60, 24 * 3600
DISK_GIB = 10
LIFECYCLE = '{"rule": [{"action": {"type": "Delete"}, "condition": {"age": 1}}]}\n'
# Kinds of resources: what they are called, and by which words of gcloud.
WORDS = {"bucket": ["storage", "buckets"], "image": ["compute", "images"], "network": ["compute", "networks"],
         "subnet": ["compute", "networks", "subnets"], "firewall": ["compute", "firewall-rules"],
         "instance": ["compute", "instances"], "disk": ["compute", "disks"], "address": ["compute", "addresses"]}


def new_run(now=None):
    """A name that nobody has: of the run, of everything that it creates, and the value of their label."""
    return f"capos-{(now or datetime.datetime.now(datetime.timezone.utc)):%y%m%d}-{secrets.token_hex(4)}"


def seconds_of(text):
    """Of 20m, 2h, 1h30m. ValueError: no such, or not within the bounds."""
    found = DURATION.fullmatch(text)
    if not text or not found:
        raise ValueError(f"{text}: no duration such as 20m, 2h or 1h30m")
    total = sum(int(part or 0) * unit for part, unit in zip(found.groups(), (3600, 60, 1)))
    if not SECONDS_MIN <= total <= SECONDS_MAX:
        raise ValueError(f"{text}: at least a minute, at most a day")
    return total


def third(machine_type):
    """Of the generations that start by UEFI, from NVMe, with gVNIC alone?"""
    return machine_type.partition("-")[0] not in ("e2", "n1", "n2", "n2d", "t2d", "c2", "c2d")


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a run is, and how large: what all of its words need."""
    run: str
    project: str
    zone: str
    machine_type: str = "e2-small"
    seconds: int = 1200  # after which Compute Engine deletes the machine by itself

    @property
    def region(self):
        return self.zone.rpartition("-")[0]

    @property
    def nic(self):
        return "GVNIC" if third(self.machine_type) else "VIRTIO_NET"

    @property
    def features(self):
        return ["UEFI_COMPATIBLE", "GVNIC"] if third(self.machine_type) else []

    @property
    def disk_type(self):
        family = self.machine_type.partition("-")[0]
        return "pd-standard" if not third(self.machine_type) else "pd-balanced" if family == "c3" else "hyperdisk-balanced"


def project(place):
    return f"--project={place.project}"


def where(resource):
    """The flag that says where it is, if it is anywhere in particular."""
    return [f"--{level}={resource[level]}" for level in ("zone", "region") if resource.get(level)]


def named(resource):
    return f"gs://{resource['name']}" if resource["kind"] == "bucket" else resource["name"]


def describe(place, resource):
    return [*WORDS[resource["kind"]], "describe", named(resource), project(place), *where(resource), "--format=json"]


def delete(place, resource):
    if resource["kind"] == "bucket":
        return ["storage", "rm", "--recursive", named(resource), project(place), "--quiet"]
    more = ["--delete-disks=all"] if resource["kind"] == "instance" else []
    return [*WORDS[resource["kind"]], "delete", resource["name"], project(place), *where(resource), *more, "--quiet"]


def listing(place, kind, name):
    """All of a kind whose name begins like that."""
    more = ["--no-standard-images"] if kind == "image" else []
    return [*WORDS[kind], "list", project(place), *more, f"--filter=name~^{name}", "--format=json"]


# Before anything is created

def preflight(place):
    return {
        "project": ["projects", "describe", place.project, "--format=json"],
        "services": ["services", "list", project(place), "--enabled", "--format=json"],
        "region": ["compute", "regions", "describe", place.region, project(place), "--format=json"],
        "quota": ["compute", "project-info", "describe", project(place), "--format=json"],
        "machine": ["compute", "machine-types", "describe", place.machine_type, project(place), f"--zone={place.zone}",
                    "--format=json"],
        "roles": ["projects", "get-iam-policy", place.project, "--format=json"],
    }


ACCOUNT = ["auth", "list", "--filter=status:ACTIVE", "--format=json"]


# What is created

def resources(place):
    """In order of creation, each with what it is called and where it is."""
    run = place.run
    return {"bucket": {"kind": "bucket", "name": run}, "image": {"kind": "image", "name": run},
            "network": {"kind": "network", "name": run}, "subnet": {"kind": "subnet", "name": run, "region": place.region},
            "firewall": {"kind": "firewall", "name": f"{run}-iap"},
            "instance": {"kind": "instance", "name": run, "zone": place.zone}}


def create_bucket(place, lifecycle):
    return ["storage", "buckets", "create", f"gs://{place.run}", project(place), f"--location={place.region}",
            "--uniform-bucket-level-access", "--public-access-prevention", "--soft-delete-duration=0",
            f"--lifecycle-file={lifecycle}"]


def label_bucket(place):
    return ["storage", "buckets", "update", f"gs://{place.run}", f"--update-labels={LABEL}={place.run}", project(place)]


def upload(place, archive):
    return ["storage", "cp", str(archive), f"gs://{place.run}/disk.tar.gz", project(place)]


def create_image(place):
    features = [f"--guest-os-features={','.join(place.features)}"] if place.features else []
    return ["compute", "images", "create", place.run, project(place), f"--source-uri=gs://{place.run}/disk.tar.gz",
            "--architecture=X86_64", *features, f"--labels={LABEL}={place.run}", f"--storage-location={place.region}",
            "--format=json"]


def create_network(place):
    return ["compute", "networks", "create", place.run, project(place), "--subnet-mode=custom", "--mtu=1460",
            "--bgp-routing-mode=regional"]


def create_subnet(place):
    return ["compute", "networks", "subnets", "create", place.run, project(place), f"--network={place.run}",
            f"--region={place.region}", f"--range={RANGE}"]


def create_firewall(place):
    rules = ",".join(f"tcp:{port}" for port in PORTS)
    return ["compute", "firewall-rules", "create", f"{place.run}-iap", project(place), f"--network={place.run}",
            "--direction=INGRESS", "--action=ALLOW", f"--rules={rules}", f"--source-ranges={TUNNELS}",
            f"--target-tags={place.run}", "--priority=1000"]


def create_instance(place, nonce, keys):
    """`keys`: whether somebody may type at its serial port."""
    metadata = f"capos-nonce={nonce},serial-port-enable={str(keys).upper()},enable-guest-attributes=TRUE," \
        "block-project-ssh-keys=TRUE"
    return ["compute", "instances", "create", place.run, project(place), f"--zone={place.zone}",
            f"--machine-type={place.machine_type}", f"--image={place.run}", f"--image-project={place.project}",
            f"--boot-disk-type={place.disk_type}", f"--boot-disk-size={DISK_GIB}GB",
            f"--network-interface=network={place.run},subnet={place.run},nic-type={place.nic},no-address",
            "--no-service-account", "--no-scopes", "--provisioning-model=STANDARD", f"--max-run-duration={place.seconds}s",
            "--instance-termination-action=DELETE", "--no-restart-on-failure", "--maintenance-policy=TERMINATE",
            f"--metadata={metadata}", f"--labels={LABEL}={place.run}", f"--tags={place.run}", "--no-shielded-secure-boot",
            "--no-shielded-vtpm", "--no-shielded-integrity-monitoring", "--format=json"]


# What is asked of the machine

def serial(place, port, start):
    return ["compute", "instances", "get-serial-port-output", place.run, project(place), f"--zone={place.zone}",
            f"--port={port}", f"--start={start}", "--format=json"]


def tunnel(place, port, local):
    return ["compute", "start-iap-tunnel", place.run, str(port), project(place), f"--zone={place.zone}",
            f"--local-host-port=127.0.0.1:{local}", "--iap-tunnel-disable-connection-check"]


def console(place):
    return ["compute", "connect-to-serial-port", place.run, project(place), f"--zone={place.zone}", "--port=1"]


def dry(place, nonce, keys=False, web=False):
    """Every command of a run in its order, as (step, words): those before it, of it, and after it."""
    there = resources(place)
    lines = [("login", ACCOUNT), *preflight(place).items()]
    lines += [("bucket", create_bucket(place, "LIFECYCLE")), ("label", label_bucket(place)), ("upload", upload(place, "ARCHIVE")),
              ("image", create_image(place)), ("bucket gone", delete(place, there["bucket"])),
              ("network", create_network(place)), ("subnet", create_subnet(place)), ("firewall", create_firewall(place)),
              ("instance", create_instance(place, nonce, keys))]
    if not keys:
        lines += [("tunnel", tunnel(place, PORTS[0], 18007)), *([("tunnel", tunnel(place, PORTS[1], 18080))] if web else []),
                  *((f"serial {port}", serial(place, port, 0)) for port in (1, 2, 3, 4)),
                  ("status", describe(place, there["instance"]))]
    lines += [(f"delete {kind}", delete(place, there[kind])) for kind in ("instance", "firewall", "subnet", "network", "image")]
    return lines + [(f"sweep {kind}", listing(place, kind, place.run)) for kind in WORDS]


def text(words):
    return "gcloud " + shlex.join(words)
