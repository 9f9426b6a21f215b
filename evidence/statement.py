#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# The signed statement of a run: an in-toto Statement (v1) over its record, its logs and what booted, signed with minisign; by the
# operator's key, or by one that was made for this run and thrown away, and it says which. Trusts minisign, and nothing in a folder.
# Exit status: 0 done or holds, 2 usage, 3 minisign is missing, 4 refused.
import argparse
import base64
import binascii
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import shape

TYPE = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:capos:provider-proof:1"
FILE, SIGNATURE, PUBLIC, RECORD = "statement.json", "statement.json.minisig", "statement.pub", "provider.json"
PORTS = tuple(f"port{number}.log" for number in (1, 2, 3, 4))
# Files of a run's folder that are subjects by their own names. events.jsonl and record.json go on after the signature.
SIGNED = (*PORTS, "console.log", "evidence.log", "audit.log", "run.json", RECORD)
MUST = ("port1.log", "port2.log", "console.log", "evidence.log", "run.json", RECORD)  # where they are, the statement is over them
NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
SUBJECTS_MAX = 64
KEY_FILE_BYTES_MAX = 4096
SIGN_SECONDS_MAX = 60
PASSWORD = "has a password, and signing never asks for one: make one without it (statement.py key FILE, or minisign -G -W)"


class Refused(Exception):
    """The statement is not what it says, or a key is none; in one line."""


