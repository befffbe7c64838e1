"""The view `account_enforcement`: what moderation decided about an account, and what others reported of it."""

from tidegate.features.events.event import EventKind
from tidegate.features.transforms.answers import Answers
from tidegate.features.transforms.appeals import APPEALS, put_appeals
from tidegate.features.transforms.decisions import DECISIONS, action_codes, put_decisions
from tidegate.features.transforms.ordered_events import OrderedEvents
from tidegate.features.transforms.plays import Plays
from tidegate.features.transforms.reports import put_reports
from tidegate.features.transforms.seen import Seen
from tidegate.features.transforms.strikes import STRIKES, put_strikes


class Enforcement:
    """Computes the view over one set of events."""

    def __init__(self, events: OrderedEvents) -> None:
        """Reads what is compared.

        Args:
            events: The events that questions see.

        Raises:
            EventColumnsError: An event names an action that there is not.
        """
        self._events = events
        self._subjects = events.codes("subject_id", events.rows(*STRIKES, *APPEALS, *DECISIONS))
        self._reporters = events.codes("counterpart_id", events.rows(EventKind.REPORT_RECEIVED))
        self._actions = action_codes(events)

    def answers(self, seen: Seen, plays: Plays) -> Answers:
        """Values per question."""
        answers = Answers(seen.at)
        put_strikes(answers, seen, self._events, self._subjects)
        put_decisions(answers, seen, self._actions, self._subjects)
        put_reports(answers, seen, plays, self._reporters)
        put_appeals(answers, seen, self._subjects)
        return answers
