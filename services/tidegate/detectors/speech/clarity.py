"""Which of the recogniser's words to believe. Pure.

The model knows English only, and writes fluent English for whatever it is given: other languages, noise, music. Then
its words are improbable to itself, or repeat in a loop. What it did not understand is counted, not dropped: a clip with
much of it is not clean but unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tidegate.detectors.speech.pieces import Piece
from tidegate.detectors.speech.recogniser import Utterance
from tidegate.moderation.item import TranscriptSegment

_LEAST_LOG_PROBABILITY: Final = -0.75
"""Measured (card of `audio_speech`): clear English -0.20 to -0.44, in as much noise as speech -0.67; ten other
languages below -0.80, but for loops."""
TELLING_SPEECH_MS: Final = 2_000
"""Less speech than this leaves clear English improbable too: cuts of 0.7 and 1.2 s from two English clips came to -0.62
to -1.30 (n = 24, one a loop), cuts of 2 s to -0.36 to -0.71 but for two (n = 12). So of so little speech, words that
can't be believed say nothing about the language."""
_MOST_COMPRESSION: Final = 2.4
"""OpenAI's own bound for loops. Two of the ten languages came out as confident loops, of 10 and 13."""


@dataclass(frozen=True, slots=True)
class UnclearLimits:
    """How much speech may go unheard in a clip that counts as heard. Both bounds hold."""

    share: float = 0.1
    """Of the clip's speech."""
    most_s: float = 30.0
    """In all: three minutes of a long episode are too much even where they are few."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What one piece adds to its clip."""

    segments: tuple[TranscriptSegment, ...]
    """With times from the start of the clip."""
    speech_ms: int
    """How much speech there was."""
    unclear_ms: int
    """How much of it has no words that can be believed."""


def heard(piece: Piece, utterances: Sequence[Utterance]) -> Heard:
    """Returns what to believe of a piece's utterances, in time order."""
    believed = [one for one in utterances if _is_clear(one)]
    clear_ms = sum(piece.speech_ms(one.start_ms, one.end_ms) for one in believed)
    speech_ms = piece.speech_ms()
    length_ms = piece.length_ms()
    segments = tuple(
        TranscriptSegment(
            start_ms=piece.start_ms + min(one.start_ms, length_ms),
            end_ms=piece.start_ms + min(one.end_ms, length_ms),
            text=one.text,
        )
        for one in believed
    )
    return Heard(segments, speech_ms, max(0, speech_ms - clear_ms))


def is_heard(speech_ms: int, unclear_ms: int, limits: UnclearLimits) -> bool:
    """Returns whether a clip counts as heard."""
    return unclear_ms <= limits.share * speech_ms and unclear_ms <= limits.most_s * 1000


def is_telling(speech_ms: int) -> bool:
    """Returns whether speech that is not understood is enough to be taken for another language."""
    return speech_ms >= TELLING_SPEECH_MS


def _is_clear(utterance: Utterance) -> bool:
    return utterance.log_probability >= _LEAST_LOG_PROBABILITY and utterance.compression <= _MOST_COMPRESSION