class Missing(Exception):
    """minisign is not installed."""

    def __init__(self):
        super().__init__("minisign is not installed (./capos setup cloudboot)")


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def minisign(*words):
    """Without a terminal to ask on. What it printed."""
    try:
        done = subprocess.run(["minisign", *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              start_new_session=True, timeout=SIGN_SECONDS_MAX)
    except FileNotFoundError:
        raise Missing() from None
    except subprocess.TimeoutExpired:
        raise Refused(f"minisign did not end in {SIGN_SECONDS_MAX} s") from None
    if done.returncode != 0:
        said = (done.stderr + b"\n" + done.stdout).decode("utf-8", "replace").strip()
        raise Refused("minisign: " + (said.splitlines()[-1] if said else f"status {done.returncode}"))


def key_lines(path, what, count, named=None):
    """The lines of a small file of minisign's. `named`: as a person is told of it."""
    named = named or pathlib.Path(path).name
    try:
        with open(path, "rb") as file:
            data = file.read(KEY_FILE_BYTES_MAX + 1)
        lines = data.decode("utf-8").rstrip("\n").split("\n")
    except OSError as error:
        raise Refused(f"{named}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Refused(f"{named}: not {what} of minisign's") from None
    if len(data) > KEY_FILE_BYTES_MAX or len(lines) != count or not lines[0].startswith("untrusted comment:"):
        raise Refused(f"{named}: not {what} of minisign's" + (", or cut off" if len(lines) < count else ""))
    return lines


def decoded(text, size, what, named):
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if len(data) != size:
        raise Refused(f"{named}: not {what} of minisign's, or cut off")
    return data


def key_id(eight):
    """As minisign prints it."""
    return f"{int.from_bytes(eight, 'little'):016X}"


def public_key(path):
    """(base64 line, id) of a public key file."""
    name = pathlib.Path(path).name
    line = key_lines(path, "a public key", 2)[1]
    data = decoded(line, 42, "a public key", name)
    if data[:2] != b"Ed":
        raise Refused(f"{name}: not a public key of minisign's")
    return line, key_id(data[2:10])


def signature_id(path):
    """The id of the key that a signature says it is of; its form checked."""
    lines = key_lines(path, "a signature", 4)
    name = pathlib.Path(path).name
    data = decoded(lines[1], 74, "a signature", name)
    decoded(lines[3], 64, "a signature", name)
    if data[:2] not in (b"Ed", b"ED") or not lines[2].startswith("trusted comment: "):
        raise Refused(f"{name}: not a signature of minisign's")
    return key_id(data[2:10])


def check_secret(path):
    """The key can sign without being asked for a password."""
    name = pathlib.Path(path).name
    data = decoded(key_lines(path, "a secret key", 2)[1], 158, "a secret key", name)
    if data[2:4] != b"\0\0":
        raise Refused(f"{name}: the key {PASSWORD}")


def new_key(secret, public):
    """A key without a password, readable by its owner alone."""
    if os.path.exists(secret) or os.path.exists(public):
        raise Refused(f"{secret if os.path.exists(secret) else public}: is there already")
    minisign("-G", "-W", "-s", secret, "-p", public)
    os.chmod(secret, 0o600)


def sign(path, secret, signature=None, comment="capos"):
    """Signs a file; its signature goes beside it. Refused: the key would ask, or is none."""
    check_secret(secret)
    minisign("-S", "-s", secret, "-m", path, "-x", signature or f"{path}.minisig", "-t", comment)


def check_signature(path, public, signature=None):
    """The signature of a file is by this key. Returns the key's id. Refused, Missing."""
    signature = signature or f"{path}.minisig"
    if not os.path.exists(signature):
        raise Refused(f"{pathlib.Path(path).name} has no signature")
    (_, own), by = public_key(public), signature_id(signature)
    if own != by:
        raise Refused(f"signed by key {by}, not by {own} of {pathlib.Path(public).name}")
    try:
        minisign("-V", "-q", "-p", public, "-m", path, "-x", signature)
    except Refused as refused:
        raise Refused(f"does not verify with key {own}: {refused}") from None
    return own


def make(record, subjects, signed_by=None):
    """The statement. record: provider.json; subjects: {name: sha256}; signed_by: {"key": "operator" or "throwaway", "public": the
    line of minisign's public key}."""
    return {"_type": TYPE,
            "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in sorted(subjects.items())],
            "predicateType": PREDICATE,
            "predicate": {**record, **({"signed_by": signed_by} if signed_by else {})}}


def folder_subjects(folder):
    return {name: sha256(folder / name) for name in SIGNED if (folder / name).is_file()}


def write(folder, record, files, secret=None):
    """Statement, signature and public key into the run's folder, over what lies there and `files`, {name: sha256} of what booted.
    `secret`: the operator's key file, without a password; None: a key for this run, of which the public half alone stays.
    Refused, Missing: nothing was written."""
    folder = pathlib.Path(folder)
    with tempfile.TemporaryDirectory(prefix="capos-key-") as own:
        own = pathlib.Path(own)
        kind, made = "operator" if secret else "throwaway", own / "statement.json"
        if secret:
            check_secret(secret)
            minisign("-R", "-s", secret, "-p", own / "pub")
        else:
            secret = own / "key"
            new_key(secret, own / "pub")
        signed_by = {"key": kind, "public": public_key(own / "pub")[0]}
        text = json.dumps(make(record, {**files, **folder_subjects(folder)}, signed_by), indent=1) + "\n"
        made.write_text(text, encoding="utf-8")
        sign(made, secret, own / "sig", f"capos run {(record.get('run') or {}).get('boot')}")
        for source, name in ((made, FILE), (own / "pub", PUBLIC), (own / "sig", SIGNATURE)):
            (folder / name).write_bytes(source.read_bytes())


def read(path):
    """(statement, subjects as {name: sha256}) of a statement of ours, its shape checked. Refused."""
    name = pathlib.Path(path).name
    try:
        found = shape.read_json(path)
    except OSError as error:
        raise Refused(f"{name}: {error.strerror}") from None
    except shape.Wrong as wrong:
        raise Refused(str(wrong)) from None
    if set(found) != {"_type", "subject", "predicateType", "predicate"} or found["_type"] != TYPE:
        raise Refused(f"{name}: not an in-toto statement")
    if found["predicateType"] != PREDICATE or not isinstance(found["predicate"], dict):
        raise Refused(f"{name}: a statement, but not of a run of capos")
    subjects = subjects_of(found["subject"], name)
    by = found["predicate"].get("signed_by")
    if not isinstance(by, dict) or set(by) != {"key", "public"} or by["key"] not in ("operator", "throwaway") \
            or not isinstance(by["public"], str):
        raise Refused(f"{name}: does not say by whose key it is signed")
    return found, subjects


def subjects_of(listed, name):
    if not isinstance(listed, list) or not 0 < len(listed) <= SUBJECTS_MAX:
        raise Refused(f"{name}: 1 to {SUBJECTS_MAX} subjects are due")
    subjects = {}
    for one in listed:
        digest = one.get("digest") if isinstance(one, dict) and set(one) == {"name", "digest"} else None
        if not isinstance(digest, dict) or set(digest) != {"sha256"} or not isinstance(one["name"], str) \
                or not re.fullmatch("[0-9a-f]{64}", str(digest["sha256"])):
            raise Refused(f"{name}: a subject is not {{name, digest: {{sha256}}}}")
        if one["name"] in subjects or (one["name"] not in SIGNED and not NAME.fullmatch(one["name"])):
            raise Refused(f"{name}: the subject {one['name']!r:.60} stands twice, or has a name that no subject has")
        subjects[one["name"]] = digest["sha256"]
    return subjects


def check_subjects(found, subjects, folder, files=()):
    """The subjects against the files of the folder and `files`, (name, path) from elsewhere, and the statement's record against the
    folder's. Returns the names that were compared and those whose files are not there. Refused."""
    folder, elsewhere, compared, absent = pathlib.Path(folder), dict(files), [], []
    for name in elsewhere:
        if name not in subjects:
            raise Refused(f"the statement has no subject {name}")
    for name in MUST:
        if (folder / name).is_file() and name not in subjects:
            raise Refused(f"{name} is there, and the statement is not over it")
    for name, digest in subjects.items():
        path = pathlib.Path(elsewhere[name]) if name in elsewhere else folder / name
        if name not in elsewhere and (name not in SIGNED or not path.is_file()):
            absent.append(name)
            continue
        try:
            have = sha256(path)
        except OSError as error:
            raise Refused(f"{name}: {path}: {error.strerror}") from None
        if have != digest:
            raise Refused(f"{name} is not the file that was signed")
        compared.append(name)
    check_predicate(found, subjects, folder)
    return compared, absent


def check_predicate(found, subjects, folder):
    record = {key: value for key, value in found["predicate"].items() if key != "signed_by"}
    try:
        shape.check_record(record)
        if (folder / RECORD).is_file() and shape.read_json(folder / RECORD) != record:
            raise Refused(f"what the statement says is not what {RECORD} says")
    except shape.Wrong as wrong:
        raise Refused(f"{FILE}: {wrong}") from None
    image = record.get("cloud", {}).get("image", {})
    for name, digest in subjects.items():
        if name in elsewhere_names(image) and image[f"sha256_{name}"] != digest:
            raise Refused(f"the subject {name} is not the record's")
    for port in record.get("serial", []):
        if subjects.get(f"port{port['port']}.log", port["sha256"]) != port["sha256"]:
            raise Refused(f"the subject port{port['port']}.log is not the record's")


def elsewhere_names(image):
    return [key.removeprefix("sha256_") for key in image if key.startswith("sha256_")]


def check_signer(found, public):
    """The key that verified is the one that the statement names. Returns "operator" or "throwaway": the signer's own word."""
    by = found["predicate"]["signed_by"]
    if by["public"] != public_key(public)[0]:
        raise Refused("the statement names another key than the one that signed it")
    return by["key"]


def verify(path, public=None, files=()):
    """A run's folder, or the statement in it: signature, subjects and record. Returns the statement. Refused, Missing. Without
    `public` the folder's own statement.pub is taken: that nothing changed since, not who signed."""
    path = pathlib.Path(path)
    path = path / FILE if path.is_dir() else path
    public = public or path.parent / PUBLIC
    found, subjects = read(path)
    check_signature(path, public)
    check_signer(found, public)
    check_subjects(found, subjects, path.parent, files)
    return found


def parse(argv):
    parser = argparse.ArgumentParser(prog="capos evidence", description="The signed statement of a run (minisign).",
                                     epilog="Exit status: 0 done or holds, 2 usage, 3 minisign is missing, 4 refused.")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("key", help="make a key without a password: FILE, mode 0600, and FILE.pub")
    one.add_argument("file", metavar="FILE")
    one = commands.add_parser("make", help="make and sign the statement of a run's folder, over its provider.json, logs and files")
    one.add_argument("folder", metavar="RUNFOLDER")
    one.add_argument("--key", metavar="FILE", help="the operator's key (default: one made for this statement and thrown away)")
    one.add_argument("--file", action="append", default=[], metavar="NAME=PATH", help="what booted: archive, disk, kernel, package")
    one = commands.add_parser("sign", help="sign any file")
    one.add_argument("file", metavar="FILE")
    one.add_argument("--key", metavar="FILE", required=True)
    one = commands.add_parser("verify", help="check the statement of a run's folder")
    one.add_argument("folder", metavar="RUNFOLDER|statement.json")
    one.add_argument("--public-key", metavar="FILE", help="of the operator (default: the folder's statement.pub)")
    one.add_argument("--file", action="append", default=[], metavar="NAME=PATH", help="a subject's file that is not in the folder")
    args = parser.parse_args(argv)
    args.files = [word.split("=", 1) for word in getattr(args, "file", []) if args.command in ("make", "verify")]
    if not all(len(pair) == 2 and NAME.fullmatch(pair[0]) and pair[1] for pair in args.files):
        parser.error("--file takes NAME=PATH")
    return args


def command(args):
    if args.command == "key":
        new_key(args.file, f"{args.file}.pub")
        return f"key {public_key(f'{args.file}.pub')[1]}: {args.file}, and {args.file}.pub to give away"
    if args.command == "sign":
        sign(args.file, args.key)
        return f"signed: {args.file}.minisig"
    folder = pathlib.Path(args.folder)
    if args.command == "make":
        record = shape.read_json(folder / RECORD)
        shape.check_record(record)
        write(folder, record, {name: sha256(path) for name, path in args.files}, args.key)
    found = verify(folder, getattr(args, "public_key", None), args.files)
    by = found["predicate"]["signed_by"]
    return f"statement: {len(found['subject'])} subjects, verdict {found['predicate']['verdict']}, signed by a key " \
           f"{'of the operator' if by['key'] == 'operator' else 'made for this run'}, {by['public']}"


def main(argv):
    args = parse(argv)
    try:
        print(command(args))
    except Missing as missing:
        print(f"evidence: {missing}", file=sys.stderr)
        return 3
    except (Refused, shape.Wrong, OSError) as error:
        print(f"evidence: {error}", file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
