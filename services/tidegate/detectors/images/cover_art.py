"""Generated cover art with known words, to measure reading. Fonts, sizes, angles, backgrounds: each from a number."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from tidegate.detectors.images.decoding import Pixels

_SIDES: Final = (300, 500, 640, 1000, 1400)
_HEIGHTS: Final = (0.035, 0.05, 0.08, 0.12)
"""Of letters, as shares of the picture's side."""
_STEEPEST_DEGREES: Final = 10.0
_MID_GREY: Final = 128
_FIRST: Final = (
    "Midnight",
    "Paper",
    "Northern",
    "Broken",
    "Golden",
    "Slow",
    "Hidden",
    "Electric",
    "Summer",
    "Quiet",
    "Rivers of",
    "The Last",
)
_SECOND: Final = (
    "Ferry",
    "Lanterns",
    "Lights",
    "Compass",
    "Hour",
    "Machines",
    "Garden",
    "Parade",
    "Letters",
    "Weather",
    "Glass",
    "Signal",
)
_BELOW: Final = (
    "live at the harbour 1987",
    "remastered edition",
    "featuring the brass section",
    "songs for a long drive",
    "volume 3",
    "a podcast about cities",
    "don't call me tomorrow",
    "original soundtrack",
    "12 tracks, no skips",
    "you are not welcome here",
)


@dataclass(frozen=True, slots=True)
class Cover:
    """One picture and what is written on it."""

    pixels: Pixels
    """Square."""
    lines: tuple[str, ...]
    """From top to bottom."""
    side: int
    """Pixels."""
    letter_height: float
    """Of the smaller line, in pixels."""
    degrees: float
    """By which the lettering is turned."""
    photo: bool
    """True if the background is a photograph, False for gradients and shapes."""


def cover(number: int, *, fonts: Sequence[Path], photos: Sequence[Path] = ()) -> Cover:
    """Returns one cover; the same for the same number, fonts and photos."""
    random = np.random.default_rng(number)
    side = int(random.choice(_SIDES))
    lines = (f"{random.choice(_FIRST)} {random.choice(_SECOND)}", str(random.choice(_BELOW)))
    photo = bool(photos) and number % 2 == 0
    background = _photo(photos[int(random.integers(len(photos)))], side) if photo else _gradient(random, side)
    height = max(10.0, float(random.choice(_HEIGHTS)) * side)
    degrees = float(random.uniform(-_STEEPEST_DEGREES, _STEEPEST_DEGREES)) if number % 3 == 0 else 0.0
    path = str(fonts[int(random.integers(len(fonts)))])
    made = _lettered(background, lines, path=path, height=height, degrees=degrees, random=random)
    return Cover(np.asarray(made), lines, side, height, degrees, photo)


def _lettered(
    background: Image.Image,
    lines: tuple[str, str],
    *,
    path: str,
    height: float,
    degrees: float,
    random: np.random.Generator,
) -> Image.Image:
    side = background.width
    first = ImageFont.truetype(path, round(height * 1.6))
    while first.getlength(lines[0]) > side * 0.85:
        first = ImageFont.truetype(path, round(first.size * 0.9))
    second = ImageFont.truetype(path, round(height))
    while second.getlength(lines[1]) > side * 0.85:
        second = ImageFont.truetype(path, round(second.size * 0.9))
    layer = Image.new("L", background.size)
    draw = ImageDraw.Draw(layer)
    top = side * float(random.uniform(0.2, 0.4))
    draw.text((side / 2, top), lines[0], font=first, fill=255, anchor="mm")
    draw.text((side / 2, top + first.size + second.size), lines[1], font=second, fill=255, anchor="mm")
    layer = layer.rotate(degrees, Image.Resampling.BICUBIC)
    around = float(np.asarray(background.convert("L"), dtype=np.float32)[np.asarray(layer) > 0].mean())
    colour = tuple(
        int(value) for value in (random.integers(200, 256, 3) if around < _MID_GREY else random.integers(0, 50, 3))
    )
    made = background.copy()
    made.paste(colour, mask=layer)
    return made


def _gradient(random: np.random.Generator, side: int) -> Image.Image:
    corners = Image.fromarray(random.integers(0, 256, (3, 3, 3), dtype=np.uint8))
    made = corners.resize((side, side), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(made)
    for _ in range(int(random.integers(0, 5))):
        x, y, radius = random.integers(0, side, 3) / (1, 1, 3)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=tuple(map(int, random.integers(0, 256, 3))))
    return made.filter(ImageFilter.GaussianBlur(side / 100))


def _photo(path: Path, side: int) -> Image.Image:
    with Image.open(path) as image:
        image.draft("RGB", (side, side))
        plain = image.convert("RGB")
    shorter = min(plain.size)
    left, top = (plain.width - shorter) // 2, (plain.height - shorter) // 2
    return plain.crop((left, top, left + shorter, top + shorter)).resize((side, side), Image.Resampling.BICUBIC)
