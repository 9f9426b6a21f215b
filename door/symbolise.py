#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Names for the addresses of a backtrace: standard input, or the files named, to standard output; behind each line
# `backtrace: 0x…` follows `  at NAME+OFFSET` for each address. The text is a guest's: any other line passes as it is.
import argparse
import bisect
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import elf  # noqa: E402

LINE = re.compile(rb"^ *backtrace:((?: 0x[0-9a-f]{1,16}){1,64})\r?$")


class Names:
    """The functions of an image, and its labels in code (assembly has no more)."""

    def __init__(self, image):
        code = {section.index for section in image.allocated() if section.flags & elf.EXECUTED}
        kinds = (elf.FUNCTION, elf.NO_TYPE)
        found = [symbol for symbol in image.symbols() if symbol.section in code and symbol.kind in kinds and symbol.name]
        # Of several at one address a function goes before a label, and the first name by the alphabet before others.
        found.sort(key=lambda symbol: (symbol.value, symbol.kind != elf.FUNCTION, symbol.name))
        self.symbols = [symbol for n, symbol in enumerate(found) if n == 0 or found[n - 1].value != symbol.value]
        self.starts = [symbol.value for symbol in self.symbols]
        self.code = [(section.address, section.address + section.size) for section in image.allocated()
                     if section.index in code]

    def name(self, address, returns=False):
        """`returns`: the address is where a call comes back to, so the call stands before it, maybe in a function whose last
        instruction it is."""
        inside = address - 1 if returns else address
        n = bisect.bisect_right(self.starts, inside) - 1
        if n < 0 or not any(first <= self.starts[n] <= inside < end for first, end in self.code):
            return f"{address:#x} (no code of this image)"
        return f"{self.symbols[n].name}+{address - self.symbols[n].value:#x}"

    def backtrace(self, line):
        """The names for one line of a console, without its newline; none when it is no backtrace. The first address is
        where it happened, every other one where a call comes back to."""
        found = LINE.match(line)
        addresses = [int(word, 16) for word in found[1].split()] if found else []
        return [self.name(address, returns=n > 0) for n, address in enumerate(addresses)]


def main(words):
    parser = argparse.ArgumentParser(prog="symbolise.py", description="names the addresses of `backtrace:` lines")
    parser.add_argument("--image", required=True, help="the kernel image that the text comes from")
    parser.add_argument("log", nargs="*", help="standard input when none is named")
    options = parser.parse_args(words)
    try:
        names = Names(elf.Elf.read(options.image))
        inputs = [open(path, "rb") for path in options.log] or [sys.stdin.buffer]
    except (OSError, ValueError) as error:
        print(f"symbolise.py: {error}", file=sys.stderr)
        return 4
    for stream in inputs:
        for line in stream:
            sys.stdout.buffer.write(line)
            for name in names.backtrace(line.rstrip(b"\n")):
                sys.stdout.buffer.write(f"  at {name}\n".encode())
            sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
