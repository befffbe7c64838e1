"""Text detectors that see how a request was traced when it had come through every hop."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.serving.in_process import ScriptedText
from tidegate.detectors.port import TextRequest
from tidegate.moderation.detection import DetectorScores
from tidegate.moderation.tracing import TraceContext


@dataclass
class TracedText(ScriptedText):
    """Remembers the trace context in which each text arrived."""

    arrived: list[TraceContext] = field(default_factory=list)

    async def score(self, batch: Sequence[TextRequest]) -> Sequence[tuple[DetectorScores, ...]]:
        self.arrived += [request.trace for request in batch]
        return await super().score(batch)
