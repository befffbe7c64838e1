"""The port to the account risk model: features are computed here, the model lives beside the other models."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from tidegate.features.history import history_schema
from tidegate.features.refs import ACCOUNT_RISK


class RiskModel(Protocol):
    """Scores profiles. Pure, and safe to call from several threads."""

    def score(self, profiles: pa.Table) -> pa.Table:
        """Rows of `ACCOUNT_RISK` for rows of `ACCOUNT_PROFILE`, in order (`history.history_schema` of either view).

        A profile that says too little gets nulls. `event_timestamp` and `valid_until` are those of the profile's row.
        """
        ...


class NoRiskModel:
    """Where no model is in use: every score is missing."""

    def score(self, profiles: pa.Table) -> pa.Table:
        """See `RiskModel`."""
        kept = {name: profiles[name] for name in ("account_id", "event_timestamp", "valid_until")}
        schema = history_schema(ACCOUNT_RISK)
        nulls = {field.name: pa.nulls(profiles.num_rows, field.type) for field in schema if field.name not in kept}
        return pa.table({**kept, **nulls}, schema=schema)


RiskFactory = Callable[[], RiskModel]
"""Makes the model in the process that uses it. It travels to workers, so it is a module's function or class."""


@dataclass(frozen=True, slots=True)
class RiskChoice:
    """Which risk model scores the profiles of a batch."""

    name: str = "none"
    """Name and version: rows by another are computed again."""
    make: RiskFactory = NoRiskModel
    """Makes it."""


NO_RISK = RiskChoice()
"""Every score is missing."""
