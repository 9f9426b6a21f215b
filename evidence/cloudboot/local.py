# SPDX-License-Identifier: BSD-2-Clause
# The stand-in of Compute Engine that --local starts: a process of ours on loopback, asked by the same gcloud, ended with the run.
# At its end its ledger must be empty.
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import urllib.request

FOLDER = pathlib.Path(__file__).resolve().parent / "standin"
sys.path.append(str(FOLDER))
import environment  # noqa: E402
from gcloud import die_with_thread  # noqa: E402

PROJECT, ZONE = "capos-standin", "us-central1-a"
END_SECONDS = 30


class Failed(Exception):
    """It did not start."""


class StandIn:
    """Started by the main thread, with which it dies. `misbehave`: words of its own flag."""

    def __init__(self, vpc, misbehave=(), delay="0.1"):
        self.temporary = tempfile.TemporaryDirectory(prefix="capos-standin-")
        folder = pathlib.Path(self.temporary.name)
        words = [word for name in misbehave for word in ("--misbehave", name)]
        self.process = subprocess.Popen(
            ["/usr/bin/python3", "-B", str(FOLDER / "server.py"), "--folder", f"{folder}/world", "--delay", delay,
             "--vpc", str(vpc), *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True,
            preexec_fn=die_with_thread)
        line = self.process.stdout.readline()
        if not line.startswith("listening: "):
            self.process.wait()
            self.temporary.cleanup()
            raise Failed("the stand-in of Compute Engine did not start")
        self.port = int(line.split()[1])
        self.environment = environment.environment(self.port, folder / "gcloud")

    def ask(self, page):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.port}/standin/{page}", timeout=END_SECONDS) as answer:
            return json.load(answer)

    def tunnel(self, run, port):
        """The port of loopback that leads to one of the machine's, or None."""
        return next((tunnel["local"] for tunnel in self.ask("tunnels")
                     if tunnel["port"] == port and tunnel["instance"].endswith(f"/{run}")), None)

    def end(self):
        """What was left in its ledger: lines, none as a rule."""
        self.process.send_signal(signal.SIGTERM)
        try:
            said = self.process.communicate(timeout=END_SECONDS)[0].splitlines()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            said = ["the stand-in did not end"]
        self.temporary.cleanup()
        return said
