# SPDX-License-Identifier: BSD-2-Clause
# The parts of a run's page, each from what was judged. Facts are of the lines of a sound log; where there is no log, of the record,
# and then the page says so first.
import hashlib

import gen_markers
import markup
import shape
import statement
from folder import one_line
from markup import details, number, pairs, paragraph, table, tag, text
from provider_json import cloud_record, not_attempted_items

LOG_BYTES = 48 << 10  # of each end of the log
KINDS = {"holds": "good", "fails": "bad", "refused": "bad", "missing": "odd", "none": "none"}
HEADLINES = {"pass": ("Holds", "good"), "fail": ("Does not hold", "bad"), "refused": ("Refused", "bad"),
             "not-judged": ("Not judged", "odd")}
# What a person asks first, and which facts of which marker answer it; all facts stand with the claims.
NETWORK = (("card", "provider-nic-probed", ("bdf", "transport", "mac")), ("frames exchanged", "frame-exchange", ("exchanges",)),
           ("address", "dhcp-lease", ("address", "bits")), ("from", "dhcp-lease", ("server",)), ("MTU", "dhcp-lease", ("mtu",)),
           ("gateway", "route", ("default_via",)), ("its MAC", "neighbour", ("mac",)),
           ("metadata server", "metadata-nonce", ("server", "nonce")), ("somebody outside", "l4-round-trip", ("peer", "port")),
           ("who asked for the web", "web-ui-l4", ("peer", "port", "session")))
DISK = (("disk", "storage-read", ("bdf", "transport", "identity")), ("blocks", "storage-read", ("block_bytes",)),
        ("boot package on it", "storage-package", ("bytes", "sha256")), ("given back", "storage-teardown", ("reset",)))
WHERE = {"gce": "Google Compute Engine", "standin": "a stand-in of Compute Engine on the operator's machine"}
GATES = {True: "the log is whole, and grants over a network card were bound and taken back (provider-nic)",
         False: "the log is whole, from the kernel's first line to its last (landmark)"}


class Seen:
    """What was judged, and what of it can be shown: a record or members of a run whose shape is wrong are not."""

    def __init__(self, judged):
        self.judged, self.lines = judged, judged.result["lines"]
        self.listed = {marker["name"]: marker for marker in gen_markers.load()["markers"]}
        self.alone = judged.log_name is None
        self.record = judged.record or {}
        try:
            shape.check_record(self.record)
        except shape.Wrong:
            self.record = {}
        if not self.alone and ("record", "holds") not in [finding[:2] for finding in judged.findings]:
            self.record = {}  # beside a log that does not bear it out, it says nothing here
        self.facts = {line.name: line.facts for line in self.lines} or (self.of_record() if self.alone else {})
        self.functions = [line.facts for line in self.lines if line.name == "pci-function"] \
            or self.record.get("enumerated_device_inventory", [])
        try:
            self.run = cloud_record(judged.run) or self.record
        except shape.Wrong:
            self.run = self.record
        self.cloud = self.run.get("cloud", {})

    def of_record(self):
        """Facts that a record has, by marker."""
        storage, bound = self.record.get("storage_bind_proof"), self.record.get("provider_nic_proof", {}).get("facts")
        found = {name: one["facts"] for name, one in storage.items()} if isinstance(storage, dict) else {}
        return {**found, **({"provider-nic-bound": bound} if bound else {})}

    def title(self):
        boot = self.lines[0].boot if self.lines else self.record.get("run", {}).get("boot")
        return f"capos run {self.judged.run.get('run') or self.judged.path.resolve().name}" + (f", boot {boot}" if boot else "")

    def reasons(self):
        return self.judged.result["reasons"]

    def holds(self, name):
        return not any(reason.startswith(f"{name}:") or reason.startswith(f"{name} ") for reason in self.reasons())


def verdict(seen):
    word, kind = HEADLINES[seen.judged.verdict()]
    said = [f"Asked for: {GATES[seen.judged.gate]}."]
    if seen.alone:
        word, kind = "Not judged", "odd"
        said = [f"This is the record alone; it says {seen.record.get('verdict', 'nothing that can be read')}. "
                "Without the run's log that is its word."]
    elif seen.cloud:
        said.append(f"On {WHERE[seen.cloud['where']]}.")
    why = [one for _, state, one in seen.judged.findings if state in ("refused", "fails", "missing")] if not seen.alone else []
    why += [reason for reason in map(one_line, seen.reasons()) if not seen.alone and not any(reason in one for one in why)]
    listed = "<ul>" + "".join(f"<li>{text(one)}</li>" for one in why) + "</ul>" if why else ""
    return f'<div class="verdict {kind}" role="status"><strong>{text(word)}</strong>{listed}{paragraph(" ".join(said))}</div>'


