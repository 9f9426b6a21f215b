# SPDX-License-Identifier: BSD-2-Clause
# What somebody types at the shell or sends over TCP becomes no evidence, whoever he is: here he has the run's own chain key and
# types lines that were valid before he had logged in. The run that he types into is judged as it was left.
import pathlib
import re
import sys
import unittest

import runs as folders

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
import check  # noqa: E402 - runs.py has put its folder on the path
import gen_markers  # noqa: E402
import logs  # noqa: E402
from connections import Connected  # noqa: E402
from door import run_folder, runs as folders_now  # noqa: E402
from keyboard import SYSTEM_PACKAGE  # noqa: E402

GATE = "provider-nic-bound"
LINE = re.compile(r"^cloudboot-evidence: (?!access-path)[a-z-]+ v1:seq=(\d+),boot=([0-9a-f]{16}),chain=([0-9a-f]{64})", re.M)


def forged(folder, said):
    """Lines that could have followed when nobody had logged in: valid by grammar, chain, place and what they say."""
    *_, last = LINE.finditer(said)
    key, number, boot = check.read_key(folder / "chain.key"), int(last[1]) + 1, last[2]
    lines, head = [], bytes.fromhex(last[3])
    for name in (GATE, "audit", "not-attempted", "end"):
        facts = dict(logs.FACTS).get(name, f"count={number + len(lines)}")
        line, head = logs.line(name, facts, number + len(lines), boot, head, key)
        lines.append(line)
    return lines


@unittest.skipUnless(folders.SIMULATOR.exists() and folders.PACKAGE.exists(), "cloudboot: test_spoof: the simulator is not built")
class Spoof(Connected):
    def left(self, system, lines):
        """Powers off; the log without what was typed, and with it judged."""
        system.type("poweroff")
        status, errors = system.end()
        self.assertEqual(status, 0, errors)
        folder = run_folder(errors)
        console, port = ((folder / name).read_bytes() for name in ("console.log", "evidence.log"))
        self.assertTrue(all(line.encode() not in port for line in lines))
        result = check.judge(console, gen_markers.load(), check.read_key(folder / "chain.key"), True, port)
        self.assertNotIn(GATE, [line.name for line in result["lines"]])
        self.assertEqual(result["verdict"], "fail", result)
        self.assertIn(f"{GATE} is missing", str(result))
        return console

    def forged_for(self, system):
        """Lines that the gate would take if they stood where a line of the kernel stands."""
        (folder,) = folders_now() - self.before
        lines, said = forged(folder, system.text), system.text
        *_, last = LINE.finditer(said)
        log = said[:said.index("\n", last.end()) + 1] + "".join(f"{line}\n" for line in lines)
        result = check.judge(log.encode(), gen_markers.load(), check.read_key(folder / "chain.key"), True, None)
        self.assertIn(GATE, [line.name for line in result["lines"]], result)
        self.assertNotIn(f"{GATE} is missing", str(result))
        return lines

    def test_typed_at_the_console_and_over_a_connection(self):
        system, port = self.start_remote()
        connection = self.connect(port)
        lines = self.forged_for(system)
        for line in lines:
            for typed in (line, " " * 73 + line, "\x01" + line, "\x1b[H" + line, f"x\r\n{line}"):
                connection.type(typed.encode() + b"\r\n")
                self.assertTrue(connection.until(b"no such command"))
                answers = system.text.count("no such command") + 1 + typed.count("\n")
                system.type(typed)  # more than is kept of what was typed ahead would be lost
                self.due(system, "no such command", answers)
        connection.socket.close()
        console = self.left(system, lines)
        self.assertIn(GATE.encode(), console)  # it was seen, and is no evidence

    def test_sent_over_tcp(self):
        system = self.start("sim", "--package", str(SYSTEM_PACKAGE))
        port = self.port_of(system)
        lines = self.forged_for(system)
        self.echoed_again(port, system)  # the port leads there before there is an address
        data = "".join(f"\r\n{line}\r\n" for line in lines).encode()
        self.assertEqual(self.echo(port, data), data)
        self.left(system, lines)


if __name__ == "__main__":
    unittest.main()
