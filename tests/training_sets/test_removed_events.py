"""Decisions whose events retention has removed: told, and never computed from what is left."""

from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq

from tests.training_sets.installation import Installation
from tidegate.features.events.event import EventKind
from tidegate.features.retention.period import LEAST_DAYS, TRAINING_DAYS
from tidegate.features.retention.sqlite_remover import SqliteEventRemover

DAY = timedelta(days=1)


async def decided_then_and_now(installation: Installation) -> None:
    """A play and a decision after it; the same forty days later, when the first play is too old; then removal."""
    installation.happens()
    for days in (40, 1):
        installation.happens(EventKind.PLAY, count=7)
        installation.computes()
        await installation.decides()
        installation.clock.forward(days * DAY)
    installation.clock.forward((TRAINING_DAYS - 2) * DAY)
    remover = SqliteEventRemover(installation.log_path, clock=installation.clock)
    while not remover.step(LEAST_DAYS).finished:
        pass
    assert remover.state().removed == 1
    remover.close()


async def test_a_training_set_leaves_them_out_and_says_so(installation: Installation, tmp_path: Path) -> None:
    await decided_then_and_now(installation)
    out = tmp_path / "set.parquet"
    told = installation.run("training-set", "--out", str(out))
    since = (installation.clock() - TRAINING_DAYS * DAY).strftime("%Y-%m-%d")
    assert f"left out: 1 decision before {since}" in told.stderr
    assert "1 decisions" in told.stdout
    assert pq.read_table(out)["account_activity__plays_30d"].to_pylist() == [7]
    answer = installation.answer("training-set", "--out", str(out))
    assert (answer["decisions"], answer["left_out"]) == (1, 1)
    assert answer["signals_since"].startswith(since)


async def test_skew_does_not_compare_them(installation: Installation) -> None:
    await decided_then_and_now(installation)
    answer = installation.answer("skew")
    # The other was made less than two days after: its row may be from before.
    assert (answer["decisions"], answer["removed"], answer["differences"]) == (0, 2, 0)
    assert "2 decisions whose events were removed since for their age" in installation.run("skew").stdout


async def test_signals_as_of_then_are_refused_with_what_is_allowed(installation: Installation) -> None:
    await decided_then_and_now(installation)
    then = installation.clock() - (TRAINING_DAYS + 1) * DAY
    told = installation.run("compute", "--at", then.isoformat())
    assert told.exit_code == 1
    message = " ".join(told.stderr.split())
    assert "can't be computed from it any more" in message
    allowed = message.partition("Ask for ")[2].partition(" or later")[0]
    assert installation.run("compute", "--at", allowed).exit_code == 0
