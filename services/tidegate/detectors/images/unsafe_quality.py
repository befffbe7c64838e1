"""`python -m tidegate.detectors.images.unsafe_quality FOLDER`: false alarms of `image_unsafe` on ordinary images.

Reads every image beneath the folder, by its first level of sub-folders, decodes and prepares it as the service does,
and runs the graph as it is served. All that it shows is about images taken to be harmless: it can't measure recall.
"""

import argparse
import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime as ort

from tidegate.detectors.images.decoding import Pixels, UnreadableImageError, decode
from tidegate.detectors.images.limits import ImageLimits
from tidegate.detectors.images.preprocessing import unsafe_rows
from tidegate.detectors.images.skin_coloured import skin_coloured
from tidegate.models.catalogue import DetectorSpec, specification
from tidegate.models.export.build import build
from tidegate.models.serving_profile import Precision

_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif"})
_SMALLEST_SIDE: Final = 96
"""Icons and textures below it are left out: nobody uploads them."""
_RAW: Final = (0.2, 0.5, 0.8, 0.9, 0.95)
_SYNTHETIC: Final = "generated, skin-coloured"


@dataclass(frozen=True, slots=True)
class ScoredImage:
    """One image's score."""

    source: str
    """First folder beneath the given one."""
    name: str
    """Path below it."""
    logit: float
    """Of the graph, uncalibrated; for several frames the highest."""


def images_in(folder: Path, *, limits: ImageLimits) -> Iterator[tuple[str, str, tuple[Pixels, ...]]]:
    """Yields source, name and frames of each different image that can be read and is not tiny."""
    seen: set[str] = set()
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES and path.is_file()):
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        if digest in seen:
            continue
        seen.add(digest)
        try:
            frames = decode(data, limits).frames
        except UnreadableImageError:
            continue
        if min(frames[0].shape[:2]) >= _SMALLEST_SIDE:
            below = path.relative_to(folder)
            yield below.parts[0] if len(below.parts) > 1 else "", str(below), frames


def scored(
    session: ort.InferenceSession, images: Iterable[tuple[str, str, tuple[Pixels, ...]]]
) -> Iterator[ScoredImage]:
    """Yields each image's score."""
    for source, name, frames in images:
        (logits,) = session.run(["logits"], {"pixels": unsafe_rows(frames)})
        yield ScoredImage(source, name, float(logits.max()))


def table(spec: DetectorSpec, images: list[ScoredImage]) -> list[dict[str, float | int | str]]:
    """Returns shares of images at and above raw scores and at severity 4, for each source and all together."""
    by_source: dict[str, list[float]] = defaultdict(list)
    for one in images:
        by_source[one.source].append(one.logit)
        if one.source != _SYNTHETIC:
            by_source["all but generated"].append(one.logit)
    rows: list[dict[str, float | int | str]] = []
    for source, logits in by_source.items():
        raw = 1.0 / (1.0 + np.exp(-np.asarray(logits)))
        severities = [spec.severity(spec.calibrate("adult", logit)) for logit in logits]
        shares = {f"raw {edge}": float((raw >= edge).mean()) for edge in _RAW}
        bands = {f"severity {band}": float(np.mean([one >= band for one in severities])) for band in (1, 4)}
        rows.append({"source": source, "n": len(logits), **shares, **bands})
    return rows


def main() -> int:
    """Prints the table and the highest scores; writes every score where asked to."""
    parser = argparse.ArgumentParser(prog="python -m tidegate.detectors.images.unsafe_quality", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--version", default="1")
    parser.add_argument("--generated", type=int, default=200, help="skin-coloured pictures to make")
    parser.add_argument("--cache", type=Path, default=Path("build/models"))
    parser.add_argument("--out", type=Path, help="JSON of every score")
    parser.add_argument("--metrics", type=Path, help="JSON of the table")
    options = parser.parse_args()
    spec = specification("image_unsafe", options.version)
    graph = build(spec, Precision.FP32, cache=options.cache, report=lambda _: None)
    settings = ort.SessionOptions()
    settings.intra_op_num_threads = 1
    session = ort.InferenceSession(str(graph), settings, providers=["CPUExecutionProvider"])
    made = ((_SYNTHETIC, str(number), (skin_coloured(number),)) for number in range(options.generated))
    found = list(scored(session, made))
    for one in scored(session, images_in(options.folder, limits=ImageLimits())):
        found.append(one)
        if len(found) % 200 == 0:
            sys.stderr.write(f"{len(found)} images\n")
    rows = table(spec, found)
    for row in rows:
        sys.stdout.write(
            "  ".join(f"{k} {v:.4f}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()) + "\n"
        )
    for one in sorted(found, key=lambda one: -one.logit)[:20]:
        sys.stdout.write(f"{1 / (1 + np.exp(-one.logit)):.3f}  {one.source}  {one.name}\n")
    if options.metrics:
        document = {"detector": spec.name, "version": spec.version, "false_alarms": rows}
        options.metrics.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if options.out:
        scores = [{"source": one.source, "name": one.name, "logit": round(one.logit, 4)} for one in found]
        options.out.write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
