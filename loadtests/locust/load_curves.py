"""Latency and goodput by offered load, drawn over the levels of a ramp."""

from collections.abc import Callable, Sequence
from html import escape

from loadtests.locust.chart import Mark, Series, line_chart
from loadtests.locust.colours import BLUE, GREEN, GREY, ORANGE, RED
from loadtests.locust.knee import CARRIED, knee_of
from loadtests.locust.levels import Level
from loadtests.locust.run_record import RunRecord

_X = "offered load, arrivals per second"


def curves_of(runs: Sequence[RunRecord]) -> list[str]:
    """A section for each mix whose open-loop runs have more than one level."""
    sections = []
    for mix in dict.fromkeys(run.mix for run in runs):
        chosen = [run for run in runs if run.mix == mix and run.loop == "open" and not run.stream_share]
        levels = _on_the_curve([level for run in chosen for level in run.levels])
        if len(levels) > 1:
            sections.append(_section(mix, levels, chosen[0].budget_ms))
    return sections


def _on_the_curve(levels: Sequence[Level]) -> list[Level]:
    """The ramp and what lies beyond it, if there was a ramp: other levels stand at loads of which it has one."""
    ramp = [level for level in levels if level.name.startswith("ramp")]
    beyond = max((level.offered for level in ramp), default=0.0)
    chosen = ramp + [level for level in levels if level.name == "double-knee" and level.offered > beyond]
    return sorted(chosen if ramp else levels, key=lambda each: each.offered)


def _section(mix: str, levels: Sequence[Level], budget_ms: float) -> str:
    knee = knee_of(level for level in levels if level.name.startswith("ramp"))
    at_knee = [Mark(f"knee {knee.offered:.0f}/s", knee.offered)] if knee else []

    def over(read: Callable[[Level], float]) -> list[tuple[float, float]]:
        return [(level.offered, read(level)) for level in levels]

    latency = line_chart(
        [
            Series("p50", over(lambda level: level.from_intended.p50_ms), BLUE),
            Series("p95", over(lambda level: level.from_intended.p95_ms), ORANGE),
            Series("p99", over(lambda level: level.from_intended.p99_ms), RED),
            Series("p99 from actual send", over(lambda level: level.from_send.p99_ms), GREY, dashed=True),
        ],
        x=_X,
        y="latency from the intended start, ms",
        log_y=True,
        marks=[*at_knee, Mark(f"budget {budget_ms:g} ms", budget_ms, level=True)],
    )
    goodput = line_chart(
        [
            Series("offered", over(lambda level: level.offered), GREY, dashed=True),
            Series("good: complete, within the budget", over(lambda level: level.goodput_per_s), GREEN),
            Series("shed", over(lambda level: level.sheds / level.duration_s), ORANGE),
            Series("errors", over(lambda level: level.errors / level.duration_s), RED),
        ],
        x=_X,
        y="answers per second",
        marks=at_knee,
    )
    return f"<h2>Latency and goodput by load: {escape(mix)}</h2><p>{escape(_said(knee))}</p>{latency}{goodput}"


def _said(knee: Level | None) -> str:
    if knee is None:
        return "No level of a ramp was carried, or there was no ramp: no knee."
    return (
        f"The knee is {knee.offered:.1f}/s: the highest level of the ramp at which {CARRIED:.0%} got a good answer,"
        " below the first two neighbours at which fewer did. A single level that misses lower down was a busy moment of"
        " the machine."
    )
