"""A recogniser that waits for the test at every piece, and the adapter around it."""

import asyncio
import threading
from collections.abc import Callable, Sequence

from tests.detectors.requests import UNSAMPLED
from tidegate.detectors.speech.limits import AudioLimits, KeptLimits, WorkLimits
from tidegate.detectors.speech.loudness import Samples
from tidegate.detectors.speech.recogniser import Utterance
from tidegate.detectors.speech.whisper_adapter import WhisperSpeech
from tidegate.detectors.speech_port import SpeechFindings, SpeechRequest
from tidegate.models.catalogue import catalogue
from tidegate.moderation.tracing import TraceContext
from tidegate.telemetry.recorder import Recorder

ENOUGH_MS = 60_000.0


def understood(audio: Samples) -> Sequence[Utterance]:
    """Says how long the piece is, clearly."""
    end_ms = audio.size // 16
    return [Utterance(0, end_ms, f"{end_ms} milliseconds", log_probability=-0.3, compression=1.0)]


class GatedRecogniser:
    """Hears every piece, once the test lets it."""

    def __init__(self, *, answer: Callable[[Samples], Sequence[Utterance]] = understood, open_: bool = True) -> None:
        self.begun: list[int] = []
        """Length in samples of each piece, in the order in which they came."""
        self._answer = answer
        self._gate = threading.Semaphore(10_000 if open_ else 0)
        self._came = threading.Condition()

    def let(self, pieces: int) -> None:
        self._gate.release(pieces)

    async def has_begun(self, pieces: int) -> None:
        """Waits until so many pieces have come."""

        def wait() -> None:
            with self._came:
                assert self._came.wait_for(lambda: len(self.begun) >= pieces, timeout=60)

        await asyncio.to_thread(wait)

    def recognise(self, audio: Samples) -> Sequence[Utterance]:
        with self._came:
            self.begun.append(audio.size)
            self._came.notify_all()
        assert self._gate.acquire(timeout=60)
        return self._answer(audio)


def speech(
    recogniser: GatedRecogniser,
    *,
    audio: AudioLimits | None = None,
    work: WorkLimits | None = None,
    kept: KeptLimits | None = None,
    tracer: Recorder | None = None,
) -> WhisperSpeech:
    spec = catalogue()["audio_speech"]
    return WhisperSpeech(spec, tracer=tracer or Recorder(), audio=audio, work=work, kept=kept, recogniser=recogniser)


def hearing(
    data: bytes, *, budget_ms: float = ENOUGH_MS, language: str = "", trace: TraceContext = UNSAMPLED
) -> SpeechRequest:
    return SpeechRequest(data=data, language=language, budget_ms=budget_ms, trace=trace)


async def asked(of: WhisperSpeech, data: bytes, *, budget_ms: float = ENOUGH_MS, language: str = "") -> SpeechFindings:
    (found,) = await of.transcribe([hearing(data, budget_ms=budget_ms, language=language)])
    return found
