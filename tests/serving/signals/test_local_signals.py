"""The loop closes: a decision in the ledger changes what the router reads of the account."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.features.stream.account_events import comment
from tests.ledger.sample_records import sample_record
from tidegate.enrichment.feast_reader import FeastReader
from tidegate.features.online import OnlineChoice
from tidegate.features.pipeline import apply
from tidegate.features.refs import ACCOUNT_ENFORCEMENT, ACCOUNT_SIGNALS_V2
from tidegate.ledger.sqlite_adapter import SqliteLedger
from tidegate.moderation.decision import Action
from tidegate.serving import composition
from tidegate.serving.settings import Settings


async def test_blocks_and_events_reach_what_the_router_reads(tmp_path: Path) -> None:
    """Two on one log, as during an update of the deployment: both record, nothing is counted twice."""
    settings = Settings(state_dir=tmp_path)
    await asyncio.to_thread(apply, settings.features_dir, OnlineChoice(), progress=lambda _: None)
    deployed = [composition.account_signals(settings) for _ in range(2)]
    assert all([await each.ready() for each in deployed])
    ledger = SqliteLedger(settings.ledger_path)
    for _ in range(3):
        await ledger.append(sample_record(action=Action.BLOCK, decided_at=datetime.now(tz=UTC)))
    for number, each in enumerate(deployed):
        await each.record([comment(str(number), "account-1", datetime.now(tz=UTC))])
    reader = FeastReader(settings.features_dir)

    def seen() -> dict[str, object]:
        row = reader.read(["account-1"])[0][ACCOUNT_SIGNALS_V2.views.index(ACCOUNT_ENFORCEMENT)]
        activity = reader.read(["account-1"])[0][1]
        return {"blocks": row.values.get("blocks_30d"), "posts": activity.values.get("posts_1h")}

    deadline = time.monotonic() + 30
    while (found := await asyncio.to_thread(seen)) != {"blocks": 3, "posts": 2}:
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.02)
    for each in deployed:
        await each.close()
    reader.close()
    await ledger.close()
