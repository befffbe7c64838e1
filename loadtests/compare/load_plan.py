"""What a load generator is told, and what it tells: plain data, as JSON between two processes."""

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """How items are sent."""

    UNARY = "unary"
    STREAM = "stream"


@dataclass(frozen=True, slots=True)
class Shape:
    """A closed loop: whoever has the answer to one item sends the next."""

    kind: Kind
    """One call an item, or a few streams."""
    callers: int
    """Calls under way, or streams."""
    window: int = 1
    """Items under way on one stream."""
    sampled_share: float = 0.0
    """Share of the calls that ask to be traced."""

    @property
    def in_flight(self) -> int:
        """Items under way."""
        return self.callers * self.window


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """One load."""

    address: str
    """host:port."""
    shape: Shape
    """How many at a time, and how."""
    surface: int
    """Of every item; it chooses policy and detector."""
    warm_up_s: float
    """Load before the clock counts."""
    seconds: float
    """Load that counts."""
    items: int
    """Built beforehand. Should they not last, they repeat, and the result says how many did."""
    seed: int
    """Of the items."""
    accounts: int
    """That the online store knows."""

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "LoadPlan":
        """What `to_json` wrote."""
        plain = json.loads(text)
        shape = plain.pop("shape")
        return cls(shape=Shape(**{**shape, "kind": Kind(shape["kind"])}), **plain)


@dataclass(slots=True)
class LoadResult:
    """What was seen between the end of the warm-up and the end."""

    latencies_ms: list[float] = field(default_factory=list)
    """Of answers that came within that time, from sending to answer."""
    errors: dict[str, int] = field(default_factory=dict)
    """By status, of all calls."""
    thin: int = 0
    """Of the answers looked into, those in which a detector or the lookup had not answered."""
    looked_into: int = 0
    """Answers that were looked into."""
    repeated: int = 0
    """Items that were sent a second time."""
    generator_cpu_s: float = 0.0
    """CPU time of the generator in it."""

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "LoadResult":
        """What `to_json` wrote."""
        return cls(**json.loads(text))
