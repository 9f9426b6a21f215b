# SPDX-License-Identifier: BSD-2-Clause
# The archive of a disk image, judged as Compute Engine's import does: gzip, tar in the old GNU format, one member by the name of
# disk.raw, whole GiB. Trusts nothing of it; what it says of its size is bounded before anything is written.
import contextlib
import gzip
import os
import tarfile
import zlib

MEMBER = "disk.raw"
GIB = 1 << 30
BYTES_MAX = 64 * GIB
PIECE = 1 << 20
BLOCK = 512
AT_MAGIC, MAGIC = 257, b"ustar  \0"  # GNU's; POSIX has a zero behind "ustar", and pax is POSIX


class Refused(Exception):
    """Why it is no image."""


def unpack(path, target):
    """Writes the disk, sparse, and gives its bytes. Refused: the archive is not as it must be."""
    try:
        with gzip.open(path, "rb") as stream:
            head = stream.read(BLOCK)
        if head[AT_MAGIC:AT_MAGIC + len(MAGIC)] != MAGIC:
            raise Refused("The tar archive is not a valid image: it is not in the old GNU format.")
        with tarfile.open(path, "r:gz") as tar:
            return take(tar, target)
    except (tarfile.TarError, ValueError) as error:
        raise Refused(f"The tar archive is not a valid image: {error}.") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise Refused(f"The tar archive is not a valid image: not gzip, or cut off ({error}).") from error


def take(tar, target):
    member = tar.next()
    if member is None or member.name != MEMBER or not member.isfile():
        raise Refused(f"The tar archive is not a valid image: its member is {member.name if member else 'missing'}, not {MEMBER}.")
    if member.pax_headers:
        raise Refused("The tar archive is not a valid image: it is not in the old GNU format.")
    if not 0 < member.size <= BYTES_MAX or member.size % GIB:
        raise Refused(f"The disk image's size of {member.size} bytes is not a multiple of 1 GB, or too large.")
    try:
        write(tar, member, target)
        if tar.next() is not None:
            raise Refused(f"The tar archive is not a valid image: it holds more than {MEMBER}.")
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(target)
        raise
    return member.size


def write(tar, member, target):
    zero = bytes(PIECE)
    with open(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file, tar.extractfile(member) as content:
        file.truncate(member.size)
        # Of a sparse member only what it holds: most of a disk is nothing.
        for start, length in [(0, member.size)] if member.sparse is None else member.sparse:
            content.seek(start)
            for at in range(start, start + length, PIECE):
                data = content.read(min(PIECE, start + length - at))
                if len(data) != min(PIECE, start + length - at):
                    raise Refused("The tar archive is not a valid image: it is cut off.")
                if data != zero[:len(data)]:
                    file.seek(at)
                    file.write(data)
        if os.fstat(file.fileno()).st_size != member.size:
            raise Refused("The tar archive is not a valid image: a piece lies behind its end.")
