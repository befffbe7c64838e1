"""Signals of accounts from their events, with an account that can't be computed kept apart from the others."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from tidegate.features.refs import ACCOUNT_PROFILE, ACCOUNT_RISK
from tidegate.features.risk import NoRiskModel, RiskModel

_log = logging.getLogger(__name__)

Signals = Mapping[str, pa.Table]
"""Rows by name of the view."""
Transforms = Callable[[pa.Table, pa.Table], Signals]
"""`transforms.account_signals`: events and questions in, rows out."""

_ASKED = pa.schema([pa.field("account_id", pa.string()), pa.field("at_us", pa.int64())])


@dataclass(frozen=True, slots=True)
class Computed:
    """What became of a round's accounts."""

    signals: Signals
    """Rows of all accounts but the failed ones, risk included; empty if there are none."""
    failed: frozenset[str]
    """Accounts whose events made the transforms raise."""


class Computation:
    """Transforms, then risk. Not for several threads: it remembers which accounts failed last."""

    def __init__(self, transforms: Transforms, risk: RiskModel) -> None:
        self._transforms = transforms
        self._risk = risk
        self._risk_fails = False
        self._failing: set[str] = set()

    def run(self, events: pa.Table, account_ids: Sequence[str], *, at_us: int) -> Computed:
        """Signals of the accounts as of an instant.

        One that failed before is tried by itself, so that it does not cost the others a search for it every time.
        """
        sound = [account_id for account_id in account_ids if account_id not in self._failing]
        parts: list[Signals] = []
        failed: set[str] = set()
        for group in ([sound] if sound else []) + [[each] for each in account_ids if each in self._failing]:
            found, broken = self._isolated(events, group, at_us)
            parts += found
            failed |= broken
        self._note(failed, healed=set(account_ids) - failed)
        if not parts:
            return Computed({}, frozenset(failed))
        joined = {view: pa.concat_tables([part[view] for part in parts]).combine_chunks() for view in parts[0]}
        return Computed({**joined, ACCOUNT_RISK.name: self._scored(joined[ACCOUNT_PROFILE.name])}, frozenset(failed))

    def _isolated(self, events: pa.Table, group: list[str], at_us: int) -> tuple[list[Signals], set[str]]:
        """Halves the group until what raises stands alone."""
        asked = pa.table({"account_id": group, "at_us": [at_us] * len(group)}, schema=_ASKED)
        try:
            return [self._transforms(events, asked)], set()
        except Exception as error:  # noqa: BLE001 - fan-out: one account's events must not stop the others
            if len(group) == 1:
                if group[0] not in self._failing:
                    _log.error("signals.not_computed", extra={"error": type(error).__name__})
                return [], set(group)
        found: list[Signals] = []
        failed: set[str] = set()
        for half in (group[: len(group) // 2], group[len(group) // 2 :]):
            own = events.filter(pc.is_in(events["account_id"], pa.array(half, pa.string())))
            parts, broken = self._isolated(own, half, at_us)
            found += parts
            failed |= broken
        return found, failed

    def _scored(self, profiles: pa.Table) -> pa.Table:
        try:
            scores = self._risk.score(profiles)
        except Exception as error:  # noqa: BLE001 - a model that breaks leaves its own view missing, and nothing else
            if not self._risk_fails:
                _log.error("signals.risk_fails", extra={"error": type(error).__name__})
            self._risk_fails = True
            return NoRiskModel().score(profiles)
        if self._risk_fails:
            _log.warning("signals.risk_works_again")
        self._risk_fails = False
        return scores

    def _note(self, failed: set[str], *, healed: set[str]) -> None:
        before = len(self._failing)
        self._failing = (self._failing - healed) | failed
        if len(self._failing) != before:
            _log.warning("signals.failing_accounts", extra={"accounts": len(self._failing)})
