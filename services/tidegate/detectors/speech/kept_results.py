"""The results of clips that were heard, for whoever asks next."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from tidegate.detectors.speech.limits import KeptLimits
from tidegate.detectors.speech.transcription import Transcript
from tidegate.moderation.detection import DetectorStatus


@dataclass(frozen=True, slots=True)
class ClipKey:
    """What two requests must share to get one result."""

    sha256: str
    """Of the encoded file."""
    understood: bool
    """Whether it is listened to for words."""


@dataclass(frozen=True, slots=True)
class _Kept:
    transcript: Transcript
    size_bytes: int
    expires_s: float


class KeptResults:
    """Bounded by number, by size and by age; the one that nobody has asked for the longest goes first. Thread-safe."""

    def __init__(self, limits: KeptLimits, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._kept: OrderedDict[ClipKey, _Kept] = OrderedDict()
        self._size_bytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, key: ClipKey) -> Transcript | None:
        """Returns the result of a clip, or None."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            if found.expires_s <= self._clock():
                self._drop(key)
                return None
            self._kept.move_to_end(key)
            return found.transcript

    def keep(self, key: ClipKey, transcript: Transcript) -> None:
        """Keeps a result. A failure is kept a short time only."""
        failed = transcript.status is DetectorStatus.FAILED
        age_s = self._limits.failure_ttl_s if failed else self._limits.ttl_s
        size_bytes = sum(len(segment.text.encode()) for segment in transcript.segments)
        with self._lock:
            self._drop(key)
            self._kept[key] = _Kept(transcript, size_bytes, self._clock() + age_s)
            self._size_bytes += size_bytes
            while len(self._kept) > self._limits.max_results or self._size_bytes > self._limits.max_bytes:
                self._drop(next(iter(self._kept)))

    def _drop(self, key: ClipKey) -> None:
        gone = self._kept.pop(key, None)
        if gone is not None:
            self._size_bytes -= gone.size_bytes
