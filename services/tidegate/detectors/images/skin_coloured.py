"""Generated pictures in the colours of skin that show none (dunes, grain, blobs, gradients): for false alarms."""

from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from tidegate.detectors.images.decoding import Pixels

_SIDE: Final = 480
_TONES: Final = (
    (255, 224, 196),
    (240, 200, 170),
    (224, 172, 140),
    (198, 134, 96),
    (160, 105, 72),
    (120, 76, 50),
    (84, 54, 38),
)
"""From light to dark."""


def skin_coloured(number: int) -> Pixels:
    """Returns one picture, [480, 480, 3]; the same for the same number."""
    random = np.random.default_rng(number)
    kinds = (_dunes, _grain, _blobs, _gradient)
    weights = np.clip(kinds[number % len(kinds)](random), 0.0, 1.0)[..., None]
    light, dark = sorted(random.choice(len(_TONES), 2, replace=False))
    mixed = (1 - weights) * np.asarray(_TONES[light]) + weights * np.asarray(_TONES[dark])
    noisy = mixed + random.normal(0, random.uniform(0, 8), (_SIDE, _SIDE, 1))
    return np.asarray(np.clip(noisy, 0, 255), dtype=np.uint8)


def _dunes(random: np.random.Generator) -> npt.NDArray[np.float64]:
    y, x = np.mgrid[0:_SIDE, 0:_SIDE] / _SIDE
    bend = 0.15 * np.sin(2 * np.pi * (x * random.uniform(0.5, 3) + random.uniform()))
    return np.asarray(0.5 + 0.5 * np.sin(2 * np.pi * (y + bend) * random.uniform(2, 14)))


def _grain(random: np.random.Generator) -> npt.NDArray[np.float64]:
    rows = np.cumsum(random.normal(0, 0.08, (_SIDE, 1)), axis=0) + random.normal(0, 0.02, (_SIDE, _SIDE)).cumsum(axis=1)
    return np.asarray(0.5 + 0.5 * np.sin(3 * rows))


def _blobs(random: np.random.Generator) -> npt.NDArray[np.float64]:
    coarse = random.integers(0, 256, (int(random.integers(3, 9)),) * 2, dtype=np.uint8)
    smooth = Image.fromarray(coarse).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    return np.asarray(smooth.filter(ImageFilter.GaussianBlur(12)), dtype=np.float64) / 255


def _gradient(random: np.random.Generator) -> npt.NDArray[np.float64]:
    y, x = np.mgrid[0:_SIDE, 0:_SIDE] / _SIDE
    angle = random.uniform(0, 2 * np.pi)
    return np.asarray(0.5 + (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle))
