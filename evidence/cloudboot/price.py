# SPDX-License-Identifier: BSD-2-Clause
# What a run costs: from a table of list prices with its date and its source (prices.json). The worst case is the machine for the
# longest time that it may have, with its disk; image and archive for a day.
import json
import pathlib

import plan

MONTH_HOURS = 730
USUAL_SECONDS = 180   # that a machine of a proof is there, by and large
IMAGE_GIB = 1         # at most: it is compressed
TABLE = pathlib.Path(__file__).resolve().parent / "prices.json"


class Price:
    """Of a place. `known`: whether the table has its machine type; if not, nothing can be said."""

    def __init__(self, place, table=TABLE):
        self.place, self.table = place, json.loads(table.read_text(encoding="utf-8"))
        self.machine_hour = self.table["machine_hour"].get(place.machine_type)
        self.known = self.machine_hour is not None

    def of_machine(self, seconds):
        """Machine and disk for that long, at least as long as is charged."""
        if not self.known:
            return None
        hours = max(seconds, self.table["machine_seconds_min"]) / 3600
        disk = self.table["disk_gib_month"][self.place.disk_type] * plan.DISK_GIB / MONTH_HOURS
        return hours * (self.machine_hour + disk) * self.factor()

    def factor(self):
        """The table is of one region; the others cost more, up to that."""
        return 1.0 if self.place.region in ("us-central1", "us-east1", "us-west1") else self.table["regions_cost_up_to"]

    def of_files(self):
        return (self.table["image_gib_month"] + self.table["bucket_gib_month"]) * IMAGE_GIB / 30 * self.factor()

    def estimate(self, seconds=USUAL_SECONDS):
        return round(self.of_machine(seconds), 6) if self.known else None

    def worst(self):
        return round(self.of_machine(self.place.seconds) + self.of_files(), 6) if self.known else None

    def basis(self):
        return f"{self.place.machine_type}, {self.place.disk_type} of {plan.DISK_GIB} GiB; table of {self.table['date']}: " \
            + self.table["source"]

    def record(self, seconds=USUAL_SECONDS):
        return {"estimate_usd": self.estimate(seconds), "worst_usd": self.worst(), "basis": self.basis()}
