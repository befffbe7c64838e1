"""Audio files for tests: ten seconds of clear English that a package carries, and what is made from samples here."""

import functools
import io
import re
import wave
from collections.abc import Iterable
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt

from tidegate.detectors.speech.decoding import SAMPLE_RATE_HZ, decoded
from tidegate.detectors.speech.limits import AudioLimits
from tidegate.models.packaged import located
from tidegate.moderation.item import TranscriptSegment

Samples = npt.NDArray[np.float32]

WORDS = ["ever", "tried", "ever", "failed", "no", "matter", "try", "again", "fail", "again", "fail", "better"]
"""What is said in `clip`: Beckett, read for the Moonshine package (MIT)."""
CODECS = {"flac": "flac", "wav": "pcm_s16le", "mp3": "libmp3lame", "opus": "libopus", "vorbis": "vorbis"}
"""By the short name that tests use."""


@functools.cache
def clip() -> Samples:
    """The spoken words, [samples] at 16 kHz."""
    path = located("useful-moonshine-onnx", "20251121", "moonshine_onnx/assets/beckett.wav")
    return np.concatenate(list(decoded(path.read_bytes(), AudioLimits())))


def noise(seconds: float, *, level: float = 0.1) -> Samples:
    return np.random.default_rng(7).normal(0.0, level, round(seconds * SAMPLE_RATE_HZ)).astype(np.float32)


def music(seconds: float) -> Samples:
    """A chord that swells, with a beat."""
    at = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    chord = sum(0.1 * np.sin(2 * np.pi * pitch * at) for pitch in (220.0, 277.0, 330.0)) * (1 + np.sin(4 * np.pi * at))
    return (chord + noise(seconds) * np.exp(-(at % 0.5) * 12)).astype(np.float32)


def wav(samples: Samples, *, rate: int = SAMPLE_RATE_HZ) -> bytes:
    """A WAV file of [samples] or [channels, samples]."""
    channels = np.atleast_2d(samples)
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(channels.shape[0])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(channels.T, -1, 1) * 32767).astype("<i2").tobytes())
    return stream.getvalue()


@functools.cache
def spoken(kind: str) -> bytes:
    """The spoken words as a file of a kind."""
    return encoded(clip(), kind)


def encoded(samples: Samples, kind: str) -> bytes:
    """A stereo file of a kind, with the same samples on both sides."""
    stream = io.BytesIO()
    with av.open(stream, "w", format="ogg" if kind in {"opus", "vorbis"} else kind) as container:
        options = {"strict": "experimental"} if kind == "vorbis" else {}
        track = container.add_stream(CODECS[kind], rate=SAMPLE_RATE_HZ, options=options)
        assert isinstance(track, av.AudioStream)
        track.layout = "stereo"
        size = track.codec_context.frame_size or 1024
        resampler = av.AudioResampler(format=track.codec_context.format, layout="stereo", rate=SAMPLE_RATE_HZ)
        for first in range(0, samples.size, size):
            frame = av.AudioFrame.from_ndarray(samples[None, first : first + size], format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE_HZ, first, Fraction(1, SAMPLE_RATE_HZ)
            for one in resampler.resample(frame):
                container.mux(track.encode(one))
        container.mux(track.encode(None))
    return stream.getvalue()


def said(segments: Iterable[TranscriptSegment]) -> list[str]:
    """The words of segments, in lower case and without punctuation."""
    return re.findall("[a-z]+", " ".join(one.text for one in segments).lower())
