# SPDX-License-Identifier: BSD-2-Clause
# What a run comes to: its log judged by the gate as anybody can judge it again, provider.json, the signed statement.
import json
import pathlib
import sys

EVIDENCE = pathlib.Path(__file__).resolve().parents[1]
sys.path.append(str(EVIDENCE))
import check  # noqa: E402
import folder as folders  # noqa: E402
import gen_markers  # noqa: E402
import show  # noqa: E402
import statement  # noqa: E402
from provider_json import provider_record  # noqa: E402

STATUS = {"pass": 0, "fail": 1, "refused": 4}


def judge(folder, provider_gate, facts):
    """(result, record); writes provider.json. `facts`: run.json."""
    data, port = (check.read_log(folder / f"port{number}.log") for number in (1, 2))
    result = check.judge(data, gen_markers.load(), check.read_key(folder / "chain.key"), provider_gate, port, facts)
    gate = "provider-nic" if provider_gate else "landmark"
    record = provider_record(result, gate, "verified" if result["lines"] else "not-checked", data, facts)
    (folder / "provider.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return result, record


def sign(folder, record, hashes, key):
    """Statement and signature by the operator's key, or by one for this run alone. Says whose, or why not: (signed, text)."""
    files = {name.removeprefix("sha256_"): digest for name, digest in hashes.items()}
    try:
        statement.write(folder, record, files, key)
    except (statement.Refused, statement.Missing, OSError) as error:
        return False, str(error)
    return True, f"signed with {'the key of ' + str(key) if key else 'a key of this run alone'}: statement.json"


def page(folder, provider_gate):
    """Of all that lies there, judged once more as anybody would. Its path, or None."""
    try:
        show.write(folder / show.PAGE, folders.judge(folder, provider_gate))
    except OSError:
        return None
    return folder / show.PAGE
