# SPDX-License-Identifier: BSD-2-Clause
# Where instructions are counted as time, two boots are one: the logs of both ports are equal byte for byte. The hard limit on
# each boot is machine.SECONDS_MAX.
import unittest

import machine

COUNTED = ["-icount", "shift=0,sleep=off", "-rtc", "clock=vm,base=2026-01-01"]


class Repeat(unittest.TestCase):
    def proof(self, transport, **changes):
        outcome = machine.run(COUNTED + machine.nic(transport), line=machine.command_line(exchanges=50, **changes))
        self.assertEqual(outcome.status, 0, outcome.complaints + outcome.console.decode("ascii", "replace"))
        self.assertEqual((outcome.judge()["verdict"], outcome.judge()["reasons"]), ("pass", []))
        self.assertEqual(outcome.facts("frame-exchange")["exchanges"], "50")
        return outcome.console, outcome.evidence

    def test_two_boots_with_counted_instructions_log_the_same_bytes_on_both_ports(self):
        for transport in ("modern", "legacy"):
            with self.subTest(transport=transport):
                self.assertEqual(self.proof(transport), self.proof(transport))

    def test_logs_of_two_runs_that_differ_in_one_word_differ(self):
        first, second = self.proof("modern"), self.proof("modern", commit="y")
        self.assertNotEqual(first[0], second[0])
        self.assertNotEqual(first[1], second[1])


if __name__ == "__main__":
    unittest.main()
