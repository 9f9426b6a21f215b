# SPDX-License-Identifier: BSD-2-Clause
# Writes evidence logs for the tests of the gate: from the grammar in docs/evidence.md, with no code of the gate.
import hashlib
import hmac

PREFIX = "cloudboot-evidence:"
KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))
BOOT = "0123456789abcdef"

FACTS = [
    ("platform", "name=sim,memory_bytes=16777216,pages=4096,commit=abc"),
    ("pci-function", "bdf=00:00.0,vendor=0x8086,device=0x29c0,subsystem=1af4:1100,class=0x060000,revision=0,bars=-,caps=-,"
                     "msix_vectors=0,firmware_bus_master=0"),
    ("pci-function", "bdf=00:04.0,vendor=0x1af4,device=0x1041,subsystem=1af4:1100,class=0x020000,revision=1,bars=1:mem:4096,"
                     "caps=11+09,msix_vectors=3,firmware_bus_master=1"),
    ("inventory", "functions=2,buses=1,nics=1,dma=bounce,contains_rogue_device=no"),
    ("storage-bound", "bdf=00:03.0,registers=ports+empty-mmio,dma_pages=4,msix_entry=programmed-masked,stale_refused=6,"
                      "stale_tried=6,common_config_writes=0,budget=restored,device_autonomous_raise=not-attempted"),
    ("storage-read", "bdf=00:03.0,transport=virtio-scsi-legacy,unit=1,probed=2,identity=Google_PersistentDisk,block_bytes=512,"
                     "blocks=2097152,lba=102408,bytes=512,block=" + "c" * 64 + ",provider_object=sha256:" + "a" * 64
                     + ",completions=6,interrupts=0"),
    ("storage-package", "bdf=00:03.0,bytes=514936,reads=8,package=" + "d" * 64 + ",completions=15"),
    ("storage-teardown", "bdf=00:03.0,reset=confirmed,leftover=0,pages_scrubbed=69,quarantined=0,stale_refused=7,stale_tried=7,"
                         "budget=restored,live_caps=0"),
    ("driver-denials", "bdf=00:04.0,tried=13,denied=13,audited=13,budget=restored"),
    ("provider-nic-bound", "bdf=00:04.0,registers=mmio,dma_pages=4,msix_entry=masked,stale_refused=8,stale_tried=8,"
                           "common_config_writes=0,budget=restored,device_autonomous_raise=not-attempted"),
    ("interrupt-delivered", "bdf=00:04.0,vector=1,frames=3,delivered=1,acked=1,masked_delivered=0,unmasked_delivered=1,"
                            "stale_refused=6,stale_tried=6,stale_woken=0,successor_delivered=1,interrupts=4,budget=restored,"
                            "device_autonomous_raise=proven"),
    ("provider-nic-probed", "bdf=00:04.0,transport=modern,host_features=0x0000000130018020,"
                            "accepted_features=0x0000000100010020,qsize0=256,qsize1=256,mac=52:54:00:12:34:56,header_bytes=12,"
                            "provider_object=sha256:" + "a" * 64),
    ("provider-nic-active", "bdf=00:04.0,rx_armed=256,tx_slots=256,author=brokered,epoch=2"),
    ("first-frame", "ethertype=0x0806,used_len=76,reply_mac=52:55:0a:00:02:02,interrupts=0"),
    ("frame-exchange", "exchanges=10000,arp_replies=10000,icmp_replies=10000,tx_frames=20000,rx_frames=20000,recycled=20000,"
                       "faults=0,interrupts=0"),
    ("provider-nic-teardown", "bdf=00:04.0,reset=confirmed,leftover_posted=256,leftover_lent=0,pages_scrubbed=600,quarantined=0,"
                              "stale_refused=9,stale_tried=9,budget=restored,live_caps=0"),
    ("dhcp-lease", "bdf=00:04.0,address=10.0.2.15,bits=24,server=10.0.2.2,mtu=1500,lease_s=86400,completions=9"),
    ("route", "bdf=00:04.0,default_via=10.0.2.2,routes=2"),
    ("neighbour", "bdf=00:04.0,address=10.0.2.2,mac=52:55:0a:00:02:02"),
    ("metadata-nonce", "bdf=00:04.0,server=169.254.169.254,status=200,nonce=00112233445566778899aabbccddeeff,completions=13"),
    ("l4-round-trip", "bdf=00:04.0,port=7,peer=10.0.2.2,number=0x0123456789abcdef,taken=8,acknowledged=8,completions=17"),
    ("web-ui-l4", "bdf=00:04.0,port=8080,peer=10.0.2.2,number=0x0011223344556677,session=0123456789abcdef,page=1543,logins=1,"
                  "completions=35"),
    ("access-path", "path=serial-console-shell,accepted=1,refused=2"),
    ("audit", "records=60,head=" + "b" * 64),
    ("not-attempted", "items=iommu+smp"),
]


def line(name, facts, seq, boot, previous, key):
    """One line and its chain, by the grammar."""
    chained = f"{PREFIX} {name} v1:seq={seq},boot={boot},{facts}"
    chain = hmac.new(key, previous + chained.encode(), hashlib.sha256).digest()
    return f"{PREFIX} {name} v1:seq={seq},boot={boot},chain={chain.hex()},{facts}", chain


def evidence(facts=None, key=KEY, boot=BOOT, end=True, count=None):
    """The lines of a log with these markers, chained with `key`."""
    facts = list(FACTS if facts is None else facts)
    if end:
        facts.append(("end", f"count={len(facts) if count is None else count}"))
    out, previous = [], bytes(32)
    for seq, (name, values) in enumerate(facts):
        text, previous = line(name, values, seq, boot, previous, key)
        out.append(text)
    return out


def console(lines, newline="\n"):
    """A console log: landmark, a text line between the evidence lines, a text line at the end."""
    out = ["capos kernel starting"]
    for text in lines:
        out += [text, "text of a program: cloudboot-evidence: not at the start of a line"]
    return (newline.join(out) + newline).encode()


def port(lines):
    return ("\n".join(lines) + "\n").encode()


def with_fact(name, old, new):
    """FACTS with one value replaced in the marker `name`: chained anew, so that only the claim changes."""
    out = [(marker, values.replace(old, new) if marker == name else values) for marker, values in FACTS]
    assert out != FACTS
    return out
