"""The report: one HTML page that loads nothing."""

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template

from loadtests.locust.chart import Mark, Series, line_chart
from loadtests.locust.gate import Verdict
from loadtests.locust.knee import CARRIED, knee_of
from loadtests.locust.levels import Level
from loadtests.locust.run_record import RunRecord
from loadtests.locust.sample import DECIDED, NOT_SENT, SHED, Sample
from loadtests.locust.seconds import seconds_of

REPORT = "report.html"
_BLUE, _ORANGE, _RED, _GREEN, _GREY = "#1f6fb4", "#e08214", "#b2182b", "#2a8a4a", "#777"


def page_of(
    runs: Sequence[RunRecord], verdicts: Sequence[Verdict], *, samples: Mapping[int, Sequence[Sample]] | None = None
) -> str:
    """The whole page.

    Args:
        runs: At least one; the curves are drawn over the levels of all open-loop runs of one mix.
        verdicts: What the gate said; none if there was none.
        samples: Of the runs that are to be drawn second by second, by place in `runs`.
    """
    template = Template(Path(__file__).with_name("report_page.html").read_text())
    sections = [_verdicts(verdicts), _warnings(runs), *_curves(runs), *_runs(runs, samples or {})]
    return template.substitute(title="Tidegate under load", facts=_facts(runs[0]), sections="".join(sections))


def _facts(run: RunRecord) -> str:
    return escape(
        f"{run.made} · budget {run.budget_ms:g} ms, given up after {run.deadline_ms:g} ms · seed {run.seed}"
        f" · {run.machine}"
    )


