"""Two processes open a file that is not there yet: whoever comes second takes it as it is, at any moment."""

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from itertools import count
from pathlib import Path

import pytest

from tidegate.features.events.sqlite_schema import open_event_log
from tidegate.ledger.sqlite_schema import open_ledger

Opener = Callable[..., sqlite3.Connection]
MOST_STATEMENTS = 100


@pytest.mark.parametrize("opener", [open_event_log, open_ledger])
def test_a_file_that_another_process_makes_meanwhile_is_ours(
    opener: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect
    for moment in count(1):
        path = tmp_path / f"{moment}.db"
        statements = 0

        def met(_: str, path: Path = path, moment: int = moment) -> None:
            nonlocal statements
            statements += 1
            if statements == moment:
                monkeypatch.setattr(sqlite3, "connect", connect)
                with suppress(sqlite3.OperationalError):  # it waits for nobody, and may find the file locked
                    opener(path, timeout_s=0.0).close()

        def traced(*arguments: object, met: Callable[[str], None] = met, **named: object) -> sqlite3.Connection:
            connection: sqlite3.Connection = connect(*arguments, **named)  # type: ignore[call-overload]
            connection.set_trace_callback(met)
            return connection

        monkeypatch.setattr(sqlite3, "connect", traced)
        with closing(opener(path, timeout_s=5.0)) as connection:
            connection.set_trace_callback(None)
            assert connection.execute("PRAGMA user_version").fetchone()[0] > 0
        if statements < moment:
            break
    assert 5 < moment < MOST_STATEMENTS
