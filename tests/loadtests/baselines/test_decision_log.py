import asyncio
import sqlite3
from pathlib import Path

import pytest

from loadtests.baselines.decision_log import SqliteDecisionLog


def kept(path: Path) -> dict[str, bytes]:
    """What another connection sees."""
    with sqlite3.connect(path) as reader:
        return dict(reader.execute("SELECT id, decision FROM decisions"))


async def test_a_decision_is_there_for_others_when_append_returns(tmp_path: Path) -> None:
    log = SqliteDecisionLog(tmp_path / "sub" / "decisions.db")
    await log.append("a", b"1")
    assert kept(tmp_path / "sub" / "decisions.db") == {"a": b"1"}
    log.close()


async def test_decisions_at_once_are_all_kept(tmp_path: Path) -> None:
    log = SqliteDecisionLog(tmp_path / "decisions.db")
    await asyncio.gather(*(log.append(f"{number}", b"x") for number in range(200)))
    log.close()
    assert len(kept(tmp_path / "decisions.db")) == 200


async def test_a_decision_that_could_not_be_kept_is_an_error_and_the_next_one_is_kept(tmp_path: Path) -> None:
    log = SqliteDecisionLog(tmp_path / "decisions.db")
    await log.append("a", b"1")
    with pytest.raises(sqlite3.IntegrityError):
        await log.append("a", b"2")
    await log.append("b", b"3")
    log.close()
    assert kept(tmp_path / "decisions.db") == {"a": b"1", "b": b"3"}
