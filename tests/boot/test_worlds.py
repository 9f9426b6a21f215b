# SPDX-License-Identifier: BSD-2-Clause
# The same proof in both worlds, line by line: simulator and machine may differ in the facts named here and in no other.
import pathlib
import re
import subprocess
import tempfile
import unittest

import machine

# What a world is: its name, size, devices that are not ours, what else its NIC offers; and, by the last record's chain, in which
# order the grants of processes that run side by side came. Everything else is the same.
OF_THE_WORLD = {
    "platform": {"name", "memory_bytes", "pages"},
    "inventory": {"functions"},
    "provider-nic-probed": {"host_features"},
    "audit": {"head"},
    "end": {"count"},
}
ANYWHERE = r"chain=[0-9a-f]{64}|seq=[0-9]+"


def simulator_log(transport):
    with tempfile.TemporaryDirectory(prefix="capos-boot-") as folder:
        key = pathlib.Path(folder) / "key"
        key.write_text(machine.KEY + "\n", encoding="ascii")
        subprocess.run([machine.BUILD / "sim/capos-sim", "--package", machine.PACKAGE, "--proof", "--nic", transport,
                        "--exchanges", "20", "--run-dir", folder, "--key-file", key, "--boot", machine.BOOT, "--commit", "x"],
                       check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       timeout=machine.SECONDS_MAX)
        return (pathlib.Path(folder) / "evidence.log").read_bytes()


def comparable(log):
    """The lines without those of the inventory, and without the facts that are the world's own."""
    out = []
    for line in log.decode("ascii").splitlines():
        name = line.split()[1]
        if name == "pci-function":
            continue
        line = re.sub(ANYWHERE, "", line)
        for fact in OF_THE_WORLD.get(name, ()):
            line, found = re.subn(rf",{fact}=[^,]*", "", line)
            assert found == 1, f"{name} has no fact {fact}"
        out.append(line)
    return out


class Worlds(unittest.TestCase):
    def test_evidence_of_both_worlds_is_equal_line_by_line(self):
        for transport in ("modern", "legacy"):
            with self.subTest(transport=transport):
                outcome = machine.run(machine.nic(transport, addr="04"), machine="pc")
                self.assertTrue(outcome.switched_off(), outcome.report())
                here, there = comparable(simulator_log(transport)), comparable(outcome.evidence)
                self.assertGreater(len(here), 8)
                self.assertEqual(here, there)


if __name__ == "__main__":
    unittest.main()
