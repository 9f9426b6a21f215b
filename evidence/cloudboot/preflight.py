# SPDX-License-Identifier: BSD-2-Clause
# Before anything is created: is gcloud there, does somebody log in with it, do project and zone exist, are the services switched
# on, is there quota. All of it only looks. A reason why a run cannot be is named with what to do about it.
import concurrent.futures
import re

import plan

SERVICES = {"compute.googleapis.com": "Compute Engine", "iap.googleapis.com": "connections through the identity-aware proxy"}
STORAGE = {"storage.googleapis.com", "storage-api.googleapis.com", "storage-component.googleapis.com"}
# By quota of the project: what one run takes of it.
PROJECT_QUOTA = {"NETWORKS": 1, "SUBNETWORKS": 1, "FIREWALLS": 1, "IMAGES": 1}
ENOUGH = {"roles/owner", "roles/editor"}
ROLES = {"roles/compute.admin", "roles/storage.admin", "roles/iap.tunnelResourceAccessor"}
WITHOUT = """gcloud is not on PATH. It is the Google Cloud CLI: https://cloud.google.com/sdk/docs/install
  (Debian: the package google-cloud-cli of the vendor's own repository; nothing else of it is needed)"""


class Found:
    """`reasons`: why the run cannot be, one sentence each. `notes`: what could not be looked at. `zones`: of the region."""

    def __init__(self):
        self.reasons, self.notes, self.version, self.account, self.zones = [], [], "unknown", None, []


def version(gcloud):
    answer = gcloud.call("version", ["version"])
    found = re.search(r"Google Cloud SDK (\S+)", answer.out)
    return found[1] if found else "unknown"


def left(quotas, metric):
    """What is left of a quota, or None where nobody says."""
    for quota in quotas if isinstance(quotas, list) else []:
        if quota.get("metric") == metric:
            return float(quota.get("limit", 0)) - float(quota.get("usage", 0))
    return None


def check_services(found, services):
    names = {(service.get("config") or {}).get("name") for service in services}
    for name, what in SERVICES.items():
        if name not in names:
            found.reasons.append(f"{what} is not switched on: gcloud services enable {name}")
    if not names & STORAGE:
        found.reasons.append("Cloud Storage is not switched on: gcloud services enable storage.googleapis.com")


def check_quota(found, place, region, info, machine):
    found.zones = sorted(str(zone).rpartition("/")[2] for zone in region.get("zones", []))
    if place.zone not in found.zones:
        found.reasons.append(f"the region {place.region} has no zone {place.zone}; it has {', '.join(found.zones)}")
    cpus = int(machine.get("guestCpus", 1))
    family = place.machine_type.partition("-")[0].upper()
    metric = f"{family}_CPUS" if left(region.get("quotas"), f"{family}_CPUS") is not None else "CPUS"
    needs = {metric: cpus, "INSTANCES": 1, "SSD_TOTAL_GB" if place.disk_type != "pd-standard" else "DISKS_TOTAL_GB": plan.DISK_GIB}
    for quotas, due, where in ((region.get("quotas"), needs, place.region), (info.get("quotas"), PROJECT_QUOTA, "the project")):
        for name, number in due.items():
            have = left(quotas, name)
            if have is not None and have < number:
                found.reasons.append(f"quota {name} of {where}: {have:g} left, {number} are needed; ask for more, or free some")


def check_roles(found, policy, account):
    """What the project's policy grants this account by name; groups and folders are not seen here."""
    member = f"user:{account}"
    own = {binding.get("role") for binding in policy.get("bindings", []) if member in binding.get("members", [])}
    if account and not own & ENOUGH and not ROLES <= own:
        found.notes.append(f"the project's policy does not name {', '.join(sorted(ROLES - own))} for {account}; they may come from "
                           "a group or a folder")


def look(gcloud, place, local):
    """A Found."""
    found, answers = Found(), {}
    words = {"version": ["version"], **({} if local else {"login": plan.ACCOUNT}), **plan.preflight(place)}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for name, answer in zip(words, pool.map(lambda item: gcloud.call(*item), words.items())):
            answers[name] = answer
    said = re.search(r"Google Cloud SDK (\S+)", answers["version"].out)
    found.version = said[1] if said else "unknown"
    if not local:
        accounts = answers["login"].json()
        if not accounts:
            found.reasons.append("nobody is logged in: gcloud auth login")
            return found
        found.account = accounts[0].get("account")
    need = {"project": f"the project {place.project}", "services": "the list of its services",
            "region": f"the region {place.region}", "quota": "the project's quota",
            "machine": f"the machine type {place.machine_type} in {place.zone}"}
    for name, what in need.items():
        if answers[name].status != 0:
            found.reasons.append(f"{what} could not be looked at: {answers[name].line()}")
    if found.reasons:
        return found
    try:
        check_services(found, answers["services"].json())
        check_quota(found, place, answers["region"].json(), answers["quota"].json(), answers["machine"].json())
        if answers["roles"].status == 0:
            check_roles(found, answers["roles"].json(), found.account)
        else:
            found.notes.append(f"who may do what in the project could not be looked at: {answers['roles'].line()}")
    except (AttributeError, TypeError, ValueError) as error:
        found.reasons.append(f"what gcloud answered makes no sense: {error}")
    return found
