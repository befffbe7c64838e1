"""What becomes of a long clip: asked about over gRPC, again and again, until all of it was heard and scored.

    python loadtests/long_clip.py FOLDER --address 127.0.0.1:9000 [--minutes 120] [--pid N] [--out build/bench]

The speech in a folder's audio files is said over and over until the clip is long enough, as Opus, so that two hours
fit into one request. A clip that exists is asked about with --clip. With --pid, the memory and processor time of that
process (the one that hears: the speech deployment's, or the router's where the topology is colocated) are noted at
every answer. Repeated speech makes equal texts, which are scored once: the time for scoring flatters.

Writes `long_clip.json` (rows of measure, value, unit, target, holds) and every answer beside it; exits with 1 if the
clip does not come to a decision that is COMPLETE.
"""

import argparse
import io
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
import psutil

from tidegate.client import Completeness, ContentItem, Decision, Surface, TidegateClient, audio_part
from tidegate.detectors.speech.decoding import SAMPLE_RATE_HZ, decoded
from tidegate.detectors.speech.limits import AudioLimits
from tidegate.detectors.speech.quality import files_of
from tidegate.moderation.detection import DetectorStatus

_BIT_RATE: Final = 14_000
"""Two hours in 12.7 MB; a request may have 16."""
_SHORTEST_S: Final = 5.0
"""Of the clips that are said over and over: a word alone is not understood."""
_EARLY: Final = {DetectorStatus.PENDING, DetectorStatus.TIMED_OUT}
_LONGEST_S: Final = 4 * 3_600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply."""

    at_s: float
    """Since the first question."""
    took_s: float
    """From question to reply."""
    action: str
    """What was decided."""
    completeness: str
    """Whether everything was there."""
    runs: dict[str, str]
    """Status by detector."""
    memory_mb: float | None
    """Resident, of the process that hears."""
    processor_s: float | None
    """Of that process, since the first question."""


def opus(samples: Iterator[np.ndarray]) -> bytes:
    """Returns mono Opus in Ogg, of blocks of float32 samples at 16 kHz."""
    stream, at = io.BytesIO(), 0
    with av.open(stream, "w", format="ogg") as container:
        track = container.add_stream("libopus", rate=SAMPLE_RATE_HZ)
        track.layout, track.bit_rate = "mono", _BIT_RATE
        resampler = av.AudioResampler(format=track.codec_context.format, layout="mono", rate=SAMPLE_RATE_HZ)
        for block in samples:
            frame = av.AudioFrame.from_ndarray(block[None], format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE_HZ, at, Fraction(1, SAMPLE_RATE_HZ)
            at += block.size
            for one in resampler.resample(frame):
                container.mux(track.encode(one))
        for one in resampler.resample(None):
            container.mux(track.encode(one))
        container.mux(track.encode(None))
    return stream.getvalue()


def said_over_and_over(folder: Path, *, seconds: float) -> Iterator[np.ndarray]:
    """Yields the speech of a folder's files, repeated, in blocks of about a second."""
    clips = [list(decoded(path.read_bytes(), AudioLimits())) for path in files_of(folder)]
    clips = [blocks for blocks in clips if sum(block.size for block in blocks) >= _SHORTEST_S * SAMPLE_RATE_HZ]
    left = round(seconds * SAMPLE_RATE_HZ)
    while clips and left > 0:
        for block in (block for blocks in clips for block in blocks):
            if left > 0:
                yield block[:left]
            left -= block.size


def answers(
    client: TidegateClient, clip: bytes, *, budget_ms: float, every_s: float, pid: int | None
) -> Iterator[Answer]:
    """Yields every reply; the last one is not PENDING."""
    item = ContentItem("long-clip", "account-7", Surface.PODCAST_EPISODE, "SE", (audio_part("clip", clip),))
    hears = psutil.Process(pid) if pid else None
    began, spent = time.perf_counter(), _processor_s(hears)
    while time.perf_counter() - began < _LONGEST_S:
        asked = time.perf_counter()
        decision = client.moderate(item, budget_ms=budget_ms)
        now, after = time.perf_counter(), _processor_s(hears)
        yield Answer(
            at_s=round(now - began, 1),
            took_s=round(now - asked, 3),
            action=decision.action.value,
            completeness=decision.completeness.value,
            runs={run.name: run.status.value for run in decision.inputs.detectors},
            memory_mb=round(hears.memory_info().rss / 1e6) if hears else None,
            processor_s=None if after is None or spent is None else round(after - spent, 1),
        )
        if not _is_early(decision):
            return
        time.sleep(every_s)


def _is_early(decision: Decision) -> bool:
    """Whether asking again would tell more: the clip is being heard, or what is said in it being scored."""
    return any(run.status in _EARLY for run in decision.inputs.detectors)


def _processor_s(process: psutil.Process | None) -> float | None:
    if process is None:
        return None
    times = process.cpu_times()
    return times.user + times.system


def main() -> int:
    """Prints every answer; writes rows and answers."""
    parser = argparse.ArgumentParser(prog="python loadtests/long_clip.py", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="holds audio files of clear English")
    parser.add_argument("--clip", type=Path, help="asks about this file, or writes it first if it does not exist")
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--address", default="127.0.0.1:9000")
    parser.add_argument("--budget-ms", type=float, default=1_000.0)
    parser.add_argument("--every-s", type=float, default=15.0, help="how long to wait before asking again")
    parser.add_argument("--pid", type=int, help="the process that hears")
    parser.add_argument("--out", type=Path, default=Path("build/bench"), help="folder for results")
    options = parser.parse_args()
    if options.clip and options.clip.is_file():
        clip = options.clip.read_bytes()
    elif options.folder and options.folder.is_dir():
        clip = opus(said_over_and_over(options.folder, seconds=options.minutes * 60))
        if options.clip:
            options.clip.write_bytes(clip)
    else:
        parser.error("name a folder of audio files, or a --clip that exists")
    sys.stdout.write(f"{len(clip) / 1e6:.1f} MB\n")
    found: list[Answer] = []
    with TidegateClient(options.address) as client:
        for one in answers(client, clip, budget_ms=options.budget_ms, every_s=options.every_s, pid=options.pid):
            found.append(one)
            sys.stdout.write(json.dumps(asdict(one)) + "\n")
            sys.stdout.flush()
    last = found[-1]
    holds = last.completeness == Completeness.COMPLETE.value
    rows = [
        _row(f"{options.minutes:g} min of speech: to a decision", last.at_s, "s"),
        _row("the same: processor", last.processor_s, "s"),
        _row("the same: memory at most", max((one.memory_mb or 0 for one in found), default=0) or None, "MB"),
        {"measure": "the same: decided COMPLETE", "value": float(holds), "unit": "", "target": 1.0, "holds": holds},
    ]
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "long_clip.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    raw = [asdict(one) for one in found]
    (options.out / "long_clip-answers.json").write_text(json.dumps(raw, indent=1) + "\n", encoding="utf-8")
    return 0 if holds else 1


def _row(measure: str, value: float | None, unit: str) -> dict[str, object]:
    return {"measure": measure, "value": value, "unit": unit, "target": None, "holds": None}


if __name__ == "__main__":
    sys.exit(main())
