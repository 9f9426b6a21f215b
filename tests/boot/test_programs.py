# SPDX-License-Identifier: BSD-2-Clause
# The programs of the boot package in QEMU, from the keyboard: what tests/cli/test_programs.py does in the simulator, here in
# ring 3, over the devices of QEMU and libslirp.
import contextlib
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import machine
from test_worlds import comparable

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "cli"))  # behind: it has a test_programs too
from door import SECONDS_MAX, run_folder  # noqa: E402
from keyboard import Session  # noqa: E402


MEMORY_MIB = 32


def children_words(ancestor):
    """Words of the command lines of a process's descendants."""
    parents, words = {}, {}
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(process.name)] = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            words[int(process.name)] = (process / "cmdline").read_text().split("\0")
    out = []
    for process, line in words.items():
        at = process
        while at in parents and at != ancestor:
            at = parents[at]
        out += line if at == ancestor else []
    return out


@unittest.skipIf(machine.BUILD != machine.ROOT / "build/ship", "./capos qemu boots build/ship")
class Programs(Session):
    def test_q35_and_a_modern_card(self):
        self.session("modern", "qemu", "--machine", "q35")

    def test_pc_and_a_legacy_card_in_32_mib(self):
        self.session("legacy", "qemu", "--machine", "pc", "--memory", "32", "--cpu", "qemu64")

    def test_without_a_card_the_prompt_is_there_and_says_so(self):
        system = self.start("qemu", "--nics", "0")
        self.due(system, "nicd: this machine has no network card for it\n")
        self.due(system, "capos> ")
        system.type("nic")
        self.due(system, "nicd has no network card: devices lists what the machine has\n")
        self.power_off(system)

    def test_one_port_is_answered_and_again_after_each_kill(self):
        self.network("qemu")

    def proof(self, world, transport, *flags):
        """The evidence of the whole system's proof, without what is the world's own or drawn outside. Of the audit log's length: a
        service may ask once more, or not, for the port of a stack that ended, before the machine does."""
        done = subprocess.run([str(machine.ROOT / "capos"), world, "--proof", "--nic", transport, "--exchanges", "20", *flags],
                              capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=SECONDS_MAX)
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr)
        log = (run_folder(done.stderr) / "evidence.log").read_bytes()
        return [re.sub(r",(boot|completions|number|records|session)=[^,]*|:boot=[^,]*", "", line) for line in comparable(log)]

    def test_the_whole_proof_is_equal_in_both_worlds(self):
        for transport in ("modern", "legacy"):
            with self.subTest(transport):
                asked = ("--probe-web",) if transport == "modern" else ()
                here, there = self.proof("sim", transport, *asked), self.proof("qemu", transport, *asked)
                self.assertEqual(any("web-ui-l4" in line for line in here), bool(asked))
                self.assertEqual([line.split()[1] for line in here if "l4-round-trip" in line], ["l4-round-trip"])
                self.assertEqual(here, there)

    def test_a_client_that_ended_leaves_the_driver_to_another(self):
        self.two_clients("qemu")

    def test_a_shell_comes_back_while_its_driver_is_down(self):
        self.shell_without_driver("qemu")

    def memory(self, system):
        """All of the guest's."""
        (port,) = [word.removeprefix("unix:").partition(",")[0] for word in children_words(system.process.pid)
                   if word.startswith("unix:") and "/qmp," in word]
        qmp = machine.Qmp(system.process, port)
        with contextlib.closing(qmp.socket), tempfile.TemporaryDirectory(prefix="capos-memory-") as folder:
            file = pathlib.Path(folder) / "memory"
            self.assertEqual(qmp.run("pmemsave", val=0, size=MEMORY_MIB << 20, filename=str(file)), {"return": {}})
            data = file.read_bytes()
        self.assertEqual(len(data), MEMORY_MIB << 20)
        return data

    def test_typed_the_secret_is_in_no_file_and_nowhere_in_memory(self):
        self.secret_is_nowhere("qemu", "--memory", str(MEMORY_MIB), memory=self.memory)

    def test_reboot_begins_a_new_run(self):
        system = self.start("qemu")
        self.due(system, "capos> ")
        system.type("reboot")
        # The first run may have said the same before it ended; and what is typed while it ends is that run's.
        self.assertTrue(system.wait_since("machine: restarts\n", "init: frames ended with code 0\n"),
                        system.text[-3000:])
        self.log_in(system, 2)
        self.power_off(system)


if __name__ == "__main__":
    unittest.main()
