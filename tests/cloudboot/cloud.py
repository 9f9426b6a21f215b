# SPDX-License-Identifier: BSD-2-Clause
# The life of a run by hand, without gcloud: each step as the requests that gcloud makes of it, as short as they may be.
import life

GLOBAL = f"/compute/v1/projects/{life.PROJECT}/global"
REGION = f"/compute/v1/projects/{life.PROJECT}/regions/{life.REGION}"
PLACE = f"/compute/v1/projects/{life.PROJECT}/zones/{life.ZONE}"
INSTANCE = f"{PLACE}/instances/{life.RUN}"
NETWORK = {"name": life.RUN, "autoCreateSubnetworks": False, "mtu": 1460, "routingConfig": {"routingMode": "REGIONAL"}}
FIREWALL = {"name": f"{life.RUN}-iap", "network": f"projects/{life.PROJECT}/global/networks/{life.RUN}", "direction": "INGRESS",
            "allowed": [{"IPProtocol": "tcp", "ports": ["7", "8080"]}], "sourceRanges": ["35.235.240.0/20"]}
SUBNETWORK = {"name": life.RUN, "network": FIREWALL["network"], "ipCidrRange": "10.77.0.0/28"}
BODY = {
    "name": life.RUN, "machineType": f"zones/{life.ZONE}/machineTypes/e2-small",
    "disks": [{"boot": True, "autoDelete": True, "initializeParams": {
        "sourceImage": f"projects/{life.PROJECT}/global/images/{life.RUN}", "diskSizeGb": "10"}}],
    "networkInterfaces": [{"subnetwork": f"projects/{life.PROJECT}/regions/{life.REGION}/subnetworks/{life.RUN}",
                           "nicType": "VIRTIO_NET"}],
    "metadata": {"items": [{"key": "capos-nonce", "value": life.NONCE}]}, "labels": {"capos-run": life.RUN},
    "scheduling": {"maxRunDuration": {"seconds": "1200"}, "instanceTerminationAction": "DELETE", "automaticRestart": False},
}


class Refused(Exception):
    """An answer that is none of success, or an operation that failed. `code`: of HTTP, or the operation's word."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.message = code, message


class Cloud:
    """What is done by a StandIn's server, step by step; a step that is refused raises Refused."""

    def __init__(self, server):
        self.server = server

    def ask(self, method, path, body=None):
        status, answer, _ = self.server.ask(method, path, body)
        if status >= 300:
            raise Refused(status, answer["error"]["message"])
        return answer

    def act(self, method, path, body=None):
        """A request that begins an operation, and its end."""
        operation = self.ask(method, path, body)
        where = operation["selfLink"].partition("/compute/")[2]
        operation = self.ask("POST", f"/compute/{where}/wait")
        if "error" in operation:
            raise Refused(operation["error"]["errors"][0]["code"], operation["error"]["errors"][0]["message"])
        return operation

    def upload(self, data):
        self.ask("POST", f"/storage/v1/b?project={life.PROJECT}", {"name": life.RUN, "location": life.REGION})
        path = f"/resumable/upload/storage/v1/b/{life.RUN}/o?uploadType=resumable&name=disk.tar.gz"
        _, _, headers = self.server.ask("POST", path, {})
        self.ask("PUT", headers["Location"].partition(f":{self.server.port}")[2], data)

    def drop_bucket(self):
        self.ask("DELETE", f"/storage/v1/b/{life.RUN}/o/disk.tar.gz")
        self.ask("DELETE", f"/storage/v1/b/{life.RUN}")

    def image(self, data, features=()):
        """Uploaded, imported, and the bucket gone again."""
        self.upload(data)
        try:
            self.act("POST", f"{GLOBAL}/images", {
                "name": life.RUN, "rawDisk": {"source": f"https://storage.googleapis.com/{life.RUN}/disk.tar.gz"},
                "guestOsFeatures": [{"type": feature} for feature in features]})
        finally:
            self.drop_bucket()

    def network(self):
        self.act("POST", f"{GLOBAL}/networks", NETWORK)
        self.act("POST", f"{REGION}/subnetworks", SUBNETWORK)
        self.act("POST", f"{GLOBAL}/firewalls", FIREWALL)

    def instance(self, **changes):
        return self.act("POST", f"{PLACE}/instances", {**BODY, **changes})

    def status(self):
        return self.ask("GET", INSTANCE)["status"]

    def serial(self, port, start=0):
        found = self.ask("GET", f"{INSTANCE}/serialPort?port={port}&start={start}")
        return found["contents"], int(found["start"]), int(found["next"])

    def down(self):
        """All that there may be, in reverse order; what is not there is gone already."""
        for path in (INSTANCE, f"{GLOBAL}/images/{life.RUN}", f"{GLOBAL}/firewalls/{life.RUN}-iap",
                     f"{REGION}/subnetworks/{life.RUN}", f"{GLOBAL}/networks/{life.RUN}"):
            try:
                self.act("DELETE", path)
            except Refused as refused:
                if refused.code != 404:
                    raise
