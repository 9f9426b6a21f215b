#!/usr/bin/python3 -SEB
# SPDX-License-Identifier: BSD-2-Clause
# In gcloud's place on PATH, for tests of the harness alone: answers from a table and a ledger in the folder that FAKE_GCLOUD names,
# and writes down what it was asked. A rule of table.json makes a call fail, lose its answer, or hang: {"match": words that the call
# has, "times": how often (1), "do": one of fail, lose, warn, answer, slow, hang-before, hang-after; "said": what
# it prints}. A machine's output is a
# log that is sound for the boot line of the archive that was uploaded.
import fcntl
import gzip
import json
import os
import pathlib
import re
import socket
import sys
import time

FOLDER = pathlib.Path(os.environ["FAKE_GCLOUD"])
sys.path += [str(pathlib.Path(__file__).resolve().parents[1] / "evidence"), str(pathlib.Path(__file__).resolve().parent)]
KINDS = {("storage", "buckets"): "bucket", ("compute", "images"): "image", ("compute", "networks"): "network",
         ("compute", "networks", "subnets"): "subnet", ("compute", "firewall-rules"): "firewall",
         ("compute", "instances"): "instance", ("compute", "disks"): "disk", ("compute", "addresses"): "address"}
LOOKS = 20  # at the serial ports, in which a client that asks for the web has to come
ZONES = [f"https://x/zones/us-central1-{letter}" for letter in "abcf"]
QUOTAS = [{"metric": metric, "limit": 10, "usage": 0} for metric in ("CPUS", "INSTANCES", "NETWORKS", "IMAGES", "FIREWALLS")]
FIXED = {
    "version": "Google Cloud SDK 528.0.0\n", "auth list": [{"account": "operator@example.com", "status": "ACTIVE"}],
    "projects describe": {"projectId": "p"}, "compute project-info": {"quotas": QUOTAS},
    "projects get-iam-policy": {"bindings": [{"role": "roles/owner", "members": ["user:operator@example.com"]}]},
    "services list": [{"config": {"name": f"{name}.googleapis.com"}} for name in ("compute", "storage", "iap")],
    "compute regions": {"zones": ZONES, "quotas": QUOTAS}, "compute machine-types": {"guestCpus": 2},
}


class State:
    """What exists and what comes next, under a lock for as long as the block lasts."""

    def __enter__(self):
        self.lock = open(FOLDER / "lock", "w", encoding="ascii")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        path = FOLDER / "state.json"
        self.data = json.loads(path.read_text()) if path.exists() else {"there": {}, "rules": {}}
        return self.data

    def __exit__(self, *_):
        new = FOLDER / "state.new"
        new.write_text(json.dumps(self.data))
        os.replace(new, FOLDER / "state.json")
        self.lock.close()


def say(value):
    print(value if isinstance(value, str) else json.dumps(value), flush=True)


def fail(said, status=1):
    print(f"ERROR: (gcloud.fake) {said}", file=sys.stderr, flush=True)
    sys.exit(status)


def rule_of(words):
    """The first rule that this call has yet to meet; it is used up."""
    path, text = FOLDER / "table.json", " ".join(words)
    for at, rule in enumerate(json.loads(path.read_text()) if path.exists() else []):
        with State() as state:
            used = state["rules"].get(str(at), 0)
            if rule["match"] in text and used < rule.get("times", 1):
                state["rules"][str(at)] = used + 1
                return rule
    return {"do": None}


def hang():
    (FOLDER / "hangs").touch()
    time.sleep(600)


def flag(words, name):
    return next((word.partition("=")[2] for word in words if word.startswith(f"--{name}=")), None)


def key_of(kind, words, name):
    return "/".join(filter(None, (kind, name.removeprefix("gs://"), flag(words, "zone"))))


def boot_words(archive):
    found = re.search(rb"mode=\w+ boot=[ -~]+", gzip.decompress(pathlib.Path(archive).read_bytes()))
    return dict(word.split("=", 1) for word in found[0].decode().split())


def web_facts(text, web):
    """The marker of a web that a client asked for: nothing where none did."""
    if not web:
        return ""
    for old, new in (("0011223344556677", web["number"]), ("0123456789abcdef", web["session"]),
                     ("page=1543", f"page={web['page']}")):
        text = text.replace(old, new)
    return text


def over(state):
    """Everybody outside was in, or the machine waits no longer."""
    return bool(state.get("number")) and ("probe" not in state["boot"] or bool(state.get("web")) or state.get("looks", 0) > LOOKS)


def output(state, port):
    """Of the machine: all of it, once somebody outside was in; until then as far as the machine comes by itself."""
    import logs
    boot = state["boot"]
    if boot["mode"] == "serve":
        return "capos kernel starting\nlog in as operator\n"
    if port > 2:
        return f"port {port}\n"
    number = state.get("number")
    facts = [(name, text.replace("00112233445566778899aabbccddeeff", boot["nonce"]).replace("0123456789abcdef", number or "")
              if name != "web-ui-l4" else web_facts(text, state.get("web"))) for name, text in logs.FACTS]
    if "probe" not in boot:
        facts = [(name, text + "+web" if name == "not-attempted" else text) for name, text in facts]
    facts = [fact for fact in facts if fact[1]]
    lines = logs.evidence(facts, bytes.fromhex(boot["chain_key"]), boot["boot"])
    if not over(state):
        lines = lines[:1 + [name for name, _ in facts].index("l4-round-trip" if number else "neighbour")]
    return (logs.port(lines) if port == 2 else logs.console(lines)).decode()


