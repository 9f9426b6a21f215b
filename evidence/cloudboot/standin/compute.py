# SPDX-License-Identifier: BSD-2-Clause
# Compute Engine but for its machines: networks, subnetworks, firewall rules, images, and what is only looked at. A resource is
# there once its operation has ended; an image, from the start, as PENDING.
import ipaddress
import re
import urllib.parse

import archive
from errors import ApiError, OperationError, already_exists, check_fields, in_use, invalid
from world import MACHINE_TYPES, REGIONS, ZONES, check_labels, check_name, check_place, path_of

NETWORK_FIELDS = {"name", "description", "autoCreateSubnetworks", "mtu", "routingConfig", "networkFirewallPolicyEnforcementOrder"}
SUBNETWORK_FIELDS = {"name", "description", "network", "region", "ipCidrRange", "privateIpGoogleAccess", "enableFlowLogs",
                     "stackType", "purpose", "role", "logConfig", "privateIpv6GoogleAccess", "allowSubnetCidrRoutesOverlap"}
FIREWALL_FIELDS = {"name", "description", "network", "direction", "allowed", "sourceRanges", "targetTags", "priority", "disabled",
                   "logConfig"}
IMAGE_FIELDS = {"name", "description", "rawDisk", "architecture", "guestOsFeatures", "labels", "storageLocations", "family",
                "sourceType"}
FEATURES = {"BARE_METAL_LINUX_COMPATIBLE", "GVNIC", "IDPF", "MULTI_IP_SUBNET", "SEV_CAPABLE", "SEV_LIVE_MIGRATABLE",
            "SEV_LIVE_MIGRATABLE_V2", "SEV_SNP_CAPABLE", "SNP_SVSM_CAPABLE", "TDX_CAPABLE", "UEFI_COMPATIBLE",
            "VIRTIO_SCSI_MULTIQUEUE", "WINDOWS"}
MTU_MIN, MTU_MAX = 1300, 8896


def chosen(resources, text):
    """Those that a list's filter lets through: `name eq "EXPRESSION"`, which is what gcloud sends of name~EXPRESSION."""
    if not text:
        return resources
    found = re.fullmatch(r'name eq "([^"]{1,200})"', text)
    try:
        pattern = re.compile(found[1] if found else "(")
    except re.error as error:
        raise invalid("filter", text, "Invalid list filter expression.") from error
    return [resource for resource in resources if pattern.fullmatch(resource["name"])]


