"""What is said of media that can't be read."""

import struct
import zlib

from tidegate.serving.media import image_problem


def _png(width: int, height: int) -> bytes:
    """A PNG of that size with hardly a pixel in it."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR" + header) + _chunk(b"IDAT" + zlib.compress(b"\0"))


def _chunk(content: bytes) -> bytes:
    return struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))


def test_an_image_so_large_that_the_library_refuses_it_is_told_the_limit() -> None:
    assert image_problem(_png(30_000, 30_000), max_bytes=1_000, max_pixels=40_000_000) == (
        "must have at most 40000000 pixels"
    )
