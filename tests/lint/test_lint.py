#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# The tree keeps its rules; and each rule finds the violation planted for it.
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))
import rules  # noqa: E402

SPDX = "/* SPDX-License-Identifier: BSD-2-Clause */\n"
LONG_BODY = "void f(void)\n{\n" + "    x();\n" * 71 + "}\n"

# rule, path, text with the violation, the same without it
PLANTED = [
    ("spdx", "provider/a.c", "int x;\n", SPDX + "int x;\n"),
    ("spdx", "capos", "#!/bin/bash\necho\n", "#!/bin/bash\n# SPDX-License-Identifier: BSD-2-Clause\n"),
    ("columns", "sim/a.c", SPDX + "x" * 111, SPDX + "x" * 110),
    ("file_length", "sim/a.c", SPDX + "\n" * 600, SPDX + "\n" * 599),
    ("function_length", "sim/a.c", SPDX + LONG_BODY, SPDX + LONG_BODY.replace("    x();\n", "", 1)),
    ("forbidden_words", "docs/a.md", "one TO" + "DO here\n", "nothing to do here\n"),
    ("machine_paths", "sim/a.c", SPDX + 'open("/ho' + 'me/x/y");\n', SPDX + 'open("/proc/self/maps");\n'),
    ("machine_paths", "packages", "# SPDX-License-Identifier: BSD-2-Clause\nhttp://deb.deb" + "ian.org\n",
     "# SPDX-License-Identifier: BSD-2-Clause\nbuild gcc\n"),
    ("bare_volatile", "provider/a.c", SPDX + "static volatile int x;\n", SPDX + "/* never volatile */\nint x;\n"),
    ("ifdef_in_body", "sim/a.c", SPDX + "void f(void)\n{\n#ifdef A\n#endif\n}\n", SPDX + "#ifdef A\n#endif\n"),
    ("includes", "provider/a.c", SPDX + '#include "kernel/core/audit.h"\n', SPDX + '#include "provider/virtq.h"\n'),
    ("includes", "provider/a.c", SPDX + "#include <stdio.h>\n", SPDX + "#include <stdint.h>\n"),
    ("includes", "provider/a.c", SPDX + '#include "capos/devmodel.h"\n', SPDX + '#include "ringmem.h"\n'),
    ("includes", "devmodel/src/a.c", SPDX + '#include "abi/pci.h"\n', SPDX + '#include "capos/devmodel.h"\n'),
    ("includes", "devmodel/src/a.c", SPDX + "#include <provider/format/split.h>\n", SPDX + "#include <stdio.h>\n"),
    ("includes", "kernel/core/a.c", SPDX + '#include "platform/platform.h"\n', SPDX + '#include "abi/cap.h"\n'),
    ("includes", "kernel/device/a.c", SPDX + '#include "provider/virtq.h"\n', SPDX + '#include "provider/format/split.h"\n'),
    ("includes", "kernel/device/a.c", SPDX + '#include "platform/sim/platform_sim.h"\n', SPDX + '#include "platform/platform.h"\n'),
    ("includes", "abi/a.h", SPDX + '#include "kernel/core/owner.h"\n', SPDX + '#include "abi/errors.h"\n'),
    ("includes", "stack/netd/a.c", SPDX + '#include "provider/virtq.h"\n', SPDX + '#include "lwip/tcp.h"\n'),
    ("includes", "stack/netd/a.c", SPDX + '#include "kernel/core/digest.h"\n', SPDX + '#include "bearssl_hmac.h"\n'),
    ("includes", "stack/netd/a.c", SPDX + '#include "platform/platform.h"\n', SPDX + '#include "user/rt/rt.h"\n'),
    ("includes", "stack/lwip/a.c", SPDX + '#include "capos/devmodel.h"\n', SPDX + '#include "evidence/text.h"\n'),
    ("includes", "stack/lwip/a.c", SPDX + "#include <string.h>\n", SPDX + "#include <limits.h>\n"),
    ("includes", "user/webd/protocol/a.c", SPDX + '#include "user/rt/rt.h"\n', SPDX + '#include "evidence/text.h"\n'),
    ("includes", "user/terminal/a.c", SPDX + '#include "user/rt/rt.h"\n', SPDX + '#include "abi/memory.h"\n'),
    ("core_is_pure", "kernel/core/a.c", SPDX + 'void f(void)\n{\n    __asm__("hlt");\n}\n', SPDX + "void f(void)\n{\n}\n"),
    ("core_is_pure", "kernel/core/a.c", SPDX + "void f(void)\n{\n    platform_fence(p);\n}\n", SPDX + "/* platform_fence */\n"),
    ("tests_run", "tests/a.c", SPDX + "Test(a, b, .disabled = true)\n", SPDX + "Test(a, b)\n"),
    ("sleeps_in_tests", "tests/a.c", SPDX + "    usleep(10);\n", SPDX + "    step(10);\n"),
    ("simulator_switch", "kernel/a.c", SPDX + "#ifdef SIM\n#endif\n", SPDX + "#ifdef SIMPLE\n#endif\n"),
    ("spdx", "webui/a.ts", "export {};\n", "// SPDX-License-Identifier: BSD-2-Clause\n"),
    ("lock_files", "a/package-lock.json", '{"packages": {"": {}, "node_modules/a": {"integrity": "sha1-x"}}}',
     '{"packages": {"": {}, "node_modules/a": {"integrity": "sha512-x"}}}'),
    ("lock_files", "a/package-lock.json", '{"packages": {"node_modules/a": {"resolved": "x", "integrity": "sha512-x"}}}', "{}"),
    ("process_words", "docs/a.md", "see issue " + "#12\n", "see the issue\n"),
]

