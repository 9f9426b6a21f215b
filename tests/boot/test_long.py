# SPDX-License-Identifier: BSD-2-Clause
# 100,000 exchanges on each transport: minutes under emulation on a busy host, so the deep tier's.
import os
import unittest

import machine

EXCHANGES = 100_000
SECONDS = 180


@unittest.skipUnless(os.environ.get("CAPOS_DEEP") == "1", "deep only")
class Long(unittest.TestCase):
    def test_hundred_thousand_exchanges_are_answered_one_by_one(self):
        for transport in ("modern", "legacy"):
            with self.subTest(transport=transport):
                outcome = machine.run(machine.nic(transport), line=machine.command_line(exchanges=EXCHANGES), seconds=SECONDS)
                self.assertTrue(outcome.switched_off(), outcome.report())
                self.assertEqual(outcome.judge()["verdict"], "pass", outcome.report())
                facts = outcome.facts("frame-exchange")
                self.assertEqual({facts[name] for name in ("exchanges", "arp_replies", "icmp_replies")}, {str(EXCHANGES)})
                self.assertEqual(facts["tx_frames"], facts["rx_frames"])
                self.assertEqual(facts["rx_frames"], facts["recycled"])
