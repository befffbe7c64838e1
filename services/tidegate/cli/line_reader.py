"""Lines of bytes from a file or a pipe, each as soon as it is there."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from tidegate.client.channel import MAX_MESSAGE_BYTES

LONGEST_LINE_BYTES = MAX_MESSAGE_BYTES
"""A longer line can't be sent; it is passed over without being kept in memory."""
_CHUNK_BYTES = 64 * 1024


class Unbuffered(Protocol):
    """The part of a stream that is needed here."""

    def read(self, size: int, /) -> bytes | None:
        """At most `size` bytes as soon as any are there; nothing at the end."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line."""

    number: int
    """Counting from 1."""
    content: bytes | None
    """Without its end; None if it is too long."""

    @property
    def blank(self) -> bool:
        """Whether there is nothing in it."""
        return self.content is not None and not self.content.strip()


def unbuffered(stream: BinaryIO) -> Unbuffered:
    """What is beneath the buffer of a stream.

    A thread that waits in a buffered read holds the buffer's lock, and Python dies of that lock at exit ("could not
    acquire lock for <_io.BufferedReader name='<stdin>'> at interpreter shutdown").
    """
    raw: Unbuffered = getattr(stream, "raw", stream)
    return raw


def lines_of(stream: Unbuffered, *, longest_bytes: int = LONGEST_LINE_BYTES) -> Iterator[Line]:
    """Every line, the last one also if it has no end."""
    number, size = 1, 0
    pieces: list[bytes] = []
    while chunk := stream.read(_CHUNK_BYTES):
        *ends, rest = chunk.split(b"\n")
        for piece in ends:
            yield _line(number, [*pieces, piece], size + len(piece), longest_bytes)
            number, size, pieces = number + 1, 0, []
        size += len(rest)
        if size <= longest_bytes:
            pieces.append(rest)
        else:
            pieces.clear()
    if size:
        yield _line(number, pieces, size, longest_bytes)


def _line(number: int, pieces: list[bytes], size: int, longest_bytes: int) -> Line:
    return Line(number, b"".join(pieces) if size <= longest_bytes else None)
