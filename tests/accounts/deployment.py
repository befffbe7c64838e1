"""A state directory with every store filled, and accounts that are told apart in every byte of it."""

import asyncio
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.features.events.sample_events import one_of_each
from tests.ledger.sample_records import sample_record
from tidegate.accounts.erasure import AccountEraser
from tidegate.accounts.export_files import Export, collected
from tidegate.accounts.held import AccountPlaces
from tidegate.accounts.receipts import Receipt
from tidegate.features.events.event import AccountEvent, EventKind
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.online import OnlineChoice
from tidegate.features.pipeline import apply, compute, materialize
from tidegate.ledger.sqlite_adapter import SqliteLedger
from tidegate.ledger.sqlite_place import SqlitePlace

NOW = datetime.now(UTC).replace(microsecond=0)
"""The real time: a running processor has no other."""
GONE = "zq-müller-7f3a91"
"""The account that is erased."""
NEXT = "zq-müller-7f3a91-x"
"""One whose name begins with the other's."""
ACCOUNTS = (GONE, NEXT, *(f"kept-{number:03d}" for number in range(40)))
DECISIONS = 3
"""Decision records of each of the first two."""


@dataclass(frozen=True)
class Deployment:
    """All stores under one state directory."""

    state: Path

    @property
    def places(self) -> AccountPlaces:
        return AccountPlaces(
            features=self.state / "features",
            events=self.state / "events.db",
            ledger=SqlitePlace(self.state / "ledger.db"),
            erasures=self.state / "erasures",
        )

    @contextmanager
    def log(self) -> Iterator[SqliteEventLog]:
        log = SqliteEventLog(self.places.events)
        try:
            yield log
        finally:
            log.close()

    def export(self, account_id: str = GONE) -> Export:
        return collected(self.places, account_id, now=datetime.now(UTC))

    def held(self, account_id: str = GONE) -> Mapping[str, int]:
        return {store.value: span.count for store, span in self.export(account_id).spans().items()}

    def eraser(self) -> AccountEraser:
        return AccountEraser(self.places, clock=lambda: datetime.now(UTC))

    def erase(self, account_id: str = GONE) -> Receipt:
        eraser = self.eraser()
        return eraser.erase(account_id, kept=eraser.look(account_id).kept, say=lambda _: None)

    def compute(self, **options: Any) -> None:
        compute(
            self.places.features,
            now=datetime.now(UTC),
            progress=lambda _: None,
            signals=self.places.events,
            **options,
        )

    def materialize(self) -> None:
        materialize(self.places.features, until=datetime.now(UTC), progress=lambda _: None, signals=self.places.events)

    def copied(self, to: Path) -> "Deployment":
        return Deployment(shutil.copytree(self.state, to, symlinks=True))


def filled(state: Path, online: OnlineChoice) -> Deployment:
    """Two published runs, one of them online, and events, decisions and counterparts on every side."""
    made = Deployment(state)
    apply(made.places.features, online, progress=lambda _: None)
    with made.log() as log:
        for account_id in ACCOUNTS:
            log.append(history(account_id), recorded_at=NOW - timedelta(hours=2))
    asyncio.run(_decide(made.state / "ledger.db"))
    for at in (NOW - timedelta(hours=1), NOW):
        made.compute(at=[at])
    made.materialize()
    return made


def history(account_id: str) -> Sequence[AccountEvent]:
    """One event of each kind in the last days, and a report by the first account, which may be the account itself."""
    start = NOW - timedelta(days=2)
    each = [
        AccountEvent(**{**_fields(event), "occurred_at": start + timedelta(minutes=number)})
        for number, event in enumerate(one_of_each(account_id))
    ]
    report = AccountEvent(
        f"{account_id}/reported", account_id, EventKind.REPORT_RECEIVED, start, counterpart_id=GONE, subject_id="c-1"
    )
    return [*each, report]


def _fields(event: AccountEvent) -> dict[str, Any]:
    return {name: getattr(event, name) for name in AccountEvent.__slots__}


async def _decide(path: Path) -> None:
    ledger = SqliteLedger(path, timeout_s=60)
    for account_id in (GONE, NEXT):
        for number in range(DECISIONS):
            at = NOW - timedelta(days=3 - number)
            await ledger.append(sample_record(account_id=account_id, decided_at=at))
    await ledger.close()
