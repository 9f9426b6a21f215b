# SPDX-License-Identifier: BSD-2-Clause
# The harness for a test: run by itself against the fake of gcloud, in a folder of its own that goes with the test.
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "evidence/cloudboot/cloudboot.py"
FAKE = pathlib.Path(__file__).resolve().parent / "fake_gcloud.py"
PLACE = ["--project", "my-project", "--zone", "us-central1-a"]
SECONDS_MAX = 300
DISK_BYTES = 64 << 20  # the run block lies behind 50 MiB


class Harness:
    """`table`: rules of the fake."""

    def __init__(self, table=(), secret_program=None):
        self.temporary = tempfile.TemporaryDirectory(prefix="capos-cloud-")
        self.folder = pathlib.Path(self.temporary.name)
        self.fake, self.out, self.secret_program = self.folder / "fake", self.folder / "out", secret_program
        (self.folder / "bin").mkdir()
        self.fake.mkdir()
        (self.folder / "bin/gcloud").symlink_to(FAKE)
        with open(self.folder / "disk.raw", "wb") as file:
            file.truncate(DISK_BYTES)
        self.rules(table)
        self.status, self.said, self.errors = None, "", ""

    def close(self):
        self.temporary.cleanup()

    def rules(self, table):
        (self.fake / "table.json").write_text(json.dumps(list(table)))
        with_rules = self.state()
        with_rules["rules"] = {}
        (self.fake / "state.json").write_text(json.dumps(with_rules))

    def environment(self, gcloud=True):
        path = f"{self.folder / 'bin'}:/usr/bin:/bin" if gcloud else str(self.folder / "nothing")
        return {**os.environ, "PATH": path, "FAKE_GCLOUD": str(self.fake)}

    def begin(self, *words, gcloud=True):
        secret = ["--secret-program", self.secret_program] if self.secret_program else []
        command = ["/usr/bin/python3", "-B", PROGRAM, *words, *secret, "--image", self.folder / "disk.raw", "--out", self.out,
                   "--pause", "0.01"]
        return subprocess.Popen(list(map(str, command)), env=self.environment(gcloud), stdin=subprocess.DEVNULL, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def end(self, process):
        self.said, self.errors = process.communicate(timeout=SECONDS_MAX)
        self.status = process.returncode
        return self.status

    def run(self, *words, gcloud=True):
        return self.end(self.begin(*words, gcloud=gcloud))

    def proof(self, *words):
        return self.run(*PLACE, "--yes", "--require-provider-nic-proof", *words)

    def struck(self, number, *words):
        """Begun, and given the signal where a rule makes gcloud hang."""
        process = self.begin(*PLACE, "--yes", *words)
        until = time.monotonic() + SECONDS_MAX
        while not (self.fake / "hangs").exists():
            if process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"nothing hangs: {self.end(process)}\n{self.said}{self.errors}")
            time.sleep(0.01)
        (self.fake / "hangs").unlink()
        process.send_signal(number)
        return self.end(process)

    def state(self):
        path = self.fake / "state.json"
        return json.loads(path.read_text()) if path.exists() else {"there": {}, "rules": {}}

    def there(self):
        return sorted(self.state()["there"])

    def put(self, key, **made):
        state = self.state()
        state["there"][key] = made
        (self.fake / "state.json").write_text(json.dumps(state))

    def calls(self):
        path = self.fake / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def creations(self):
        return [call for call in self.calls() if "create" in call]

    def run_folder(self):
        found = sorted(self.out.glob("capos-*"))
        return found[-1] if found else None

    def read(self, name):
        return json.loads((self.run_folder() / name).read_text())

    def record(self):
        return self.read("record.json")

    def report(self):
        return f"status {self.status}\n{self.said}{self.errors}"


KILLED = {signal.SIGINT: 130, signal.SIGTERM: 130, signal.SIGHUP: 130, signal.SIGKILL: -signal.SIGKILL}
