# SPDX-License-Identifier: BSD-2-Clause
# Compute Engine's machines and their disks: from PROVISIONING by way of RUNNING to TERMINATED, where they still exist and cost, and
# to nothing. A machine's end, and that of its time, are noticed at each turn of the main thread.
import datetime
import ipaddress
import re
import shutil
import time

import guest
from errors import ApiError, OperationError, already_exists, check_fields, invalid, not_ready
from world import MACHINE_TYPES, ZONES, check_labels, check_name, check_place, now, path_of

FIELDS = {"name", "description", "machineType", "disks", "networkInterfaces", "metadata", "labels", "tags", "scheduling",
          "serviceAccounts", "shieldedInstanceConfig", "canIpForward", "deletionProtection", "confidentialInstanceConfig",
          "reservationAffinity", "params", "keyRevocationActionType", "zone"}
DISK_FIELDS = {"autoDelete", "boot", "initializeParams", "mode", "type", "deviceName", "index", "interface"}
INITIALIZE_FIELDS = {"sourceImage", "diskSizeGb", "diskType", "diskName", "labels"}
NIC_FIELDS = {"network", "subnetwork", "nicType", "accessConfigs", "stackType", "networkIP", "name"}
SCHEDULING_FIELDS = {"automaticRestart", "onHostMaintenance", "preemptible", "provisioningModel", "maxRunDuration",
                     "instanceTerminationAction"}
DISK_TYPES = {"gce": {"pd-standard", "pd-balanced", "pd-ssd"}, "gce-gen3": {"hyperdisk-balanced", "pd-balanced", "pd-ssd"}}
METADATA_BYTES_MAX, METADATA_ALL_MAX = 256 << 10, 512 << 10
SECONDS_MIN, SECONDS_MAX = 30, 120 * 86400  # of maxRunDuration
TUNNELS = "35.235.240.0/20"
QEMU_ADDRESS = "10.77.0.2"  # the one that capos-vpc leases


def instance_path(project, zone, name):
    return f"projects/{project}/zones/{zone}/instances/{name}"


