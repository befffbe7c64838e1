"""`image_text`: the words in an image, read in this process with the packaged PP-OCRv4 models.

Blocking work in threads of its own, each with one ONNX Runtime thread. Bounded: the picture is scaled, the number of
pieces is limited, and the budget is looked at between steps, the longest of which takes about 0.3 s of a CPU.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from opentelemetry.trace import Tracer
from PIL import Image

from tidegate.detectors.images.decoding import DecodedImage, Pixels
from tidegate.detectors.images.looking import Finding
from tidegate.detectors.images.places import PatientThreads
from tidegate.detectors.images.reading_order import Corners, Piece, height_of, level, rows
from tidegate.models.catalogue import DetectorSpec
from tidegate.moderation.budget import Budget
from tidegate.moderation.detection import DetectorScores, DetectorStatus
from tidegate.telemetry.names import SpanName
from tidegate.telemetry.spans import span

_LONGEST_SIDE: Final = 960
_LONGEST_SIDE_OF_SMALL: Final = 640
"""Smaller pictures are enlarged to it, up to three times."""
_LARGEST_ENLARGEMENT: Final = 3.0
_LEAST_SIDE: Final = 12
"""Once scaled, a side shorter than this holds no letters."""
_PADDED_SIDE: Final = 64
"""Least side of what the network sees; the rest is filled with the nearest pixels."""
_LEAST_CONFIDENCE: Final = 0.6
_MOST_PIECES: Final = 60
_PIECES_AT_A_TIME: Final = 6
_MOST_OUTLINES: Final = 300


@dataclass(frozen=True, slots=True)
class Words:
    """What was read in a picture, or in several."""

    text: str
    """A line per line; of several pictures, lines that are equal once."""
    whole: bool
    """False if there may be more: too many pieces, or too slim a picture to be scaled down and still be read."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """What was found in one picture."""

    found: tuple[Piece, ...]
    """At any confidence, in no order."""
    whole: bool
    """See `Words.whole`."""


class WordReader:
    """Reads the words in pictures. Blocking; safe in several threads, each of which loads the models at first use."""

    def __init__(self, spec: DetectorSpec, *, least_confidence: float = _LEAST_CONFIDENCE) -> None:
        """Loads nothing yet.

        Args:
            spec: Names the packaged models.
            least_confidence: Pieces read with less are left out.
        """
        self._spec = spec
        self._least_confidence = least_confidence
        self._of_thread = threading.local()

    def load(self) -> None:
        """Loads the models for this thread. Raises PackagedFileError if they are not the catalogue's."""
        if getattr(self._of_thread, "engine", None) is None:
            for file in self._spec.packages:
                file.verify()
            self._of_thread.engine = _engine()

    def read(self, frames: Sequence[Pixels], budget: Budget) -> Words:
        """Returns the words in these frames.

        Raises:
            TimeoutError: The budget ended.
            PackagedFileError: The models are not the catalogue's.
        """
        self.load()
        lines: dict[str, None] = {}
        whole = True
        for frame in frames:
            pieces = self.pieces(frame, budget)
            lines |= dict.fromkeys(rows([one for one in pieces.found if one.confidence >= self._least_confidence]))
            whole = whole and pieces.whole
        return Words("\n".join(lines), whole)

    def pieces(self, frame: Pixels, budget: Budget) -> Pieces:
        """Returns what was found in one picture. Raises as `read` does."""
        self.load()
        picture = scaled(frame)
        if picture is None:
            return Pieces((), whole=min(frame.shape[:2]) < _LEAST_SIDE)
        engine = self._of_thread.engine
        boxes, _ = engine.text_det(picture)
        if boxes is None or len(boxes) == 0:
            return Pieces((), whole=True)
        kept = sorted(boxes, key=height_of, reverse=True)[:_MOST_PIECES]
        levelled = level(kept)
        found: list[Piece] = []
        for first in range(0, len(kept), _PIECES_AT_A_TIME):
            if budget.left_s() <= 0:
                raise TimeoutError
            some = kept[first : first + _PIECES_AT_A_TIME]
            texts, _ = engine.text_rec(engine.get_crop_img_list(picture, some))
            placed = zip(levelled[first:], texts, strict=False)
            found += [_piece(box, text, score) for box, (text, score) in placed if text.strip()]
        return Pieces(tuple(found), whole=len(boxes) <= _MOST_PIECES)


class Reading:
    """`image_text` among the image detectors. What it finds has no score: its words are for the text detectors."""

    def __init__(self, spec: DetectorSpec, *, reader: WordReader, threads: PatientThreads, tracer: Tracer) -> None:
        self.spec = spec
        self._reader = reader
        self._threads = threads
        self._tracer = tracer

    async def prepare(self) -> None:
        """See `ImageDetector`. Loads the models, so that the first image does not wait for them."""
        await self._threads.run(self._reader.load, Budget.of_ms(_LOADING_MS))

    async def look(self, image: DecodedImage, budget: Budget) -> Finding:
        """See `ImageDetector`. NO_CONTENT where there are no words; UNREADABLE beside it where there may be more."""
        with span(self._tracer, SpanName.IMAGE_READ):
            words = await self._threads.run(partial(self._reader.read, image.frames, budget), budget)
        status = DetectorStatus.OK if words.text else DetectorStatus.NO_CONTENT
        unread = None if words.whole else DetectorStatus.UNREADABLE
        return Finding(DetectorScores(self.spec.name, self.spec.version, status), words.text, unread)


_LOADING_MS: Final = 30_000.0


def scaled(frame: Pixels) -> Pixels | None:
    """Returns the picture as BGR in the size at which it is read, padded; None if no letters fit into it."""
    height, width = frame.shape[:2]
    longest = max(height, width)
    factor = _LONGEST_SIDE / longest if longest > _LONGEST_SIDE else 1.0
    if longest < _LONGEST_SIDE_OF_SMALL:
        factor = min(_LARGEST_ENLARGEMENT, _LONGEST_SIDE_OF_SMALL / longest)
    size = round(width * factor), round(height * factor)
    if min(size) < _LEAST_SIDE:
        return None
    resized = frame if factor == 1.0 else np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC))
    missing = [max(0, _PADDED_SIDE - side) for side in resized.shape[:2]]
    padded = np.pad(resized, [(0, missing[0]), (0, missing[1]), (0, 0)], mode="edge") if any(missing) else resized
    return np.ascontiguousarray(padded[:, :, ::-1])


def _engine() -> Any:
    # Imported here: it loads OpenCV, which takes half a second and is not needed where images aren't read.
    import cv2  # noqa: PLC0415 - see above
    from rapidocr_onnxruntime import (  # type: ignore[import-untyped]  # noqa: PLC0415 - untyped; see above
        RapidOCR,
    )

    cv2.setNumThreads(1)
    engine = RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1, det_limit_type="max")
    engine.text_det.postprocess_op.max_candidates = _MOST_OUTLINES
    return engine


def _piece(box: Corners, text: str, score: float) -> Piece:
    return Piece(
        text=text.strip(),
        confidence=float(score),
        left=float(box[0][0] + box[3][0]) / 2,
        middle=float(box[:, 1].mean()),
        height=height_of(box),
    )
