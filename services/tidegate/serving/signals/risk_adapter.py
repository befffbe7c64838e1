"""The account risk model behind `RiskModel`: rows of profiles in, rows of risk out."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial

import pyarrow as pa

from tidegate.features.history import EVENT_TIMESTAMP, history_schema
from tidegate.features.refs import ACCOUNT_RISK, JOIN_KEY, VALID_UNTIL
from tidegate.features.risk import NO_RISK, NoRiskModel, RiskChoice, RiskModel
from tidegate.models.account_risk.inputs import NAMES, AccountInputError, AccountInputs
from tidegate.models.account_risk.network import AccountRiskUnavailable
from tidegate.models.account_risk.scorer import DETECTOR, AccountRiskModel, RiskScore
from tidegate.models.catalogue import DetectorSpec, specification

_log = logging.getLogger(__name__)

FEWEST_KNOWN = 3
"""Inputs that must be known for a score: with fewer it says what accounts are like, and nothing of this one."""
MOST_REASONS = 3
"""Inputs that are named."""
_AT_ONCE = 256
"""Profiles that one call scores: a refused one divides the call, not the whole batch."""
_REMEMBERED = 50_000
"""Profiles whose score is kept: an account's signals change with every event, its profile about daily."""

_Row = tuple[float | None, str | None, str | None]
_NOTHING: _Row = (None, None, None)


class AccountRisk:
    """`RiskModel` over the packaged model."""

    def __init__(self, model: AccountRiskModel, *, version: str) -> None:
        """Wires the model.

        Args:
            model: Scores one account at a time, pure.
            version: Its version in the catalogue.
        """
        self._model = model
        self._version = version
        self._rows: OrderedDict[AccountInputs, _Row] = OrderedDict()
        self._lock = threading.Lock()

    def score(self, profiles: pa.Table) -> pa.Table:
        """See `RiskModel`. A profile that the model refuses gets nulls, and the others their scores."""
        columns = [profiles[name].to_pylist() for name in NAMES]
        rows = self._remembered([AccountInputs(*values) for values in zip(*columns, strict=True)])
        kept = {name: profiles[name] for name in (JOIN_KEY, EVENT_TIMESTAMP, VALID_UNTIL)}
        named = {"automated": 0, "model_version": 1, "reasons": 2}
        scores = {name: [row[at] for row in rows] for name, at in named.items()}
        schema = history_schema(ACCOUNT_RISK)
        return pa.table({field.name: kept.get(field.name, scores.get(field.name)) for field in schema}, schema=schema)

    def _remembered(self, accounts: Sequence[AccountInputs]) -> list[_Row]:
        with self._lock:
            told = {each: self._rows[each] for each in accounts if each in self._rows}
        new = [each for each in dict.fromkeys(accounts) if each not in told]
        for start in range(0, len(new), _AT_ONCE):
            told.update(self._scored(new[start : start + _AT_ONCE]))
        with self._lock:
            for each, row in told.items():
                self._rows[each] = row
                self._rows.move_to_end(each)
            while len(self._rows) > _REMEMBERED:
                self._rows.popitem(last=False)
        return [told[each] for each in accounts]

    def _scored(self, accounts: Sequence[AccountInputs]) -> dict[AccountInputs, _Row]:
        try:
            return dict(zip(accounts, map(self._row, self._model.score(accounts)), strict=True))
        except AccountInputError as error:
            _log.warning("risk.profile_refused", extra={"field": error.field, "allowed": error.allowed})
            before, after = accounts[: error.row], accounts[error.row + 1 :]
            return {accounts[error.row]: _NOTHING, **self._scored(before), **self._scored(after)}

    def _row(self, score: RiskScore) -> _Row:
        if score.known_inputs < FEWEST_KNOWN:
            return _NOTHING
        return score.probability, self._version, ",".join(score.raising(MOST_REASONS))


def account_risk(spec: DetectorSpec | None) -> RiskModel:
    """The model of a catalogue entry; where there is none, or its weights are not those named there, no scores."""
    if spec is None:
        return NoRiskModel()
    try:
        return AccountRisk(AccountRiskModel.load(spec), version=spec.version)
    except AccountRiskUnavailable as error:
        _log.error("risk.no_model", extra={"detector": DETECTOR, "error": str(error)})
        return NoRiskModel()


def risk_choice(spec: DetectorSpec | None) -> RiskChoice:
    """The same model for a batch, which makes it in its own processes, by name: an entry does not travel."""
    if spec is None:
        return NO_RISK
    return RiskChoice(f"{spec.name} {spec.version}", partial(_named, spec.name, spec.version))


def _named(name: str, version: str) -> RiskModel:
    return account_risk(specification(name, version))
