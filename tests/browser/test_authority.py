# SPDX-License-Identifier: BSD-2-Clause
# docs/webui-authority.md against the manifest: what the web process holds, and what it must never hold.
import json
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Authority(unittest.TestCase):
    def setUp(self):
        manifest = json.loads((ROOT / "user/manifest.json").read_text(encoding="utf-8"))
        self.services = {service["name"]: service for service in manifest["services"]}
        self.page = (ROOT / "docs/webui-authority.md").read_text(encoding="utf-8")

    def part(self, title):
        return self.page.partition(f"\n## {title}\n")[2].partition("\n## ")[0]

    def interface(self, grant):
        """As the page calls it."""
        if "kernel" in grant:
            return f"serial port {grant['port']}" if grant["kernel"] == "serial" else grant["kernel"]
        if "service" in grant:
            name = grant.get("served", grant["name"])
            return next(other["serves"] for other in self.services[grant["service"]]["grants"]
                        if other["name"] == name and "serves" in other)
        return "starter" if "starts" in grant else next(iter(set(grant) - {"name"}))

    def test_the_page_lists_what_the_manifest_grants(self):
        listed = re.findall(r"^\| `([a-z0-9-]+)` \| ([a-z0-9 -]+) \|", self.part("Held"), re.M)
        self.assertEqual(listed, [(grant["name"], self.interface(grant)) for grant in self.services["webd"]["grants"]])
        pages = re.search(r"(\d+) pages at most", self.page)
        self.assertEqual(int(pages[1]), self.services["webd"]["pages"])
        port, = (grant["port"] for grant in self.services["webd"]["grants"] if grant["name"] == "web")
        self.assertIn(f"TCP port {port},", self.part("Held"))

    def test_it_never_holds_what_the_page_says(self):
        never = set(re.findall(r"`([a-z-]+)`", self.part("Never held").partition("Boot words")[0]))
        self.assertGreater(len(never), 10)
        for grant in self.services["webd"]["grants"]:
            self.assertNotIn(self.interface(grant).split(" ")[0], never)
            self.assertFalse({"device", "serves"} & set(grant), grant)
            self.assertEqual(grant.get("evidence", ["web-ui-l4"]), ["web-ui-l4"])
        self.assertEqual(self.services["webd"]["boot"], ["web"])

    def test_its_shells_hold_no_network_and_nobody_elses_terminal(self):
        shells = [grant["starts"] for grant in self.services["webd"]["grants"] if "starts" in grant]
        self.assertEqual(len(shells), 4)
        for name in shells:
            held = {self.interface(grant) for grant in self.services[name]["grants"]}
            self.assertFalse(held & {"tcp-listen-authority", "tcp-connect-authority", "network-manager", "login", "spawner",
                                     "serial port 1"})
            self.assertEqual(self.services[name]["when"], "asked")


if __name__ == "__main__":
    unittest.main()
