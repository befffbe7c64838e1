"""What is simulated: one deployment, its work, what it refuses, how it starts; and what comes of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tidegate.serving.setting_sections import BudgetSettings, GrpcSettings

_GRPC, _BUDGET = GrpcSettings(), BudgetSettings()


class Balancing(StrEnum):
    """How items find a replica."""

    SHARED = "shared"
    """One queue for all: M/G/c, what no balancer beats."""
    TWO_CHOICES = "two_choices"
    """The emptier of two replicas drawn at random, as Serve's handles do (power of two choices)."""
    RANDOM = "random"
    """Any: what long-lived connections come down to."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What a replica does not take, as `serving.admission` decides. Defaults are the settings'."""

    under_way: int | None = _GRPC.max_under_way
    """Items that a replica works on at a time, while work is quick enough; None is without bound."""
    waiting: int = _GRPC.max_waiting
    """Items that wait for one of these places."""
    budget_s: float = _BUDGET.default_ms / 1e3
    """Of an item; an answer that comes later is late."""


UNBOUNDED = Admission(under_way=None, budget_s=float("inf"))
"""Everything is taken, nothing is late: queueing theory's."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A deployment before the first item."""

    service_s: float
    """Mean CPU time of an item."""
    variation: float = 1.0
    """Coefficient of variation of it (gamma distributed): 0 is constant, 1 exponential."""
    replicas: int = 1
    """Ready at the start, of one core each."""
    start_up_s: float = 30.0
    """From asking for a replica until it answers: scheduling, image, imports, models."""
    admission: Admission = Admission()
    """What is refused."""
    balancing: Balancing = Balancing.TWO_CHOICES
    """Who gets an item."""
    seed: int = 7
    """The same seed gives the same run."""


@dataclass(slots=True)
class Series:
    """What happened over time, in bins of `bin_s`; replicas as they were at the end of a bin."""

    bin_s: float
    """Width of a bin."""
    arrived: list[float] = field(default_factory=list)
    good: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    shed: list[float] = field(default_factory=list)
    ready: list[int] = field(default_factory=list)
    starting: list[int] = field(default_factory=list)
    ongoing: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. Items of the fluid simulation are real numbers."""

    arrived: float
    """Items."""
    good: float
    """Answered within their budget."""
    late: float
    """Answered after it."""
    shed: float
    """Refused, or given up after waiting too long for a place."""
    in_system: float
    """Neither yet, when the trace ended."""
    overdue: float
    """Of these, the ones whose budget had passed by then."""
    waits_s: Sequence[float]
    """From arrival until the work began, of served items, in the order of their beginning; empty in the fluid one."""
    peak_replicas: int
    """Most at a time, starting ones counted."""
    replica_hours: float
    """Paid for, starting ones counted."""
    changes: int
    """Times that the autoscaler changed its mind."""
    series: Series
    """The same over time."""

    @property
    def lost_share(self) -> float:
        """Lost goodput: shed, late and overdue items, as a share of those that arrived."""
        return (self.shed + self.late + self.overdue) / self.arrived if self.arrived else 0.0