def _verdicts(verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return ""
    rows = [
        (
            f'<b class="{"good" if each.holds else "bad"}">{"holds" if each.holds else "breached"}</b>',
            escape(each.measure),
            "not measured" if each.value is None else f"{each.value:.4g} {each.unit}",
            escape(each.target),
        )
        for each in verdicts
    ]
    return "<h2>Thresholds</h2>" + _table(("", "measure", "value", "target"), rows)


def _warnings(runs: Sequence[RunRecord]) -> str:
    lines = [each for run in runs for each in run.warnings]
    lines += [f"{run.plan.written()}: not all of it was run" for run in runs if not run.finished]
    if not lines:
        return ""
    return "<h2>Read with care</h2><ul>" + "".join(f"<li>{escape(each)}</li>" for each in lines) + "</ul>"


def _curves(runs: Sequence[RunRecord]) -> list[str]:
    sections = []
    for mix in dict.fromkeys(run.mix for run in runs if run.loop == "open"):
        chosen = [run for run in runs if run.mix == mix and run.loop == "open" and not run.stream_share]
        levels = sorted((level for run in chosen for level in run.levels), key=lambda each: each.offered)
        if len(levels) > 1:
            sections.append(_curve(mix, levels, chosen[0].budget_ms))
    return sections


def _curve(mix: str, levels: Sequence[Level], budget_ms: float) -> str:
    knee = knee_of(level for level in levels if level.name.startswith("ramp"))
    at_knee = [Mark(f"knee {knee.offered:.0f}/s", knee.offered)] if knee else []

    def over(read: Callable[[Level], float]) -> list[tuple[float, float]]:
        return [(level.offered, read(level)) for level in levels]

    latency = line_chart(
        [
            Series("p50", over(lambda level: level.from_intended.p50_ms), _BLUE),
            Series("p95", over(lambda level: level.from_intended.p95_ms), _ORANGE),
            Series("p99", over(lambda level: level.from_intended.p99_ms), _RED),
            Series("p99 from actual send", over(lambda level: level.from_send.p99_ms), _GREY, dashed=True),
        ],
        x="offered load, arrivals per second",
        y="latency from the intended start, ms",
        log_y=True,
        marks=[*at_knee, Mark(f"budget {budget_ms:g} ms", budget_ms, level=True)],
    )
    goodput = line_chart(
        [
            Series("offered", over(lambda level: level.offered), _GREY, dashed=True),
            Series("good: complete, within the budget", over(lambda level: level.goodput_per_s), _GREEN),
            Series("shed", over(lambda level: level.sheds / level.duration_s), _ORANGE),
            Series("errors", over(lambda level: level.errors / level.duration_s), _RED),
        ],
        x="offered load, arrivals per second",
        y="answers per second",
        marks=at_knee,
    )
    said = (
        f"The knee is {knee.offered:.1f}/s: the highest level of the ramp at which {CARRIED:.0%} of the arrivals got a"
        " good answer."
        if knee
        else "No level of a ramp was carried, or there was no ramp: no knee."
    )
    return f"<h2>Latency and goodput by load: {escape(mix)}</h2><p>{said}</p>{latency}{goodput}"


def _runs(runs: Sequence[RunRecord], samples: Mapping[int, Sequence[Sample]]) -> list[str]:
    sections = []
    for number, run in enumerate(runs):
        unit = "arrivals/s" if run.loop == "open" else "users"
        via = f", {run.stream_share:.0%} over streams" if run.stream_share else ""
        sections.append(f"<h2>{run.loop.capitalize()} loop, {escape(run.mix)}{via}</h2>" + _levels(run, unit))
        if number in samples:
            sections.append(_by_second(samples[number]))
    return sections


def _levels(run: RunRecord, unit: str) -> str:
    head = (
        "level",
        unit,
        "sent/s",
        "good/s",
        "good",
        "p50",
        "p95",
        "p99",
        "p99 from send",
        "generator",
        "late p99",
        "",
    )
    rows = [
        (
            escape(level.name),
            f"{level.offered:.1f}",
            f"{level.arrivals / level.duration_s:.1f}",
            f"{level.goodput_per_s:.1f}",
            f"{level.good_share:.1%}",
            _ms(level.from_intended.p50_ms),
            _ms(level.from_intended.p95_ms),
            _ms(level.from_intended.p99_ms),
            _ms(level.from_send.p99_ms),
            "" if math.isnan(level.cpu_share) else f"{level.cpu_share:.0%}",
            _ms(level.late_p99_ms),
            escape(", ".join(f"{_status(outcome)} {count}" for outcome, count in level.outcomes.items())),
        )
        for level in run.levels
    ]
    return _table(head, rows) + _by_kind(run)


def _by_kind(run: RunRecord) -> str:
    kinds = sorted({kind for level in run.levels for kind in level.p99_by_kind_ms})
    if len(kinds) < 2:  # noqa: PLR2004 - one kind is the table above
        return ""
    rows = [
        (escape(level.name), *(_ms(level.p99_by_kind_ms.get(kind, math.nan)) for kind in kinds)) for level in run.levels
    ]
    return "<h3>p99 by what was sent, ms</h3>" + _table(("level", *kinds), rows)


def _by_second(samples: Sequence[Sample]) -> str:
    seconds = seconds_of(samples)
    return line_chart(
        [
            Series("p99 from the intended start", [(each.at_s, each.from_intended_p99_ms) for each in seconds], _RED),
            Series(
                "p99 from actual send", [(each.at_s, each.from_send_p99_ms) for each in seconds], _GREY, dashed=True
            ),
        ],
        x="seconds from the start, by intended start",
        y="latency, ms",
        log_y=True,
    )


def _status(outcome: str) -> str:
    if outcome in DECIDED:
        return f"OK ({outcome.lower()})"
    return {SHED: "RESOURCE_EXHAUSTED (shed)", NOT_SENT: "not sent"}.get(outcome, outcome)


def _ms(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.1f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = "".join(f"<th>{escape(each)}</th>" for each in head)
    body = "".join("<tr>" + "".join(f"<td>{each}</td>" for each in row) + "</tr>" for row in rows)
    return f"<div><table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>"
