"""One run in a report: its levels, its statuses, what was slow by kind, and its seconds."""

import math
import re
from collections.abc import Sequence
from html import escape

from loadtests.locust.chart import Series, line_chart
from loadtests.locust.colours import GREY, RED
from loadtests.locust.levels import Level
from loadtests.locust.markup import milliseconds, table
from loadtests.locust.run_record import RunRecord
from loadtests.locust.sample import DECIDED, NOT_SENT, SHED, Sample
from loadtests.locust.seconds import seconds_of


def section_of(run: RunRecord, samples: Sequence[Sample]) -> str:
    """The section; it is drawn second by second where there are samples."""
    names = ", ".join(dict.fromkeys(re.sub(r"-\d+$", "", level.name) for level in run.levels))
    via = f", {run.stream_share:.0%} over streams" if run.stream_share else ""
    via += f", up to {run.window} items under way on each user's stream" if run.window else ""
    title = f"{names}: {run.loop} loop, {run.mix}{via}, budget {run.budget_ms:g} ms"
    return f"<h2>{escape(title)}</h2>{_levels(run)}{_by_kind(run)}{_by_second(samples)}"


def _levels(run: RunRecord) -> str:
    latencies = ("p50", "p95", "p99", "p99 from send")
    unit = "arrivals/s" if run.loop == "open" else "users"
    head = ("level", unit, "sent/s", "good/s", "good", *latencies, "generator", "late p99", "by status")
    return table(head, [_row(level) for level in run.levels], kind="levels")


def _row(level: Level) -> tuple[str, ...]:
    return (
        escape(level.name),
        f"{level.offered:.1f}",
        f"{level.arrivals / level.duration_s:.1f}",
        f"{level.goodput_per_s:.1f}",
        f"{level.good_share:.1%}",
        milliseconds(level.from_intended.p50_ms),
        milliseconds(level.from_intended.p95_ms),
        milliseconds(level.from_intended.p99_ms),
        milliseconds(level.from_send.p99_ms),
        "" if math.isnan(level.cpu_share) else f"{level.cpu_share:.0%}",
        milliseconds(level.late_p99_ms),
        escape(", ".join(f"{_status(outcome)} {count}" for outcome, count in level.outcomes.items())),
    )


def _status(outcome: str) -> str:
    if outcome in DECIDED:
        return f"OK ({outcome.lower()})"
    return {SHED: "RESOURCE_EXHAUSTED (shed)", NOT_SENT: "not sent"}.get(outcome, outcome)


def _by_kind(run: RunRecord) -> str:
    kinds = sorted({kind for level in run.levels for kind in level.p99_by_kind_ms})
    if len(kinds) < 2:  # noqa: PLR2004 - one kind is the table above
        return ""
    rows = [
        (escape(level.name), *(milliseconds(level.p99_by_kind_ms.get(kind, math.nan)) for kind in kinds))
        for level in run.levels
    ]
    return "<h3>p99 by what was sent, ms</h3>" + table(("level", *kinds), rows)


def _by_second(samples: Sequence[Sample]) -> str:
    if not samples:
        return ""
    seconds = seconds_of(samples)
    return line_chart(
        [
            Series("p99 from the intended start", [(each.at_s, each.from_intended_p99_ms) for each in seconds], RED),
            Series("from actual send", [(each.at_s, each.from_send_p99_ms) for each in seconds], GREY, dashed=True),
        ],
        x="seconds from the start, by intended start",
        y="latency, ms",
        log_y=True,
    )
