"""Lines of bytes, as soon as they are there."""

import io
import os
import threading

import pytest

from tidegate.cli.line_reader import Line, lines_of, unbuffered


def read(content: bytes, *, longest_bytes: int = 100) -> list[Line]:
    return list(lines_of(io.BytesIO(content), longest_bytes=longest_bytes))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"a", [b"a"]),
        (b"a\n", [b"a"]),
        (b"a\n\nb", [b"a", b"", b"b"]),
        (b"\n", [b""]),
        (b"a\r\nb\r\n", [b"a\r", b"b\r"]),
    ],
)
def test_lines_end_at_newlines_and_the_last_one_may_lack_it(content: bytes, expected: list[bytes]) -> None:
    assert [(line.number, line.content) for line in read(content)] == list(enumerate(expected, start=1))


def test_a_line_longer_than_a_chunk_is_whole() -> None:
    content = b"x" * 1_000_000 + b"\n" + b"y" * 70_000
    assert [line.content for line in read(content, longest_bytes=2_000_000)] == content.split(b"\n")


def test_a_line_that_is_too_long_has_no_content_and_the_next_one_has() -> None:
    lines = read(b"ok\n" + b"x" * 200_000 + b"\nlast")
    assert [(line.number, line.content) for line in lines] == [(1, b"ok"), (2, None), (3, b"last")]
    assert [line.content for line in read(b"x" * 101)] == [None]
    assert [line.content for line in read(b"x" * 100)] == [b"x" * 100]


def test_blank_lines_are_told_apart_from_long_ones() -> None:
    assert [line.blank for line in read(b"\n \t\r\nx\n" + b"y" * 200)] == [True, True, False, False]


def test_a_line_from_a_pipe_comes_before_the_next_one_is_written() -> None:
    """The writer writes the second line only after the first was read."""
    reading, writing = os.pipe()
    read_first = threading.Event()

    def write() -> None:
        os.write(writing, b"first\n")
        assert read_first.wait(60)
        os.write(writing, b"second\n")
        os.close(writing)

    writer = threading.Thread(target=write)
    writer.start()
    seen = []
    with os.fdopen(reading, "rb") as stream:
        for line in lines_of(unbuffered(stream)):
            seen.append(line.content)
            read_first.set()
    writer.join()
    assert seen == [b"first", b"second"]
