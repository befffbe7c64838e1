"""`python -m tidegate.detectors.speech.quality FOLDER`: what `audio_speech` makes of the audio files in a folder.

Per file: what it comes to, processor and wall seconds per second of audio, and word errors where the words are known.
Then the same in rising noise, and a clip of many minutes for speed and memory.
"""

import argparse
import io
import json
import resource
import sys
import time
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from tidegate.detectors.speech.clarity import UnclearLimits
from tidegate.detectors.speech.decoding import SAMPLE_RATE_HZ, decoded
from tidegate.detectors.speech.limits import AudioLimits
from tidegate.detectors.speech.loudness import Samples
from tidegate.detectors.speech.transcription import Ear, Transcript, Transcription
from tidegate.detectors.speech.voice_activity import VoiceActivityModel
from tidegate.detectors.speech.whisper import WhisperRecogniser
from tidegate.detectors.speech.word_errors import KNOWN_WORDS, word_errors
from tidegate.models.catalogue import DetectorSpec, specification
from tidegate.moderation.detection import DetectorStatus

_SUFFIXES: Final = frozenset({".flac", ".wav", ".ogg", ".opus", ".mp3"})
_NOISES_DB: Final = (20, 10, 5, 0, -5)
_SHORTEST_S: Final = 5.0
_LONGEST_S: Final = 120.0
"""Of clips that more is tried with: those are decoded whole, which the detector never does."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One clip."""

    name: str
    """File, and what was done to it."""
    seconds: float
    """Its length."""
    transcript: Transcript
    """What it came to."""
    processor_s: float
    """Of this process: other work on the machine hardly matters to it."""
    wall_s: float
    """By the clock: other work on the machine matters."""
    words: tuple[str, ...] = ()
    """What is said, where that is known."""

    def errors(self) -> int | None:
        """Returns words wrong, missing and too many; None where what is said or what was heard is not known."""
        if not self.words or self.transcript.status is not DetectorStatus.OK:
            return None
        return word_errors(self.words, " ".join(one.text for one in self.transcript.segments))

    def row(self) -> str:
        """Returns a line of the table."""
        errors = self.errors()
        shown = "" if errors is None else f"{errors} errors in {len(self.words)} words"
        return (
            f"{self.name:<44} {self.seconds:8.1f} s  {self.transcript.status:<20} processor"
            f" {self.processor_s / self.seconds:.3f}  wall {self.wall_s / self.seconds:.3f}  {shown}"
        )


def measured(name: str, data: bytes, ear: Ear, *, words: Sequence[str] = ()) -> Measured:
    """Returns what one file comes to, and what it took."""
    wall, processor = time.perf_counter(), time.process_time()
    work = Transcription(data, ear, understood=True)
    while (transcript := work.step()) is None:
        pass
    processor_s, wall_s = time.process_time() - processor, time.perf_counter() - wall
    return Measured(name, max(work.heard_s, 0.001), transcript, processor_s, wall_s, tuple(words))


def files_of(folder: Path) -> Iterator[Path]:
    """Yields the audio files beneath a folder."""
    yield from sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES and path.is_file())


def noisy(samples: Samples, *, decibels: float) -> Samples:
    """Returns the samples in white noise, the signal so many decibels above it."""
    level = float(samples.std()) * 10 ** (-decibels / 20)
    return (samples + np.random.default_rng(7).normal(0.0, level, samples.size)).astype(np.float32)


def wav(samples: Samples) -> bytes:
    """Returns a WAV file."""
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return stream.getvalue()


def ear_of(spec: DetectorSpec) -> Ear:
    """Returns the models as they are served, on one thread."""
    activity = next(one for one in spec.packages if one.package == "faster-whisper")
    recogniser = WhisperRecogniser(spec, threads=1, threads_per_clip=1)
    return Ear(recogniser, VoiceActivityModel(activity.path()), AudioLimits(), UnclearLimits())


def peak_mb() -> float:
    """Returns the most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def measure(ear: Ear, folder: Path, *, minutes: float) -> Iterator[Measured]:
    """Yields every measurement."""
    known: list[Samples] = []
    for path in files_of(folder):
        data, words = path.read_bytes(), KNOWN_WORDS.get(path.name, "").split()
        found = measured(path.name, data, ear, words=words)
        yield found
        if not _SHORTEST_S <= found.seconds <= _LONGEST_S or found.transcript.status is DetectorStatus.UNREADABLE:
            continue
        samples = np.concatenate(list(decoded(data, AudioLimits())))
        known.append(samples)
        for decibels in _NOISES_DB if words else ():
            name = f"{path.name}, {decibels} dB over noise"
            yield measured(name, wav(noisy(samples, decibels=decibels)), ear, words=words)
    if known and minutes:
        speech = np.concatenate(known)
        long = np.resize(speech, round(minutes * 60 * SAMPLE_RATE_HZ))
        yield measured(f"all of them, over and over, {minutes:g} min", wav(long), ear)
        yield measured(f"silence, {minutes:g} min", wav(np.zeros_like(long)), ear)


def main() -> int:
    """Prints the table; writes it where asked to."""
    parser = argparse.ArgumentParser(prog="python -m tidegate.detectors.speech.quality", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--version", default="1")
    parser.add_argument("--minutes", type=float, default=10.0, help="length of the long clips; 0 leaves them out")
    parser.add_argument("--out", type=Path, help="JSON of every measurement")
    options = parser.parse_args()
    before_mb, wall = peak_mb(), time.perf_counter()
    ear = ear_of(specification("audio_speech", options.version))
    sys.stdout.write(f"models loaded in {time.perf_counter() - wall:.2f} s, {before_mb:.0f} -> {peak_mb():.0f} MB\n")
    rows: list[dict[str, object]] = []
    for one in measure(ear, options.folder, minutes=options.minutes):
        sys.stdout.write(one.row() + "\n")
        sys.stdout.flush()
        ratio = round(one.processor_s / one.seconds, 4)
        common = {"target": None, "holds": None}
        rows.append({"measure": f"speech processor ratio: {one.name}", "value": ratio, "unit": "s/s", **common})
        if (errors := one.errors()) is not None:
            rate = round(errors / len(one.words), 4)
            rows.append({"measure": f"speech word error rate: {one.name}", "value": rate, "unit": "share", **common})
    sys.stdout.write(f"at most {peak_mb():.0f} MB\n")
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
