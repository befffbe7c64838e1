"""Audio file → 16 kHz mono, a second at a time: a file of two hours is never in memory decoded.

Strict: what was not heard must never count as clean. A file of which any part is corrupt, missing or too long is
unreadable as a whole, also where players would skip over the damage.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import Final

import av
import av.container
import av.error
import numpy as np

from tidegate.detectors.speech.containers import container_of, is_cut_off
from tidegate.detectors.speech.limits import AudioLimits
from tidegate.detectors.speech.loudness import Samples, mono, turned_up

SAMPLE_RATE_HZ: Final = 16_000
"""What voice activity and recognition take."""

_STRICT: Final = {"err_detect": "crccheck+bitstream+buffer+explode"}
_CLOCK_SLACK: Final = Fraction(1, 1000)
_LENGTH_SLACK_S: Final = 0.05
"""Decoders leave out what encoders padded: up to 13 ms seen with Opus."""
_PADDING_S: Final = 1.0


class UnreadableAudioError(ValueError):
    """The file is damaged, of another kind or beyond the limits. The message names the fault, never the content."""


def declared_duration_s(data: bytes, limits: AudioLimits) -> float:
    """Returns how long the file says it is, 0 if it does not. Raises UnreadableAudioError."""
    with _opened(data, limits) as container:
        return _declared_s(container)


def decoded(data: bytes, limits: AudioLimits) -> Iterator[Samples]:
    """Yields the audio in blocks of about a second.

    Raises:
        UnreadableAudioError: At the fault, so after blocks that were sound.
    """
    with _opened(data, limits) as container:
        heard = 0
        for block in _blocks(container):
            heard += block.size
            _check_duration(heard / SAMPLE_RATE_HZ, limits)
            yield block
        if heard / SAMPLE_RATE_HZ < _declared_s(container) - _LENGTH_SLACK_S:
            raise UnreadableAudioError("shorter than declared")
        if not heard:
            raise UnreadableAudioError("no audio")


@contextmanager
def _opened(data: bytes, limits: AudioLimits) -> Iterator[av.container.InputContainer]:
    if len(data) > limits.max_bytes:
        raise UnreadableAudioError("too many bytes")
    kind = container_of(data)
    if kind is None or is_cut_off(kind, data):
        raise UnreadableAudioError("not a whole FLAC, WAV, Ogg or MP3 file")
    try:
        with av.open(io.BytesIO(data), "r", format=kind.name, options=_STRICT, metadata_errors="ignore") as container:
            _check_streams(container, kind.codecs, limits)
            _check_duration(_declared_s(container), limits)
            yield container
    except (av.error.FFmpegError, av.error.EOFError) as error:
        raise UnreadableAudioError("does not decode") from error


def _check_streams(container: av.container.InputContainer, codecs: frozenset[str], limits: AudioLimits) -> None:
    """One audio stream: with several, what a listener hears depends on the player."""
    if len(container.streams.audio) != 1:
        raise UnreadableAudioError("not one audio stream")
    codec = container.streams.audio[0].codec_context
    if codec.name not in codecs:
        raise UnreadableAudioError("another codec")
    if not 0 < codec.layout.nb_channels <= limits.max_channels or codec.sample_rate <= 0:
        raise UnreadableAudioError("no such channels or rate")


def _check_duration(seconds: float, limits: AudioLimits) -> None:
    if seconds > limits.max_duration_s + _PADDING_S:
        raise UnreadableAudioError("too long")


def _declared_s(container: av.container.InputContainer) -> float:
    return max(0, container.duration or 0) / av.time_base


def _blocks(container: av.container.InputContainer) -> Iterator[Samples]:
    channels = min(2, container.streams.audio[0].codec_context.layout.nb_channels)
    resampler = av.AudioResampler(format="fltp", layout="stereo" if channels > 1 else "mono", rate=SAMPLE_RATE_HZ)
    waiting: list[Samples] = []
    for frame in _frames(container):
        waiting += _arrays(resampler.resample(frame))
        if sum(one.shape[1] for one in waiting) >= SAMPLE_RATE_HZ:
            yield _one_channel(waiting)
            waiting.clear()
    waiting += _arrays(resampler.resample(None))
    if any(one.shape[1] for one in waiting):
        yield _one_channel(waiting)


def _frames(container: av.container.InputContainer) -> Iterator[av.AudioFrame]:
    """The frames without a gap in their times: where one was dropped or concealed, FFmpeg says so in no other way."""
    expected: Fraction | None = None
    for packet in container.demux(container.streams.audio[0]):
        if packet.is_corrupt:
            raise UnreadableAudioError("a corrupt packet")
        for frame in packet.decode():
            if frame.pts is None or frame.time_base is None:
                raise UnreadableAudioError("a corrupt frame")
            begins = frame.pts * frame.time_base
            if expected is not None and abs(begins - expected) > _CLOCK_SLACK:
                raise UnreadableAudioError("a gap")
            expected = begins + Fraction(frame.samples, frame.sample_rate)
            yield frame


def _arrays(frames: Sequence[av.AudioFrame]) -> list[Samples]:
    """[channels, samples] of each: the resampler was asked for planes of floats."""
    return [np.asarray(frame.to_ndarray(), dtype=np.float32) for frame in frames]


def _one_channel(frames: list[Samples]) -> Samples:
    channels = np.concatenate(frames, axis=1)
    if not np.isfinite(channels).all():
        raise UnreadableAudioError("samples that are no numbers")
    return turned_up(mono(channels))
