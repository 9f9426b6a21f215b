# SPDX-License-Identifier: BSD-2-Clause
# The disk of a run: the image with this run's boot line in its run block, and the archive of it that is uploaded. Both hold the
# chain key: only their owner may read them.
import os
import pathlib
import sys
import tempfile

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "door"))
import image  # noqa: E402
import sparse  # noqa: E402

ARCHIVE = "disk.tar.gz"
SECRET_WORDS = ("chain_key", "verifier")


def boot_line(mode, boot, key, exchanges, commit, nonce, verifier=None, hold=0, web=None, probe=None):
    """`hold`: seconds that the machine stays on behind the last line of its log. `web`: the port of the operator's machine through
    which a browser comes. `probe`: in a proof, the nonce that the web has to show."""
    line = f"mode={mode} boot={boot} chain_key={key} exchanges={exchanges} commit={commit} network=vpc nonce={nonce} where=gce"
    line += f" hosts=127.0.0.1:{web},localhost:{web}" if web else ""
    line += f" probe={probe}" if probe else ""
    return line + (f" verifier={verifier}" if verifier else "") + (f" hold={hold}" if hold else "")


def public(line):
    """Without what nobody else may know."""
    return " ".join(word for word in line.split() if not word.startswith(SECRET_WORDS))


def zero_run_block(disk):
    with open(disk, "r+b") as file:
        file.seek(image.DISK["DISK_RUN_SECTOR"] * image.SECTOR)
        file.write(bytes(image.DISK["RUN_BLOCK_BYTES"]))


def make(folder, line, given, kernel, package):
    """Writes the archive into the folder. Gives the hashes; image.Failed, OSError: it could not be."""
    with tempfile.TemporaryDirectory(prefix=".disk-", dir=folder) as own:
        own = pathlib.Path(own)
        disk, hashes = own / "disk.raw", {}
        if given:
            sparse.copy(given, disk)
            zero_run_block(disk)
        else:
            files = image.make_disk(disk, kernel, package, own)
            hashes = {"sha256_kernel": sparse.sha256(files["kernel.elf"]), "sha256_package": sparse.sha256(package)}
        hashes["sha256_disk_zeroed"] = sparse.sha256(disk)
        image.write_run_block(disk, line)
        hashes["sha256_disk"] = sparse.sha256(disk)
        archive = own / ARCHIVE
        os.close(os.open(archive, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        sparse.archive(disk, archive, image.EPOCH)
        hashes["sha256_archive"] = sparse.sha256(archive)
        os.replace(archive, folder / ARCHIVE)
    return hashes
