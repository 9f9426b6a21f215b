# SPDX-License-Identifier: BSD-2-Clause
# The life of a run in gcloud's own words: what is looked at first, what is created, what is asked of the machine, what is deleted,
# and what has to be an empty list at the end.
RUN, PROJECT, REGION, ZONE = "capos-261127-0a1b2c3d", "capos-standin", "us-central1", "us-central1-a"
NONCE = "00112233445566778899aabbccddeeff"
P, Z, LABEL = f"--project={PROJECT}", f"--zone={ZONE}", f"capos-run={RUN}"
BUCKET = f"gs://{RUN}"
LIFECYCLE = '{"rule": [{"action": {"type": "Delete"}, "condition": {"age": 1}}]}\n'

BEFORE = [
    ["projects", "describe", PROJECT, "--format=json"],
    ["services", "list", P, "--enabled", "--format=json"],
    ["compute", "regions", "describe", REGION, P, "--format=json"],
    ["compute", "project-info", "describe", P, "--format=json"],
    ["compute", "zones", "list", P, "--format=json"],
    ["compute", "machine-types", "list", P, f"--zones={ZONE}", "--format=json"],
    ["compute", "machine-types", "describe", "e2-small", P, Z, "--format=json"],
]
UPLOAD = [
    ["storage", "buckets", "create", BUCKET, P, f"--location={REGION}", "--uniform-bucket-level-access",
     "--public-access-prevention", "--soft-delete-duration=0", "--lifecycle-file={lifecycle}"],
    ["storage", "buckets", "update", BUCKET, f"--update-labels={LABEL}", P],
    ["storage", "cp", "{archive}", f"{BUCKET}/disk.tar.gz", P],
]


def image(features=()):
    more = [f"--guest-os-features={','.join(features)}"] if features else []
    return ["compute", "images", "create", RUN, P, f"--source-uri={BUCKET}/disk.tar.gz", "--architecture=X86_64", *more,
            f"--labels={LABEL}", f"--storage-location={REGION}", "--format=json"]


IMAGE = [image(), ["compute", "images", "describe", RUN, P, "--format=json"], ["storage", "rm", "--recursive", BUCKET, P]]
NETWORK = [
    ["compute", "networks", "create", RUN, P, "--subnet-mode=custom", "--mtu=1460", "--bgp-routing-mode=regional"],
    ["compute", "networks", "subnets", "create", RUN, P, f"--network={RUN}", f"--region={REGION}", "--range=10.77.0.0/28"],
    ["compute", "firewall-rules", "create", f"{RUN}-iap", P, f"--network={RUN}", "--direction=INGRESS", "--action=ALLOW",
     "--rules=tcp:8080", "--source-ranges=35.235.240.0/20", f"--target-tags={RUN}", "--priority=1000"],
]


def instance(machine_type="e2-small", nic="VIRTIO_NET", disk="pd-standard", duration="20m", zone=ZONE):
    return ["compute", "instances", "create", RUN, P, f"--zone={zone}", f"--machine-type={machine_type}", f"--image={RUN}",
            f"--image-project={PROJECT}", f"--boot-disk-type={disk}", "--boot-disk-size=10GB",
            f"--network-interface=network={RUN},subnet={RUN},nic-type={nic},no-address", "--no-service-account", "--no-scopes",
            "--provisioning-model=STANDARD", f"--max-run-duration={duration}", "--instance-termination-action=DELETE",
            "--no-restart-on-failure", "--maintenance-policy=TERMINATE",
            f"--metadata=capos-nonce={NONCE},serial-port-enable=FALSE,enable-guest-attributes=TRUE,block-project-ssh-keys=TRUE",
            f"--labels={LABEL}", f"--tags={RUN}", "--no-shielded-secure-boot", "--no-shielded-vtpm",
            "--no-shielded-integrity-monitoring", "--format=json"]


def serial(port, start=0):
    return ["compute", "instances", "get-serial-port-output", RUN, P, Z, f"--port={port}", f"--start={start}", "--format=json"]


DESCRIBE = ["compute", "instances", "describe", RUN, P, Z, "--format=json"]
ATTRIBUTES = ["compute", "instances", "get-guest-attributes", RUN, P, Z, "--query-path=capos/", "--format=json"]
MACHINE = [instance(), serial(1), serial(2), DESCRIBE]
DOWN = [
    ["compute", "instances", "delete", RUN, P, Z, "--delete-disks=all", "--quiet"],
    ["compute", "images", "delete", RUN, P, "--quiet"],
    ["compute", "firewall-rules", "delete", f"{RUN}-iap", P, "--quiet"],
    ["compute", "networks", "subnets", "delete", RUN, P, f"--region={REGION}", "--quiet"],
    ["compute", "networks", "delete", RUN, P, "--quiet"],
]
SWEEP = [
    ["compute", "instances", "list", P, "--filter=labels.capos-run:*", "--format=json"],
    ["compute", "disks", "list", P, "--filter=name~^capos-", "--format=json"],
    ["compute", "images", "list", P, "--no-standard-images", "--filter=labels.capos-run:*", "--format=json"],
    ["compute", "firewall-rules", "list", P, "--filter=name~^capos-", "--format=json"],
    ["compute", "networks", "subnets", "list", P, "--filter=name~^capos-", "--format=json"],
    ["compute", "networks", "list", P, "--filter=name~^capos-", "--format=json"],
    ["compute", "addresses", "list", P, "--filter=name~^capos-", "--format=json"],
    ["storage", "buckets", "list", P, "--filter=name~^capos-", "--format=json"],
]
LIFE = [*BEFORE, *UPLOAD, *IMAGE, *NETWORK, *MACHINE, *SWEEP, *DOWN, *SWEEP]


def argv(command, **places):
    return ["gcloud", *(word.format(**places) if word.startswith("{") or "={" in word else word for word in command)]
