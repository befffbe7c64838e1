"""Whether the generator kept up: a load test that measures itself must say so."""

from collections.abc import Iterable

from loadtests.locust.levels import Level

MOST_CPU_SHARE = 0.85
"""Of one core; a Python process has no more than one."""
MOST_LATE_MS = 10.0
"""p99 of how late requests may be taken up."""


def warnings_of(levels: Iterable[Level]) -> tuple[str, ...]:
    """A sentence for each level at which the generator was the bottleneck, or may have been."""
    found = []
    for level in levels:
        if level.cpu_share > MOST_CPU_SHARE:
            found.append(
                f"{level.name}: a generator process took {level.cpu_share:.0%} of a core, so this measures the"
                " generator too; add --processes, or machines with --worker"
            )
        elif level.late_p99_ms > MOST_LATE_MS:
            found.append(
                f"{level.name}: the generator took requests up late (p99 {level.late_p99_ms:.0f} ms); the cores are"
                " shared or too few. Latency from the intended start includes it"
            )
    return tuple(found)
