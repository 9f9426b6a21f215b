# SPDX-License-Identifier: BSD-2-Clause
# Writes a GUID partition table (UEFI 2.10, 5.3) with its protective MBR (5.2.3) and its second copy into a file that is a disk.
import os
import struct
import uuid
import zlib

SECTOR = 512
ENTRIES, ENTRY_BYTES = 128, 128
ENTRY_SECTORS = ENTRIES * ENTRY_BYTES // SECTOR
AT_CHECKSUM, HEADER_BYTES = 16, 92
AT_PARTITION, PROTECTIVE = 446, 0xee
NAME_BYTES = 72


def entry(kind, guid, first, sectors, name):
    return (uuid.UUID(kind).bytes_le + uuid.UUID(guid).bytes_le + struct.pack("<QQQ", first, first + sectors - 1, 0)
            + name.encode("utf-16-le").ljust(NAME_BYTES, b"\0"))


def header(own, other, entries_at, last, guid, entries):
    words = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, HEADER_BYTES, 0, 0, own, other, 2 + ENTRY_SECTORS,
                        last - 1 - ENTRY_SECTORS, uuid.UUID(guid).bytes_le, entries_at, ENTRIES, ENTRY_BYTES, zlib.crc32(entries))
    return words[:AT_CHECKSUM] + struct.pack("<I", zlib.crc32(words)) + words[AT_CHECKSUM + 4:]


def write(path, guid, partitions):
    """`partitions`: (type, GUID, first sector, sectors, name) each. The file has its length; its first 440 bytes are left alone."""
    last = os.path.getsize(path) // SECTOR - 1
    entries = b"".join(entry(*partition) for partition in partitions).ljust(ENTRIES * ENTRY_BYTES, b"\0")
    protective = struct.pack("<B3sB3sII", 0, b"\x00\x02\x00", PROTECTIVE, b"\xff\xff\xff", 1, min(last, 0xffffffff))
    with open(path, "r+b") as file:
        for at, data in ((AT_PARTITION, protective), (SECTOR - 2, b"\x55\xaa"),
                         (SECTOR, header(1, last, 2, last, guid, entries)), (2 * SECTOR, entries),
                         ((last - ENTRY_SECTORS) * SECTOR, entries),
                         (last * SECTOR, header(last, 1, last - ENTRY_SECTORS, last, guid, entries))):
            file.seek(at)
            file.write(data)
