"""Decision records as large as real ones: three detectors, the dozen signals that policies read."""

from collections.abc import Sequence

from loadtests.features.upkeep import Decisions
from tidegate.moderation.decision import DecisionRecord


def decisions(count: int) -> Sequence[DecisionRecord]:
    """That many, each of another account, decided now."""
    made = Decisions()
    return [made.of(f"acct-{number:06}") for number in range(count)]
