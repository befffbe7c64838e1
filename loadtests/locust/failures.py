"""What failed, in words: a service that refuses is quick, and its latencies look well."""

from collections import Counter
from collections.abc import Iterable

from loadtests.locust.levels import Level
from loadtests.locust.sample import DECIDED, SHED

MOST_ERROR_SHARE = 0.01
"""Of a level's requests. A p99 leaves a hundredth out by itself; where more failed, no limit on latencies holds."""


def failures_of(levels: Iterable[Level]) -> tuple[str, ...]:
    """A sentence that names the levels with errors and their statuses; none without errors."""
    failing = [level for level in levels if level.errors]
    if not failing:
        return ()
    counts: Counter[str] = Counter()
    for level in failing:
        counts.update({name: n for name, n in level.outcomes.items() if name not in DECIDED and name != SHED})
    names = ", ".join(level.name for level in failing)
    failed, sent = sum(counts.values()), sum(level.arrivals for level in failing)
    statuses = ", ".join(f"{name} {count}" for name, count in counts.most_common())
    said = (
        f"{names}: {failed} of {sent} requests failed ({statuses}). Timeouts are in the latencies with the time they"
        " waited, other errors are not: they are quick"
    )
    return (said,)
