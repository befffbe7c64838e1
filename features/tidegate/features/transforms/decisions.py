"""Our own decisions on the account's items: what holds of each is its latest decision or review outcome."""

from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from tidegate.features.events.event import EventKind
from tidegate.features.refs import LastAction
from tidegate.features.transforms.answers import Answers
from tidegate.features.transforms.columns import known_codes
from tidegate.features.transforms.instants import MONTH_US, YEAR_US, Ints
from tidegate.features.transforms.latest import latest
from tidegate.features.transforms.ordered_events import KINDS, OrderedEvents
from tidegate.features.transforms.seen import Seen
from tidegate.moderation.decision import Action

DECISIONS = (EventKind.DECISION, EventKind.REVIEW_OUTCOME)
_ACTIONS = tuple(Action)


@cache
def _names(*before: str) -> Any:
    return pa.array([*before, *(action.value for action in _ACTIONS)])  # Arrow imports pandas for it: not at import


def put_decisions(answers: Answers, seen: Seen, actions: Ints, subjects: Ints) -> None:
    """Adds the features of decisions.

    Args:
        answers: Where to.
        seen: What each question sees.
        actions: `action_codes` of the events.
        subjects: Code of the decision's id by row of the events.
    """
    told = seen.of(*DECISIONS)
    holds = latest(told, subjects[told.row])
    blocks = holds.only(actions[holds.row] == _ACTIONS.index(Action.BLOCK))
    confirmed = blocks.only(blocks.kind == KINDS.index(EventKind.REVIEW_OUTCOME))
    answers.put_counts(blocks, {"blocks_30d": MONTH_US})
    answers.put_counts(confirmed, {"confirmed_blocks_30d": MONTH_US, "confirmed_blocks_365d": YEAR_US})
    _put_last_action(answers, holds.only(actions[holds.row] != _ACTIONS.index(Action.ALLOW)), actions)


def action_codes(events: OrderedEvents) -> Ints:
    """Index in `_ACTIONS` by row of the events; -1 for other events.

    Raises:
        EventColumnsError: An action is not in `moderation.decision.Action`.
    """
    codes, rows = np.full(events.origin.size, -1), events.rows(*DECISIONS)
    if rows.size:
        codes[rows] = known_codes(events.values("action", rows), _names(), "action")
    return codes


def _put_last_action(answers: Answers, actioned: Seen, actions: Ints) -> None:
    actioned = actioned.within(YEAR_US)
    last = actioned.last()
    codes = np.zeros(last.size, dtype=np.int64)
    codes[last >= 0] = actions[actioned.row[last[last >= 0]]] + 1
    answers.put("last_action", _names(LastAction.NONE.value).take(pa.array(codes)))
    newest = np.zeros(actioned.row.size, dtype=np.bool_)
    newest[last[last >= 0]] = True
    answers.change(actioned.only(newest).leaves(YEAR_US))
