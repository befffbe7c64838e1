"""Pictures to upload: PNG files of coloured bands and blocks, made without an imaging library."""

import random
import struct
import zlib
from collections.abc import Iterator

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_EIGHT_BIT_RGB = (8, 2, 0, 0, 0)
_SIDES = (96, 160, 256, 384)
_STRIPES = 6
_NOISE = 0b11


COUNT = 24
"""Pictures that are passed around: people post the same ones again and again."""


def pictures(seed: int) -> Iterator[bytes]:
    """The same ones for the same seed."""
    drawn = random.Random(f"{seed}/pictures")  # noqa: S311 - not a secret
    for _ in range(COUNT):
        yield picture(drawn)


def picture(drawn: random.Random) -> bytes:
    """A square PNG of some side, different each time."""
    side = drawn.choice(_SIDES)
    bands = [_band(side, drawn) for _ in range(_STRIPES)]
    rows = b"".join(b"\x00" + _grained(bands[row * _STRIPES // side], drawn) for row in range(side))
    header = struct.pack(">II5B", side, side, *_EIGHT_BIT_RGB)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows, 1)) + _chunk(b"IEND", b"")


def _band(side: int, drawn: random.Random) -> bytes:
    """One row of pixels, in blocks."""
    row = bytearray()
    while len(row) < side * 3:
        row += drawn.randbytes(3) * drawn.randint(4, side // 2)
    return bytes(row[: side * 3])


def _grained(row: bytes, drawn: random.Random) -> bytes:
    """With noise in the lowest bits, so that the file is about as large as a photo's."""
    mask = int.from_bytes(bytes([_NOISE]) * len(row))
    return (int.from_bytes(row) ^ (drawn.getrandbits(8 * len(row)) & mask)).to_bytes(len(row))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
