# SPDX-License-Identifier: BSD-2-Clause
# The four serial ports of a machine, as far as Compute Engine still has them: each is asked for what follows the last answer, what
# comes is appended to its file, and a gap is written down. Trusts nothing that comes: it is looked at line by line for markers
# alone.
import hashlib
import re

import plan

PORTS = (1, 2, 3, 4)
WATCHED = (1, 2)               # console and evidence, while the machine runs
MARKER = re.compile(rb"cloudboot-evidence: ([a-z][a-z0-9-]*) v1:[^\n]*\n")
GAPS_MAX = 1000
BYTES_MAX = 64 << 20           # of a port: the gate takes no more


class Port:
    """One port's file. Offsets are of the port, as the API counts them; `gaps` are [from, to) of it; the file has nothing there."""

    def __init__(self, folder, number):
        self.number, self.path, self.next, self.gaps, self.size = number, folder / f"port{number}.log", 0, [], 0
        self.path.write_bytes(b"")
        self.seen = 0  # of the file, up to which markers were looked for
        self.markers = []

    def take(self, answer):
        """An answer's object: appends, and gives the names of markers that came with it. ValueError: it makes no sense."""
        try:
            contents, start, following = answer["contents"].encode(), int(answer.get("start", 0)), int(answer["next"])
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise ValueError(f"port {self.number}: not serial output") from error
        if following < start:
            raise ValueError(f"port {self.number}: its output ends before it begins")
        if start < self.next:  # said twice: the part that is new
            contents = contents[self.next - start:]
        elif start > self.next:
            self.gap(self.next, start)
        if following <= self.next or self.size + len(contents) > BYTES_MAX:
            return []
        self.next = following
        with open(self.path, "ab") as file:
            file.write(contents)
        self.size += len(contents)
        return self.look()

    def gap(self, first, last):
        if self.gaps and self.gaps[-1][1] == first:
            self.gaps[-1][1] = last
        elif len(self.gaps) < GAPS_MAX:
            self.gaps.append([first, last])

    def look(self):
        """Markers in lines that have ended and were not looked at yet."""
        with open(self.path, "rb") as file:
            file.seek(self.seen)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        found = []
        for match in MARKER.finditer(data, 0, whole):
            if match.start() == 0 or data[match.start() - 1:match.start()] == b"\n":
                found.append({"name": match[1].decode(), "offset": self.seen + match.start()})
        self.seen += whole
        self.markers += found
        return [marker["name"] for marker in found]

    def record(self):
        data = self.path.read_bytes()
        return {"port": self.number, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "gaps": self.gaps,
                "markers": self.markers}


class Serial:
    """All four, of one machine."""

    def __init__(self, folder, gcloud, progress):
        self.gcloud, self.progress, self.ports = gcloud, progress, {number: Port(folder, number) for number in PORTS}
        self.fetched = set()  # ports that answered at least once

    def poll(self, place, number):
        """Asks once. (names of new markers, whether it answered)."""
        port = self.ports[number]
        answer = self.gcloud.call(f"serial {number}", plan.serial(place, number, port.next))
        found = answer.json() if answer.status == 0 else None
        if not isinstance(found, dict):
            return [], False
        gaps = len(port.gaps), port.gaps[-1:] and port.gaps[-1][1]
        try:
            names = port.take(found)
        except ValueError as error:
            self.progress.say(str(error), step="serial", port=number, fault=str(error))
            return [], False
        self.fetched.add(number)
        if (len(port.gaps), port.gaps[-1:] and port.gaps[-1][1]) != gaps:
            first, last = port.gaps[-1]
            self.progress.say(f"port {number}: bytes {first} to {last} are gone before they were asked for", step="gap",
                              port=number, first=first, last=last)
        if names and number == 2:
            counted = {name: names.count(name) for name in names}
            self.progress.say("markers: " + ", ".join(f"{name} x{count}" if count > 1 else name for name, count in counted.items()),
                              step="markers", names=names)
        return names, True

    def record(self):
        return [port.record() for port in self.ports.values()]

    def ends(self):
        """Of each watched port: has the evidence said its last line there?"""
        return [any(marker["name"] == "end" for marker in self.ports[number].markers) for number in WATCHED]

    def ended(self):
        return any(self.ends())

    def whole(self):
        """Nothing is missing of what a proof says."""
        return all(self.ends()) and self.fetched == set(PORTS)
