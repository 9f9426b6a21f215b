# SPDX-License-Identifier: BSD-2-Clause
# Which calls there are: method, path, the permission that each needs, and who answers. Whatever is not here is refused.
import re

from errors import ApiError

P = r"/compute/v1/projects/(?P<project>[a-z][a-z0-9:.-]{4,62})"
ZONE, REGION, NAME = r"/zones/(?P<zone>[a-z0-9-]+)", r"/regions/(?P<region>[a-z0-9-]+)", r"/(?P<name>[^/]+)"
BUCKET = r"/b/(?P<bucket>[^/]+)"
# Of what is looked at by its own path.
ANY = r"/compute/v1/(?P<path>projects/[^/]+/"
OPERATION = ANY + r"(?:global|zones/[^/]+|regions/[^/]+)/operations/[^/]+)"
SERVICES = ("compute.googleapis.com", "storage.googleapis.com", "iap.googleapis.com", "serviceusage.googleapis.com",
            "cloudresourcemanager.googleapis.com")


def projects_v1(ask, project):
    return {"projectId": project, "projectNumber": "123456789012", "lifecycleState": "ACTIVE", "name": project,
            "createTime": "2026-01-01T00:00:00.000Z"}


def services_v1(ask, project):
    state = {"parent": "projects/123456789012", "state": "ENABLED"}
    return {"services": [{"name": f"projects/123456789012/services/{name}", **state, "config": {"name": name, "title": name}}
                         for name in SERVICES]}


def policy_v1(ask, project):
    return {"version": 1, "etag": "BwY=", "bindings": [{"role": "roles/owner", "members": ["user:operator@example.com"]}]}


