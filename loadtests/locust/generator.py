"""Whether the generator kept up: a load test that measures itself must say so."""

from collections.abc import Iterable

from loadtests.locust.levels import Level

MOST_CPU_SHARE = 0.85
"""Of one core; a Python process has no more than one."""
MOST_LATE_MS = 10.0
"""p99 of how late requests may be taken up."""


def warnings_of(levels: Iterable[Level]) -> tuple[str, ...]:
    """A sentence for each way in which the generator was the bottleneck, or may have been, with the levels."""
    levels = tuple(levels)
    busy = [level for level in levels if level.cpu_share > MOST_CPU_SHARE]
    late = [level for level in levels if level.late_p99_ms > MOST_LATE_MS and level not in busy]
    found = []
    if busy:
        worst = max(level.cpu_share for level in busy)
        found.append(
            f"{_names(busy)}: a generator process took up to {worst:.0%} of a core, so this measures the generator too;"
            " add --processes, or machines with --worker"
        )
    if late:
        worst = max(level.late_p99_ms for level in late)
        found.append(
            f"{_names(late)}: the generator took requests up late (p99 up to {worst:.0f} ms): the cores are shared, or"
            " too few. Latencies from the intended start include it"
        )
    return tuple(found)


def _names(levels: Iterable[Level]) -> str:
    return ", ".join(level.name for level in levels)
