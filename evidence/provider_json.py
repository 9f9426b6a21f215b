# SPDX-License-Identifier: BSD-2-Clause
# provider.json from a judged log: what the lines of a sound log say about the provider, and nothing that they do not say. Its shape
# is evidence/provider.schema.json.
import hashlib
import re

import shape

SCHEMA = "capos-provider-1"
CLOUD = ("cloud", "serial", "retries", "cost", "sweep", "web")  # what stood outside of the machine saw: its word, not evidence
NOT_ATTEMPTED = "not-attempted"


def not_attempted_items(facts):
    """facts: of the lines by marker."""
    return [item for item in re.split(r"[+;|]", facts.get(NOT_ATTEMPTED, {}).get("items", "")) if item]


def delivered(result, facts):
    """True: the device raised a vector and it was delivered. False: that was tried and does not hold."""
    if "interrupt-delivered" in facts:
        return not any(reason.startswith("interrupt-delivered") for reason in result["reasons"])
    tried = "provider-nic-bound" in facts and "interrupt-delivery" not in not_attempted_items(facts)
    return False if tried else NOT_ATTEMPTED


STORAGE = ("storage-bound", "storage-read", "storage-package", "storage-teardown")


def storage(result, facts):
    """Each marker of the disk by its name, with whether it holds; a marker that is not there was not shown by this log. Without
    any: nobody tried, or it came to nothing."""
    found = {name: facts[name] for name in STORAGE if name in facts}
    if not found:
        return NOT_ATTEMPTED if "storage" in not_attempted_items(facts) or not facts else "not-shown"
    return {name: {"holds": not any(reason.startswith(name) for reason in result["reasons"]), "facts": lines}
            for name, lines in found.items()}


def provider_record(result, gate, chain, data, run):
    """result: of check.judge; data: the log's bytes; run: run.json, or an empty dict. Returns the record. Raises shape.Wrong:
    run.json is not what it should be."""
    lines = result["lines"]
    facts = {line.name: line.facts for line in lines}
    functions = [dict(line.facts) for line in lines if line.name == "pci-function"]
    bound = facts.get("provider-nic-bound")
    holds = bound is not None and not any(reason.startswith("provider-nic-bound") for reason in result["reasons"])
    return {
        "schema": SCHEMA,
        "verdict": result["verdict"],
        "gate": gate,
        "reason": result["reason"],
        "reasons": result["reasons"],
        "chain": chain,
        "provider_nic_proof": {"present": bound is not None, "holds": holds, "facts": bound or {}},
        "enumerated_device_classes": sorted({function["class"] for function in functions}),
        "enumerated_device_inventory": functions,
        "dma_pool_grant": {"pages": int(bound["dma_pages"]), "dma": facts["inventory"]["dma"]} if bound else None,
        "interrupt_route_allocated": bool(bound and bound["msix_entry"] not in ("none", NOT_ATTEMPTED)),
        "interrupt_route_delivered": delivered(result, facts),
        "storage_bind_proof": storage(result, facts),
        "run": {
            "boot": lines[0].boot if lines else None,
            "platform": facts.get("platform", {}).get("name"),
            "commit": facts.get("platform", {}).get("commit"),
            "markers": [line.name for line in lines],
            "of_the_run": numbers_and_words(run),
        },
        "hashes": {
            "log_sha256": hashlib.sha256(data).hexdigest(),
            "provider_object": facts.get("provider-nic-probed", {}).get("provider_object"),
            "chain_head": lines[-1].chain if lines else None,
            "audit_head": facts.get("audit", {}).get("head"),
        },
        "timings": {key: value for key, value in run.items() if is_timing(key, value)},
        "not_attempted": not_attempted_items(facts),
        **cloud_record(run),
    }


def cloud_record(run):
    """What run.json says of the machine, of its serial ports, of what had to be tried again, of cost and of what was left, of a run
    on a cloud; of what a client was shown that asked for the web. Raises shape.Wrong."""
    found = {name: run[name] for name in CLOUD if name in run}
    for name, value in found.items():
        shape.check_part(value, name, f"run.json: {name}")
    return found


def web_nonce(nonce):
    """What the pages of a proof on Compute Engine show: made of the run's nonce, which itself no program there is told."""
    return hashlib.sha256(b"capos web probe\n" + nonce.encode("ascii")).hexdigest()[:32]


def is_timing(key, value):
    return key.endswith(("_ns", "_us", "_ms", "_seconds")) and isinstance(value, (int, float)) and not isinstance(value, bool)


def numbers_and_words(run):
    """The flat part of run.json: it is the simulator's word, not evidence."""
    return {key: value for key, value in run.items()
            if isinstance(value, (int, float, str, bool)) and not is_timing(key, value)}
