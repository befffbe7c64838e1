"""Speech detectors in this process: the real adapter behind `SpeechDetectors`.

Stands in the gather step. Per clip: a kept result, or the clip is heard in turns with others: decode, find speech,
recognise. What does not fit the budget goes on in the background. An outage is data.
"""

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from typing import Final

from tidegate.detectors.speech.clarity import UnclearLimits
from tidegate.detectors.speech.decoding import UnreadableAudioError, declared_duration_s
from tidegate.detectors.speech.kept_results import ClipKey, KeptResults
from tidegate.detectors.speech.limits import AudioLimits, KeptLimits, WorkLimits
from tidegate.detectors.speech.pace import Pace
from tidegate.detectors.speech.recogniser import Recogniser
from tidegate.detectors.speech.transcription import Ear, Transcript, Transcription
from tidegate.detectors.speech.voice_activity import VoiceActivityModel
from tidegate.detectors.speech.whisper import WhisperRecogniser
from tidegate.detectors.speech.workload import Clip, Workload, WorkloadFullError
from tidegate.detectors.speech_port import SpeechFindings, SpeechRequest
from tidegate.models.catalogue import DetectorSpec
from tidegate.models.packaged import PackagedFile, PackagedFileError
from tidegate.moderation.budget import Budget
from tidegate.moderation.detection import DetectorScores, DetectorStatus
from tidegate.telemetry.batches import batch_span
from tidegate.telemetry.names import Attribute, SpanName
from tidegate.telemetry.propagation import UNTRACED
from tidegate.telemetry.recorder import Recorder

logger = logging.getLogger(__name__)

_LANGUAGE: Final = "en"
"""All that the packaged model knows."""
_UNTOLD: Final = "und"
_MARGIN_S: Final = 0.02
"""Kept back of the budget, so that PENDING arrives before the caller gives up."""
_ACTIVITY_PACKAGE: Final = "faster-whisper"


class WhisperSpeech:
    """Transcribes English audio on the CPU."""

    def __init__(
        self,
        spec: DetectorSpec,
        *,
        tracer: Recorder,
        audio: AudioLimits | None = None,
        work: WorkLimits | None = None,
        kept: KeptLimits | None = None,
        unclear: UnclearLimits | None = None,
        threads_per_clip: int = 1,
        recogniser: Recogniser | None = None,
    ) -> None:
        """Loads the models: about half a second and 250 MB.

        Args:
            spec: `audio_speech` of the catalogue.
            tracer: Of this process.
            audio: What is taken on of one clip.
            work: How much is heard at a time.
            kept: How many results are kept, and how long.
            unclear: How much speech may go unheard in a clip that counts as heard.
            threads_per_clip: CPU threads of one clip's recognition.
            recogniser: In place of the packaged Whisper, for tests.

        Raises:
            PackagedFileError: A package is missing or another one than the catalogue's.
        """
        audio, work = audio or AudioLimits(), work or WorkLimits()
        activity = _packaged(spec, _ACTIVITY_PACKAGE)
        activity.verify()
        hears = recogniser or WhisperRecogniser(spec, threads=work.threads, threads_per_clip=threads_per_clip)
        self._spec = spec
        self._tracer = tracer
        self._audio = audio
        self._ear = Ear(hears, VoiceActivityModel(activity.path()), audio, unclear or UnclearLimits())
        self._kept = KeptResults(kept or KeptLimits())
        self._workload = Workload(work, kept=self._kept, pace=Pace(), tracer=tracer)
        self._closed = False

    async def ready(self) -> bool:
        """See `SpeechDetectors`."""
        return not self._closed

    async def close(self) -> None:
        """See `SpeechDetectors`. What is pending is lost; asked again, elsewhere or later, it starts again."""
        self._closed = True
        await asyncio.to_thread(self._workload.close)

    async def transcribe(self, batch: Sequence[SpeechRequest]) -> Sequence[SpeechFindings]:
        """See `SpeechDetectors`. A caller that gives up stops no work: it is likely to ask again."""
        if not batch:
            return []
        with batch_span(
            self._tracer,
            SpanName.SPEECH_TRANSCRIBE,
            [request.trace for request in batch],
            attributes={Attribute.AUDIO_BYTES: sum(len(request.data) for request in batch)},
        ) as made:
            found = await asyncio.gather(*(self._findings(request) for request in batch))
            pending = sum(one.scores.status is DetectorStatus.PENDING for one in found)
            made.set_attributes({Attribute.AUDIO_PENDING: pending})
        return found

    async def _findings(self, request: SpeechRequest) -> SpeechFindings:
        budget = Budget.of_ms(request.budget_ms)
        understood = _is_english(request.language)
        # Whole files in threads: a digest of 100 MB takes 0.1 s, and a strange file may take long to open.
        key = ClipKey(await asyncio.to_thread(_sha256, request.data), understood)
        if (transcript := self._kept.find(key)) is None:
            transcript = await self._heard(request, key, budget)
        return self._answer(transcript, request.language)

    async def _heard(self, request: SpeechRequest, key: ClipKey, budget: Budget) -> Transcript | None:
        """The clip's result, or None if it takes longer than the budget."""
        clip = self._workload.find(key)
        if clip is None:
            try:
                duration_s = await asyncio.to_thread(declared_duration_s, request.data, self._audio)
            except UnreadableAudioError:
                unreadable = Transcript(DetectorStatus.UNREADABLE)
                self._kept.keep(key, unreadable)
                return unreadable
            if (found := self._kept.find(key)) is not None:
                return found
            work = Transcription(request.data, self._ear, understood=key.understood)
            try:
                clip = self._workload.add(Clip(key, work, size_bytes=len(request.data), duration_s=duration_s))
            except WorkloadFullError:
                logger.warning("no place for another clip", extra={"size_bytes": len(request.data)})
                return Transcript(DetectorStatus.FAILED)
        return await self._waited(clip, request, budget)

    async def _waited(self, clip: Clip, request: SpeechRequest, budget: Budget) -> Transcript | None:
        left_s = budget.left_s() - _MARGIN_S
        if not clip.done.done() and self._workload.expected_s(clip) > left_s:
            return None
        clip.waiting = request.trace
        try:
            done, _ = await asyncio.wait([asyncio.wrap_future(clip.done)], timeout=max(0.0, left_s))
        finally:
            clip.waiting = UNTRACED
        return clip.done.result() if done else None

    def _answer(self, transcript: Transcript | None, hint: str) -> SpeechFindings:
        status = DetectorStatus.PENDING if transcript is None else transcript.status
        language = {DetectorStatus.OK: _LANGUAGE, DetectorStatus.UNSUPPORTED_LANGUAGE: hint or _UNTOLD}.get(status, "")
        scores = DetectorScores(self._spec.name, self._spec.version, status, language=language)
        return SpeechFindings(scores, transcript.segments if transcript else ())


def _is_english(hint: str) -> bool:
    """Whether the hint, BCP 47 or empty, does not speak against English."""
    return not hint or hint.replace("_", "-").split("-")[0].lower() in {_LANGUAGE, _UNTOLD}


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _packaged(spec: DetectorSpec, package: str) -> PackagedFile:
    for one in spec.packages:
        if one.package == package:
            return one
    raise PackagedFileError(f"{spec.name} {spec.version} names no file of {package}")
