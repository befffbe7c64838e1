"""The event log in memory, for tests and trials: the same contract, and all is gone at the end."""

import secrets
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime

import pyarrow as pa

from tidegate.features.events.columns import RECORDED_AT, Row, microseconds, moment, row, table
from tidegate.features.events.event import AccountEvent
from tidegate.features.events.judgement import (
    ACCOUNT_ID,
    COUNTERPART_ID,
    EVENT_ID,
    OCCURRED_AT,
    ErasedName,
    judged,
    with_counterpart,
)
from tidegate.features.events.log import Appended, Erasure, Reading
from tidegate.features.events.tombstones import Tombstone, TombstoneKey

LATEST = 2**62
"""After every event, in microseconds since 1970 UTC."""


class MemoryEventLog:
    """See `EventLog`. Safe to use from several threads."""

    def __init__(self) -> None:
        """Empty."""
        self._guard = threading.Lock()
        self._rows: dict[str, Row] = {}
        self._versions: dict[str, int] = {}
        self._due_at_us: dict[str, int] = {}
        self._cursors: dict[str, str] = {}
        self._tombstones: dict[bytes, Tombstone] = {}
        self._erasures = 0
        self._key = TombstoneKey(secrets.token_bytes(32))

    def append(self, events: Sequence[AccountEvent], *, recorded_at: datetime) -> Sequence[Appended]:
        """See `EventLog.append`."""
        recorded_at_us = microseconds(recorded_at)
        rows = [row(event, recorded_at_us=recorded_at_us) for event in events]
        with self._guard:
            gone = self._gone({each[at] for each in rows for at in (ACCOUNT_ID, COUNTERPART_ID)})
            names = {name: ErasedName(each.erased_at_us, self._key.pseudonym(name)) for name, each in gone.items()}
            judgement = judged(rows, stored=self._rows, erased=names)
            self._rows.update(judgement.new)
            for account_id, added in judgement.new_by_account().items():
                floor = gone[account_id].version if account_id in gone else 0
                self._versions[account_id] = self._versions.get(account_id, floor) + added
                self._due_at_us[account_id] = min(self._due_at_us.get(account_id, recorded_at_us), recorded_at_us)
        return judgement.answers

    def history(self, account_ids: Sequence[str], *, known_at: datetime | None = None) -> pa.Table:
        """See `EventLog.history`."""
        asked = set(account_ids)
        with self._guard:
            rows = [each for each in self._rows.values() if each[ACCOUNT_ID] in asked]
        if known_at is not None:
            rows = [each for each in rows if each[RECORDED_AT] <= microseconds(known_at)]
        return table(sorted(rows, key=lambda each: (each[ACCOUNT_ID], each[OCCURRED_AT], each[EVENT_ID])))

    def later(self, after_us: Mapping[str, int]) -> Reading:
        """See `EventLog.later`."""
        with self._guard:
            rows = [each for each in self._rows.values() if each[OCCURRED_AT] > after_us.get(each[ACCOUNT_ID], LATEST)]
            versions = {account_id: self._versions.get(account_id, 0) for account_id in after_us}
            epoch = str(self._erasures)
        places = {account_id: place for place, account_id in enumerate(after_us)}
        rows.sort(key=lambda each: (places[each[ACCOUNT_ID]], each[OCCURRED_AT], each[EVENT_ID]))
        return Reading(table(rows), versions, dict.fromkeys(versions, 0), epoch)

    def accounts(self, *, after: str = "", limit: int = 10_000) -> Sequence[str]:
        """See `EventLog.accounts`."""
        with self._guard:
            return sorted(account_id for account_id in self._versions if account_id > after)[:limit]

    def due(self, *, now: datetime, limit: int) -> Sequence[str]:
        """See `EventLog.due`."""
        with self._guard:
            due = [(due_at_us, name) for name, due_at_us in self._due_at_us.items() if due_at_us <= microseconds(now)]
        return [name for _, name in sorted(due)[:limit]]

    def computed(self, next_due: Mapping[str, datetime], *, seen: Mapping[str, int]) -> None:
        """See `EventLog.computed`."""
        with self._guard:
            for account_id, due_at in next_due.items():
                if self._versions.get(account_id) == seen[account_id]:
                    self._due_at_us[account_id] = microseconds(due_at)

    def versions(self, account_ids: Sequence[str]) -> Mapping[str, int]:
        """See `EventLog.versions`. 0 for an account without events."""
        with self._guard:
            return {account_id: self._versions.get(account_id, 0) for account_id in account_ids}

    def held(self, account_ids: Sequence[str]) -> Mapping[str, int]:
        """See `EventLog.held`."""
        return self.versions(account_ids)

    def signals_since(self) -> datetime | None:
        """See `EventLog.signals_since`. Nothing is ever removed here."""
        return None

    def cursor(self, name: str) -> str:
        """See `EventLog.cursor`."""
        with self._guard:
            return self._cursors.get(name, "")

    def move_cursor(self, name: str, place: str) -> None:
        """See `EventLog.move_cursor`."""
        with self._guard:
            self._cursors[name] = place

    def erase(self, account_id: str, *, at: datetime) -> Erasure:
        """See `EventLog.erase`."""
        with self._guard:
            former = self._gone([account_id]).get(account_id, Tombstone(erased_at_us=microseconds(at), version=0))
            version = self._versions.pop(account_id, former.version)
            erased_at_us = max(former.erased_at_us, microseconds(at))
            self._due_at_us.pop(account_id, None)
            before = len(self._rows)
            self._rows = {name: each for name, each in self._rows.items() if each[ACCOUNT_ID] != account_id}
            pseudonym = self._key.pseudonym(account_id)
            for name, each in self._rows.items():
                if each[COUNTERPART_ID] == account_id:
                    self._rows[name] = with_counterpart(each, pseudonym)
            self._erasures += 1
            self._tombstones[self._key.digest(account_id)] = Tombstone(erased_at_us, version)
            return Erasure(events=before - len(self._rows), erased_at=moment(erased_at_us))

    def erased(self, account_ids: Sequence[str]) -> Mapping[str, datetime]:
        """See `EventLog.erased`."""
        with self._guard:
            return {account_id: moment(each.erased_at_us) for account_id, each in self._gone(account_ids).items()}

    def close(self) -> None:
        """See `EventLog.close`."""

    def _gone(self, account_ids: set[str] | Sequence[str]) -> Mapping[str, Tombstone]:
        by_name = {name: self._tombstones.get(self._key.digest(name)) for name in account_ids}
        return {name: tombstone for name, tombstone in by_name.items() if tombstone is not None}