class Compute:
    def __init__(self, world, storage):
        self.world, self.storage = world, storage

    # Networks

    def create_network(self, ask, project):
        body = ask.json()
        check_fields(body, NETWORK_FIELDS)
        path = f"projects/{project}/global/networks/{check_name(body.get('name'))}"
        if path in self.world.resources:
            raise already_exists(path)
        if body.get("autoCreateSubnetworks") is not False:
            raise invalid("resource.autoCreateSubnetworks", body.get("autoCreateSubnetworks"), "Only custom mode is known here.")
        if not MTU_MIN <= body.get("mtu", 1460) <= MTU_MAX:
            raise invalid("resource.mtu", body["mtu"], f"Must be between {MTU_MIN} and {MTU_MAX}.")

        def finish():
            self.world.add(path, "compute#network", **{"mtu": 1460, **body}, subnetworks=[])
        return self.world.operation(f"projects/{project}/global", "insert", path, finish)

    def users_of_network(self, path):
        return [found["selfLink"] for found in self.world.resources.values()
                if path_of(found.get("network", "")) == path]

    def delete_network(self, ask, project, name):
        path = f"projects/{project}/global/networks/{name}"
        self.world.get(path)
        self.world.faults.on_delete(path)
        users = self.users_of_network(path)
        if users:
            raise in_use("network", path, path_of(users[0]))
        return self.removal(f"projects/{project}/global", path)

    def removal(self, where, path):
        def finish():
            self.world.resources.pop(path, None)
        return self.world.operation(where, "delete", path, finish, self.world.get(path)["id"])

    def create_subnetwork(self, ask, project, region):
        body = ask.json()
        check_fields(body, SUBNETWORK_FIELDS)
        check_place(region=region)
        path = f"projects/{project}/regions/{region}/subnetworks/{check_name(body.get('name'))}"
        if path in self.world.resources:
            raise already_exists(path)
        network = self.world.get(path_of(body.get("network")))
        try:
            block = ipaddress.IPv4Network(body.get("ipCidrRange"))
        except ValueError as error:
            raise invalid("resource.ipCidrRange", body.get("ipCidrRange"), f"{error}.") from error
        if not 8 <= block.prefixlen <= 29 or not block.is_private:
            raise invalid("resource.ipCidrRange", str(block), "A private range of /8 to /29 is due.")

        place = self.world.link(f"projects/{project}/regions/{region}")

        def finish():
            made = self.world.add(path, "compute#subnetwork", **{**body, "region": place},
                                  gatewayAddress=str(block[1]), fingerprint="AAAAAAAAAAA=")
            network["subnetworks"].append(made["selfLink"])
        return self.world.operation(f"projects/{project}/regions/{region}", "insert", path, finish)

    def delete_subnetwork(self, ask, project, region, name):
        path = f"projects/{project}/regions/{region}/subnetworks/{name}"
        found = self.world.get(path)
        self.world.faults.on_delete(path)
        for user in self.world.under(f"projects/{project}/zones/", "compute#instance"):
            if path_of(user["networkInterfaces"][0]["subnetwork"]) == path:
                raise in_use("subnetwork", path, path_of(user["selfLink"]))
        network = self.world.resources.get(path_of(found["network"]), {"subnetworks": []})
        network["subnetworks"] = [link for link in network["subnetworks"] if path_of(link) != path]
        return self.removal(f"projects/{project}/regions/{region}", path)

    # Firewall rules

    def create_firewall(self, ask, project):
        body = ask.json()
        check_fields(body, FIREWALL_FIELDS)
        path = f"projects/{project}/global/firewalls/{check_name(body.get('name'))}"
        if path in self.world.resources:
            raise already_exists(path)
        self.world.get(path_of(body.get("network")))
        if body.get("direction") != "INGRESS" or not body.get("allowed"):
            raise invalid("resource.allowed", body.get("allowed"), "Only rules that let something in are known here.")
        for source in body.get("sourceRanges", []):
            try:
                ipaddress.IPv4Network(source)
            except ValueError as error:
                raise invalid("resource.sourceRanges", source, f"{error}.") from error

        def finish():
            self.world.add(path, "compute#firewall", **{"priority": 1000, "disabled": False, **body})
        return self.world.operation(f"projects/{project}/global", "insert", path, finish)

    def delete_global(self, ask, project, collection, name):
        path = f"projects/{project}/global/{collection}/{name}"
        self.world.get(path)
        self.world.faults.on_delete(path)
        return self.removal(f"projects/{project}/global", path)

    # Images

    def source_of(self, body):
        """The file of the object that the image is made from."""
        source = (body.get("rawDisk") or {}).get("source", "")
        found = re.fullmatch(r"(?:gs:/|https?://[^/]+)/(?:storage/v1/b/)?([^/]+)/(?:o/)?(.+)", source)
        if not found:
            raise invalid("resource.rawDisk.source", source, "The URL is malformed.")
        file = self.storage.file_of(found[1], urllib.parse.unquote(found[2]))
        if file is None:
            raise ApiError(404, "notFound", f"The resource '{source}' of type 'Google Cloud Storage object' was not found.")
        return file

    def create_image(self, ask, project):
        body = ask.json()
        check_fields(body, IMAGE_FIELDS)
        path = f"projects/{project}/global/images/{check_name(body.get('name'))}"
        if path in self.world.resources:
            raise already_exists(path)
        check_labels(body.get("labels", {}))
        for feature in body.get("guestOsFeatures", []):
            if feature.get("type") not in FEATURES:
                raise invalid("resource.guestOsFeatures[0].type", feature.get("type"), "Not a feature of a guest.")
        if body.get("architecture", "X86_64") != "X86_64":
            raise invalid("resource.architecture", body["architecture"], "Only X86_64 is known here.")
        taken = self.world.folder / f"import-{self.world.number()}.tar.gz"
        taken.hardlink_to(self.source_of(body))  # what was there when it was asked for, whatever becomes of the bucket
        made = self.world.add(path, "compute#image", **{"sourceType": "RAW", **body}, status="PENDING", diskSizeGb="0",
                              archiveSizeBytes=str(taken.stat().st_size), labelFingerprint="AAAAAAAAAAA=")

        def finish():
            try:
                if path not in self.world.resources:  # deleted meanwhile
                    return
                made["status"] = "FAILED"
                self.world.faults.on_image()
                size = archive.unpack(taken, self.disk_of(made))
                made.update(status="READY", diskSizeGb=str(size // archive.GIB))
            except archive.Refused as error:
                raise OperationError("INVALID_ARGUMENT", str(error)) from error
            finally:
                taken.unlink()
        return self.world.operation(f"projects/{project}/global", "insert", path, finish, made["id"])

    def disk_of(self, image):
        return self.world.folder / f"image-{image['id']}.raw"

    def delete_image(self, ask, project, name):
        path = f"projects/{project}/global/images/{name}"
        made = self.world.get(path)
        self.world.faults.on_delete(path)
        made["status"] = "DELETING"

        def finish():
            self.world.resources.pop(path, None)
            self.disk_of(made).unlink(missing_ok=True)
        return self.world.operation(f"projects/{project}/global", "delete", path, finish, made["id"])

    # What is only looked at

    def get_project(self, ask, project):
        account = "123456789012-compute@developer.gserviceaccount.com"
        return {"kind": "compute#project", "name": project, "id": "1234567890123456789", "xpnProjectStatus": "UNSPECIFIED",
                "commonInstanceMetadata": {"kind": "compute#metadata", "fingerprint": "AAAAAAAAAAA="},
                "selfLink": self.world.link(f"projects/{project}"), "defaultServiceAccount": account,
                "defaultNetworkTier": "PREMIUM",
                "quotas": [self.quota("NETWORKS", 15, 1), self.quota("FIREWALLS", 200, 4), self.quota("SUBNETWORKS", 175, 1),
                           self.quota("IMAGES", 2000, 0), self.quota("CPUS_ALL_REGIONS", 32, 0)]}

    def quota(self, metric, limit, usage):
        return {"metric": metric, "limit": float(limit), "usage": float(usage)}

    def region(self, project, region):
        full = self.world.faults.told.get("quota") == "shown"
        zones = [self.world.link(f"projects/{project}/zones/{zone}") for zone, of in ZONES.items() if of == region]
        return {"kind": "compute#region", "name": region, "status": "UP", "zones": zones, "id": "1000",
                "selfLink": self.world.link(f"projects/{project}/regions/{region}"),
                "quotas": [self.quota("CPUS", 2 if full else 24, 2 if full else 0), self.quota("INSTANCES", 24, 0),
                           self.quota("DISKS_TOTAL_GB", 4096, 0), self.quota("SSD_TOTAL_GB", 500, 0), self.quota("N4_CPUS", 8, 0),
                           self.quota("C3_CPUS", 8, 0), self.quota("IN_USE_ADDRESSES", 8, 0)]}

    def get_region(self, ask, project, region):
        check_place(region=region)
        return self.region(project, region)

    def list_regions(self, ask, project):
        return self.listed("region", [self.region(project, region) for region in REGIONS])

    def zone(self, project, zone):
        return {"kind": "compute#zone", "name": zone, "status": "UP", "id": "2000", "availableCpuPlatforms": ["Intel Broadwell"],
                "selfLink": self.world.link(f"projects/{project}/zones/{zone}"),
                "region": self.world.link(f"projects/{project}/regions/{ZONES[zone]}")}

    def get_zone(self, ask, project, zone):
        check_place(zone=zone)
        return self.zone(project, zone)

    def list_zones(self, ask, project):
        return self.listed("zone", [self.zone(project, zone) for zone in ZONES])

    def machine_type(self, project, zone, name):
        cpus, memory = MACHINE_TYPES[name]
        return {"kind": "compute#machineType", "name": name, "id": "3000", "guestCpus": cpus, "memoryMb": memory, "zone": zone,
                "architecture": "X86_64", "isSharedCpu": name.startswith("e2-"),
                "selfLink": self.world.link(f"projects/{project}/zones/{zone}/machineTypes/{name}")}

    def get_machine_type(self, ask, project, zone, name):
        check_place(zone=zone)
        if name not in MACHINE_TYPES:
            raise ApiError(404, "notFound", f"The resource 'projects/{project}/zones/{zone}/machineTypes/{name}' was not found")
        return self.machine_type(project, zone, name)

    def list_machine_types(self, ask, project, zone):
        check_place(zone=zone)
        return self.listed("machineType", [self.machine_type(project, zone, name) for name in sorted(MACHINE_TYPES)])

    def all_machine_types(self, ask, project):
        items = {f"zones/{zone}": {"machineTypes": [self.machine_type(project, zone, name) for name in sorted(MACHINE_TYPES)]}
                 for zone in ZONES}
        return {"kind": "compute#machineTypeAggregatedList", "id": "x", "items": items}

    def listed(self, kind, items):
        return {"kind": f"compute#{kind}List", "id": "x", **({"items": items} if items else {})}

    def list_global(self, ask, project, collection):
        if collection == "addresses":
            return self.listed("address", [])
        kind = {"networks": "network", "firewalls": "firewall", "images": "image"}[collection]
        found = self.world.under(f"projects/{project}/global/{collection}/", f"compute#{kind}")
        return self.listed(kind, chosen(found, ask.query.get("filter")))

    def aggregated(self, ask, project, collection):
        """By zone or region: an object, of which each place that has some is a key."""
        if collection == "operations":
            return self.all_operations(project)
        kind = {"instances": "instance", "disks": "disk", "subnetworks": "subnetwork", "addresses": "address",
                "forwardingRules": "forwardingRule"}[collection]
        places = ZONES if collection in ("instances", "disks") else REGIONS
        level = "zones" if places is ZONES else "regions"
        items = {}
        for place in places:
            found = self.world.under(f"projects/{project}/{level}/{place}/{collection}/", f"compute#{kind}")
            if found:
                items[f"{level}/{place}"] = {collection: found}
        return {"kind": f"compute#{kind}AggregatedList", "id": "x", "items": items}

    def all_operations(self, project):
        items = {}
        for path, operation in self.world.operations.items():
            if path.startswith(f"projects/{project}/"):
                place = "/".join(path.split("/")[2:-2])
                items.setdefault(place, {"operations": []})["operations"].append(operation)
        return {"kind": "compute#operationAggregatedList", "id": "x", "items": items}

    def list_in_place(self, ask, project, level, place, collection):
        kind = collection.removesuffix("es") if collection == "addresses" else collection[:-1]
        return self.listed(kind, self.world.under(f"projects/{project}/{level}/{place}/{collection}/", f"compute#{kind}"))

    def get_any(self, ask, path):
        return self.world.get(path)

    def get_operation(self, ask, path):
        return self.world.look_at_operation(path, False)

    def wait_operation(self, ask, path):
        return self.world.look_at_operation(path, True)
