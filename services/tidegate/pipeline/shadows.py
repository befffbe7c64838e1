"""Detector versions that are tried out: asked beside a request, recorded, and hardly ever waited for."""

import asyncio
from collections.abc import Mapping, Sequence

from tidegate.moderation.detection import DetectorRun, DetectorStatus
from tidegate.pipeline.chunks import Piece
from tidegate.pipeline.scoring import Asked, StageCall, TextScoring


class ShadowRuns:
    """The shadow runs of one request."""

    def __init__(self, text: TextScoring, versions: Mapping[str, tuple[str, ...]]) -> None:
        """Wires the stage.

        Args:
            text: Asks a text stage, apart from the live versions: a slow shadow must not hold up their batches.
            versions: What is tried out, by name.
        """
        self._text = text
        self._versions = versions
        self._under_way: list[tuple[str, list[Asked], asyncio.Task[list[DetectorRun]]]] = []

    def ask(self, part: str, pieces: Sequence[Piece], names: Sequence[str], call: StageCall) -> None:
        """Begins with the versions of these detectors that are tried out, if there are any."""
        asked = [(name, version) for name in names for version in self._versions.get(name, ())]
        if asked:
            task = asyncio.create_task(self._text.shadow_runs(part, pieces, asked, call))
            self._under_way.append((part, asked, task))

    async def collected(self, *, grace_s: float) -> list[DetectorRun]:
        """What they said. Those that have not answered when the grace is over are TIMED_OUT."""
        if not self._under_way:
            return []
        await asyncio.wait([task for *_, task in self._under_way], timeout=grace_s)
        runs: list[DetectorRun] = []
        for part, asked, task in self._under_way:
            if task.done():
                runs += task.result()
            else:
                runs += [DetectorRun(*one, DetectorStatus.TIMED_OUT, part, shadow=True) for one in asked]
        return runs

    def give_up(self) -> None:
        """Stops what is under way."""
        for *_, task in self._under_way:
            task.cancel()
