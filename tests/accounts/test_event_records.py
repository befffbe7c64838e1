"""What the event log holds on an account is the same while the log is rewritten."""

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from tests.features.events.sample_events import NOW, report
from tidegate.accounts.event_records import EventRecords
from tidegate.features.events import sqlite_rewriter
from tidegate.features.events.columns import microseconds
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.events.sqlite_rewriter import SqliteEventRewriter


def test_nothing_is_missed_or_told_twice_while_the_log_is_rewritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_rewriter, "CHUNK", 7)
    path = tmp_path / "events.db"
    with closing(SqliteEventLog(path)) as log:
        for number in range(60):
            at = NOW - timedelta(minutes=number)
            log.append([report(f"e-{number}", f"a-{number % 4}", reporter="a-1", occurred_at=at)], recorded_at=NOW)
        number = log.delete("a-0", at=NOW - timedelta(days=1))[1]
    records = EventRecords(path)

    def told() -> list[object]:
        half = microseconds(NOW - timedelta(minutes=30))
        return [
            records.own("a-1"),
            records.of_others("a-1"),
            *(records.own_count("a-1", up_to_us=until) for until in (half, 2 * half)),
            *(records.of_others_count("a-1", up_to_us=until) for until in (half, 2 * half)),
            [records.latest_us(name) for name in ("a-1", "a-3", "nobody")],
            records.erased_at_us("a-0"),
        ]

    before, looks = told(), list[bool]()
    assert before[2:6] == [7, 15, 16, 30]
    with closing(SqliteEventRewriter(path, rest=lambda _: looks.append(told() == before))) as rewriter:
        rewriter.run(number)
    assert len(looks) > 10
    assert all(looks)
    assert told() == before
