"""All that a comparison found, before anything is concluded from it."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

from loadtests.compare.bare_triton import BareSample
from loadtests.compare.equality import Agreement
from loadtests.compare.load_plan import Kind
from loadtests.compare.measuring import Measured, Sample
from loadtests.compare.percentiles import percentile
from loadtests.compare.policy_cost import PolicyCost
from loadtests.compare.processes import Memory


@dataclass(frozen=True, slots=True)
class Group:
    """Cells that differ in nothing but the repeat."""

    contender: str
    """Who was asked."""
    detector: str
    """Which detector ran."""
    kind: Kind
    """How."""
    in_flight: int
    """Items under way."""
    note: str = ""
    """See `Cell.note`."""

    def holds(self, sample: Sample) -> bool:
        """Whether a sample is of this group."""
        return (self.contender, self.detector, self.kind, self.in_flight, self.note) == (
            sample.contender,
            sample.detector,
            sample.kind,
            sample.in_flight,
            sample.note,
        )


@dataclass(slots=True)
class Findings:
    """Filled as the comparison goes on."""

    cells: list[Measured] = field(default_factory=list)
    """All loads."""
    bare: list[BareSample] = field(default_factory=list)
    """Triton alone."""
    memory: dict[str, Memory] = field(default_factory=dict)
    """Of contenders after their first turn, the shared parts not counted; theirs under `SHARED`."""
    agreement: dict[str, Agreement] = field(default_factory=dict)
    """With the distributed stack, by contender."""
    policy: PolicyCost | None = None
    """A thousand rules."""

    @property
    def samples(self) -> Sequence[Sample]:
        """The figures of all loads."""
        return [cell.sample for cell in self.cells]

    def by_repeat(self, group: Group, measure: str) -> Mapping[int, float]:
        """One measure of a group, by repeat: a field of `Sample`, the mean of those of the same repeat."""
        found = [(each.repeat, float(getattr(each, measure))) for each in self.samples if group.holds(each)]
        return {
            repeat: statistics.fmean(value for _, value in values)
            for repeat, values in groupby(sorted(found), key=itemgetter(0))
        }

    def middle(self, group: Group, measure: str) -> float | None:
        """Its median; None if it was not measured."""
        values = sorted(self.by_repeat(group, measure).values())
        return percentile(values, 0.5) if values else None

    def cpu_ms(self, group: Group) -> Mapping[str, float]:
        """CPU milliseconds per item by role: means over the repeats."""
        chosen = [each.cpu_ms_per_item for each in self.samples if group.holds(each)]
        roles = dict.fromkeys(role for spent in chosen for role in spent)
        return {role: sum(spent.get(role, 0.0) for spent in chosen) / len(chosen) for role in roles}

    def bare_limit(self, detector: str) -> Mapping[int, float]:
        """Texts per second of Triton alone, by repeat: of the sizes of batch, the most."""
        best: dict[int, float] = {}
        for each in self.bare:
            if each.detector == detector:
                best[each.repeat] = max(each.texts_per_s, best.get(each.repeat, 0.0))
        return best


SHARED = "Triton and the receiver"
"""Key of `Findings.memory`."""
