"""Against the clock: threads of the real stream compute while decisions are made, and both commands need no option."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq

from tests.features.stream.account_events import comment
from tests.ledger.sample_records import sample_inputs, sample_record
from tests.training_sets.installation import ACCOUNT, Installation, verdicts
from tidegate.enrichment.freshness import signals_of
from tidegate.serving import composition
from tidegate.serving.settings import Settings
from tidegate.training_sets.as_of import FEATURES

DECISIONS = 40


async def test_decisions_made_while_events_come_in_show_no_skew_and_become_a_training_set(
    installation: Installation,
) -> None:
    settings = Settings(state_dir=installation.state)
    signals = composition.account_signals(settings)
    assert await signals.ready()
    for number in range(DECISIONS):
        await signals.record([comment(f"real-{number}", ACCOUNT, datetime.now(tz=UTC))])
        await asyncio.sleep(0.01 * (number % 5))
        (rows,) = await asyncio.to_thread(installation.reader.read, [ACCOUNT])
        account = signals_of(rows, now=datetime.now(tz=UTC))
        record = sample_record(
            account_id=ACCOUNT, decided_at=datetime.now(tz=UTC), inputs=replace(sample_inputs(), account=account)
        )
        await installation.ledger.append(record)
    await signals.close()

    answer = await asyncio.to_thread(installation.answer, "skew", "--lag", "60")
    assert (answer["decisions"], answer["differences"]) == (DECISIONS, 0), answer
    assert set(verdicts(answer)) <= {"aged", "late"}
    assert _training_set(installation, installation.state / "set.parquet") == DECISIONS


def _training_set(installation: Installation, out: Path) -> int:
    done = installation.run("training-set", "--out", str(out))
    assert done.exit_code == 0, done.output
    assert f"{DECISIONS} decisions" in done.stdout
    rows = pq.read_table(out)
    posts = rows["account_activity__posts_1h"].to_pylist()
    assert posts == sorted(posts), "one comment more before each decision"
    assert posts[0] == 1
    assert set(FEATURES) < set(rows.column_names)
    return int(rows.num_rows)