def expectation(facts, expected):
    """One thing that the gate held against a marker, with its values."""
    fact, operator, value = expected
    if isinstance(value, str) and value.startswith("@"):
        value = f"{value[1:]} ({facts.get(value[1:], '?')})"
    elif isinstance(value, str) and value.startswith("#"):
        value = f"the number of {value[1:]} lines"
    found = facts.get(fact, "?")
    if operator == "==" and str(found) == str(value):
        return f"{fact} is {found}"
    return f"{fact} {found} {'is' if operator == '==' else 'at least'} {value}"


def claims(seen):
    """Each marker that is there: what it says, whether it holds, what the gate held it against."""
    out = []
    for name, marker in seen.listed.items():
        if name not in seen.facts or name in ("not-attempted", "end", "pci-function"):
            continue
        facts = seen.facts[name]
        how = "; ".join(expectation(facts, one) for one in marker.get("expect", []))
        state = tag("record's word", "odd") if seen.alone else tag("holds", "good") if seen.holds(name) else tag("fails", "bad")
        out.append(f'<div class="claim"><h3>{state} <code>{text(name)}</code></h3>{paragraph(marker["says"])}'
                   + (f'<p class="how">Held against: {text(how)}.</p>' if how else "")
                   + details("facts", markup.facts(facts)) + "</div>")
    return "\n".join(out)


def not_shown(seen):
    items = not_attempted_items(seen.facts) if seen.lines else seen.record.get("not_attempted", [])
    absent = [name for name, marker in seen.listed.items() if name not in seen.facts and not seen.alone]
    of_item = {marker["unless"]: name for name, marker in seen.listed.items() if "unless" in marker}
    rows = [[text(item), tag("not attempted", "none"), text(seen.listed[of_item[item]]["says"] if item in of_item else "")]
            for item in items]
    rows += [[f"<code>{text(name)}</code>", tag("not shown", "none"), text(seen.listed[name]["says"])] for name in absent
             if seen.listed[name].get("unless") not in items]
    limits = ["A log is what a kernel said of itself: its chain shows that one with this run's key wrote each line, in this order.",
              "Machine, cost, retries and what is left are the harness's word."]
    if not seen.alone and seen.judged.key is None:
        limits.insert(0, "The chain was not checked: there is no key.")
    return table(["", "", ""], rows, "stack") + "".join(paragraph(one, "dim") for one in limits)


def findings(seen):
    return table(["", "", ""], [[text(of), tag(state, KINDS[state]), text(words)] for of, state, words in seen.judged.findings],
                 "stack")


def machine(seen):
    platform, inventory, cloud = seen.facts.get("platform", {}), seen.facts.get("inventory", {}), seen.cloud
    memory, image = platform.get("memory_bytes"), cloud.get("image", {})
    features = [*cloud.get("guest_os_features", []), *image.get("features", [])]
    commit = platform.get("commit", seen.record.get("run", {}).get("commit"))
    return pairs([
        ("platform", platform.get("name", seen.record.get("run", {}).get("platform"))),
        ("memory", f"{int(memory) >> 20} MiB" if memory else None), ("commit", commit), ("dma", inventory.get("dma")),
        ("where", WHERE.get(cloud.get("where"))), ("zone", cloud.get("zone")), ("machine type", cloud.get("machine_type")),
        ("CPU platform", cloud.get("cpu_platform")), ("instance", cloud.get("instance_id")), ("created", cloud.get("created")),
        ("status at the end", cloud.get("status")), ("image", image.get("name")), ("image id", image.get("id")),
        ("image features", ", ".join(dict.fromkeys(features)) or None), ("gcloud", cloud.get("gcloud")),
        ("project, sha256", cloud.get("project_sha256")), ("nonce", cloud.get("nonce")),
        *((key, seen.judged.run[key]) for key in ("world", "machine", "firmware", "cpu", "accel", "backend")
          if isinstance(seen.judged.run.get(key), str))])


def devices(seen):
    rows = [[f"<code>{text(one['bdf'])}</code>", f"<code>{text(one['vendor'])}:{text(one['device'])}</code>",
             f"<code>{text(one['class'])}</code>", number(one["msix_vectors"]), f"<code>{text(one['bars'])}</code>"]
            for one in seen.functions]
    return table(["PCI function", "device", "class", "MSI-X vectors", "BARs"], rows)


