"""Decisions of days gone by, for tests of retention, which counts them from now.

Here they are counted from the start of the tests, so that midnight may pass: two days lie between what is kept and what
is not.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from tests.ledger.sample_records import sample_record
from tests.ledger.stores import LedgerStore
from tidegate.ledger.export import Exported, export
from tidegate.ledger.record_format import decode
from tidegate.ledger.retention import DayReport, Rule, retain
from tidegate.ledger.retention_anchors import Reason
from tidegate.moderation.decision import DecisionRecord

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
"""Of today."""


def decided(days_ago: int, **changes: object) -> DecisionRecord:
    """At noon."""
    return sample_record(decided_at=NOON - timedelta(days=days_ago), **changes)


def day(days_ago: int) -> date:
    """In UTC."""
    return NOON.date() - timedelta(days=days_ago)


async def write(store: LedgerStore, records: Sequence[DecisionRecord], *, together: bool = True) -> None:
    """By a writer of its own; together in few transactions, or one by one in this order."""
    ledger = store.ledger()
    if together:
        await asyncio.gather(*(ledger.append(record) for record in records))
    else:
        for record in records:
            await ledger.append(record)
    await ledger.close()


def retained(
    store: LedgerStore, *, keep_days: int, exported_to: Path | None = None, dry_run: bool = False
) -> list[DayReport]:
    """What `tidegate ledger retention` does."""
    reason = Reason(keep_days, str(exported_to or ""), f"a test --keep-days {keep_days}")
    with store.place.opened() as archive, store.place.remover() as remover:
        return list(retain(archive, remover, Rule(reason, exported_to, dry_run=dry_run)))


def exported(store: LedgerStore, out: Path, *, rows_per_file: int = 100, until: date | None = None) -> Exported:
    """What `tidegate ledger export` does."""
    with store.place.opened() as archive:
        return export(archive, out, rows_per_file=rows_per_file, until=until)


def ids(store: LedgerStore) -> set[str]:
    """All that is there."""
    with store.place.opened() as archive:
        return {decode(payload).decision_id for payload in archive.payloads()}
