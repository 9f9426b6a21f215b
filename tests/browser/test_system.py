# SPDX-License-Identifier: BSD-2-Clause
# A person in Chromium at the real machine, in the simulator and in QEMU: system.mjs clicks, this starts the machine and looks at
# what it says. Screenshots are kept in build/ship/webui/shots.
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

from test_client import BUILT, modules

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from door import ROOT  # noqa: E402
from keyboard import SECRET, SYSTEM_PACKAGE, Session  # noqa: E402

DEEP = os.environ.get("CAPOS_DEEP") == "1"
SECONDS_MAX = 500


class System(Session):
    def machine(self, world, *flags):
        """A machine with its web process: what to type at it, its address, and what a script in a browser needs around it."""
        chromium = shutil.which("chromium")
        if chromium is None:
            self.skipTest("chromium is not installed (./capos setup browser)")
        if world == "qemu" and shutil.which("qemu-system-x86_64") is None:
            self.skipTest("qemu is not installed (./capos setup qemu)")
        system = self.start(world, "--package", str(SYSTEM_PACKAGE), *flags, login=False)
        self.due(system, "web: http://127.0.0.1:")
        url = re.search(r"^web: (http://127\.0\.0\.1:\d+/)$", system.text, re.M)[1]
        self.due(system, "init: webd runs as process ")
        environment = dict(os.environ, CAPOS_CHROMIUM=chromium, CAPOS_BROWSER_MODULES=str(modules("tests/browser")),
                           CAPOS_SHOTS=str(BUILT / "shots"), CAPOS_PASTE=str(1 << 20 if DEEP else 1 << 16),
                           CAPOS_CLIENT=str(BUILT / "dist"))
        return system, url, environment

    def script(self, system, environment, held, *words):
        """What people do there: as many steps as are due hold."""
        done = subprocess.run(["node", *words], env=environment, capture_output=True, text=True, input=SECRET + "\n", check=False,
                              timeout=SECONDS_MAX)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr + system.text[-2000:])
        self.assertEqual(len(re.findall("^held: ", done.stdout, re.M)), held, done.stdout)
        self.assertNotIn(SECRET, system.text)
        self.assertNotRegex(system.text, "webd (ended|faulted|was given up)")
        print("", *(line for line in done.stdout.splitlines() if line.startswith("figure: ")), sep="\n")

    def person(self, world):
        system, url, environment = self.machine(world)
        self.script(system, environment, 10, ROOT / "tests/browser/system.mjs", url)
        for line in ("init: shell-web-1 runs as process ", "init: nicd was killed\n", "init: shell-web-1 was killed\n"):
            self.due(system, line)
        self.log_in(system)
        self.power_off(system)

    def test_in_the_simulator(self):
        self.person("sim")

    def test_in_qemu(self):
        self.person("qemu")

    def test_what_ends_a_session(self):
        if not DEEP:
            self.skipTest("deep only: wrong secrets, a new one, a log-out and half an hour without use, in Chromium")
        system, url, environment = self.machine("sim", "--skip", "1801")
        self.script(system, environment, 7, ROOT / "tests/browser/people.mjs", url, str(system.simulator()))


if __name__ == "__main__":
    unittest.main()