PICTURES = {"docs/overview.png"}  # of README, taken by tests/browser/test_system.py


def tree():
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard", "-z"], capture_output=True,
                            check=False)
    if listed.returncode == 0:
        names = listed.stdout.decode().split("\0")
    else:
        names = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*")]
    skipped = ("build/", "out/", ".git/")
    return [name for name in names if name and not name.startswith(skipped) and (ROOT / name).is_file() and name not in PICTURES]


class Tree(unittest.TestCase):
    def test_tree_keeps_every_rule(self):
        files = tree()
        self.assertGreater(len(files), 30)
        found = []
        for name in files:
            found += rules.violations(name, (ROOT / name).read_text(encoding="utf-8"))
        self.assertEqual(found, [], f"{len(found)} violations:\n" + "\n".join(found))

    def test_every_planted_bug_still_has_its_place(self):
        """A patch that does not apply any more would come up on the day that its turn in a sample comes."""
        patches = [name for name in tree() if name.endswith(".patch") and not name.startswith("tests/canary/")]
        self.assertGreater(len(patches), 30)
        for name in patches:
            with self.subTest(name):
                done = subprocess.run(["patch", "-p1", "--dry-run", "-s", "-f", "-i", ROOT / name], cwd=ROOT, text=True,
                                      capture_output=True, check=False)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_file_is_text(self):
        for name in tree():
            (ROOT / name).read_bytes().decode("utf-8")
        for name in PICTURES:
            data = (ROOT / name).read_bytes()
            self.assertTrue(data.startswith(b"\x89PNG\r\n") and len(data) < 200_000, name)


class Rules(unittest.TestCase):
    def test_planted_violation_is_found_by_its_rule(self):
        for rule, path, bad, good in PLANTED:
            with self.subTest(f"{rule} {path}"):
                function = getattr(rules, rule)
                self.assertTrue(function(path, bad), "the planted violation was not found")
                self.assertEqual(function(path, good), [], "the rule refuses what is right")

    def test_every_rule_has_a_planted_violation(self):
        self.assertEqual({rule.__name__ for rule in rules.RULES}, {planted[0] for planted in PLANTED})


if __name__ == "__main__":
    unittest.main()
