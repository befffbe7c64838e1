"""Account signals from events: the one definition, for the stream, for batches, for training sets and for checks.

Pure: no clock, no store. The same events give the same bits, in whatever order and company they come.
"""

from collections.abc import Mapping

import pyarrow as pa

from tidegate.features.history import history_schema
from tidegate.features.refs import ACCOUNT_ACTIVITY, ACCOUNT_ENFORCEMENT, ACCOUNT_PROFILE
from tidegate.features.transforms.activity import Activity
from tidegate.features.transforms.enforcement import Enforcement
from tidegate.features.transforms.next_due import next_due
from tidegate.features.transforms.ordered_events import ordered_events
from tidegate.features.transforms.plays import plays
from tidegate.features.transforms.profile import profile_answers
from tidegate.features.transforms.questions import ASKED_SCHEMA, Questions, questions
from tidegate.features.transforms.seen import seen, spans

__all__ = ["ASKED_SCHEMA", "COMPUTED_VIEWS", "account_signals", "next_due"]

COMPUTED_VIEWS = (ACCOUNT_PROFILE, ACCOUNT_ACTIVITY, ACCOUNT_ENFORCEMENT)
"""Views that come from events alone, by this module."""
_SCHEMAS = {view.name: history_schema(view) for view in COMPUTED_VIEWS}

_PAIRS_AT_ONCE = 2_000_000
"""Pairs of a question and an event in memory at a time, about 100 bytes each."""


def account_signals(events: pa.Table, asked: pa.Table) -> Mapping[str, pa.Table]:
    """Computes the signals of accounts as of instants.

    Args:
        events: In `events.log.EVENT_SCHEMA`, in any order; an id that comes twice counts once. Events of accounts that
            are not asked about are left out.
        asked: In `ASKED_SCHEMA`, `known_at_us` optional; an account may be asked about at several instants.

    Returns:
        By name of the view, rows in `history_schema(view)` in the order asked, `event_timestamp` being the instant.
        There is no row where the account had no event by then.

    Raises:
        EventColumnsError: A column is not there, or holds what cannot be in it.
    """
    every = questions(asked)
    ordered = ordered_events(events, every.accounts)
    activity, enforcement = Activity(ordered), Enforcement(ordered)

    def answered(part: Questions) -> Mapping[str, pa.Table]:
        pairs = seen(ordered, part)
        played = plays(pairs, ordered)
        answers = (profile_answers(pairs, ordered), activity.answers(pairs, played), enforcement.answers(pairs, played))
        rows = pairs.count() > 0
        return {
            name: each.table(schema, part, rows) for (name, schema), each in zip(_SCHEMAS.items(), answers, strict=True)
        }

    _, lengths = spans(ordered, every)
    parts = [answered(part) for part in every.parts(lengths, at_most=_PAIRS_AT_ONCE)] or [answered(every)]
    if len(parts) == 1:
        return parts[0]
    return {name: pa.concat_tables([part[name] for part in parts]).combine_chunks() for name in _SCHEMAS}
