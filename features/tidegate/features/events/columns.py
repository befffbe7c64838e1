"""Events as rows and columns: between `AccountEvent` and `EVENT_SCHEMA`, both ways and without loss.

The log stores these rows, Parquet holds these columns and the transforms read them, so they are made in one place only.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pyarrow as pa

from tidegate.features.events.event import AccountEvent, EventKind, ProfileFacts
from tidegate.features.events.log import EVENT_SCHEMA

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Where counting begins."""

Row = tuple[Any, ...]
"""Values in the order of `EVENT_SCHEMA`; `verified` as 0 or 1, which is how SQLite keeps it."""

RECORDED_AT = EVENT_SCHEMA.get_field_index("recorded_at_us")
"""The one value of a row that is not the sender's, and so no part of an event's content."""

_FACTS = tuple(field.name for field in fields(ProfileFacts) if field.name != "registered_at")


def microseconds(moment: datetime) -> int:
    """Since 1970 UTC, exactly. `moment` is aware."""
    passed = moment - EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def moment(microseconds_: int) -> datetime:
    """The other way."""
    return EPOCH + timedelta(microseconds=microseconds_)


def row(event: AccountEvent, *, recorded_at_us: int) -> Row:
    """An event as a row. Equal events give equal rows, so rows are what contents are compared by."""
    return (
        event.event_id,
        event.account_id,
        event.kind.value,
        microseconds(event.occurred_at),
        recorded_at_us,
        event.subject_id,
        event.counterpart_id,
        event.content_digest,
        float(event.points),
        None if event.expires_at is None else microseconds(event.expires_at),
        event.count,
        event.action,
        None if event.verified is None else int(event.verified),
        None if event.profile is None else profile_text(event.profile),
    )


def same_content(one: Row, other: Row) -> bool:
    """True if two rows tell of the same event, whenever each was recorded."""
    return one[:RECORDED_AT] == other[:RECORDED_AT] and one[RECORDED_AT + 1 :] == other[RECORDED_AT + 1 :]


def table(rows: Sequence[Row]) -> pa.Table:
    """Rows as columns."""
    if not rows:
        return EVENT_SCHEMA.empty_table()
    columns = [
        pa.array(values, type=pa.int8()).cast(pa.bool_()) if field.name == "verified" else pa.array(values, field.type)
        for field, values in zip(EVENT_SCHEMA, zip(*rows, strict=True), strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=EVENT_SCHEMA)


def event_table(events: Iterable[AccountEvent], *, recorded_at: datetime) -> pa.Table:
    """Events as columns, in their order, as if the log had recorded all of them at one instant."""
    recorded_at_us = microseconds(recorded_at)
    return table([row(event, recorded_at_us=recorded_at_us) for event in events])


def events_of(columns: pa.Table) -> Iterator[AccountEvent]:
    """Columns in `EVENT_SCHEMA` as events again, in their order."""
    for values in columns.to_pylist():
        yield AccountEvent(
            event_id=values["event_id"],
            account_id=values["account_id"],
            kind=EventKind(values["kind"]),
            occurred_at=moment(values["occurred_at_us"]),
            subject_id=values["subject_id"],
            counterpart_id=values["counterpart_id"],
            content_digest=values["content_digest"],
            points=values["points"],
            expires_at=None if values["expires_at_us"] is None else moment(values["expires_at_us"]),
            count=values["count"],
            action=values["action"],
            verified=values["verified"],
            profile=None if values["profile"] is None else profile_facts(values["profile"]),
        )


def profile_text(facts: ProfileFacts) -> str:
    """A snapshot as JSON without what is None. The same snapshot gives the same text."""
    told: dict[str, object] = {name: value for name in _FACTS if (value := getattr(facts, name)) is not None}
    if facts.registered_at is not None:
        told["registered_at_us"] = microseconds(facts.registered_at)
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS).decode()


def profile_facts(text: str) -> ProfileFacts:
    """The other way. A fact that this version does not know, from a log that a newer one wrote, is left out."""
    told = orjson.loads(text)
    registered_at_us = told.get("registered_at_us")
    return ProfileFacts(
        registered_at=None if registered_at_us is None else moment(registered_at_us),
        **{name: told[name] for name in _FACTS if name in told},
    )
