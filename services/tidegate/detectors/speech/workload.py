"""The clips that are being heard: bounded, taking turns on a few threads, going on when their caller does not wait.

All of it is in memory: a process that ends loses what is pending, and who asks again starts it again.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

from opentelemetry.trace import Tracer

from tidegate.detectors.speech.kept_results import ClipKey, KeptResults
from tidegate.detectors.speech.limits import WorkLimits
from tidegate.detectors.speech.pace import Pace
from tidegate.detectors.speech.transcription import Transcript, Transcription
from tidegate.detectors.speech.turns import Turns
from tidegate.moderation.detection import DetectorStatus
from tidegate.moderation.tracing import TraceContext
from tidegate.telemetry.names import SpanName
from tidegate.telemetry.propagation import UNTRACED
from tidegate.telemetry.spans import span

logger = logging.getLogger(__name__)

_CLOSE_WAIT_S: Final = 5.0
"""A turn in progress can't be broken off: about a second and a half on one core."""


class WorkloadFullError(Exception):
    """There is no place for another clip, or the workload is closed."""


class Clip:
    """A clip in the workload."""

    def __init__(self, key: ClipKey, work: Transcription, *, size_bytes: int, duration_s: float) -> None:
        self.key = key
        self.work = work
        self.size_bytes = size_bytes
        self.duration_s = duration_s
        self.done: Future[Transcript] = Future()
        self.done.set_running_or_notify_cancel()  # from now on no caller that gives up can cancel it for the others
        self.waiting: TraceContext = UNTRACED
        """A request that waits for it now; its turns are recorded in that request's trace."""

    @property
    def heard_s(self) -> float:
        """See `Heardable`."""
        return self.work.heard_s

    def left_s(self) -> float:
        """Seconds of audio that are left by what the file declares, which need not be true."""
        return max(0.0, self.duration_s - self.heard_s)


class Workload:
    """Hears clips. Thread-safe."""

    def __init__(
        self,
        limits: WorkLimits,
        *,
        kept: KeptResults,
        pace: Pace,
        tracer: Tracer,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Starts no thread yet."""
        self._limits = limits
        self._kept = kept
        self._pace = pace
        self._tracer = tracer
        self._clock = clock
        self._turns: Turns[Clip] = Turns()
        self._clips: dict[ClipKey, Clip] = {}
        self._threads: list[threading.Thread] = []
        self._change = threading.Condition()
        self._closed = False

    def find(self, key: ClipKey) -> Clip | None:
        """Returns the clip if it is being heard or waits for it."""
        with self._change:
            return self._clips.get(key)

    def add(self, clip: Clip) -> Clip:
        """Adds a clip and returns it, or the one of the same key that is there already.

        Raises:
            WorkloadFullError: There is no place, or it is closed.
        """
        with self._change:
            if (there := self._clips.get(clip.key)) is not None:
                return there
            size_bytes = sum(one.size_bytes for one in self._clips.values()) + clip.size_bytes
            if self._closed or len(self._clips) >= self._limits.max_clips or size_bytes > self._limits.max_bytes:
                raise WorkloadFullError
            self._clips[clip.key] = clip
            self._turns.arrive(clip)
            self._start_threads()
            self._change.notify()
        return clip

    def expected_s(self, clip: Clip) -> float:
        """Returns how long the clip will take, with the turns of others before its own, at the pace so far."""
        with self._change:
            others = [one for one in self._clips.values() if one is not clip]
        before_s = sum(min(one.left_s(), clip.left_s()) for one in others) / self._limits.threads
        return self._pace.expected_s(clip.left_s() + before_s)

    def close(self) -> None:
        """Gives up all clips, answers their callers FAILED, and waits a few seconds at most for turns in progress."""
        with self._change:
            self._closed = True
            self._change.notify_all()
            waiting = [self._turns.take()[1] for _ in range(len(self._turns))]
        for clip in waiting:
            clip.work.close()
            self._finish(clip, Transcript(DetectorStatus.FAILED), keep=False)
        until_s = time.monotonic() + _CLOSE_WAIT_S
        for thread in self._threads:
            thread.join(max(0.0, until_s - time.monotonic()))

    def _start_threads(self) -> None:
        if len(self._threads) < min(self._limits.threads, len(self._clips)):
            thread = threading.Thread(target=self._run, name=f"speech-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._closed or len(self._turns) > 0)
                if self._closed:
                    return
                place, clip = self._turns.take()
            transcript = self._step(clip)
            with self._change:
                goes_on = transcript is None and not self._closed
                if goes_on:
                    self._turns.come_back(place, clip)
            if not goes_on:
                self._finish(clip, transcript or Transcript(DetectorStatus.FAILED), keep=transcript is not None)

    def _step(self, clip: Clip) -> Transcript | None:
        started_s, heard_s = self._clock(), clip.heard_s
        try:
            with span(self._tracer, SpanName.SPEECH_TURN, parent=clip.waiting):
                transcript = clip.work.step()
        except Exception as error:  # noqa: BLE001 - the thread is the boundary: one clip must not end the others
            logger.warning("speech recognition fails", extra={"error": type(error).__name__})
            return Transcript(DetectorStatus.FAILED)
        self._pace.note(clip.heard_s - heard_s, self._clock() - started_s)
        return transcript

    def _finish(self, clip: Clip, transcript: Transcript, *, keep: bool) -> None:
        """The result is kept before the clip is forgotten: whoever asks in between finds one or the other."""
        if keep:
            self._kept.keep(clip.key, transcript)
        with self._change:
            self._clips.pop(clip.key, None)
        clip.done.set_result(transcript)
