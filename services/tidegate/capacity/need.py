"""What a plan consists of: amounts, each with its reason and where its numbers come from."""

from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.capacity.costs import Figure


@dataclass(frozen=True, slots=True)
class Work:
    """A share of what a deployment does, as a product that anyone can check: rate times cost."""

    what: str
    """The unit of work, such as `items`."""
    per_second: float
    """How many."""
    cost_ms: float
    """CPU time of each, in milliseconds."""
    figures: tuple[str, ...]
    """Names of the measured figures that the cost is made of."""

    @property
    def cores(self) -> float:
        """Cores that it keeps busy."""
        return self.per_second * self.cost_ms / 1e3


@dataclass(frozen=True, slots=True)
class DeploymentNeed:
    """Replicas of one deployment, each with a core."""

    name: str
    """As Serve or Kubernetes knows it."""
    work: tuple[Work, ...]
    """What it does; costs add up."""
    busy_cores: float
    """Cores that all of it keeps busy at the busiest time."""
    replicas: int
    """Of one core each."""
    wait_ms: float
    """Mean wait for a free core, of M/M/c with these replicas: a lower bound, for one queue in front of all."""
    bound: str = ""
    """What stands in the way as it is built; empty if nothing."""


@dataclass(frozen=True, slots=True)
class Need:
    """Something else to have: memory, disk, network, GPUs."""

    section: str
    """What it belongs to."""
    what: str
    """In words."""
    amount: float | None
    """How much; None where it can't be told."""
    unit: str
    """Of the amount."""
    why: str
    """How it was calculated, with its assumptions."""
    figures: tuple[str, ...] = ()
    """Names of the measured figures in it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All of it."""

    deployments: Sequence[DeploymentNeed]
    """In the order of an item's way."""
    needs: Sequence[Need]
    """By section."""
    limits: Sequence[str]
    """What Tidegate as it is built does not do at this size."""
    cited: dict[str, Figure]
    """The measured figures that were used, by name."""
