"""What is being moderated: one content item, its typed parts and its context.

Made by `serving` from the request, read by every stage after it. Content never leaves these types for a record,
a span or a log: those take `PartFacts`.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Surface(StrEnum):
    """Where in the product the content appears. Policies are chosen by surface."""

    COMMENT = "comment"
    PROFILE = "profile"
    PLAYLIST = "playlist"
    PODCAST_EPISODE = "podcast_episode"


class NoticeSource(StrEnum):
    """What brought the item to moderation."""

    OWN_INITIATIVE = "own_initiative"
    USER_NOTICE = "user_notice"
    TRUSTED_FLAGGER = "trusted_flagger"
    AUTHORITY = "authority"


class PartKind(StrEnum):
    """The type of a part's content."""

    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    TRANSCRIPT = "transcript"


@dataclass(frozen=True, slots=True)
class TranscriptSegment:
    """What is said in one stretch of audio."""

    start_ms: int
    """From the start of the audio."""
    end_ms: int
    """Not before the start."""
    text: str
    """The words, not blank."""


@dataclass(frozen=True, slots=True)
class PartFacts:
    """A part without its content: what records and policies may see."""

    id: str
    """The caller's id of the part, unique within the item."""
    kind: PartKind
    """The type of its content."""
    sha256: str
    """Digest of the content, 64 hex digits."""
    size_bytes: int
    """Size of the content, encoded as UTF-8 where it is text."""


@dataclass(frozen=True, slots=True)
class Part:
    """One typed part with its content."""

    id: str
    """The caller's id of the part, unique within the item."""
    kind: PartKind
    """Which of the contents below is set."""
    text: str = ""
    """For TEXT."""
    data: bytes = b""
    """For IMAGE and AUDIO: the encoded file."""
    segments: tuple[TranscriptSegment, ...] = ()
    """For TRANSCRIPT, in time order."""

    def words(self) -> str | None:
        """The part's text for text detectors, or None if it has none (images, audio)."""
        if self.kind is PartKind.TEXT:
            return self.text
        if self.kind is PartKind.TRANSCRIPT:
            return "\n".join(segment.text for segment in self.segments)
        return None

    def facts(self) -> PartFacts:
        """The part without its content."""
        words = self.words()
        content = self.data if words is None else words.encode()
        return PartFacts(
            id=self.id, kind=self.kind, sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content)
        )


@dataclass(frozen=True, slots=True)
class ContentItem:
    """One piece of user content, decided on as a whole."""

    content_id: str
    """The caller's id of the content."""
    account_id: str
    """The account that published it; never in spans, metrics or logs."""
    surface: Surface
    """Where it appears."""
    market: str
    """ISO 3166-1 alpha-2, upper case."""
    parts: tuple[Part, ...]
    """One to sixteen, ids unique."""
    language: str = ""
    """BCP 47 hint; empty means unknown."""
    source: NoticeSource = NoticeSource.OWN_INITIATIVE
    """What brought the item here."""

    def fingerprint(self, parts: Sequence[PartFacts]) -> str:
        """SHA-256 over all that identifies the item, to tell a repeated request from a reused idempotency key.

        Args:
            parts: This item's own `Part.facts()`, passed in because they are needed elsewhere too.
        """
        fields = [self.content_id, self.account_id, self.surface, self.market, self.language, self.source]
        fields += [field for part in parts for field in (part.id, part.kind, part.sha256)]
        return hashlib.sha256(json.dumps(fields).encode()).hexdigest()
