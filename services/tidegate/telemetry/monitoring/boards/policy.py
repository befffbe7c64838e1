"""Policies: which rules fire, which can't be decided, and what that does to content."""

from tidegate.telemetry.monitoring.board import RATE, Board, Choice, Panel, Query, Row, Unit, rate, shares
from tidegate.telemetry.monitoring.prometheus_names import counter
from tidegate.telemetry.names import MetricName

_RULES = f'{counter(MetricName.RULES)}{{policy=~"$policy"}}'
_FIRED = f'{counter(MetricName.RULES)}{{policy=~"$policy", value="TRUE"}}'
_UNKNOWN = f'{counter(MetricName.RULES)}{{policy=~"$policy", value="UNKNOWN"}}'
_DECISIONS = counter(MetricName.DECISIONS)

_ACTIONS = Row(
    "Actions",
    (
        Panel(
            "Share of decisions by action",
            Unit.SHARE,
            (
                Query(
                    shares(_DECISIONS, by="surface, action", of="surface"),
                    "{{surface}} {{action}}",
                ),
            ),
        ),
        Panel(
            "Held for a person",
            Unit.PER_SECOND,
            (Query(f'sum by (surface) (rate({_DECISIONS}{{action="REVIEW"}}[{RATE}]))', "{{surface}}"),),
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
            (Query(f"topk(10, {rate(_FIRED, by='policy, rule')})", "{{policy}} {{rule}}"),),
        ),
        Panel("By action asked for", Unit.PER_SECOND, (Query(rate(_FIRED, by="action"), "{{action}}"),)),
    ),
)

_UNDECIDED = Row(
    "Unknown rules",
    (
        Panel(
            "Unknown most often",
            Unit.PER_SECOND,
            (Query(f"topk(10, {rate(_UNKNOWN, by='policy, rule')})", "{{policy}} {{rule}}"),),
        ),
        Panel(
            "What was done for them",
            Unit.PER_SECOND,
            (Query(rate(counter(MetricName.FALLBACKS), by="action"), "{{action}}"),),
            about="REVIEW is fail_closed, ALLOW is fail_open.",
        ),
        Panel(
            "Share of rules' values",
            Unit.SHARE,
            (
                Query(
                    shares(_RULES, by="policy, value", of="policy"),
                    "{{policy}} {{value}}",
                ),
            ),
            about="Of rules that were not false.",
        ),
    ),
)

POLICY = Board(
    name="policy",
    title="Policy",
    about="Which rules fire, which can't be decided, and what that does to content.",
    rows=(_ACTIONS, _FIRING, _UNDECIDED),
    choices=(Choice("policy", counter(MetricName.RULES)),),
)
"""For policy people, too."""