def summary(seen, listed):
    """Of those markers that are there."""
    return [(label, ", ".join(str(seen.facts[name][key]) for key in keys if key in seen.facts[name]))
            for label, name, keys in listed if name in seen.facts]


def network(seen):
    return pairs([("NIC type", seen.cloud.get("nic_type")), ("address that the cloud gave", seen.cloud.get("network_ip")),
                  *summary(seen, NETWORK), *web(seen)])


def web(seen):
    """What the client outside saw that asked for the web: its word."""
    found = seen.run.get("web")
    if not found:
        return []
    steps = ", ".join(f"{step} {status} in {found['times_ms'].get(step, '?')} ms" for step, status in found["statuses"].items())
    return [("the web, asked from outside", steps or "nobody answered"),
            ("nonce on its page", f"{found['nonce']}, {'this run' if found['nonce'] == found['asked'] else 'not this run'}'s")]


def disk(seen):
    return pairs(summary(seen, DISK))


def hashes(seen):
    image, hashed = seen.cloud.get("image", {}), seen.record.get("hashes", {})
    data, lines, facts = seen.judged.data, seen.lines, seen.facts
    listed = [("log", hashed.get("log_sha256") if seen.alone else hashlib.sha256(data).hexdigest()),
              ("provider object", facts.get("provider-nic-probed", {}).get("provider_object", hashed.get("provider_object"))),
              ("last chain", lines[-1].chain if lines else hashed.get("chain_head")),
              ("audit ring's head", facts.get("audit", {}).get("head", hashed.get("audit_head"))),
              ("disk, as uploaded", image.get("sha256_disk")), ("disk, run block as zeroes", image.get("sha256_disk_zeroed")),
              ("archive", image.get("sha256_archive")), ("kernel", image.get("sha256_kernel")),
              ("package", image.get("sha256_package"))]
    ports = [[number(port["port"]), number(port["bytes"]), f"<code class=\"hash\">{text(port['sha256'])}</code>",
              text(", ".join(f"{at} to {to}" for at, to in port["gaps"]) or "none")] for port in seen.run.get("serial", [])]
    subjects = [[f"<code>{text(name)}</code>", f'<code class="hash">{text(digest)}</code>']
                for name, digest in seen.judged.subjects.items()]
    return (pairs(listed) + table(["serial port", "bytes", "sha256", "gaps"], ports)
            + details(f"subjects of {statement.FILE}", table(["signed", "sha256"], subjects)))


def retries(seen):
    return table(["step", "zone", "why"], [[text(one["step"]), text(one["zone"]), text(one["reason"])]
                                           for one in seen.run.get("retries", [])])


def cost(seen):
    found = seen.run.get("cost")
    if not found:
        return ""
    return pairs([("estimate", f"{found['estimate_usd']:.6f} USD"), ("at the worst", f"{found['worst_usd']:.6f} USD"),
                  ("from", found["basis"])])


def sweep(seen):
    found = seen.run.get("sweep")
    if found is None:
        return ""
    if not found:
        return paragraph("Whether anything is left could not be asked.", "odd")
    rows = [[text(kind), tag("none", "good") if not names else tag(f"{len(names)} left", "bad"), text(", ".join(names))]
            for kind, names in found.items()]
    return table(["looked for", "", ""], rows)


def log(seen):
    """The log as text, both ends of a long one. A line that was judged is set apart from one that looks so."""
    data = seen.judged.data
    if not data:
        return ""
    numbers, lines = {line.number for line in seen.lines}, data.split(b"\n")
    out, size, cut = [], 0, max(len(data) - LOG_BYTES, LOG_BYTES)
    for at, line in enumerate(lines, 1):
        begins, size = size, size + len(line) + 1
        if LOG_BYTES <= begins < cut:
            if out[-1] is not None:
                out.append(None)
            continue
        shown = text(line.rstrip(b"\r").decode("latin-1"))
        out.append(f"<b>{shown}</b>" if at in numbers else shown)
    shown = "\n".join("[the middle of the log is not shown]" if line is None else line for line in out)
    return details(f"{seen.judged.log_name}, {len(data)} bytes; lines that were judged in green, all else is text that a program, "
                   "firmware or kernel printed", f"<pre>{shown}</pre>")


def footer():
    return text("Made by ./capos evidence show from the files of the run alone. It loads nothing and runs nothing.")


