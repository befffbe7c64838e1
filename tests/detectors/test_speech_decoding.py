"""Every file decodes as a whole or not at all: what was not heard must never count as clean."""

import struct
from collections.abc import Callable

import numpy as np
import pytest

from tests.detectors.spoken import CODECS, Samples, clip, encoded, noise, spoken, wav
from tidegate.detectors.speech.decoding import SAMPLE_RATE_HZ, UnreadableAudioError, declared_duration_s, decoded
from tidegate.detectors.speech.limits import AudioLimits

LIMITS = AudioLimits()
DAMAGE = 2_000


def heard(data: bytes, limits: AudioLimits = LIMITS) -> Samples:
    return np.concatenate(list(decoded(data, limits)))


def noise_bytes(count: int) -> bytes:
    return np.random.default_rng(1).bytes(count)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "first bytes": lambda data: data[:16],
    "header": lambda data: data[:60],
    "cut in half": lambda data: data[: len(data) // 2],
    "noise inside": lambda data: data[: len(data) // 2] + noise_bytes(DAMAGE) + data[len(data) // 2 + DAMAGE :],
    "hole inside": lambda data: data[: len(data) // 2] + data[len(data) // 2 + DAMAGE :],
}


@pytest.mark.parametrize("kind", CODECS)
def test_a_sound_file_of_each_kind_is_heard_to_its_end(kind: str) -> None:
    audio = heard(spoken(kind))
    assert audio.dtype == np.float32
    assert abs(audio.size - clip().size) <= SAMPLE_RATE_HZ // 20
    assert abs(declared_duration_s(spoken(kind), LIMITS) - clip().size / SAMPLE_RATE_HZ) < 0.05


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("kind", CODECS)
def test_a_damaged_file_is_unreadable(kind: str, how: str) -> None:
    """WAV has no sums, so noise inside it is sound like any other; a hole makes it shorter than it declares."""
    data = DAMAGES[how](spoken(kind))
    if kind == "wav" and how == "noise inside":
        assert heard(data).size == clip().size
        return
    with pytest.raises(UnreadableAudioError):
        heard(data)


@pytest.mark.parametrize("kind", ["flac", "mp3", "opus", "vorbis"])
def test_a_second_file_behind_the_first_is_not_skipped_over(kind: str) -> None:
    with pytest.raises(UnreadableAudioError):
        heard(spoken(kind) + spoken(kind))


@pytest.mark.parametrize("kind", ["flac", "opus", "vorbis"])
def test_one_flipped_byte_is_found_where_the_format_has_sums(kind: str) -> None:
    data = bytearray(spoken(kind))
    data[len(data) // 2] ^= 0x55
    with pytest.raises(UnreadableAudioError):
        heard(bytes(data))


@pytest.mark.parametrize(
    "data",
    [
        noise_bytes(5_000),
        b"fLaC" + noise_bytes(5_000),
        b"OggS" + noise_bytes(5_000),
        b"RIFF\0\0\0\0WAVE" + noise_bytes(5_000),
        b"ID3\4\0\0\0\0\0\0" + noise_bytes(5_000),
        b"#EXTM3U\n#EXTINF:1,\nother.wav\n",
        b"ffconcat version 1.0\nfile other.wav\n",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"just words",
    ],
    ids=["noise", "flac", "ogg", "wav", "mp3", "playlist", "concatenation", "picture", "text"],
)
def test_other_bytes_are_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableAudioError):
        heard(data)


def test_a_file_without_a_sample_is_unreadable() -> None:
    with pytest.raises(UnreadableAudioError, match="no audio"):
        heard(wav(np.zeros(0, dtype=np.float32)))


def test_samples_that_are_no_numbers_are_unreadable() -> None:
    samples = np.zeros(SAMPLE_RATE_HZ, dtype="<f4")
    samples[100] = np.nan
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, SAMPLE_RATE_HZ, SAMPLE_RATE_HZ * 4, 4, 32)
    body = b"WAVE" + form + struct.pack("<4sI", b"data", samples.nbytes) + samples.tobytes()
    with pytest.raises(UnreadableAudioError, match="no numbers"):
        heard(struct.pack("<4sI", b"RIFF", len(body)) + body)


def test_a_clip_longer_than_the_limit_is_unreadable_by_what_it_declares() -> None:
    with pytest.raises(UnreadableAudioError, match="too long"):
        declared_duration_s(spoken("flac"), AudioLimits(max_duration_s=5))


def test_a_clip_that_declares_less_than_it_holds_is_stopped_at_the_limit() -> None:
    """A FLAC file may declare no length at all."""
    data = bytearray(encoded(noise(10), "flac"))
    data[21:26] = bytes([data[21] & 0xF0, 0, 0, 0, 0])  # total samples in STREAMINFO: 0, unknown
    assert heard(bytes(data)).size == 10 * SAMPLE_RATE_HZ
    found: list[Samples] = []
    with pytest.raises(UnreadableAudioError, match="too long"):
        found.extend(decoded(bytes(data), AudioLimits(max_duration_s=5)))
    assert sum(block.size for block in found) <= 6 * SAMPLE_RATE_HZ


def test_too_many_bytes_are_unreadable() -> None:
    with pytest.raises(UnreadableAudioError, match="too many bytes"):
        heard(spoken("wav"), AudioLimits(max_bytes=1_000))


def test_too_many_channels_are_unreadable() -> None:
    with pytest.raises(UnreadableAudioError):
        heard(wav(np.tile(noise(1), (3, 1))), AudioLimits(max_channels=2))


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000])
def test_any_rate_comes_out_at_sixteen_kilohertz(rate: int) -> None:
    tone = np.sin(np.arange(rate * 3) * 2 * np.pi * 440 / rate) / 2
    audio = heard(wav(tone.astype(np.float32), rate=rate))
    spectrum = np.abs(np.fft.rfft(audio))
    assert abs(audio.size - 3 * SAMPLE_RATE_HZ) < SAMPLE_RATE_HZ // 20
    assert abs(np.argmax(spectrum) * SAMPLE_RATE_HZ / audio.size - 440) < 1


def test_a_cover_picture_inside_the_file_is_no_second_stream() -> None:
    picture = b"\x89PNG\r\n\x1a\n" + noise_bytes(500)
    body = b"\0image/png\0\3\0" + picture
    size = 10 + len(body)
    frame = b"APIC" + len(body).to_bytes(4, "big") + b"\0\0" + body
    tag = b"ID3\3\0\0" + bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127]) + frame
    assert heard(tag + spoken("mp3")).size > 0
