"""One clip from bytes to words, a piece at a time, so that clips can take turns.

Memory is that of the encoded file, a block and a piece, however long the clip.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from tidegate.detectors.speech.clarity import Heard, UnclearLimits, heard, is_heard, is_telling
from tidegate.detectors.speech.decoding import SAMPLE_RATE_HZ, UnreadableAudioError, decoded
from tidegate.detectors.speech.limits import AudioLimits
from tidegate.detectors.speech.loudness import Samples
from tidegate.detectors.speech.pieces import Piece, PieceCutter
from tidegate.detectors.speech.recogniser import Recogniser
from tidegate.detectors.speech.voice_activity import CHUNK, VoiceActivity, VoiceActivityModel
from tidegate.moderation.detection import DetectorStatus
from tidegate.moderation.item import TranscriptSegment

_TURN_BLOCKS: Final = 60
"""Blocks of silence after which other clips get their turn: about a third of a second of work."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a clip comes to."""

    status: DetectorStatus
    """OK, NO_CONTENT, UNSUPPORTED_LANGUAGE, UNREADABLE or FAILED."""
    segments: tuple[TranscriptSegment, ...] = ()
    """In time order; empty unless OK."""


@dataclass(frozen=True, slots=True)
class Ear:
    """What it takes to hear a clip. Shared by all of them."""

    recogniser: Recogniser
    """Hears words."""
    activity: VoiceActivityModel
    """Hears that there are any."""
    audio: AudioLimits
    """What is taken on."""
    unclear: UnclearLimits
    """What may go unheard."""


class Transcription:
    """The work on one clip."""

    def __init__(self, data: bytes, ear: Ear, *, understood: bool) -> None:
        """Does no work yet.

        Args:
            data: The encoded file.
            ear: What hears it.
            understood: False if the words are known to be in another language: then speech is told from none.
        """
        self._ear = ear
        self._understood = understood
        self._samples = 0
        self._parts: list[Heard] = []
        self._turns = self._work(data)

    @property
    def heard_s(self) -> float:
        """Seconds of audio worked through so far."""
        return self._samples / SAMPLE_RATE_HZ

    def step(self) -> Transcript | None:
        """Does one turn's work: a piece of speech, or up to a minute without. Returns the result with the last one."""
        try:
            next(self._turns)
        except StopIteration:
            return self._result()
        except UnreadableAudioError:
            return Transcript(DetectorStatus.UNREADABLE)
        if self._parts and not self._understood:
            self.close()
            return Transcript(DetectorStatus.UNSUPPORTED_LANGUAGE)
        return None

    def close(self) -> None:
        """Gives up the rest."""
        self._turns.close()

    def _work(self, data: bytes) -> Generator[None, None, None]:
        activity, cutter = VoiceActivity(self._ear.activity), PieceCutter()
        rest = np.zeros(0, dtype=np.float32)
        for count, block in enumerate(decoded(data, self._ear.audio), start=1):
            self._samples += block.size
            joined = np.concatenate([rest, block])
            whole = joined.size - joined.size % CHUNK
            rest = joined[whole:]
            pieces = cutter.feed(joined[:whole], activity.probabilities(joined[:whole]))
            yield from self._recognise(pieces)
            if not pieces and count % _TURN_BLOCKS == 0:
                yield
        last: Samples = np.pad(rest, (0, -rest.size % CHUNK))
        yield from self._recognise(cutter.feed(last, activity.probabilities(last)) + cutter.finish())

    def _recognise(self, pieces: list[Piece]) -> Iterator[None]:
        for piece in pieces:
            said = self._ear.recogniser.recognise(piece.audio) if self._understood else ()
            self._parts.append(heard(piece, said))
            yield

    def _result(self) -> Transcript:
        speech_ms = sum(part.speech_ms for part in self._parts)
        unclear_ms = sum(part.unclear_ms for part in self._parts)
        if not speech_ms:
            return Transcript(DetectorStatus.NO_CONTENT)
        if not is_heard(speech_ms, unclear_ms, self._ear.unclear):
            told = is_telling(speech_ms)
            return Transcript(DetectorStatus.UNSUPPORTED_LANGUAGE if told else DetectorStatus.UNREADABLE)
        return Transcript(DetectorStatus.OK, tuple(one for part in self._parts for one in part.segments))
