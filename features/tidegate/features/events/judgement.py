"""What becomes of events that are given to a log: the rule that every log follows, without its storage."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tidegate.features.events.columns import Row, same_content
from tidegate.features.events.log import EVENT_SCHEMA, Appended

EVENT_ID, ACCOUNT_ID, OCCURRED_AT, COUNTERPART_ID = (
    EVENT_SCHEMA.get_field_index(name) for name in ("event_id", "account_id", "occurred_at_us", "counterpart_id")
)
"""Where these values are in a row."""


@dataclass(frozen=True, slots=True)
class ErasedName:
    """What a log remembers of an erased account."""

    erased_at_us: int
    """What occurred up to here is not taken back."""
    pseudonym: str
    """Stands for the account where it took part in what happened to others up to then: who reported is no longer known,
    but that two reports came from the same account still is, so `distinct_reporters` stays as it was."""


@dataclass(slots=True)
class Judgement:
    """Answers in the order of the events, and what to store."""

    answers: list[Appended] = field(default_factory=list)
    """One for each event."""
    new: dict[str, Row] = field(default_factory=dict)
    """Rows to store, by event id."""

    def new_by_account(self) -> Mapping[str, int]:
        """How many events each touched account gains."""
        counts: dict[str, int] = {}
        for row in self.new.values():
            counts[row[ACCOUNT_ID]] = counts.get(row[ACCOUNT_ID], 0) + 1
        return counts


def judged(rows: Iterable[Row], *, stored: Mapping[str, Row], erased: Mapping[str, ErasedName]) -> Judgement:
    """Decides on each row, a repeat within the same call included.

    Args:
        rows: Events in `EVENT_SCHEMA`'s order.
        stored: Rows that the log holds under any of these event ids.
        erased: Those of the accounts and counterparts that were erased.
    """
    result = Judgement()
    for given in rows:
        gone = erased.get(given[ACCOUNT_ID])
        if gone is not None and given[OCCURRED_AT] <= gone.erased_at_us:
            result.answers.append(Appended.ERASED)
            continue
        row = _without_erased_counterpart(given, erased)
        known = result.new.get(row[EVENT_ID]) or stored.get(row[EVENT_ID])
        if known is None:
            result.new[row[EVENT_ID]] = row
            result.answers.append(Appended.NEW)
        else:
            result.answers.append(Appended.REPEATED if same_content(known, row) else Appended.CONFLICT)
    return result


def with_counterpart(row: Row, counterpart_id: str) -> Row:
    """The row with another counterpart."""
    return (*row[:COUNTERPART_ID], counterpart_id, *row[COUNTERPART_ID + 1 :])


def _without_erased_counterpart(row: Row, erased: Mapping[str, ErasedName]) -> Row:
    gone = erased.get(row[COUNTERPART_ID])
    if gone is None or row[OCCURRED_AT] > gone.erased_at_us:
        return row
    return with_counterpart(row, gone.pseudonym)