class Instances:
    """`vpc`: the program that is a machine's network; None: no machine is started."""

    def __init__(self, world, compute, vpc):
        self.world, self.compute, self.vpc = world, compute, vpc
        self.guests, self.timers = {}, {}
        world.watched.append(self.look)

    # Creation: what is wrong with the words is said at once, what the cloud lacks is the operation's end

    def create(self, ask, project, zone):
        body = ask.json()
        check_fields(body, FIELDS)
        check_place(zone=zone)
        path = instance_path(project, zone, check_name(body.get("name")))
        disk_path = f"projects/{project}/zones/{zone}/disks/{body['name']}"
        for taken in (path, disk_path):
            if taken in self.world.resources:
                raise already_exists(taken)
        machine_type = str(body.get("machineType", "")).rpartition("/")[2]
        if machine_type not in MACHINE_TYPES:
            raise invalid("resource.machineType", body.get("machineType"), "The machine type does not exist in this zone.")
        image = self.check_disk(body, guest.profile_of(machine_type))
        nic = self.check_nic(body, project, zone, machine_type, image)
        self.check_rest(body)
        made = self.describe(body, project, zone, machine_type, image, nic)

        def finish():
            self.begin(path, made, body, image)
        where = f"projects/{project}/zones/{zone}"
        try:
            self.world.faults.on_instance(project, zone)
        except OperationError as error:
            return self.world.operation(where, "insert", path, self.failing(error))
        self.world.resources[path] = made
        self.world.add(disk_path, "compute#disk", name=body["name"], status="READY", zone=made["zone"], users=[made["selfLink"]],
                       sizeGb=made["disks"][0]["diskSizeGb"], type=self.disk_type(body, made), sourceImage=image["selfLink"],
                       guestOsFeatures=image.get("guestOsFeatures", []), labels={})
        operation = self.world.operation(where, "insert", path, finish, made["id"])
        ask.lose = self.world.faults.loses_answer()
        return operation

    def failing(self, error):
        def finish():
            raise error
        return finish

    def disk_type(self, body, made):
        kind = body["disks"][0]["initializeParams"].get("diskType", "pd-standard").rpartition("/")[2]
        return f"{made['zone']}/diskTypes/{kind}"

    def check_disk(self, body, profile):
        disks = body.get("disks") or []
        if len(disks) != 1 or not disks[0].get("boot"):
            raise invalid("resource.disks", len(disks), "One boot disk is due.")
        check_fields(disks[0], DISK_FIELDS, "resource.disks[0]")
        words = disks[0].get("initializeParams") or {}
        check_fields(words, INITIALIZE_FIELDS, "resource.disks[0].initializeParams")
        image = self.world.get(path_of(words.get("sourceImage")))
        if image["status"] != "READY":
            raise not_ready(path_of(image["selfLink"]))
        if int(words.get("diskSizeGb", image["diskSizeGb"])) < int(image["diskSizeGb"]):
            raise invalid("resource.disks[0].initializeParams.diskSizeGb", words["diskSizeGb"],
                          f"Requested disk size cannot be smaller than the image size ({image['diskSizeGb']} GB)")
        if words.get("diskType", "pd-standard").rpartition("/")[2] not in DISK_TYPES[profile]:
            kind = words["diskType"].rpartition("/")[2]
            raise ApiError(400, "invalid", f"[{kind}] features are not compatible for creating instance.")
        return image

    def check_nic(self, body, project, zone, machine_type, image):
        nics = body.get("networkInterfaces") or []
        if len(nics) != 1:
            raise invalid("resource.networkInterfaces", len(nics), "One network interface is due.")
        nic = nics[0]
        check_fields(nic, NIC_FIELDS, "resource.networkInterfaces[0]")
        subnetwork = self.world.get(path_of(nic.get("subnetwork")))
        network = self.world.get(path_of(nic.get("network")) or path_of(subnetwork["network"]))
        if path_of(subnetwork["network"]) != path_of(network["selfLink"]) or ZONES[zone] != subnetwork["region"].rpartition("/")[2]:
            raise invalid("resource.networkInterfaces[0].subnetwork", nic["subnetwork"], "Not of this network or region.")
        features = {feature["type"] for feature in image.get("guestOsFeatures", [])}
        kind = nic.get("nicType", "VIRTIO_NET")
        third = guest.profile_of(machine_type) == "gce-gen3"
        if kind not in ("VIRTIO_NET", "GVNIC") or (kind == "GVNIC" and "GVNIC" not in features) or (third and kind != "GVNIC"):
            raise invalid("resource.networkInterfaces[0].nicType", kind, "Not supported by the image or machine type.")
        if third and "UEFI_COMPATIBLE" not in features:
            raise ApiError(400, "invalid", f"[{machine_type}] and the image are not compatible: UEFI_COMPATIBLE is due.")
        there = [found["networkInterfaces"][0] for found in self.world.under(f"projects/{project}/", "compute#instance")]
        taken = {found["networkIP"] for found in there if path_of(found["subnetwork"]) == path_of(subnetwork["selfLink"])}
        address = next((str(host) for host in list(ipaddress.IPv4Network(subnetwork["ipCidrRange"]).hosts())[1:-1]
                        if str(host) not in taken), None)
        if address is None or (self.vpc and address != QEMU_ADDRESS):
            raise ApiError(400, "invalid", f"IP_SPACE_EXHAUSTED: the stand-in's network has one machine, at {QEMU_ADDRESS}.")
        return {"kind": "compute#networkInterface", "name": "nic0", "network": network["selfLink"], "networkIP": address,
                "subnetwork": subnetwork["selfLink"], "nicType": kind, "stackType": "IPV4_ONLY", "fingerprint": "AAAAAAAAAAA=",
                **({"accessConfigs": nic["accessConfigs"]} if nic.get("accessConfigs") else {})}

    def check_rest(self, body):
        check_labels(body.get("labels", {}))
        items = (body.get("metadata") or {}).get("items", [])
        sizes = [len(item.get("value", "").encode()) for item in items]
        if max(sizes, default=0) > METADATA_BYTES_MAX or sum(sizes) > METADATA_ALL_MAX:
            raise invalid("resource.metadata", sum(sizes), "Metadata is too large.")
        for item in items:
            if not re.fullmatch(r"[a-zA-Z0-9-_]{1,128}", item.get("key", "")):
                raise invalid("resource.metadata.items[0].key", item.get("key"), "Must be a match of regex '[a-zA-Z0-9-_]{1,128}'")
        nonce = self.metadata(body, "capos-nonce")
        if nonce and not re.fullmatch("[0-9a-f]{32}", nonce):
            raise invalid("resource.metadata.items", nonce, "The stand-in's metadata server takes a nonce of 32 hex digits.")
        scheduling = body.get("scheduling") or {}
        check_fields(scheduling, SCHEDULING_FIELDS, "resource.scheduling")
        limit = scheduling.get("maxRunDuration")
        if limit and not SECONDS_MIN <= int(limit.get("seconds", 0)) <= SECONDS_MAX:
            raise invalid("resource.scheduling.maxRunDuration", limit.get("seconds"), f"{SECONDS_MIN} to {SECONDS_MAX} seconds.")
        if limit and scheduling.get("instanceTerminationAction") not in ("DELETE", "STOP"):
            raise invalid("resource.scheduling.instanceTerminationAction", scheduling.get("instanceTerminationAction"),
                          "You must specify it with maxRunDuration.")

    def metadata(self, body, key):
        return next((item.get("value") for item in (body.get("metadata") or {}).get("items", []) if item.get("key") == key), None)

    def describe(self, body, project, zone, machine_type, image, nic):
        where = f"projects/{project}/zones/{zone}"
        asked = body["disks"][0]
        size = str(asked["initializeParams"].get("diskSizeGb", image["diskSizeGb"]))
        third = guest.profile_of(machine_type) == "gce-gen3"
        path = f"{where}/instances/{body['name']}"
        return {"kind": "compute#instance", "id": self.world.number(), "creationTimestamp": now(), "name": body["name"],
                "selfLink": self.world.link(path), "zone": self.world.link(where), "status": "PROVISIONING",
                "machineType": self.world.link(f"{where}/machineTypes/{machine_type}"), "cpuPlatform": "QEMU TCG",
                "networkInterfaces": [nic],
                "disks": [{"kind": "compute#attachedDisk", "type": "PERSISTENT", "mode": "READ_WRITE", "index": 0, "boot": True,
                           "autoDelete": asked.get("autoDelete", True), "deviceName": asked.get("deviceName", "persistent-disk-0"),
                           "source": self.world.link(f"{where}/disks/{body['name']}"), "diskSizeGb": size,
                           "interface": "NVME" if third else "SCSI", "guestOsFeatures": image.get("guestOsFeatures", []),
                           "architecture": "X86_64"}],
                "metadata": {"kind": "compute#metadata", "fingerprint": "AAAAAAAAAAA=", **(body.get("metadata") or {})},
                "labels": body.get("labels", {}), "labelFingerprint": "AAAAAAAAAAA=", "fingerprint": "AAAAAAAAAAA=",
                "tags": {"fingerprint": "AAAAAAAAAAA=", **(body.get("tags") or {})},
                "scheduling": dict(body.get("scheduling") or {}), "serviceAccounts": body.get("serviceAccounts", []),
                "canIpForward": False, "startRestricted": False, "deletionProtection": False,
                "shieldedInstanceConfig": body.get("shieldedInstanceConfig", {})}

    # Life

    def begin(self, path, made, body, image):
        if self.world.resources.get(path) is not made:  # deleted meanwhile
            return
        if self.vpc:
            try:
                self.launch(path, made, self.metadata(body, "capos-nonce"), image)
            except (OSError, ValueError) as error:
                self.forget(path)
                raise OperationError("INTERNAL_ERROR", f"the stand-in could not start the machine: {error}", 500) from error
        made.update(status="RUNNING", lastStartTimestamp=now())
        limit = made["scheduling"].get("maxRunDuration")
        started = time.monotonic()
        self.timers[path] = {"dies": started + float(self.world.faults.told["dies"]) if "dies" in self.world.faults.told else None,
                             "over": started + int(limit["seconds"]) if limit else None}
        if limit:
            at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=int(limit["seconds"]))
            made["scheduling"]["terminationTimestamp"] = at.isoformat(timespec="milliseconds")

    def launch(self, path, made, nonce, image):
        folder = self.world.folder / f"instance-{made['id']}"
        folder.mkdir()
        features = {feature["type"] for feature in image.get("guestOsFeatures", [])}
        machine_type = made["machineType"].rpartition("/")[2]
        virtio = made["networkInterfaces"][0]["nicType"] == "VIRTIO_NET"
        begun = self.guests[path] = guest.Guest(folder, self.vpc, machine_type, MACHINE_TYPES[machine_type][1], virtio, nonce,
                                                self.reachable(made))
        guest.make_disk(self.compute.disk_of(image), folder / "disk.raw", int(made["disks"][0]["diskSizeGb"]))
        begun.start("UEFI_COMPATIBLE" in features)

    def reachable(self, made):
        """Ports of the machine that a rule of its network opens to the range that IAP's tunnels come from."""
        ports, network = set(), path_of(made["networkInterfaces"][0]["network"])
        for rule in self.world.under("projects/", "compute#firewall"):
            tags = rule.get("targetTags")
            if path_of(rule["network"]) != network or TUNNELS not in rule.get("sourceRanges", []):
                continue
            if rule["disabled"] or (tags and not set(tags) & set(made["tags"].get("items", []))):
                continue
            for allowed in rule["allowed"]:
                ports |= {int(port) for port in allowed.get("ports", []) if allowed.get("IPProtocol") == "tcp" and port.isdigit()}
        return sorted(ports)

    def tunnels(self):
        """What stands in for IAP: of each machine that runs, ports and which of this machine's loopback leads there."""
        return [{"instance": path, "port": port, "local": local} for path, begun in sorted(self.guests.items()) if begun.running()
                for _, local, port in begun.forwards]

    def look(self):
        """At every machine that runs: has it switched itself off, must it stop, is its time over?"""
        for path in list(self.timers):
            timer, made = self.timers[path], self.world.resources[path]
            dead = path in self.guests and not self.guests[path].running()
            if dead or (timer["dies"] and time.monotonic() > timer["dies"]):
                self.stop(path, made)
            elif timer["over"] and time.monotonic() > timer["over"]:
                if made["scheduling"]["instanceTerminationAction"] == "DELETE":
                    self.forget(path)
                else:
                    self.stop(path, made)

    def stop(self, path, made):
        """It still exists, and its disk costs; its time does not run any more."""
        self.timers.pop(path, None)
        if path in self.guests:
            self.guests[path].end()
        made.update(status="TERMINATED", lastStopTimestamp=now())
        made["scheduling"].pop("terminationTimestamp", None)

    def forget(self, path):
        made = self.world.resources.pop(path, None)
        self.timers.pop(path, None)
        begun = self.guests.pop(path, None)
        if begun:
            begun.end()
            shutil.rmtree(begun.folder, ignore_errors=True)
        disk = path_of(made["disks"][0]["source"]) if made else ""
        if made and made["disks"][0]["autoDelete"]:
            self.world.resources.pop(disk, None)
        elif disk in self.world.resources:
            self.world.resources[disk]["users"] = []

    def delete(self, ask, project, zone, name):
        path = instance_path(project, zone, name)
        made = self.world.get(path)
        self.world.faults.on_delete(path)
        made["status"] = "STOPPING"
        return self.world.operation(f"projects/{project}/zones/{zone}", "delete", path, lambda: self.forget(path), made["id"])

    def delete_disk(self, ask, project, zone, name):
        path = f"projects/{project}/zones/{zone}/disks/{name}"
        made = self.world.get(path)
        self.world.faults.on_delete(path)
        if made["users"]:
            raise ApiError(400, "resourceInUseByAnotherResource",
                           f"The disk resource '{path}' is already being used by '{path_of(made['users'][0])}'")
        return self.compute.removal(f"projects/{project}/zones/{zone}", path)

    def auto_delete(self, ask, project, zone, name):
        made = self.world.get(instance_path(project, zone, name))
        if ask.query.get("deviceName") != made["disks"][0]["deviceName"] or ask.query.get("autoDelete") not in ("true", "false"):
            raise invalid("deviceName", ask.query.get("deviceName"), "No disk of this instance.")
        made["disks"][0]["autoDelete"] = ask.query["autoDelete"] == "true"
        where = f"projects/{project}/zones/{zone}"
        return self.world.operation(where, "setDiskAutoDelete", path_of(made["selfLink"]), lambda: None, made["id"])

    # What it says

    def serial(self, ask, project, zone, name):
        path = instance_path(project, zone, name)
        made, (port, start) = self.world.get(path), (ask.query.get("port", "1"), ask.query.get("start", "0"))
        if port not in ("1", "2", "3", "4") or not re.fullmatch(r"-?\d{1,18}", start):
            raise invalid("port", port, "Must be between 1 and 4, with a start that is a number.")
        gone = made["status"] == "TERMINATED" and "serial-gone" in self.world.faults.told
        if made["status"] == "PROVISIONING" or gone:
            raise not_ready(path)
        begun = self.guests.get(path)

        def gap(kept):
            return kept > 512 and self.world.faults.gap(int(port))
        text, at, following = begun.output(int(port), int(start), gap) if begun else ("", int(start), int(start))
        return {"kind": "compute#serialPortOutput", "selfLink": f"{made['selfLink']}/serialPort", "contents": text,
                "start": str(at), "next": str(following)}

    def guest_attributes(self, ask, project, zone, name):
        self.world.get(instance_path(project, zone, name))
        query = ask.query.get("queryPath", "")
        raise ApiError(404, "notFound", f"The resource '{query}' of type 'Guest Attribute' was not found.")

    def end(self):
        for begun in self.guests.values():
            begun.end()