def table(compute, storage, instances):
    """[(method, path, permission, function)]: the function is given the request and the names of its path."""
    return [(method, re.compile(path), permission, function) for method, path, permission, function in (
        # Compute Engine: what is only looked at
        ("GET", P, "compute.projects.get", compute.get_project),
        ("GET", P + r"/regions", "compute.regions.list", compute.list_regions),
        ("GET", P + REGION, "compute.regions.get", compute.get_region),
        ("GET", P + r"/zones", "compute.zones.list", compute.list_zones),
        ("GET", P + ZONE, "compute.zones.get", compute.get_zone),
        ("GET", P + ZONE + r"/machineTypes", "compute.machineTypes.list", compute.list_machine_types),
        ("GET", P + r"/aggregated/machineTypes", "compute.machineTypes.list", compute.all_machine_types),
        ("GET", P + ZONE + r"/machineTypes" + NAME, "compute.machineTypes.get", compute.get_machine_type),
        ("GET", OPERATION, "compute.operations.get", compute.get_operation),
        ("POST", OPERATION + "/wait", "compute.operations.get", compute.wait_operation),
        # Networks, firewall rules, images
        ("POST", P + r"/global/networks", "compute.networks.create", compute.create_network),
        ("DELETE", P + r"/global/networks" + NAME, "compute.networks.delete", compute.delete_network),
        ("POST", P + REGION + r"/subnetworks", "compute.subnetworks.create", compute.create_subnetwork),
        ("DELETE", P + REGION + r"/subnetworks" + NAME, "compute.subnetworks.delete", compute.delete_subnetwork),
        ("POST", P + r"/global/firewalls", "compute.firewalls.create", compute.create_firewall),
        ("DELETE", P + r"/global/(?P<collection>firewalls)" + NAME, "compute.firewalls.delete", compute.delete_global),
        ("POST", P + r"/global/images", "compute.images.create", compute.create_image),
        ("DELETE", P + r"/global/images" + NAME, "compute.images.delete", compute.delete_image),
        *((method, P + rf"/global/(?P<collection>{kind})", f"compute.{kind}.list", compute.list_global)
          for method, kind in (("GET", kind) for kind in ("networks", "firewalls", "images", "addresses"))),
        *(("GET", ANY + rf"global/{kind}/[^/]+)", f"compute.{kind}.get", compute.get_any)
          for kind in ("networks", "firewalls", "images", "addresses")),
        *(("GET", ANY + rf"{level}/[^/]+/{kind}/[^/]+)", f"compute.{kind}.get", compute.get_any)
          for level, kind in (("zones", "instances"), ("zones", "disks"), ("regions", "subnetworks"), ("regions", "addresses"))),
        *(("GET", P + rf"/aggregated/(?P<collection>{kind})", f"compute.{kind}.list", compute.aggregated)
          for kind in ("instances", "disks", "subnetworks", "addresses", "forwardingRules", "operations")),
        *(("GET", P + rf"/(?P<level>zones|regions)/(?P<place>[a-z0-9-]+)/(?P<collection>{kind})", f"compute.{kind}.list",
           compute.list_in_place) for kind in ("instances", "disks", "subnetworks", "addresses")),
        # Machines
        ("POST", P + ZONE + r"/instances", "compute.instances.create", instances.create),
        ("DELETE", P + ZONE + r"/instances" + NAME, "compute.instances.delete", instances.delete),
        ("DELETE", P + ZONE + r"/disks" + NAME, "compute.disks.delete", instances.delete_disk),
        ("POST", P + ZONE + r"/instances" + NAME + r"/setDiskAutoDelete", "compute.instances.update", instances.auto_delete),
        ("GET", P + ZONE + r"/instances" + NAME + r"/serialPort", "compute.instances.getSerialPortOutput", instances.serial),
        ("GET", P + ZONE + r"/instances" + NAME + r"/getGuestAttributes", "compute.instances.getGuestAttributes",
         instances.guest_attributes),
        # Cloud Storage
        ("POST", r"/storage/v1/b", "storage.buckets.create", storage.create_bucket),
        ("GET", r"/storage/v1/b", "storage.buckets.list", storage.list_buckets),
        ("GET", r"/storage/v1" + BUCKET, "storage.buckets.get", storage.get_bucket),
        ("GET", r"/storage/v1" + BUCKET + r"/storageLayout", "storage.buckets.get", storage.layout),
        ("GET", r"/storage/v1" + BUCKET + r"/managedFolders", "storage.managedFolders.list", storage.managed_folders),
        ("PATCH", r"/storage/v1" + BUCKET, "storage.buckets.update", storage.patch_bucket),
        ("DELETE", r"/storage/v1" + BUCKET, "storage.buckets.delete", storage.delete_bucket),
        ("GET", r"/storage/v1" + BUCKET + r"/o", "storage.objects.list", storage.list_objects),
        ("GET", r"/storage/v1" + BUCKET + r"/o" + NAME, "storage.objects.get", storage.get_object),
        ("DELETE", r"/storage/v1" + BUCKET + r"/o" + NAME, "storage.objects.delete", storage.delete_object),
        ("POST", r"/(?:resumable/)?upload/storage/v1" + BUCKET + r"/o", "storage.objects.create", storage.upload),
        ("PUT", r"/resumable/upload/storage/v1/b/[^/]+/o", "storage.objects.create", storage.piece),
        # Projects and services
        ("GET", r"/v1/projects/(?P<project>[^/:]+)", "resourcemanager.projects.get", projects_v1),
        ("POST", r"/v1/projects/(?P<project>[^/:]+):getIamPolicy", "resourcemanager.projects.getIamPolicy", policy_v1),
        ("GET", r"/v1/projects/(?P<project>[^/:]+)/services", "serviceusage.services.list", services_v1),
    )]


def find(routes, method, path):
    """(permission, function, names); ApiError: there is no such call."""
    for due, pattern, permission, function in routes:
        found = pattern.fullmatch(path)
        if found and due == method:
            return permission, function, found.groupdict()
    raise ApiError(404, "notFound", f"The requested URL {path} was not found on this server for {method}.")
