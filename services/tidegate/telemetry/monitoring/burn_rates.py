"""Alerts on the burn of error budgets, over several windows and at several rates.

Source: Google, "The Site Reliability Workbook", chapter 5, "6: Multiwindow, Multi-Burn-Rate Alerts", table 5-8. A rate
of 14.4 spends 2 % of a 30-day budget in an hour. The short window ends an alert soon after what caused it.
"""

from dataclasses import dataclass
from typing import Any

from tidegate.telemetry.monitoring.objectives import OBJECTIVES, Objective

RATIO = "tidegate:slo_errors_per_event"
"""Recorded share of bad events; the window is behind it."""
BUDGET = "tidegate:slo_error_budget"
"""Recorded greatest share of bad events."""
BUDGET_LEFT = "tidegate:slo_error_budget_left:ratio_30d"
"""Recorded share of the last 30 days' budget that is left; below 0 it is overspent."""
RUNBOOKS = "observability/runbooks"
"""Where the runbooks are, from the repository's root."""


@dataclass(frozen=True, slots=True)
class Burn:
    """How fast, over which windows, and whom it wakes."""

    rate: float
    """Times the rate that would spend the budget in exactly 30 days."""
    long: str
    """The window that tells."""
    short: str
    """The window that tells whether it still goes on."""
    severity: str
    """`page`: now; `ticket`: in working hours."""
    spent: str
    """For people."""


BURNS = (
    Burn(14.4, "1h", "5m", "page", "2 % of 30 days' budget in an hour"),
    Burn(6, "6h", "30m", "page", "5 % of 30 days' budget in six hours"),
    Burn(3, "1d", "2h", "ticket", "10 % of 30 days' budget in a day"),
    Burn(1, "3d", "6h", "ticket", "10 % of 30 days' budget in three days"),
)

WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")


def slo_rules() -> dict[str, Any]:
    """The rule file of all objectives."""
    return {"groups": [group for each in OBJECTIVES for group in (_recording(each), _alerting(each))]}


def _recording(objective: Objective) -> dict[str, Any]:
    labels = {"slo": objective.name}
    ratios = [{"record": f"{RATIO}:ratio_rate{w}", "expr": _ratio(objective, w), "labels": labels} for w in WINDOWS]
    budget = {"record": BUDGET, "expr": f"vector({objective.budget})", "labels": labels}
    # The mean of the five-minute shares of 30 days, which weighs a quiet hour as a busy one: a raw range over 30 days
    # is more than Prometheus should read every half minute.
    month = f'avg_over_time({RATIO}:ratio_rate5m{{slo="{objective.name}"}}[30d])'
    left = {"record": BUDGET_LEFT, "expr": f"1 - {month} / {objective.budget}", "labels": labels}
    return {"name": f"tidegate-slo-{objective.name}", "rules": [*ratios, budget, left]}


def _ratio(objective: Objective, window: str) -> str:
    # Without traffic there is no share: nothing divided by nothing would spoil every mean that it is in.
    return f"{objective.bad} / ({objective.all} > 0)".replace("WINDOW", window)


def _alerting(objective: Objective) -> dict[str, Any]:
    return {"name": f"tidegate-slo-{objective.name}-alerts", "rules": [_alert(objective, burn) for burn in BURNS]}


def _alert(objective: Objective, burn: Burn) -> dict[str, Any]:
    limit = f"{burn.rate:g} * {objective.budget:g}"
    over = [f'{RATIO}:ratio_rate{window}{{slo="{objective.name}"}} > {limit}' for window in (burn.long, burn.short)]
    return {
        "alert": objective.alert,
        "expr": " and on (slo) ".join(over),
        "labels": {"severity": burn.severity, "slo": objective.name, "window": burn.long},
        "annotations": {
            "summary": objective.summary,
            "description": (
                f"{objective.description} {{{{ $value | humanizePercentage }}}} in {burn.long},"
                f" more than {burn.rate:g} times what the objective of {objective.target:.3%} allows:"
                f" {burn.spent}."
            ),
            "runbook": f"{RUNBOOKS}/{objective.alert}.md",
        },
    }
