"""What Tidegate promises, as shares of bad events in all events: the objectives that alerts are about.

Change a number here for your traffic, and run `python -m tidegate.telemetry.monitoring`.
"""

from dataclasses import dataclass

from tidegate.moderation.errors import Reason
from tidegate.moderation.item import Surface
from tidegate.moderation.signals import Freshness
from tidegate.telemetry.degradation import Cause, Outcome
from tidegate.telemetry.measures import CANCELLED, INTERNAL
from tidegate.telemetry.monitoring.prometheus_names import buckets, counter, measured
from tidegate.telemetry.names import MetricName

LATENCY_S = 0.5
"""What a decision may take on a surface without audio. An edge of the histogram's buckets."""

_OUR_FAULT = f"{Reason.LEDGER_UNAVAILABLE}|{Reason.OVERLOADED}|{INTERNAL}|{CANCELLED}"
_QUICK = "|".join(surface for surface in Surface if surface is not Surface.PODCAST_EPISODE)


@dataclass(frozen=True, slots=True)
class Objective:
    """One promise. Expressions hold `WINDOW` where a range goes."""

    name: str
    """Value of the label `slo`."""
    alert: str
    """Name of its alert, and of the runbook."""
    target: float
    """Least share of good events, over 30 days."""
    bad: str
    """Rate of bad events."""
    all: str
    """Rate of all events."""
    summary: str
    """What is wrong when its budget burns, in a sentence."""
    description: str
    """What people notice."""

    @property
    def budget(self) -> float:
        """Greatest share of bad events."""
        return round(1.0 - self.target, 6)


def _rate(selector: str) -> str:
    return f"sum(rate({selector}[WINDOW]))"


def _bad(selector: str) -> str:
    # A series that was never counted is no failure, and not "no data" either.
    return f"({_rate(selector)} or vector(0))"


_DECISIONS = counter(MetricName.DECISIONS)
_DEGRADED = counter(MetricName.DEGRADED)
_REFUSED = f'{counter(MetricName.REFUSALS)}{{reason=~"{_OUR_FAULT}"}}'
_ANSWERED = f'{counter(MetricName.REQUESTS)}{{code="OK"}}'
_TIMED = f'{measured(MetricName.DURATION)}{{surface=~"{_QUICK}"}}'
_IN_TIME = f'{buckets(MetricName.DURATION)}{{surface=~"{_QUICK}", le="{LATENCY_S}"}}'
_VALUES = counter(MetricName.FEATURE_VALUES)

OBJECTIVES = (
    Objective(
        name="availability",
        alert="TidegateUnavailable",
        target=0.999,
        bad=_bad(_REFUSED),
        all=f"({_rate(_ANSWERED)} + {_bad(_REFUSED)})",
        summary="Requests end without a decision, by no fault of their callers",
        description="Products get UNAVAILABLE, RESOURCE_EXHAUSTED, INTERNAL or no answer before they give up.",
    ),
    Objective(
        name="latency",
        alert="TidegateSlow",
        target=0.99,
        bad=f"({_rate(_TIMED)} - {_rate(_IN_TIME)})",
        all=_rate(_TIMED),
        summary=f"Decisions on comments, profiles and playlists take longer than {LATENCY_S} s",
        description="People wait for their comment, picture or title to appear.",
    ),
    Objective(
        name="unsafe-degradation",
        alert="TidegateLetsThroughUnjudged",
        target=0.999,
        bad=_bad(f'{_DEGRADED}{{cause="{Cause.OUTAGE}", outcome="{Outcome.LET_THROUGH}"}}'),
        all=_rate(_DECISIONS),
        summary="Content is let through though a rule that asks for a broken signal could not be decided",
        description="People may see harmful content that detectors or account signals would have held back.",
    ),
    Objective(
        name="signal-completeness",
        alert="TidegateDecidesWithoutSignals",
        target=0.99,
        bad=_bad(f'{_DEGRADED}{{cause="{Cause.OUTAGE}", outcome=~"{Outcome.HELD}|{Outcome.LET_THROUGH}"}}'),
        all=_rate(_DECISIONS),
        summary="Decisions lack a signal that a rule needed, because something is late, broken or out of date",
        description="Harmless content waits for reviewers, whose queue grows.",
    ),
    Objective(
        name="signal-freshness",
        alert="TidegateSignalsStale",
        target=0.99,
        bad=_bad(f'{_VALUES}{{freshness="{Freshness.STALE}"}}'),
        all=_rate(f'{_VALUES}{{freshness=~"{Freshness.FRESH}|{Freshness.STALE}"}}'),
        summary="Account signals are older than their views allow",
        description="Rules about accounts are unknown: strikes and bursts of the last hours are not seen.",
    ),
)
"""All promises."""
