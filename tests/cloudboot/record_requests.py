#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Writes requests.json: what gcloud asks in the life of a run, command by command, so that the same can be asked without it. By
# hand, where gcloud is installed, when the life or gcloud changes; the tests only read what it wrote.
import json
import pathlib
import sys
import tempfile
import time

import life
import standin

TARGET = pathlib.Path(__file__).resolve().parent / "requests.json"


def main():
    recorded, seen = [], 0
    with tempfile.TemporaryDirectory(prefix="capos-record-") as folder, standin.StandIn("--delay", "0") as server:
        archive = standin.tiny_archive(folder)
        content, base = archive.read_bytes().decode("latin-1"), f"http://127.0.0.1:{server.port}"
        for command in life.LIFE:
            started = time.monotonic()
            done = server.gcloud(command, archive)
            requests = server.requests()
            for request in requests[seen:]:
                request["body"] = request["body"].replace(content, "{archive}").replace(base, "{base}")
            recorded.append({"command": " ".join(["gcloud", *command]), "requests": requests[seen:]})
            seen = len(requests)
            print(f"{time.monotonic() - started:5.1f} s, {done.returncode}: {' '.join(command[:4])}", flush=True)
            if done.returncode != 0:
                print(done.stderr, file=sys.stderr)
                return 1
        if server.ledger():
            print(f"left: {server.ledger()}", file=sys.stderr)
            return 1
    TARGET.write_text(json.dumps(recorded, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
