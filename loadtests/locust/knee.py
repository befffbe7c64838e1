"""The highest load that a service carries, found in a ramp."""

from collections.abc import Iterable

from loadtests.locust.levels import Level

CARRIED = 0.95
"""Share of the arrivals that must get a good answer (complete, within the budget) for a level to be carried."""
_MOST_GROWTH = 1.25
"""Of goodput from the knee to twice its load: a ramp's levels lie up to a fifth apart, and the limit between two."""


def carried(level: Level) -> bool:
    """Whether the service kept up."""
    return level.good_share >= CARRIED


def knee_of(levels: Iterable[Level]) -> Level | None:
    """The highest level that is carried below the first two neighbours that are not; None if none is.

    One level that is not carried between others that are is a moment in which the machine was busy with something
    else; two in a row are a limit.
    """
    knee: Level | None = None
    missed = False
    for level in sorted(levels, key=lambda each: each.offered):
        if carried(level):
            knee, missed = level, False
        elif missed:
            break
        else:
            missed = True
    return knee


def doubt(levels: Iterable[Level]) -> str:
    """Why a knee is too low, found where it was offered again, and twice as much; empty if there is no reason.

    Beyond the limit of a service goodput does not grow: where it did, the knee was none.
    """
    levels = list(levels)
    doubled = [level for level in levels if level.name == "double-knee"]
    again = {level.name: level for level in levels}.get("knee")
    grown = doubled[-1].goodput_per_s / again.goodput_per_s if doubled and again and again.good else 0.0
    if doubled and all(map(carried, doubled)):
        found = f"twice the knee's load, {doubled[0].offered:g}/s, was carried as well"
    elif grown > _MOST_GROWTH:
        found = f"at twice the knee's load, {doubled[0].offered:g}/s, {grown:.2f} times as many answers were good"
    else:
        return ""
    return (
        f"{found}: the ramp met a moment in which the machine was busy. The knee is higher, and no overload was tested;"
        " run again while nothing else runs"
    )
