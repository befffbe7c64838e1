"""Audio and its voice activity → pieces of speech, each short enough for one pass of the recogniser. Pure."""

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np

from tidegate.detectors.speech.loudness import Samples
from tidegate.detectors.speech.voice_activity import CHUNK, CHUNK_MS

_SPEECH: Final = 0.5
_SILENCE: Final = 0.35
"""Below it speech has ended: lower than where it begins, so that a word's weak end is kept. Both are Silero's."""
_MARGIN: Final = 256 // CHUNK_MS
_GAP: Final = 2_000 // CHUNK_MS
"""Silence that ends a piece. Each piece costs a whole pass, and words are recognised better among others."""
_LONGEST: Final = 28_000 // CHUNK_MS
"""A pass takes 30 s."""
_CUT_WITHIN: Final = 8_000 // CHUNK_MS
_LEAST_SPEECH: Final = 3
"""Chunks: no word is shorter than 96 ms."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of audio that somebody speaks in."""

    start_ms: int
    """From the start of the clip."""
    audio: Samples
    """[samples]"""
    activity: Samples
    """Probability of speech, [samples / CHUNK]."""

    def length_ms(self) -> int:
        """Returns how long it is."""
        return self.activity.size * CHUNK_MS

    def speech_ms(self, start_ms: int = 0, end_ms: int | None = None) -> int:
        """Returns how much of the piece, between two times from its own start, is speech."""
        last = self.activity.size if end_ms is None else -(-end_ms // CHUNK_MS)
        return int((self.activity[start_ms // CHUNK_MS : last] >= _SPEECH).sum()) * CHUNK_MS


class PieceCutter:
    """Cuts one clip, chunk by chunk. Holds at most one piece."""

    def __init__(self) -> None:
        self._before: deque[tuple[Samples, float]] = deque(maxlen=_MARGIN)
        self._chunks: list[tuple[Samples, float]] = []
        self._silent = 0
        self._heard = 0

    def feed(self, samples: Samples, probabilities: Samples) -> list[Piece]:
        """Takes the next samples, a chunk for each probability, and returns the pieces that they complete."""
        pieces = []
        for chunk, probability in zip(samples.reshape(-1, CHUNK), probabilities.tolist(), strict=True):
            pieces += self._take(chunk, probability)
        return pieces

    def finish(self) -> list[Piece]:
        """Returns the piece that the end of the clip completes, if there is one."""
        return self._emit(len(self._chunks))

    def _take(self, chunk: Samples, probability: float) -> list[Piece]:
        self._heard += 1
        if not self._chunks:
            self._before.append((chunk, probability))
            if probability >= _SPEECH:
                self._chunks = list(self._before)
                self._before.clear()
                self._silent = 0
            return []
        self._chunks.append((chunk, probability))
        self._silent = self._silent + 1 if probability < _SILENCE else 0
        if self._silent >= _GAP:
            return self._emit(len(self._chunks) - self._silent + _MARGIN)
        return self._emit(self._quietest()) if len(self._chunks) >= _LONGEST else []

    def _quietest(self) -> int:
        """Where to cut speech that goes on: after the least speech-like chunk of the last seconds."""
        first = len(self._chunks) - _CUT_WITHIN
        tail = [probability for _, probability in self._chunks[first:]]
        return first + tail.index(min(tail)) + 1

    def _emit(self, length: int) -> list[Piece]:
        """The piece of the first chunks; the rest begins the next one if somebody speaks in it."""
        taken, rest = self._chunks[:length], self._chunks[length:]
        start = self._heard - len(self._chunks)
        goes_on = any(probability >= _SPEECH for _, probability in rest)
        self._chunks = rest if goes_on else []
        if not goes_on:
            self._before.extend(rest)
            self._silent = 0
        if sum(probability >= _SPEECH for _, probability in taken) < _LEAST_SPEECH:
            return []
        audio = np.concatenate([chunk for chunk, _ in taken])
        activity = np.array([probability for _, probability in taken], dtype=np.float32)
        return [Piece(start * CHUNK_MS, audio, activity)]
