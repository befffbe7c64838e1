"""Step 2: which detectors run on which parts, and whether the account is looked up."""

from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.moderation.item import Part
from tidegate.policy.engine import CompiledPolicy


@dataclass(frozen=True, slots=True)
class Plan:
    """What the gather step has to obtain for one item."""

    texts: tuple[tuple[Part, str], ...]
    """Parts with words, and the words."""
    detectors: tuple[str, ...]
    """Text detectors to run on each of them."""
    uncovered: tuple[str, ...]
    """Ids of parts that no live detector covers: unknown to the policy."""
    features: tuple[str, ...]
    """Account signals that the policies read, by full name; sorted."""
    account: bool
    """Whether any policy reads account signals, or whether the account is known."""


def plan_for(policies: Sequence[CompiledPolicy], parts: Sequence[Part], *, live_detectors: frozenset[str]) -> Plan:
    """The union of what the live policy and its shadows need for these parts.

    A detector that a policy names but that is not live leaves its rules unknown, through the missing run.
    """
    wanted = frozenset[str]().union(*(policy.detectors for policy in policies))
    detectors = tuple(sorted(wanted & live_detectors))
    features = frozenset[str]().union(*(policy.features for policy in policies))
    texts = tuple((part, words) for part in parts if (words := part.words()) is not None)
    uncovered = tuple(part.id for part in parts if part.words() is None or not detectors)
    return Plan(
        texts=texts if detectors else (),
        detectors=detectors,
        uncovered=uncovered,
        features=tuple(sorted(features)),
        account=bool(features) or any(policy.reads_account for policy in policies),
    )
