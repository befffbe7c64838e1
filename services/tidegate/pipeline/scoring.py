"""Words to the text stage, piece by piece, within a budget. An outage is data."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tidegate.detectors.port import TextRequest
from tidegate.moderation.budget import Budget
from tidegate.moderation.detection import DetectorRun, DetectorScores, DetectorStatus
from tidegate.moderation.tracing import TraceContext
from tidegate.pipeline.chunks import Piece
from tidegate.pipeline.hops import Hops
from tidegate.pipeline.outages import answer_or_outage
from tidegate.pipeline.runs import merged
from tidegate.pipeline.side_by_side import all_of
from tidegate.pipeline.stages import TextStage

_EXPLAINED_SHARE: Final = 0.8
"""Share of the budget of a stage that is to explain as well: it explains for as long as it is told it may, and its
answer has to be here before the budget is gone."""

Asked = tuple[str, str]
"""A detector's name and version."""


@dataclass(frozen=True, slots=True)
class StageCall:
    """What all stages of one request share."""

    budget: Budget
    """Until when they may take."""
    trace: TraceContext
    """The span to be the parent."""
    hops: Hops
    """Takes the time."""
    language: str = ""
    """The item's BCP 47 hint; empty if unknown."""
    explain: bool = False
    """Whether scores are to be traced back to words."""


class TextScoring:
    """Asks one text stage about the words of parts."""

    def __init__(self, stage: TextStage, *, versions: Callable[[str], str]) -> None:
        """Wires the stage.

        Args:
            stage: The text stage.
            versions: The live version of a detector by name, for runs that never answered.
        """
        self._stage = stage
        self._versions = versions

    async def runs(
        self, part: str, pieces: Sequence[Piece], names: Sequence[str], call: StageCall
    ) -> list[DetectorRun]:
        """What the live versions of these detectors say about a part."""
        asked = [(name, self._versions(name)) for name in names]
        with call.hops.timed("text"):
            return await self._scored(part, pieces, call, asked=asked, shadow=False)

    async def shadow_runs(
        self, part: str, pieces: Sequence[Piece], versions: Sequence[Asked], call: StageCall
    ) -> list[DetectorRun]:
        """What versions that are tried out say about it."""
        return await self._scored(part, pieces, call, asked=versions, shadow=True)

    async def _scored(
        self, part: str, pieces: Sequence[Piece], call: StageCall, *, asked: Sequence[Asked], shadow: bool
    ) -> list[DetectorRun]:
        started = time.perf_counter()
        answers = await all_of([self._answers(piece, call, asked=asked, shadow=shadow) for piece in pieces])
        latency_ms = round((time.perf_counter() - started) * 1000.0, 3)
        return [
            run
            for index in range(len(asked))
            for run in merged(
                [(piece, answer[index]) for piece, answer in zip(pieces, answers, strict=True)],
                part,
                latency_ms=latency_ms,
                shadow=shadow,
            )
        ]

    async def _answers(
        self, piece: Piece, call: StageCall, *, asked: Sequence[Asked], shadow: bool
    ) -> tuple[DetectorScores, ...]:
        request = TextRequest(
            text=piece.text,
            detectors=() if shadow else tuple(name for name, _ in asked),
            shadows=tuple(asked) if shadow else (),
            budget_ms=call.budget.left_ms() * (_EXPLAINED_SHARE if call.explain else 1.0),
            trace=call.trace,
            language=call.language,
            explain=call.explain,
        )
        found = await answer_or_outage("text", self._stage.score(request), call.budget)
        if not isinstance(found, DetectorStatus):
            return found
        return tuple(DetectorScores(detector=name, version=version, status=found) for name, version in asked)
