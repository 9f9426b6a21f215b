# SPDX-License-Identifier: BSD-2-Clause
# An operator's everyday tasks in a terminal, as recorded in tests/everyday, in QEMU. Daily three of them.
import pathlib
import sys
import unittest

import machine

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
import everyday  # noqa: E402


@unittest.skipIf(machine.BUILD != machine.ROOT / "build/ship", "./capos qemu boots build/ship")
class Console(everyday.Qemu):
    pass


everyday.give(Console, "01-log-in", "05-dead-driver", "10-a-long-line")

if __name__ == "__main__":
    unittest.main()
