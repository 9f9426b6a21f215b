# SPDX-License-Identifier: BSD-2-Clause
# What the stand-in can be told to do wrong. The set is closed: each is something that the cloud is known to do, in its words.
import re

from errors import ApiError, OperationError

# By name: what a value is, whether one must be there, the value without one, and what happens.
KINDS = {
    "quota": ("shown", "", "an instance finds no quota left; shown: the region says so beforehand"),
    "stockout": ("ZONE", "", "an instance finds no room, in that zone or in all"),
    "server-error": ("N[:METHOD]", None, "the first N requests, of that method or of all, are answered with 503"),
    "slow": ("SECONDS", None, "operations take that long"),
    "lost-create": ("", "", "the first instance is created, and the connection ends without an answer"),
    "serial-gap": ("", "", "once for each port, output is gone before it was asked for"),
    "serial-gone": ("", "", "a machine that has stopped gives no serial output any more"),
    "dies": ("SECONDS", "3", "the machine stops that long after it runs (3)"),
    "image-failed": ("", "", "the import of an image fails"),
    "denied": ("METHOD", None, "no permission for it, such as compute.instances.create"),
    "delete-fails": ("N", "2", "the first N deletions in Compute Engine are refused (2)"),
}
VALUES = {
    "quota": r"|shown", "stockout": r"|[a-z0-9-]+", "server-error": r"\d{1,6}(:[A-Za-z.]+)?", "slow": r"\d{1,4}(\.\d+)?",
    "dies": r"\d{1,4}(\.\d+)?", "denied": r"[a-z]+\.[A-Za-z.]+", "delete-fails": r"\d{1,6}",
}


def words():
    """For --help: a line for each."""
    lines = []
    for name, (value, default, text) in KINDS.items():
        given = f"={value}" if value and default is None else f"[={value}]" if value else ""
        lines.append(f"  {name + given:28}{text}")
    return "\n".join(lines)


class Faults:
    """The ones that this server was told. ValueError: none of the set."""

    def __init__(self, given):
        self.told = {}
        for word in given:
            name, equals, value = word.partition("=")
            if name not in KINDS:
                raise ValueError(f"{name}: no misbehaviour; there are {', '.join(KINDS)}")
            if not equals:
                value = KINDS[name][1]
            if value is None or not re.fullmatch(VALUES.get(name, ""), value):
                raise ValueError(f"{name}: takes {KINDS[name][0] or 'no value'}")
            self.told[name] = value
        count, _, self.error_method = self.told.get("server-error", "0").partition(":")
        self.errors_left = int(count)
        self.deletes_left = int(self.told.get("delete-fails", "0"))
        self.lost_left = "lost-create" in self.told
        self.gaps_left = {1, 2, 3, 4} if "serial-gap" in self.told else set()

    def on_request(self, permission, path):
        """Before a request is looked at."""
        if self.errors_left and self.error_method in ("", permission):
            self.errors_left -= 1
            raise ApiError(503, "backendError", "Backend Error")
        if self.told.get("denied") == permission:
            raise ApiError(403, "forbidden", f"Required '{permission}' permission for '{path}'")

    def on_delete(self, path):
        if self.deletes_left:
            self.deletes_left -= 1
            raise ApiError(400, "resourceNotReady", f"The resource '{path}' is not ready")

    def on_image(self):
        if "image-failed" in self.told:
            raise OperationError("INTERNAL_ERROR", "Internal error. Please try again or contact Google Support.", 500)

    def on_instance(self, project, zone):
        if self.told.get("stockout") in ("", zone):
            raise OperationError("ZONE_RESOURCE_POOL_EXHAUSTED",
                                 f"The zone 'projects/{project}/zones/{zone}' does not have enough resources available to fulfill "
                                 "the request.  Try a different zone, or try again later.", 503)
        if "quota" in self.told:
            raise OperationError("QUOTA_EXCEEDED", f"Quota 'CPUS' exceeded.  Limit: 2.0 in region {zone.rpartition('-')[0]}.", 403)

    def loses_answer(self):
        lost, self.lost_left = self.lost_left, False
        return lost

    def gap(self, port):
        """Whether this answer of the port is the one before which something is lost."""
        if port not in self.gaps_left:
            return False
        self.gaps_left.discard(port)
        return True

    def delay(self, usual):
        return float(self.told.get("slow", usual))
