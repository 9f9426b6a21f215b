# SPDX-License-Identifier: BSD-2-Clause
# Removes what a record says may exist, in reverse order of creation, however often it is called: what is not there is gone. Then
# looks, by name, whether anything is left after all, and removes that too. What stays is named with the command that removes it.
import concurrent.futures

import plan

TRIES = 6            # of one deletion
ROUNDS = 3           # of looking for what is left
PAUSES = (1, 2, 4, 8, 8)
BESIDE = 2           # calls at a time
# What must be gone before what: each list is worked off in order, the lists beside each other.
FIRST = ("instance", "disk")
LISTS = (("firewall", "subnet", "network"), ("image", "bucket"), ("address",))
SWEPT = ("instance", "disk", "image", "firewall", "subnet", "network", "address", "bucket")


class Cleaner:
    """`pause`: what a second of waiting is here; tests have less."""

    def __init__(self, gcloud, progress, pause=1.0):
        self.gcloud, self.progress, self.pause = gcloud, progress, pause

    def remove(self, place, entry):
        """(answer, tries, text): deleted, not-found, or failed with the reason."""
        said = ""
        for tried in range(1, TRIES + 1):
            answer = self.gcloud.call(f"delete {entry['kind']}", plan.delete(place, entry))
            if answer.status == 0:
                return "deleted", tried, ""
            if answer.why == "gone":
                return "not-found", tried, ""
            said = answer.line()
            if answer.why == "denied":  # no further try will be allowed
                return "failed", tried, said
            if tried < TRIES:
                self.gcloud.wait(PAUSES[tried - 1] * self.pause)
        return "failed", TRIES, said

    def one(self, record, place, entry):
        answer, tries, said = self.remove(place, entry)
        record.note_cleanup(entry, answer, tries, said)
        times = f" at the {tries}. try" if tries > 1 else ""
        words = {"deleted": f"{entry['kind']} {entry['name']} is deleted{times}",
                 "not-found": f"{entry['kind']} {entry['name']} is not there",
                 "failed": f"{entry['kind']} {entry['name']} could not be deleted: {said}"}
        self.progress.say(words[answer], step="cleanup", kind=entry["kind"], name=entry["name"], answer=answer, tries=tries)

    def several(self, record, place, entries):
        for entry in entries:
            self.one(record, place, entry)

    def pass_over(self, record):
        """Everything that is not gone, once."""
        place, left = record.place(), record.remaining()
        for kind in FIRST:
            self.several(record, place, [entry for entry in reversed(left) if entry["kind"] == kind])
        lists = [[entry for kind in kinds for entry in reversed(left) if entry["kind"] == kind] for kinds in LISTS]
        with concurrent.futures.ThreadPoolExecutor(BESIDE) as pool:
            for done in [pool.submit(self.several, record, place, entries) for entries in lists if entries]:
                done.result()

    def look(self, place, name):
        """{kind: [what is there]}; a kind that could not be looked at is in `blind` with the reason."""
        found, blind = {}, {}

        def one(kind):
            answer = self.gcloud.call(f"list {kind}", plan.listing(place, kind, name))
            if answer.believable():
                found[kind] = [short(kind, item) for item in answer.json()]
            else:
                blind[kind] = answer.line()
        with concurrent.futures.ThreadPoolExecutor(BESIDE) as pool:
            for done in [pool.submit(one, kind) for kind in SWEPT]:
                done.result()
        return {kind: found[kind] for kind in SWEPT if kind in found}, blind

    def clean(self, record):
        """All of it. True: nothing is left, and somebody looked. The record has what was done, and the lists."""
        self.gcloud.shield()
        record.set(step="cleanup", state="cleaning")
        if not record.data["resources"]:
            record.set(state="clean", sweep={})
            return True
        swept, blind = {}, {}
        for _ in range(ROUNDS):
            self.pass_over(record)
            swept, blind = self.look(record.place(), record.data["run"])
            strays = [entry for kind in SWEPT for entry in swept.get(kind, [])]
            if not strays:
                break
            for stray in strays:  # the cloud's word against ours: it is there
                record.mark(record.intend({"kind": stray["kind"], "name": stray["name"],
                                           **{level: stray[level] for level in ("zone", "region") if stray.get(level)}}), "exists")
        for kind, items in swept.items():  # and the other way round: what a list does not show is gone
            for entry in record.data["resources"]:
                if entry["kind"] == kind and entry["name"] not in [item["name"] for item in items]:
                    record.mark(entry, "gone")
        clean = not record.remaining() and not any(swept.values())
        record.set(sweep=swept, state="clean" if clean else "left", **({"blind": blind} if blind else {}))
        self.report(record, clean, blind)
        return clean and not blind

    def report(self, record, clean, blind):
        for kind, why in blind.items():
            self.progress.say(f"whether a {kind} is left could not be looked at: {why}", step="sweep", kind=kind, blind=why)
        if clean:
            self.progress.say("nothing is left" if not blind else "nothing is left of what could be looked at", step="swept",
                              left=[])
            return
        for entry in record.remaining():
            self.progress.say(f"LEFT: {entry['kind']} {entry['name']}; remove it with: "
                              + plan.text(plan.delete(record.place(), entry)), step="left", kind=entry["kind"], name=entry["name"])
        self.progress.say(f"or all of it, once more, with: ./capos cloudboot down {record.data['run']}")


def short(kind, item):
    """Of a listed resource what the record keeps."""
    out = {"kind": kind, "name": str(item.get("name", "")).removeprefix("gs://").rstrip("/")}
    for level in ("zone", "region"):
        if item.get(level):
            out[level] = str(item[level]).rpartition("/")[2]
    made = item.get("creationTimestamp") or item.get("creation_time")
    if made:
        out["created"] = str(made)
    run = (item.get("labels") or {}).get(plan.LABEL)
    if run:
        out["run"] = str(run)
    return out

