# SPDX-License-Identifier: BSD-2-Clause
# Files that are nearly all zero: what is in them, their hash, a copy, and the archive of one, without reading or writing the rest.
# The same content gives the same result, however the file system keeps its holes.
import gzip
import hashlib
import os
import struct

BLOCK = 4096       # a piece is whole blocks that are not all zero
PIECE_MAX = 1 << 20
TAR_BLOCK, TAR_RECORD = 512, 10240
# Old GNU format (GNU tar's manual, "Basic Tar Format"): places in the header, and how many pieces a header names.
AT_CHECKSUM, AT_PIECES, AT_MORE, AT_REAL_SIZE = 148, 386, 482, 483
PIECES_FIRST, PIECES_MORE = 4, 21


def data_of(file):
    """(offset, bytes) of what the file system keeps, in its own pieces of at most PIECE_MAX at whole blocks."""
    end, at = os.fstat(file.fileno()).st_size, 0
    while at < end:
        try:
            at = os.lseek(file.fileno(), at, os.SEEK_DATA) // BLOCK * BLOCK
        except OSError:  # nothing but a hole from here on
            return
        hole = os.lseek(file.fileno(), at, os.SEEK_HOLE)
        while at < hole:
            data = os.pread(file.fileno(), min(PIECE_MAX, -(-(hole - at) // BLOCK) * BLOCK), at)
            yield at, data
            at += len(data)


def pieces(path):
    """[(offset, bytes)]: runs of blocks that are not all zero, in order."""
    found, zero = [], bytes(BLOCK)
    with open(path, "rb") as file:
        for start, data in data_of(file):
            for at in range(0, len(data), BLOCK):
                block = data[at:at + BLOCK]
                if block == zero[:len(block)]:
                    continue
                if found and found[-1][0] + len(found[-1][1]) == start + at:
                    found[-1][1].extend(block)
                else:
                    found.append((start + at, bytearray(block)))
    return found


def sha256(path):
    digest, zero, at = hashlib.sha256(), bytes(PIECE_MAX), 0
    for start, data in [*pieces(path), (path.stat().st_size, b"")]:
        for gap in range(at, start, PIECE_MAX):
            digest.update(memoryview(zero)[:min(PIECE_MAX, start - gap)])
        digest.update(data)
        at = start + len(data)
    return digest.hexdigest()


def copy(source, target):
    """The same bytes in a new file of our own, which nobody else may read."""
    with open(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.truncate(source.stat().st_size)
        for at, data in pieces(source):
            file.seek(at)
            file.write(data)


def piece_words(listed):
    return b"".join(b"%011o\0%011o\0" % words for words in listed)


def tar_headers(name, listed, stored, size, epoch):
    """Header of a sparse member, and the blocks that go on with its list."""
    head = struct.pack("100s8s8s8s12s12s8sc100s8s", name.encode("ascii"), b"0000644", b"0000000", b"0000000", b"%011o" % stored,
                       b"%011o" % epoch, b" " * 8, b"S", b"", b"ustar  ")
    head = head.ljust(AT_PIECES, b"\0") + piece_words(listed[:PIECES_FIRST])
    listed = listed[PIECES_FIRST:]
    head = head.ljust(AT_MORE, b"\0") + bytes([bool(listed)]) + b"%011o\0" % size
    head = head.ljust(TAR_BLOCK, b"\0")
    blocks = [head[:AT_CHECKSUM] + b"%06o\0 " % sum(head) + head[AT_CHECKSUM + 8:]]
    while listed:
        more = piece_words(listed[:PIECES_MORE])
        listed = listed[PIECES_MORE:]
        blocks.append((more.ljust(PIECES_MORE * 24, b"\0") + bytes([bool(listed)])).ljust(TAR_BLOCK, b"\0"))
    return b"".join(blocks)


def archive(path, target, epoch):
    """tar.gz of exactly one member, old GNU format, sparse, owned by nobody in particular, without a date of its own."""
    size = path.stat().st_size
    if size % TAR_BLOCK != 0:
        raise ValueError(f"{path}: not whole blocks")
    found = pieces(path)
    listed = [(at, len(data)) for at, data in found]
    listed.append((size, 0))  # where the file ends
    written = tar_headers(path.name, listed, sum(length for _, length in listed), size, epoch)
    body = b"".join([written, *(data for _, data in found), bytes(2 * TAR_BLOCK)])
    body += bytes(-len(body) % TAR_RECORD)
    with open(target, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(body)
