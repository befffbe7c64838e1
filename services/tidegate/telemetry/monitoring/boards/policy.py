"""Policies: which rules fire, which can't be decided, and what that does to content."""

from tidegate.telemetry.monitoring.board import Board, Choice, Panel, Query, Row, Unit, most, rate, share
from tidegate.telemetry.monitoring.prometheus_names import counter
from tidegate.telemetry.names import MetricName

_RULES = f'{counter(MetricName.RULES)}{{policy=~"$policy"}}'
_FIRED = f'{counter(MetricName.RULES)}{{policy=~"$policy", value="TRUE"}}'
_UNKNOWN = f'{counter(MetricName.RULES)}{{policy=~"$policy", value="UNKNOWN"}}'
_DECISIONS = f'{counter(MetricName.DECISIONS)}{{surface=~"$surface"}}'
_ACTED_ON = f'{counter(MetricName.DECISIONS)}{{surface=~"$surface", action!="ALLOW"}}'
_HELD = f'{counter(MetricName.DECISIONS)}{{surface=~"$surface", action="REVIEW"}}'

_ACTIONS = Row(
    "Actions",
    (
        Panel(
            "Share of decisions by action",
            Unit.SHARE,
            (Query(f"{rate(_DECISIONS, by='action')} / on () group_left () {rate(_DECISIONS)}", "{{action}}"),),
            about="A step here without a release of a policy or a detector is worth a look.",
        ),
        Panel(
            "Share not simply allowed, by surface",
            Unit.SHARE,
            (Query(share(_ACTED_ON, _DECISIONS, by="surface"), "{{surface}}"),),
        ),
        Panel(
            "Held for a person, by surface",
            Unit.PER_SECOND,
            (Query(rate(_HELD, by="surface"), "{{surface}}"),),
            about="What reviewers get.",
        ),
    ),
)

_FIRING = Row(
    "Rules that fired",
    (
        Panel(
            "Fired most often",
            Unit.PER_SECOND,
            (Query(most(8, _FIRED, by="policy, rule"), "{{policy}} {{rule}}"),),
            about="The eight that fired most in all the time shown.",
        ),
        Panel(
            "Fired, by action asked for",
            Unit.PER_SECOND,
            (Query(rate(_FIRED, by="action"), "{{action}}"),),
            about="One item may fire several; the most severe wins.",
        ),
    ),
)

_UNDECIDED = Row(
    "Unknown rules",
    (
        Panel(
            "Unknown most often",
            Unit.PER_SECOND,
            (Query(most(8, _UNKNOWN, by="policy, rule"), "{{policy}} {{rule}}"),),
            about="The eight that were unknown most in all the time shown: a signal that they ask for was missing.",
            columns=12,
        ),
        Panel(
            "What was done for unknown rules",
            Unit.PER_SECOND,
            (Query(rate(counter(MetricName.FALLBACKS), by="action"), "{{action}}"),),
            about="REVIEW is fail_closed, ALLOW is fail_open.",
            columns=6,
        ),
        Panel(
            "Share unknown, by policy",
            Unit.SHARE,
            (Query(share(_UNKNOWN, _RULES, by="policy"), "{{policy}}"),),
            about="Of rules that were not false.",
            columns=6,
        ),
    ),
)

POLICY = Board(
    name="policy",
    title="Policy",
    about="Which rules fire, which can't be decided, and what that does to content.",
    rows=(_ACTIONS, _FIRING, _UNDECIDED),
    choices=(Choice("policy", counter(MetricName.RULES)), Choice("surface", counter(MetricName.DECISIONS))),
)
"""For policy people, too."""
