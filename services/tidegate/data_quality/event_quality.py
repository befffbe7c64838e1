"""Expectations on the event log: volume, lateness, clocks, gaps and ranges of events by kind."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import NoneType
from typing import Any, get_args, get_type_hints

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from tidegate.data_quality.expectations import EventExpectations
from tidegate.data_quality.findings import Finding, Subject
from tidegate.data_quality.typed_values import column as typed_column
from tidegate.features.events.event import EventKind, ProfileFacts

_Ints = npt.NDArray[np.int64]
_US = timedelta(microseconds=1)
_DAY_US = timedelta(days=1) // _US
_BACKFILL_US = timedelta(days=7) // _US
_ARROW_TYPES: dict[Any, pa.DataType] = {
    datetime: pa.int64(),  # microseconds
    int: pa.int64(),
    bool: pa.bool_(),
    str: pa.string(),
}
_FACT_TYPES = {
    name: _ARROW_TYPES[next(each for each in get_args(hint) if each is not NoneType)]
    for name, hint in get_type_hints(ProfileFacts).items()
}


class DamagedProfileError(Exception):
    """An event's profile is no JSON object. The message names the event."""


@dataclass(slots=True)
class _Field:
    """What was seen of one field of one kind."""

    absent: int = 0
    low: float = float("inf")
    high: float = float("-inf")


@dataclass(slots=True)
class _Kind:
    """What was seen of one kind."""

    last_day: int = 0
    before: int = 0
    ahead: int = 0
    in_time: list[_Ints] = field(default_factory=list)
    late: list[_Ints] = field(default_factory=list)
    fields: dict[str, _Field] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return self.last_day + self.before


class EventQuality:
    """Takes events in, page by page, and says what the last day came to beside the days before it."""

    def __init__(self, expectations: EventExpectations, *, at_us: int) -> None:
        """Starts empty.

        Args:
            expectations: What is expected.
            at_us: The end of the last day, microseconds since 1970 UTC.
        """
        self._expected = expectations
        self._at_us = at_us
        self._late_us = int(expectations.late_minutes * 60_000_000)
        self._began_us = at_us
        self._kinds: dict[str, _Kind] = {}
        self._asked: dict[str, set[str]] = {}
        for name in (*expectations.null_share, *expectations.range):
            kind, _, of = name.partition(".")
            self._asked.setdefault(kind, set()).add(of)

    def add(self, events: pa.Table) -> None:
        """Takes events in `EVENT_SCHEMA` in; those of other days are passed over.

        Raises:
            DamagedProfileError: A profile can't be read.
            WrongTypeError: A profile holds a value of a wrong type.
        """
        first_us = self._at_us - (1 + self._expected.days_before) * _DAY_US
        occurred = events["occurred_at_us"]
        if events.num_rows:
            self._began_us = min(self._began_us, pc.min(events["recorded_at_us"]).as_py())
        within = events.filter(pc.and_(pc.greater(occurred, first_us), pc.less_equal(occurred, self._at_us)))
        for kind in pc.unique(within["kind"]).to_pylist():
            self._add(self._kinds.setdefault(kind, _Kind()), kind, within.filter(pc.equal(within["kind"], kind)))

    def _add(self, held: _Kind, kind: str, events: pa.Table) -> None:
        occurred = events["occurred_at_us"]
        last_day = _number(pc.greater(occurred, self._at_us - _DAY_US))
        held.last_day += last_day
        held.before += events.num_rows - last_day
        happened, delay = occurred.to_numpy(), events["recorded_at_us"].to_numpy() - occurred.to_numpy()
        held.ahead += int((delay < 0).sum())
        held.in_time.append(happened[delay < _BACKFILL_US])
        held.late.append(happened[(delay < _BACKFILL_US) & (delay > self._late_us)])
        for name in self._asked.get(kind, ()):
            _add_field(held.fields.setdefault(name, _Field()), kind, name, events)

    def findings(self) -> Iterator[Finding]:
        """Every expectation. A kind of which there was nothing in all these days is not judged."""
        expected = self._expected
        for kind, held in sorted(self._kinds.items()):
            daily = held.before / expected.days_before
            ratio = (held.last_day / daily,) if daily else ()
            yield self._finding(kind, "÷ daily mean before", ratio, expected.volume, held.before)
            late, recorded = (self._since_began(each) for each in (held.late, held.in_time))
            share = (late / recorded,) if recorded else ()
            check = f"late over {expected.late_minutes:g} min"
            yield self._finding(kind, check, share, (0.0, expected.late_share), recorded)
            ahead = (held.ahead / held.count,)
            yield self._finding(kind, "ahead of our clock", ahead, (0.0, expected.ahead_share), held.count)
        yield from self._of_fields()

    def _since_began(self, happened: list[_Ints]) -> int:
        """Those that happened once the log was there: what is older can only have come late."""
        return sum(int((each >= self._began_us).sum()) for each in happened)

    def _of_fields(self) -> Iterator[Finding]:
        for name, most in self._expected.null_share.items():
            kind, _, of = name.partition(".")
            if held := self._kinds.get(kind):
                share = held.fields[of].absent / held.count
                yield self._finding(name, "null share", (share,), (0.0, most), held.count)
        for name, allowed in self._expected.range.items():
            kind, _, of = name.partition(".")
            if (held := self._kinds.get(kind)) and held.fields[of].low <= held.fields[of].high:
                seen = held.fields[of]
                yield Finding(Subject.EVENTS, name, "range", (seen.low, seen.high), allowed, held.count)

    def _finding(
        self, about: str, check: str, observed: tuple[float, ...], allowed: tuple[float, float], count: int
    ) -> Finding:
        return Finding(Subject.EVENTS, about, check, observed, allowed, count, self._expected.fewest)


def _add_field(held: _Field, kind: str, name: str, events: pa.Table) -> None:
    if kind == EventKind.PROFILE:
        values = _facts(name, events)
    else:
        column = events[f"{name}_us" if name == "expires_at" else name]
        values = pc.if_else(pc.equal(column, ""), None, column) if pa.types.is_string(column.type) else column
    held.absent += values.null_count
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        found = pc.min_max(values)
        if found["min"].is_valid:
            held.low, held.high = min(held.low, found["min"].as_py()), max(held.high, found["max"].as_py())


def _facts(name: str, events: pa.Table) -> pa.Array:
    key = "registered_at_us" if name == "registered_at" else name
    told = []
    for event_id, text in zip(events["event_id"].to_pylist(), events["profile"].to_pylist(), strict=True):
        record = f"event {event_id}"
        try:
            told.append((record, orjson.loads(text).get(key)))
        except (orjson.JSONDecodeError, AttributeError) as error:
            raise DamagedProfileError(f"{record}: profile is no JSON object, which alone is allowed") from error
    return typed_column(told, f"profile.{key}", _FACT_TYPES[name])


def _number(true: pa.ChunkedArray) -> int:
    return pc.sum(true).as_py() or 0