def serial(words, name):
    with State() as state:
        made = state["there"].get(key_of("instance", words, name))
        if not made:
            fail(f"The resource '{name}' was not found")
        text, start = output(state, int(flag(words, "port"))), int(flag(words, "start"))
        gap = state.get("gap", 0)
        at = max(start, gap)
        state["looks"] = state.get("looks", 0) + bool(state.get("number"))
        if over(state) or state["boot"]["mode"] == "serve":
            made["status"] = "TERMINATED" if state["boot"]["mode"] == "proof" else "RUNNING"
    say({"contents": text[at:], "start": str(at), "next": str(max(at, len(text)))})


def web(port):
    """The machine's web, by its boot line."""
    import web_peer
    with State() as state:
        boot = state["boot"]

    def told(number, session, page):
        with State() as state:
            state["web"] = {"number": number, "session": session, "page": page}
    web_peer.Peer(boot["probe"], boot["commit"], told=told, port=port).serve_forever()


def tunnel(words):
    if words[3] == "8080":
        web(int(flag(words, "local-host-port").rpartition(":")[2]))
    with socket.create_server(("127.0.0.1", int(flag(words, "local-host-port").rpartition(":")[2]))) as server:
        while True:
            with server.accept()[0] as peer:
                data = peer.recv(8)
                peer.sendall(data)
                with State() as state:
                    state["number"] = data.hex()


def create(kind, words, name):
    with State() as state:
        key = key_of(kind, words, name)
        if key in state["there"]:
            fail(f"The resource '{name}' already exists")
        made = {"name": name.removeprefix("gs://"),
                "creationTimestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000+00:00", time.gmtime())}
        if kind == "image":
            made |= {"id": "1001", "status": "READY"}
        if kind == "instance":
            made |= {"id": "1002", "status": "RUNNING", "cpuPlatform": "Fake", "zone": f"x/{flag(words, 'zone')}",
                     "networkInterfaces": [{"nicType": "VIRTIO_NET", "networkIP": "10.77.0.2"}]}
        if kind == "subnet":
            made["region"] = f"x/{flag(words, 'region')}"
        label = flag(words, "labels")
        if label:
            made["labels"] = dict([label.split("=")])
        state["there"][key] = made
    return [made]


def delete(kind, words, name):
    with State() as state:
        if state["there"].pop(key_of(kind, words, name), None) is None:
            fail(f"The resource '{name}' was not found")


def listed(kind, words):
    pattern = flag(words, "filter")
    with State() as state:
        found = [made for key, made in state["there"].items() if key.split("/")[0] == kind]
    if pattern.startswith("name~"):
        return [made for made in found if re.search(pattern[5:], made["name"])]
    return [made for made in found if made.get("labels")]


def act(words):
    kind = next((KINDS[tuple(words[:count])] for count in (3, 2) if tuple(words[:count]) in KINDS), None)
    count = 3 if kind == "subnet" else 2
    verb, name = words[count], words[count + 1] if len(words) > count + 1 else ""
    if words[:2] == ["compute", "start-iap-tunnel"]:
        tunnel(words)
    elif words[:2] == ["storage", "cp"]:
        with State() as state:
            state["boot"] = boot_words(words[2])
    elif words[:2] == ["storage", "rm"]:
        delete("bucket", words, words[3])
    elif verb == "create":
        return create(kind, words, name)
    elif verb == "delete":
        delete(kind, words, name)
    elif verb == "list":
        return listed(kind, words)
    elif verb == "get-serial-port-output":
        serial(words, name)
        return ""
    elif verb == "describe":
        with State() as state:
            return state["there"].get(key_of(kind, words, name)) or fail(f"The resource '{name}' was not found")
    return []


def main(words):
    with open(FOLDER / "calls.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(words) + "\n")
    rule = rule_of(words)
    if rule["do"] == "hang-before":
        hang()
    if rule["do"] == "slow":
        (FOLDER / "hangs").touch()
        time.sleep(0.5)
    if rule["do"] == "answer":
        say(rule["said"])
        return 0
    if rule["do"] == "fail":
        fail(rule["said"], rule.get("status", 1))
    fixed = next((value for start, value in FIXED.items() if " ".join(words).startswith(start)), None)
    answer = fixed if fixed is not None else act(words)
    if rule["do"] == "hang-after":
        hang()
    if rule["do"] == "lose":
        fail("('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))")
    if rule["do"] == "warn":
        print(f"WARNING: {rule['said']}", file=sys.stderr)
        answer = []
    if answer != "":
        say(answer)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
