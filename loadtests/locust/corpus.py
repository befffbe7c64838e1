"""The items that are sent: seeded, so that two runs send the same ones in the same order."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from loadtests.locust import wording
from loadtests.locust.mixes import Mix
from loadtests.locust.zipf import Zipf
from tidegate.api.moderation.v1 import content_pb2

_MARKETS = ("US", "GB", "SE", "DE", "BR", "FR", "IN", "MX")
_POPULAR_TEXTS = 200
_SEGMENT_MS = 4_000


@dataclass(frozen=True, slots=True)
class CorpusItem:
    """One item to send."""

    kind: str
    """Surface, and `+picture` where there is one: what results tell apart."""
    item: content_pb2.ContentItem
    """What is sent."""


class Corpus:
    """Endless items of one mix."""

    def __init__(
        self, mix: Mix, *, seed: int, pictures: Sequence[bytes] = (), part: int = 0, run: str = "load"
    ) -> None:
        """Takes the mix and a seed.

        Args:
            mix: What share is what.
            pictures: To choose from; without any, no item has one.
            seed: The same seed and part give the same items.
            part: Of the processes that take part, so that they do not send the same.
            run: Goes into content ids, so that two runs against one service are told apart.
        """
        self._mix = mix
        self._drawn = random.Random(f"{seed}/{part}/{mix.name}")  # noqa: S311 - not a secret
        self._ids = f"{run}-{part}"
        self._accounts = Zipf(mix.known_accounts, skew=mix.account_skew)
        self._popular = Zipf(_POPULAR_TEXTS, skew=1.2)
        self._surfaces, self._weights = list(mix.surfaces), list(mix.surfaces.values())
        self._pictures = pictures
        self._reposted = Zipf(max(1, len(pictures)), skew=0.6)

    def __iter__(self) -> Iterator[CorpusItem]:
        """Items without end."""
        number = 0
        while True:
            number += 1
            yield self._item(f"{self._ids}-{number}")

    def _item(self, content_id: str) -> CorpusItem:
        [surface] = self._drawn.choices(self._surfaces, self._weights)
        parts = self._parts(surface)
        name = content_pb2.Surface.Name(surface).removeprefix("SURFACE_").lower()
        pictured = any(part.HasField("image") for part in parts)
        item = content_pb2.ContentItem(
            content_id=content_id,
            account_id=self._account(content_id),
            surface=surface,
            market=self._drawn.choice(_MARKETS),
            language="en",
            parts=parts,
        )
        return CorpusItem(f"{name}+picture" if pictured else name, item)

    def _account(self, content_id: str) -> str:
        if self._drawn.random() < self._mix.unknown_share:
            return f"new-{content_id}"
        return f"acct-{self._accounts.draw(self._drawn) + 1:05}"

    def _parts(self, surface: "content_pb2.Surface.ValueType") -> list[content_pb2.ContentPart]:
        match surface:
            case content_pb2.SURFACE_PROFILE:
                return [_text("name", self._text(2)), _text("biography", self._text(14)), *self._picture("avatar")]
            case content_pb2.SURFACE_PLAYLIST:
                return [_text("title", self._text(4)), _text("description", self._text(18)), *self._picture("cover")]
            case content_pb2.SURFACE_PODCAST_EPISODE:
                return [_text("title", self._text(6)), _text("notes", self._text(90)), self._transcript()]
            case _:
                return [_text("text", self._comment())]

    def _comment(self) -> str:
        if self._drawn.random() < self._mix.repeated_share:
            return wording.popular(self._popular.draw(self._drawn))
        return self._text(self._mix.words_median)

    def _text(self, median: float) -> str:
        length = self._drawn.lognormvariate(math.log(median), self._mix.words_sigma)
        words = max(1, min(self._mix.words_most, round(length)))
        borderline = self._drawn.random() < self._mix.borderline_share
        return wording.passage(words, self._drawn, of=wording.borderline if borderline else wording.sentence)

    def _picture(self, name: str) -> list[content_pb2.ContentPart]:
        if not self._pictures or self._drawn.random() >= self._mix.picture_share:
            return []
        data = self._pictures[self._reposted.draw(self._drawn)]
        return [content_pb2.ContentPart(id=name, image=content_pb2.ImagePart(data=data))]

    def _transcript(self) -> content_pb2.ContentPart:
        segments = [
            content_pb2.TranscriptSegment(
                start_ms=number * _SEGMENT_MS, end_ms=(number + 1) * _SEGMENT_MS, text=wording.sentence(self._drawn)
            )
            for number in range(self._drawn.randint(5, 15))
        ]
        return content_pb2.ContentPart(id="speech", transcript=content_pb2.TranscriptPart(segments=segments))


def _text(name: str, text: str) -> content_pb2.ContentPart:
    return content_pb2.ContentPart(id=name, text=content_pb2.TextPart(text=text))
