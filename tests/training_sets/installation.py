"""Event log, processor, online store and ledger as they are installed, with a clock that tests move."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from tests.features.stream.account_events import Clock
from tests.ledger.sample_records import sample_inputs, sample_record
from tidegate.cli.main import main
from tidegate.enrichment.feast_reader import FeastReader
from tidegate.enrichment.freshness import signals_of
from tidegate.features.events.event import AccountEvent, EventKind
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.feast_writer import FeastOnlineWriter
from tidegate.features.risk import NoRiskModel
from tidegate.features.stream.processor import SignalProcessor
from tidegate.ledger.sqlite_adapter import SqliteLedger
from tidegate.moderation.decision import DecisionRecord
from tidegate.moderation.signals import AccountSignals, FeatureScalar

START = datetime(2026, 3, 1, 12, 0, 0, 250_000, UTC)
ACCOUNT = "account-1"
MOMENT = timedelta(milliseconds=40)


class Installation:
    """In `state`, whose folder `features` has the definitions applied and no rows."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.clock = Clock(START)
        self.log_path = state / "events.db"
        self.log = SqliteEventLog(self.log_path)
        self.writer = FeastOnlineWriter(state / "features")
        self.reader = FeastReader(state / "features")
        self.processor = SignalProcessor(self.log, self.writer, NoRiskModel(), clock=self.clock)
        self.ledger = SqliteLedger(state / "ledger.db", timeout_s=60)
        self._events = 0

    def happens(self, kind: EventKind = EventKind.COMMENT, *, account: str = ACCOUNT, **fields: Any) -> AccountEvent:
        """Records an event now."""
        self._events += 1
        told = {"subject_id": f"s{self._events}", **fields}
        event = AccountEvent(f"e{self._events}", account, kind, self.clock(), **told)
        self.log.append([event], recorded_at=self.clock())
        return event

    def computes(self) -> None:
        """The stream brings the online store up to date; time passes meanwhile."""
        self.clock.forward(MOMENT)
        while self.processor.apply_due().more:
            pass
        self.clock.forward(MOMENT)

    def signals(self, account: str = ACCOUNT) -> AccountSignals:
        """As the router reads them."""
        return signals_of(self.reader.read([account])[0], now=self.clock())

    async def decides(self, account: str = ACCOUNT, **changes: Any) -> DecisionRecord:
        """Reads the account's signals, and puts a decision that was made from them into the ledger."""
        signals = self.signals(account)
        self.clock.forward(timedelta(milliseconds=3))
        inputs = replace(sample_inputs(), account=signals)
        record = sample_record(**{"account_id": account, "decided_at": self.clock(), "inputs": inputs, **changes})
        await self.ledger.append(record)
        return record

    async def close(self) -> None:
        """What was written is on disk."""
        await self.ledger.close()
        self.writer.close()
        self.reader.close()
        self.log.close()

    def run(self, *arguments: str) -> Result:
        """A command of `tidegate features` as a user calls it on this state directory."""
        return CliRunner().invoke(main, ["--state-dir", str(self.state), "features", *arguments])

    def answer(self, *arguments: str) -> Mapping[str, Any]:
        """What it says to machines."""
        document: Mapping[str, Any] = json.loads(self.run(*arguments, "--json").stdout)
        return document


def served(record: DecisionRecord, name: str) -> FeatureScalar | None:
    """The value that a decision was made from."""
    return next(value.value for value in record.inputs.account.values if value.name == name)


def verdicts(answer: Mapping[str, Any]) -> Mapping[str, int]:
    """Those that occur, without the equal values."""
    return {name: count for name, count in answer["verdicts"].items() if count and name != "same"}


def with_verdict(answer: Mapping[str, Any], verdict: str) -> Sequence[str]:
    """Names of the features with a value of which that was said."""
    return [each["feature"] for each in answer["features"] if each["verdicts"].get(verdict)]
