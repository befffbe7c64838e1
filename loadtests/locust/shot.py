"""One request on its way from its intended start to its sample."""

import random
from dataclasses import dataclass

from google.protobuf.duration_pb2 import Duration

from loadtests.locust.sample import Sample
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb


@dataclass(frozen=True, slots=True)
class Shot:
    """What is to be sent, and since when. Moments are those of one monotonic clock, in seconds."""

    request: pb.ModerateRequest
    """The message."""
    traceparent: str
    """W3C trace context."""
    kind: str
    """What it is."""
    phase: int
    """Of the plan."""
    intended_s: float
    """In seconds from the start of the plan."""
    due: float
    """The moment of its intended start."""
    handled: float
    """When the generator took it up."""

    def sample(self, outcome: str, *, sent: float, answered: float, protocol: str) -> Sample:
        """What became of it."""
        return Sample(
            phase=self.phase,
            intended_s=self.intended_s,
            late_s=self.handled - self.due,
            waited_s=sent - self.handled,
            took_s=answered - sent,
            outcome=outcome,
            kind=self.kind,
            protocol=protocol,
        )


class TraceParents:
    """Trace contexts of which a share is sampled: without one the service would decide, and may trace everything."""

    def __init__(self, sampled_share: float, *, seed: int) -> None:
        """Takes the share, 0 to 1."""
        self._share = sampled_share
        self._drawn = random.Random(f"{seed}/traces")  # noqa: S311 - not a secret

    def next(self) -> str:
        """The next one."""
        flags = "01" if self._drawn.random() < self._share else "00"
        return f"00-{self._drawn.getrandbits(128) or 1:032x}-{self._drawn.getrandbits(64) or 1:016x}-{flags}"


def budget_of(budget_ms: float) -> Duration:
    """A budget as it travels."""
    return Duration(nanos=round(budget_ms * 1e6) % 10**9, seconds=int(budget_ms // 1_000))
