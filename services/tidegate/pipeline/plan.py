"""Step 2: which detectors look at which parts, in which order, and whether the account is looked up."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from tidegate.moderation.item import Part, PartKind
from tidegate.pipeline.coverage import Coverage
from tidegate.policy.concern import kinds_of
from tidegate.policy.engine import CompiledPolicy


@dataclass(frozen=True, slots=True)
class PartPlan:
    """What is to be found out about one part."""

    part: Part
    """The part."""
    images: tuple[str, ...] = ()
    """Image detectors that answer labels."""
    reader: str = ""
    """The detector that reads words out of an image or transcribes audio; empty if the part needs none, or has none."""
    text: tuple[str, ...] = ()
    """Text detectors to run on the part's words."""
    unreached: tuple[str, ...] = ()
    """Detectors that policies want here and that nothing in use lets see the part."""

    @property
    def detectors(self) -> tuple[str, ...]:
        """All that look at it."""
        return (*self.images, *((self.reader,) if self.reader else ()), *self.text)

    def without_reader(self, names: AbstractSet[str]) -> "PartPlan":
        """What of it these detectors can do without a reader, which costs more than all else."""
        own_words = () if self.reader else self.text
        return PartPlan(self.part, images=_of(self.images, names), text=_of(own_words, names))

    def after(self, earlier: "PartPlan") -> "PartPlan":
        """What is left once another plan of the same part is done."""
        return replace(
            self,
            images=tuple(name for name in self.images if name not in earlier.images),
            text=tuple(name for name in self.text if name not in earlier.text),
        )


@dataclass(frozen=True, slots=True)
class Settling:
    """The order in which detectors run where a cheap finding can settle the item."""

    first: frozenset[str]
    """Run at first: cheap ones, and those that settling rules read."""
    kept: frozenset[str]
    """Run even if the item is settled, as far as they need no reader: a shadow policy reads them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the gather step has to obtain for one item."""

    parts: tuple[PartPlan, ...]
    """In the item's order."""
    features: tuple[str, ...]
    """Account signals that the policies read, by full name; sorted."""
    account: bool
    """Whether any policy reads account signals, or whether the account is known."""
    settling: Settling | None = None
    """None if nothing can settle the item early: then all detectors run at once."""

    @property
    def detectors(self) -> tuple[str, ...]:
        """All that run, sorted."""
        return tuple(sorted({name for part in self.parts for name in part.detectors}))

    def on(self, parts: Sequence[Part]) -> "Plan":
        """The same for other parts of the same kinds, in the same order."""
        planned = [
            PartPlan(part, one.images, one.reader, one.text, one.unreached)
            for part, one in zip(parts, self.parts, strict=True)
        ]
        return Plan(tuple(planned), self.features, self.account, self.settling)


_MOST_SHAPES = 4_096
"""Shapes of items that are remembered; an item has one to sixteen parts of a few kinds, so most have one of a dozen."""


class Planner:
    """Plans by the shape of an item, each worked out once: who decides, where, and what kinds of parts it has."""

    def __init__(self, coverage: Coverage) -> None:
        self._coverage = coverage
        self._plans: dict[object, Plan] = {}

    def plan(
        self, live: CompiledPolicy, shadows: Sequence[CompiledPolicy], parts: Sequence[Part], *, market: str
    ) -> Plan:
        """See `plan_for`."""
        shape = (
            live.reference.digest,
            tuple([shadow.reference.digest for shadow in shadows]),
            market,
            tuple([(part.kind, part.words() is not None) for part in parts]),
        )
        plan = self._plans.get(shape)
        if plan is not None:
            return plan.on(parts)
        if len(self._plans) >= _MOST_SHAPES:
            self._plans.clear()
        plan = plan_for(live, shadows, parts, market=market, coverage=self._coverage)
        self._plans[shape] = plan.on([Part(id="", kind=part.kind) for part in parts])  # content is not remembered
        return plan


def plan_for(
    live: CompiledPolicy, shadows: Sequence[CompiledPolicy], parts: Sequence[Part], *, market: str, coverage: Coverage
) -> Plan:
    """What the live policy and its shadows need for these parts.

    A detector that a policy names but that is not in use leaves its rules unknown, through a run that says NOT_COVERED.
    """
    policies = (live, *shadows)
    wanted = frozenset[str]().union(*(policy.detectors for policy in policies))
    features = frozenset[str]().union(*(policy.features for policy in policies))
    planned = tuple(_of_part(part, wanted, coverage) for part in parts)
    return Plan(
        parts=planned,
        features=tuple(sorted(features)),
        account=bool(features) or any(policy.reads_account for policy in policies),
        settling=_settling(live, shadows, planned, market=market, coverage=coverage),
    )


def _of_part(part: Part, wanted: AbstractSet[str], coverage: Coverage) -> PartPlan:
    here = sorted(name for name in wanted if part.kind in kinds_of(name))
    reader = _reader(part, coverage)
    readable = part.words() is not None or reader
    text = tuple(name for name in here if readable and name in coverage.text)
    images = tuple(name for name in here if part.kind is PartKind.IMAGE and name in coverage.image)
    return PartPlan(
        part=part,
        images=images,
        reader=reader if text else "",
        text=text,
        unreached=tuple(name for name in here if name not in images and name not in text),
    )


def _reader(part: Part, coverage: Coverage) -> str:
    match part.kind:
        case PartKind.IMAGE:
            return coverage.image_reader
        case PartKind.AUDIO:
            return coverage.speech
        case _:
            return ""


def _settling(
    live: CompiledPolicy,
    shadows: Sequence[CompiledPolicy],
    parts: Sequence[PartPlan],
    *,
    market: str,
    coverage: Coverage,
) -> Settling | None:
    """None if no settling rule of the live policy can be settled by what runs first on these parts."""
    settling = live.settling_in(market)
    first = settling | coverage.cheap
    if not any(name in settling for part in parts for name in part.without_reader(first).detectors):
        return None
    return Settling(first=first, kept=frozenset[str]().union(*(policy.detectors for policy in shadows)))


def _of(names: Sequence[str], wanted: AbstractSet[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name in wanted)
