#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Makes of the built client what webd serves: each file gzip-compressed, and a C source with the table of them (user/webd/assets.h).
# The same files give the same bytes. A file that webd could not serve, or a client that weighs too much, is refused.
import argparse
import gzip
import hashlib
import pathlib
import re
import sys

TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".svg": "image/svg+xml"}
DOCUMENTS = {"index.html": "/", "shell.html": "/shell"}
HASHED = re.compile(r"assets/[A-Za-z0-9_]+-[A-Za-z0-9_-]{8}\.(?:js|css|svg)")
BYTES_MAX = 300 * 1024
INLINE = re.compile(rb"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", re.I)


def fail(words):
    sys.exit(f"make_assets: {words}")


def path_of(name):
    if name in DOCUMENTS:
        return DOCUMENTS[name]
    if HASHED.fullmatch(name):
        return f"/{name}"
    return fail(f"{name} is neither a document nor a hashed asset")


def collect(dist):
    """(path, name, bytes) of each file, sorted by path."""
    found = [(path_of(file.relative_to(dist).as_posix()), file.relative_to(dist).as_posix(), file.read_bytes())
             for file in sorted(dist.rglob("*")) if file.is_file()]
    paths = [path for path, _, _ in found]
    missing = set(DOCUMENTS.values()) - set(paths)
    if missing:
        fail(f"no document for {', '.join(sorted(missing))}")
    for path, name, data in found:
        if name in DOCUMENTS and INLINE.search(data):
            fail(f"{name} has something inline, which its policy refuses")
    return sorted(found)


def source(rows):
    lines = ["/* SPDX-License-Identifier: BSD-2-Clause */", "/* Made by webui/make_assets.py. */",
             '#include "user/webd/assets.h"', ""]
    for at, (_, _, file, _) in enumerate(rows):
        lines += [f'__asm__(".section .rodata.web_asset,\\"a\\",@progbits\\n"',
                  f'        "web_asset_{at}: .incbin \\"{file}\\"\\n.previous\\n");',
                  f"extern const uint8_t web_asset_{at}[];"]
    lines += ["", "const struct web_asset web_assets[] = {"]
    for at, (path, kind, file, etag) in enumerate(rows):
        hashed = "true" if path.startswith("/assets/") else "false"
        lines.append(f'    {{"{path}", "{kind}", "\\"{etag}\\"", web_asset_{at}, {file.stat().st_size}u, {hashed}}},')
    return "\n".join([*lines, "};", f"const uint32_t web_assets_count = {len(rows)}u;", ""])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dist", type=pathlib.Path, required=True)
    parser.add_argument("--packed", type=pathlib.Path, required=True, help="folder for the compressed files")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    args = parser.parse_args()
    args.packed.mkdir(parents=True, exist_ok=True)
    rows = []
    for at, (path, name, data) in enumerate(collect(args.dist)):
        packed = gzip.compress(data, 9, mtime=0)
        file = args.packed.resolve() / f"{at}.gz"
        file.write_bytes(packed)
        # The tag is of the bytes that are sent.
        rows.append((path, TYPES[pathlib.PurePath(name).suffix], file, hashlib.sha256(packed).hexdigest()))
    total = sum(file.stat().st_size for _, _, file, _ in rows)
    if total > BYTES_MAX:
        fail(f"the client weighs {total} bytes compressed, {BYTES_MAX} are the limit")
    args.out.write_text(source(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
