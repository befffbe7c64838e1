"""The highest load that a service carries, found in a ramp."""

from collections.abc import Iterable

from loadtests.locust.levels import Level

CARRIED = 0.95
"""Share of the arrivals that must get a good answer (complete, within the budget) for a level to be carried."""


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
    """What to know of a knee of which twice the load was carried, too; empty if that was not so."""
    doubled = [level for level in levels if level.name == "double-knee"]
    if not doubled or not all(map(carried, doubled)):
        return ""
    return (
        f"twice the knee's load, {doubled[0].offered:g}/s, was carried as well: the ramp met a moment in which the"
        " machine was busy. The knee is higher, and no overload was tested; run again while nothing else runs"
    )
