"""Remembers what text detectors said: the same text again is not inferred again, and at the same time only once.

Stands in front of the text stage's batches. Spam, copied jokes and chain letters come thousands of times. A live
version always says the same of the same text, whatever else is in its batch, and does not change while a router runs;
so what is remembered is what would be said. Texts are kept as digests. Outages are not remembered.
"""

import asyncio
import hashlib
from collections import OrderedDict
from typing import Final

from tidegate.detectors.port import TextRequest
from tidegate.moderation.detection import DetectorScores, DetectorStatus
from tidegate.pipeline.stages import TextStage

_LASTING: Final = frozenset({DetectorStatus.OK, DetectorStatus.NO_CONTENT, DetectorStatus.UNSUPPORTED_LANGUAGE})
"""What is true of the text. Everything else is true of the moment."""

_Answers = tuple[DetectorScores, ...]
_Key = tuple[bytes, tuple[str, ...], tuple[tuple[str, str], ...], str]


class CachedTextStage:
    """A `TextStage` in front of another. Belongs to one event loop."""

    def __init__(self, stage: TextStage, *, entries: int) -> None:
        """Remembers nothing yet.

        Args:
            stage: Asked for what is not remembered.
            entries: Most texts that are remembered; those asked for longest ago go first. About 1 KiB each.
        """
        self._stage = stage
        self._entries = entries
        self._kept: OrderedDict[_Key, _Answers] = OrderedDict()
        self._under_way: dict[_Key, asyncio.Future[_Answers | None]] = {}

    async def score(self, request: TextRequest) -> _Answers:
        """See `TextStage`. With `explain` it is always asked anew: attributions are not remembered."""
        if request.explain:
            return await self._stage.score(request)
        key = _key(request)
        while True:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                return kept
            asked = self._under_way.get(key)
            if asked is None:
                return await self._ask(key, request)
            answers = await asyncio.shield(asked)  # whoever gives up must not take the answer from the others
            if answers is not None:
                return answers

    async def _ask(self, key: _Key, request: TextRequest) -> _Answers:
        """Asks for all who want the same; they go on by themselves if this caller's time ran out and theirs did not."""
        asked: asyncio.Future[_Answers | None] = asyncio.get_running_loop().create_future()
        self._under_way[key] = asked
        shared: _Answers | None = None
        try:
            answers = await self._stage.score(request)
            if all(answer.status is not DetectorStatus.TIMED_OUT for answer in answers):
                shared = answers
            if all(answer.status in _LASTING for answer in answers):
                self._keep(key, answers)
            return answers
        finally:
            del self._under_way[key]
            asked.set_result(shared)

    def _keep(self, key: _Key, answers: _Answers) -> None:
        self._kept[key] = answers
        if len(self._kept) > self._entries:
            self._kept.popitem(last=False)


def _key(request: TextRequest) -> _Key:
    digest = hashlib.sha256(request.text.encode("utf-8", "surrogatepass")).digest()
    return digest, request.detectors, request.shadows, request.language
