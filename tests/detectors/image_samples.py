"""Generated pictures, encoded; and what is asked of the image stage."""

import io
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tidegate.detectors.image_port import ImageRequest
from tidegate.detectors.images.decoding import Pixels
from tidegate.moderation.tracing import TraceContext

UNSAMPLED = TraceContext("1" * 32, "2" * 16, sampled=False)


def picture(seed: int = 1, *, width: int = 320, height: int = 240) -> Image.Image:
    """Smooth coloured shapes with a little noise: something that compresses like a photograph."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), dtype=np.int16)
    return Image.fromarray(np.clip(smooth + random.integers(-6, 7, smooth.shape), 0, 255).astype(np.uint8))


def halves(first: tuple[int, ...], second: tuple[int, ...], *, size: tuple[int, int] = (80, 40)) -> Image.Image:
    """The left half in one colour, the right in another."""
    made = Image.new("RGBA" if len(first) == 4 else "RGB", size, first)
    made.paste(second, (size[0] // 2, 0, *size))
    return made


def lettering(text: str, *, size: int = 60, width: int = 640, height: int = 640) -> Image.Image:
    """A line or more of white text on dark blue."""
    made = Image.new("RGB", (width, height), (20, 30, 70))
    ImageDraw.Draw(made).text((40, 60), text, font=ImageFont.load_default(size), fill="white", spacing=30)
    return made


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    with io.BytesIO() as file:
        image.save(file, kind, **options)
        return file.getvalue()


def animation(colours: list[str], kind: str = "GIF") -> bytes:
    frames = [Image.new("RGB", (60, 50), colour) for colour in colours]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)


def mean_colour(pixels: Pixels) -> tuple[int, int, int]:
    red, green, blue = (round(float(value)) for value in pixels.reshape(-1, 3).mean(axis=0))
    return red, green, blue


def asking(
    data: bytes,
    *detectors: str,
    budget_ms: float = 100_000.0,
    trace: TraceContext = UNSAMPLED,
) -> ImageRequest:
    return ImageRequest(data=data, detectors=detectors or ("image_unsafe",), budget_ms=budget_ms, trace=trace)
