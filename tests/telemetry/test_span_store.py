"""The store keeps what it was given, within its bounds."""

import sqlite3
from pathlib import Path

import pytest

from tests.telemetry.waterfall_samples import A, made, whole_trace
from tidegate.telemetry.receiver.store import Retention, SpanStore
from tidegate.telemetry.span_archive import ArchiveUnreadable, SpanArchive
from tidegate.telemetry.span_record import SpanRecord, SpanReference

_S = 1_000_000_000


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000_000

    def __call__(self) -> int:
        return self.now_s * _S


def a_trace(number: int, spans: int) -> list[SpanRecord]:
    return [made("n", span_id=index + 1, at_ms=0, ms=1, trace_id=f"{number:032x}") for index in range(spans)]


def ids(path: Path) -> set[int]:
    with SpanArchive(path) as archive:
        return {int(entry.trace_id, 16) for entry in archive.recent(100)}


def test_spans_come_back_as_they_were_given(tmp_path: Path) -> None:
    spans = [*whole_trace(), made("x", span_id=99, at_ms=30, ms=1, links=(SpanReference("b" * 32, "1" * 16),))]
    store = SpanStore(tmp_path / "s")
    store.add(spans)
    with SpanArchive(tmp_path / "s") as archive:
        assert sorted(archive.spans(A), key=lambda span: span.span_id) == sorted(spans, key=lambda span: span.span_id)
    store.close()


def test_a_span_sent_twice_is_kept_once_and_counted_once(tmp_path: Path) -> None:
    store = SpanStore(tmp_path / "s")
    store.add(a_trace(1, 2))
    store.add(a_trace(1, 3))
    with SpanArchive(tmp_path / "s") as archive:
        (entry,) = archive.recent(10)
        assert (entry.spans, len(archive.spans(entry.trace_id)), entry.left_out) == (3, 3, 0)
    store.close()


def test_a_trace_that_is_too_long_is_cut_off_and_says_so(tmp_path: Path) -> None:
    store = SpanStore(tmp_path / "s", retention=Retention(max_spans_per_trace=5))
    store.add(a_trace(1, 4))
    store.add([made("n", span_id=100 + index, at_ms=0, ms=1, trace_id=f"{1:032x}") for index in range(4)])
    with SpanArchive(tmp_path / "s") as archive:
        (entry,) = archive.recent(10)
        assert (entry.spans, entry.left_out, len(archive.spans(entry.trace_id))) == (5, 3, 5)
    store.close()


def test_old_traces_go_with_their_spans(tmp_path: Path) -> None:
    clock = Clock()
    store = SpanStore(tmp_path / "s", retention=Retention(max_age_s=60), clock_ns=clock)
    store.add(a_trace(1, 2))
    clock.now_s += 50
    store.add(a_trace(2, 2))
    clock.now_s += 20
    assert store.expire() == 1
    assert ids(tmp_path / "s") == {2}
    with SpanArchive(tmp_path / "s") as archive:
        assert archive.spans(f"{1:032x}") == []
    store.close()


def test_beyond_the_limit_the_longest_untouched_traces_go_whole(tmp_path: Path) -> None:
    clock = Clock()
    store = SpanStore(tmp_path / "s", retention=Retention(max_spans=5), clock_ns=clock)
    for number in (1, 2, 3):
        store.add(a_trace(number, 2))
        clock.now_s += 1
    store.add([made("n", span_id=50, at_ms=0, ms=1, trace_id=f"{1:032x}")])
    assert store.expire() == 1
    assert ids(tmp_path / "s") == {1, 3}
    assert store.expire() == 0
    store.close()


def test_a_reopened_store_still_knows_how_much_it_holds(tmp_path: Path) -> None:
    first = SpanStore(tmp_path / "s")
    first.add(a_trace(1, 4))
    first.close()
    clock = Clock()
    clock.now_s = 4_000_000_000
    second = SpanStore(tmp_path / "s", retention=Retention(max_spans=5, max_age_s=1e10), clock_ns=clock)
    second.add(a_trace(2, 4))
    assert second.expire() == 1
    assert ids(tmp_path / "s") == {2}
    second.close()


def test_another_file_is_refused_by_writer_and_reader(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("not a database " * 100)
    with pytest.raises(sqlite3.DatabaseError):
        SpanStore(other)
    with pytest.raises(ArchiveUnreadable, match="not a span store"):
        SpanArchive(other)
    with pytest.raises(ArchiveUnreadable, match="no span store"):
        SpanArchive(tmp_path / "missing")


def test_a_trace_is_found_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    store = SpanStore(tmp_path / "s")
    for beginning in ("abcd", "abce", "abff"):
        store.add([made("n", span_id=1, at_ms=0, ms=1, trace_id=f"{beginning}{'0' * 28}")])
    with SpanArchive(tmp_path / "s") as archive:
        assert [entry.trace_id[:4] for entry in archive.matching("abcd")] == ["abcd"]
        assert sorted(entry.trace_id[:4] for entry in archive.matching("abc")) == ["abcd", "abce"]
        assert archive.matching("ffff") == []
    store.close()
