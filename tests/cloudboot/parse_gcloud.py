# SPDX-License-Identifier: BSD-2-Clause
# Hands lines to gcloud's own parser, in one process: by gcloud's own Python, with the folder of its SDK. Reads a JSON list of word
# lists; prints one with what the parser says against each, null for those that it takes. No line is carried out: nobody is asked.
import contextlib
import io
import json
import os
import sys
import tempfile

sdk = sys.argv[1]
folder = tempfile.TemporaryDirectory(prefix="capos-gcloud-")
os.environ.update(CLOUDSDK_CONFIG=folder.name, CLOUDSDK_CORE_DISABLE_PROMPTS="1", CLOUDSDK_CORE_DISABLE_USAGE_REPORTING="1",
                  CLOUDSDK_CORE_DISABLE_FILE_LOGGING="1", CLOUDSDK_CORE_CHECK_GCE_METADATA="false",
                  CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK="1")
sys.path[:0] = [f"{sdk}/lib", f"{sdk}/lib/third_party"]
lines = json.load(sys.stdin)
with contextlib.redirect_stderr(io.StringIO()):
    from googlecloudsdk import gcloud_main  # pylint: disable=import-error


def fresh():
    """A parser that has seen no line: of one command, a second line is held against what the first one said."""
    return gcloud_main.CreateCLI([])._TopElement()._parser  # pylint: disable=protected-access


parser, seen, found = fresh(), set(), []
for words in lines:
    if tuple(words[:3]) in seen:
        parser, seen = fresh(), set()
    seen.add(tuple(words[:3]))
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            parser.parse_args(words)
        found.append(None)
    except (SystemExit, Exception) as error:  # pylint: disable=broad-exception-caught
        found.append(f"{error}: {said.getvalue()[-300:]}")
print(json.dumps(found))
