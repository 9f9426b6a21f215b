# SPDX-License-Identifier: BSD-2-Clause
# What a disk image ships, as an SPDX 2.3 document: the files that the image is made of, and what they were made from with version,
# licence and hash. THIRD-PARTY.md says the same for readers; tests/boot/test_image.py compares the two.
import base64
import hashlib
import json
import pathlib
import re
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Of each source in cmake/sources.lock: licence, where it is from, files of the image that hold code of it.
SOURCES = {"argon2": ("CC0-1.0 OR Apache-2.0", "https://github.com/P-H-C/phc-winner-argon2", ["capos.pkg"]),
           "bearssl": ("MIT", "https://www.bearssl.org/", ["kernel.elf", "capos.pkg"]),
           "h2o": ("MIT", "https://github.com/h2o/picohttpparser", ["capos.pkg"]),
           "jsmn": ("MIT", "https://github.com/zserge/jsmn", ["capos.pkg"]),
           "lwip": ("BSD-3-Clause", "https://savannah.nongnu.org/projects/lwip/", ["capos.pkg"])}
# Of each npm package in webui/client/package-lock.json whose code is in what the client is built to, as above.
NPM = {"@xterm/xterm": ("MIT", "https://xtermjs.org/", ["capos.pkg"]),
       "@xterm/addon-fit": ("MIT", "https://xtermjs.org/", ["capos.pkg"])}
# Of each Debian package whose files are in the image, as above.
PACKAGES = {"grub-efi-amd64-bin": ("GPL-3.0-or-later", "https://www.gnu.org/software/grub/", ["BOOTX64.EFI"]),
            "grub-pc-bin": ("GPL-3.0-or-later", "https://www.gnu.org/software/grub/", ["boot.img", "core.img"])}
OWN_LICENCE = "BSD-2-Clause"
FILE_LICENCES = {"kernel.elf": "BSD-2-Clause AND MIT",
                 "capos.pkg": "BSD-2-Clause AND MIT AND BSD-3-Clause AND (CC0-1.0 OR Apache-2.0)"}
LOADER_LICENCE = "GPL-3.0-or-later"


def locked():
    """By name, what cmake/sources.lock pins: (version, file, SHA-256)."""
    lines = (ROOT / "cmake/sources.lock").read_text(encoding="utf-8").splitlines()
    rows = (line.split() for line in lines if line and not line.startswith("#"))
    return {name: (version, file, digest) for name, version, _, file, digest in rows}


def npm_locked():
    """By name, what the client's lock file pins and ships: (version, SHA-512)."""
    lock = json.loads((ROOT / "webui/client/package-lock.json").read_text(encoding="utf-8"))
    return {place.removeprefix("node_modules/"): (one["version"], base64.b64decode(one["integrity"].removeprefix("sha512-")).hex())
            for place, one in lock["packages"].items() if place and not one.get("dev")}


def debian_version(package):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def package(name, version, licence, home, **more):
    identifier = "SPDXRef-Package-" + re.sub("[^A-Za-z0-9.-]", "-", name)
    return {"SPDXID": identifier, "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False, "licenseConcluded": licence, "licenseDeclared": licence, "copyrightText": "NOASSERTION",
            **({"homepage": home} if home else {}), **more}


def checksums(data):
    return [{"algorithm": "SHA1", "checksumValue": hashlib.sha1(data).hexdigest()},  # noqa: S324 - the format asks for it
            {"algorithm": "SHA256", "checksumValue": hashlib.sha256(data).hexdigest()}]


def related(one, kind, other):
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}


def document(files, facts, epoch):
    """`files`: by name, the path of each file that the image holds; `facts`: hashes of the image, and the commit."""
    images = package("capos", facts["commit"], OWN_LICENCE, None, packageFileName="disk.tar.gz",
                     checksums=[{"algorithm": "SHA256", "checksumValue": facts["archive_sha256"]}])
    packages, links = [images], [related("SPDXRef-DOCUMENT", "DESCRIBES", images["SPDXID"])]

    def ships(made, held):
        packages.append(made)
        links.append(related(images["SPDXID"], "CONTAINS", made["SPDXID"]))
        links.extend(related(f"SPDXRef-File-{name}", "GENERATED_FROM", made["SPDXID"]) for name in held)

    for name, (version, file, digest) in locked().items():
        licence, home, held = SOURCES[name]
        ships(package(name, version, licence, home, packageFileName=file,
                      checksums=[{"algorithm": "SHA256", "checksumValue": digest}]), held)
    for name, (version, digest) in npm_locked().items():
        licence, home, held = NPM[name]
        hashed = [{"algorithm": "SHA512", "checksumValue": digest}]
        ships(package(name, version, licence, home, checksums=hashed), held)
    for name, (licence, home, held) in PACKAGES.items():
        version = debian_version(name)
        ships(package(name, version, licence, home, externalRefs=[{
            "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
            "referenceLocator": f"pkg:deb/debian/{name}@{version}?arch=amd64"}]), held)
    listed = []
    for name, path in files.items():
        licence = FILE_LICENCES.get(name, LOADER_LICENCE)
        listed.append({"SPDXID": f"SPDXRef-File-{name}", "fileName": f"./{name}", "checksums": checksums(path.read_bytes()),
                       "licenseConcluded": licence, "licenseInfoInFiles": ["NOASSERTION"], "copyrightText": "NOASSERTION"})
        links.append(related(images["SPDXID"], "CONTAINS", f"SPDXRef-File-{name}"))
    return {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": "capos-image",
            "documentNamespace": f"https://spdx.org/spdxdocs/capos-image-{facts['archive_sha256']}",
            "creationInfo": {"created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch)), "creators": ["Tool: capos-image"]},
            "packages": packages, "files": listed, "relationships": links}
