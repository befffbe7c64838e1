"""What became of one request: the raw data that every result is made of."""

from dataclasses import astuple, dataclass, fields
from typing import Any

COMPLETE, PARTIAL, FAILED = "COMPLETE", "PARTIAL", "FAILED"
"""Decisions, by whether all signals were there; the gRPC status is OK."""
SHED = "SHED"
"""RESOURCE_EXHAUSTED with a retry hint: the service refused in order to stay fast."""
NOT_SENT = "NOT_SENT"
"""Whoever waited gave up before the generator could send: all slots or the stream were taken."""

UNARY, STREAM = "unary", "stream"
"""How a request is sent."""

DECIDED = frozenset({COMPLETE, PARTIAL, FAILED})
"""Outcomes that are decisions. The others are SHED, NOT_SENT and names of gRPC status codes."""
_TIMED = DECIDED | {NOT_SENT, "DEADLINE_EXCEEDED"}


@dataclass(frozen=True, slots=True)
class Sample:
    """One request. Its time is in four pieces: intended start, handled, sent, answered."""

    phase: int
    """Of the plan, counting from 0."""
    intended_s: float
    """When it was meant to start, in seconds from the start of the plan."""
    late_s: float
    """From the intended start until the generator took it up: the generator's own fault."""
    waited_s: float
    """From then until it was sent: no slot or no room on the stream, so the service's backpressure."""
    took_s: float
    """From actual send to answer, or until it was given up."""
    outcome: str
    """What became of it; see the constants above."""
    kind: str
    """What was sent."""
    protocol: str
    """UNARY or STREAM."""

    @property
    def from_intended_s(self) -> float:
        """What a user feels: nothing is left out, however long the request could not be sent."""
        return self.late_s + self.waited_s + self.took_s

    @property
    def timed(self) -> bool:
        """Whether its time is a latency: it was decided, or given up after a wait.

        Sheds are not, nor are other errors: a connection that is refused is quick, and is no answer.
        """
        return self.outcome in _TIMED

    def row(self) -> tuple[Any, ...]:
        """To travel and to be kept."""
        return astuple(self)

    @classmethod
    def columns(cls) -> list[str]:
        """Names of what `row` holds."""
        return [each.name for each in fields(cls)]
