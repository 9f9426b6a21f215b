#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# The web client: its types, its two documents in Chromium against the stand-in, what webd is given of it, and how what it needs of
# npm is had. Screenshots of each view are kept in build/ship/webui/shots.
import gzip
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILT = ROOT / "build/ship/webui"
FOLDER = ROOT / "cmake/npm_folder.sh"
MAKER = ROOT / "webui/make_assets.py"
ROW = re.compile(r'^    \{"(\S+)", "([^"]+)", "\\"([0-9a-f]{64})\\"", web_asset_(\d+), (\d+)u, (true|false)\},$', re.M)
TESTS_MIN = 20


def modules(folder):
    done = subprocess.run([FOLDER, ROOT / folder], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise unittest.SkipTest(f"{done.stderr.strip()} (./capos setup browser)")
    return pathlib.Path(done.stdout.strip())


def make(dist, folder):
    place = pathlib.Path(folder)
    return subprocess.run([MAKER, "--dist", dist, "--packed", place / "packed", "--out", place / "a.c"], capture_output=True,
                          text=True, check=False)


class Pages(unittest.TestCase):
    def test_types_fit(self):
        tsc = BUILT / "client/node_modules/typescript/bin/tsc"
        done = subprocess.run(["node", tsc, "--noEmit", "-p", BUILT / "client"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_pages_in_chromium(self):
        chromium = shutil.which("chromium")
        if chromium is None:
            self.skipTest("chromium is not installed (./capos setup browser)")
        files = sorted(str(path) for path in (ROOT / "tests/browser").glob("*.test.mjs"))
        environment = dict(os.environ, CAPOS_CLIENT=str(BUILT / "dist"), CAPOS_CHROMIUM=chromium,
                           CAPOS_BROWSER_MODULES=str(modules("tests/browser")), CAPOS_SHOTS=str(BUILT / "shots"))
        done = subprocess.run(["node", "--test", "--test-reporter=tap", *files], env=environment, capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        passed = int(re.search(r"^# pass (\d+)$", done.stdout, re.M)[1])
        self.assertGreaterEqual(passed, TESTS_MIN, done.stdout)


class Overview(unittest.TestCase):
    def test_stand_in_says_what_the_schema_allows(self):
        script = "import { overviewOf } from './standin.mjs'; console.log(JSON.stringify(overviewOf('gce')));"
        done = subprocess.run(["node", "--input-type=module", "-e", script], cwd=ROOT / "tests/browser", capture_output=True,
                              text=True, check=True)
        schema = json.loads((ROOT / "webui/overview.schema.json").read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
        judge = jsonschema.Draft202012Validator(schema)
        overview = json.loads(done.stdout)
        self.assertEqual([error.message for error in judge.iter_errors(overview)], [])
        process = overview["processes"][0]
        for member, bad in [("handle", 7), ("uptime_s", -1), ("machine", {**overview["machine"], "bdf": "00:04.0"}),
                            ("network", {**overview["network"], "state": "x"}), ("processes", [{**process, "cap": 1}])]:
            with self.subTest(member):
                self.assertFalse(judge.is_valid({**overview, member: bad}))


class Assets(unittest.TestCase):
    def test_table_is_of_what_was_built(self):
        rows = ROW.findall((BUILT / "web_assets.c").read_text(encoding="utf-8"))
        dist = BUILT / "dist"
        built = {file.relative_to(dist).as_posix(): file.read_bytes() for file in dist.rglob("*") if file.is_file()}
        self.assertEqual(len(rows), len(built))
        paths = [row[0] for row in rows]
        self.assertEqual(paths, sorted(set(paths)))
        names = {"/": "index.html", "/shell": "shell.html"}
        for path, kind, etag, at, length, hashed in rows:
            packed = (BUILT / f"packed/{at}.gz").read_bytes()
            self.assertEqual((len(packed), hashlib.sha256(packed).hexdigest()), (int(length), etag), path)
            self.assertEqual(gzip.decompress(packed), built[names.get(path, path[1:])], path)
            self.assertEqual(hashed == "true", path.startswith("/assets/"), path)
            self.assertIn(kind.split(";")[0], ("text/html", "text/javascript", "text/css", "image/svg+xml"))

    def test_what_webd_could_not_serve_is_refused(self):
        planted = {"nothing inline": ("index.html", b"<p style='x'>"), "no handler": ("shell.html", b"<p onclick='x'>"),
                   "no script": ("index.html", b"<script>x</script>"), "a name with a hash": ("assets/plain.js", b"x"),
                   "a known type": ("assets/a-12345678.png", b"x"), "a weight": ("assets/a-12345678.js", os.urandom(310_000))}
        for what, (name, data) in planted.items():
            with self.subTest(what), tempfile.TemporaryDirectory() as folder:
                dist = pathlib.Path(folder) / "dist"
                (dist / "assets").mkdir(parents=True)
                for document in ("index.html", "shell.html"):
                    (dist / document).write_bytes(b'<script type="module" src="/assets/a.js"></script>')
                self.assertEqual(make(dist, folder).returncode, 0)
                (dist / name).write_bytes(data)
                done = make(dist, folder)
                self.assertEqual((done.returncode, len(done.stderr.strip().splitlines())), (1, 1), done.stderr)
                (dist / name).unlink()
                (dist / "shell.html").unlink(missing_ok=True)
                self.assertEqual(make(dist, folder).returncode, 1, "a document that is missing")


class Npm(unittest.TestCase):
    def run_with(self, script, *arguments, **changes):
        """npm_folder.sh with a planted npm; (status, standard error's lines, what npm was asked, what is left in the cache)."""
        with tempfile.TemporaryDirectory() as folder:
            place = pathlib.Path(folder)
            (place / "npm").write_text(f"#!/bin/bash\nprintf '%s\\n' \"$@\" >{place}/asked\n{script}\n", encoding="utf-8")
            (place / "npm").chmod(0o755)
            environment = dict(os.environ, XDG_CACHE_HOME=folder, PATH=f"{folder}:{os.environ['PATH']}", CAPOS_SOURCES="")
            done = subprocess.run([FOLDER, *arguments, ROOT / "webui/client"], env={**environment, **changes}, capture_output=True,
                                  text=True, check=False)
            asked = (place / "asked").read_text(encoding="utf-8").split("\n") if (place / "asked").exists() else None
            left = list((place / "capos/npm").iterdir()) if (place / "capos/npm").exists() else []
            return done.returncode, done.stderr.strip().splitlines(), asked, [path.name for path in left]

    def test_nothing_is_kept_of_an_installation_that_failed(self):
        status, said, asked, left = self.run_with("echo 'npm error code EINTEGRITY'; exit 1")
        self.assertEqual((status, len(said), left), (3, 1, []))
        self.assertIn("EINTEGRITY", said[0])
        self.assertIn("--ignore-scripts", asked)
        self.assertNotIn("--offline", asked)

    def test_what_was_installed_is_kept_under_its_hash(self):
        status, said, _, left = self.run_with("mkdir node_modules")
        self.assertEqual((status, said, len(left)), (0, [], 1))
        self.assertRegex(left[0], r"^client-[0-9a-f]{16}$")

    def test_a_folder_of_sources_takes_the_place_of_the_registry(self):
        _, _, asked, _ = self.run_with("mkdir node_modules", CAPOS_SOURCES="/sources")
        self.assertIn("--offline", asked)
        self.assertIn("/sources/npm", asked)

    def test_here_asks_nobody(self):
        status, said, asked, _ = self.run_with("exit 0", "--here")
        self.assertEqual((status, len(said), asked), (3, 1, None))


if __name__ == "__main__":
    unittest.main()
