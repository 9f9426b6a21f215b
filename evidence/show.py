#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# ./capos evidence show: one page of a run for a person, the verdict first. It is judged for the page, offline, as evidence check
# does; the page loads nothing, runs no script, and is the same bytes for the same folder. Exit status: 0 it was written, whatever
# the verdict on it; 2 usage, 4 there is nothing to show.
import argparse
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "show")]
import check  # noqa: E402
import folder as folders  # noqa: E402
import parts  # noqa: E402
import timeline  # noqa: E402
from markup import section, text  # noqa: E402

PAGE = "page.html"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(judged):
    """The page, of what was judged."""
    seen = parts.Seen(judged)
    title = seen.title()
    inside = [
        section("What was shown, and how", parts.claims(seen)),
        section("What was not", parts.not_shown(seen)),
        section("How it was judged", parts.findings(seen)),
        section("When", timeline.of_steps(judged.path)),
        section("Machine", parts.machine(seen), parts.devices(seen)),
        section("Network", parts.network(seen)),
        section("Disk", parts.disk(seen)),
        section("Markers in the log", timeline.of_markers(judged) if seen.lines else ""),
        section("Hashes", parts.hashes(seen)),
        section("Tried again", parts.retries(seen)),
        section("Cost", parts.cost(seen)),
        section("What is left", parts.sweep(seen)),
        section("The log", parts.log(seen)),
    ]
    style = (HERE / "show/page.css").read_text(encoding="utf-8")
    return (f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="referrer" content="no-referrer">\n'
            f"<title>{text(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<header>\n<h1>{text(title)}</h1>\n"
            f"{parts.verdict(seen)}\n</header>\n<main>\n" + "\n".join(part for part in inside if part)
            + f"\n</main>\n<footer>{parts.footer()}</footer>\n</body>\n</html>\n")


def write(path, judged):
    """Whole or not at all."""
    path = pathlib.Path(path)
    new = path.with_name(f".{path.name}.new")
    new.write_text(page(judged), encoding="utf-8")
    os.replace(new, path)


def parse(argv):
    parser = argparse.ArgumentParser(prog="capos evidence show", description="Judges what a run left and writes a page of it.",
                                     epilog="Exit status: 0 written, 2 usage, 4 there is nothing to show.")
    parser.add_argument("run", metavar="RUNFOLDER|provider.json")
    parser.add_argument("--out", metavar="FILE", help="the page (page.html in the run's folder)")
    parser.add_argument("--key-file", help="chain key of the run (its folder's chain.key)")
    parser.add_argument("--public-key", metavar="FILE", help="minisign's, of the operator: nobody else may have signed")
    parser.add_argument("--require-provider-nic-proof", action="store_true", help="the second gate (default: the record's)")
    return parser.parse_args(argv)


def main(argv):
    args = parse(argv)
    judged = folders.judge(args.run, args.require_provider_nic_proof, args.key_file, args.public_key)
    if judged.log_name is None and judged.record is None:
        print(f"evidence: {args.run}: neither a log nor a record of a run", file=sys.stderr)
        return 4
    out = args.out or judged.path / PAGE
    try:
        write(out, judged)
    except OSError as error:
        print(f"evidence: {error}", file=sys.stderr)
        return 4
    print(f"page: {out}")
    print(f"verdict: {judged.verdict()} gate={check.gate_name(judged.gate)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
