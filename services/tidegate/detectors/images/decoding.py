"""Encoded image → pixels, bounded in memory and work: the first step of an image's way through its detectors.

Blocking; runs in a thread. What a viewer would see is what detectors get: upright, and 8 bits a channel.
"""

import io
import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError

from tidegate.detectors.images.limits import ImageLimits

Pixels = npt.NDArray[np.uint8]
"""RGB, [height, width, 3]."""

_FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF")
_ANIMATED: Final = frozenset({"PNG", "WEBP", "GIF"})
_START_OF_SCAN: Final = b"\xff\xda"
"""ITU-T T.81, B.1.1.3. Entropy-coded data never holds these two bytes."""
_BEHIND: Final = (127, 127, 127)
"""What transparent pixels are seen on. On mid-grey neither white nor black content disappears."""
_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By EXIF orientation, what turns the stored picture upright (CIPA DC-008, tag 274)."""
_UNDECODABLE: Final = (
    UnidentifiedImageError,
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    OverflowError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
"""What Pillow raises for broken, truncated and oversized files; the last one only where warnings are errors."""


class UnreadableImageError(Exception):
    """The file can't be decoded, or is beyond the limits. The message is for a log, and never content."""


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """What detectors look at."""

    frames: tuple[Pixels, ...]
    """The picture; of an animation the first, the middle and the last frame, equal ones once."""
    whole: bool = True
    """False if an animation goes on beyond what may be decoded: the last frame is then not its last."""


def decode(data: bytes, limits: ImageLimits) -> DecodedImage:
    """Returns the frames of a JPEG, PNG, WebP or GIF.

    Raises:
        UnreadableImageError: It can't be decoded, is truncated, or is beyond the limits.
    """
    if data.startswith(b"\xff\xd8") and data.count(_START_OF_SCAN) > limits.max_scans:
        raise UnreadableImageError("too many scans")
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            pixels = image.width * image.height
            if not 0 < pixels <= limits.max_pixels:
                raise UnreadableImageError(f"{image.width} x {image.height} pixels")
            image.draft("RGB", _draft_size(image, limits))
            decodable, whole = _decodable(image, limits)
            last = decodable - 1
            frames = [_frame(image, number, limits) for number in sorted({0, last // 2, last})]
    except _UNDECODABLE as error:
        raise UnreadableImageError(type(error).__name__) from error
    return DecodedImage(tuple({frame.tobytes(): frame for frame in frames}.values()), whole)


def _draft_size(image: Image.Image, limits: ImageLimits) -> tuple[int, int]:
    """The least size at which a JPEG may be decoded; it takes the next larger of the full, 1/2, 1/4 and 1/8 size."""
    factor = max(1.0, (image.width * image.height / limits.max_kept_pixels) ** 0.5)
    return max(1, round(image.width / factor)), max(1, round(image.height / factor))


def _decodable(image: Image.Image, limits: ImageLimits) -> tuple[int, bool]:
    """How many frames may be decoded, and whether these are all."""
    if image.format not in _ANIMATED or not getattr(image, "is_animated", False):
        return 1, True
    count = int(getattr(image, "n_frames", 1))
    within = max(1, limits.max_animation_pixels // (image.width * image.height))
    return min(count, within), count <= within


def _frame(image: Image.Image, number: int, limits: ImageLimits) -> Pixels:
    if number:
        image.seek(number)
    image.load()
    orientation = _orientation(image)
    kept = _reduced(_plain(image), limits.max_kept_pixels)
    upright = kept.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else kept
    return np.asarray(upright, dtype=np.uint8)


def _orientation(image: Image.Image) -> int | None:
    """As the file says; None if it says nothing, or nothing that can be read, which viewers show as stored."""
    try:
        return image.getexif().get(ExifTags.Base.Orientation)
    except _UNDECODABLE:
        return None


def _plain(image: Image.Image) -> Image.Image:
    """RGB, composed over grey where it is transparent."""
    if image.mode.startswith("I"):
        # Pillow's own conversion clips 16 bits to 8: everything but the darkest shades would be white.
        shades = np.clip(np.right_shift(np.asarray(image), 8), 0, 255).astype(np.uint8)
        return Image.fromarray(shades).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    seen = image.convert("RGBA")
    plain = Image.new("RGB", image.size, _BEHIND)
    plain.paste(seen, mask=seen.getchannel("A"))
    return plain


def _reduced(image: Image.Image, max_pixels: int) -> Image.Image:
    """The image, reduced by the least whole factor that makes it fit."""
    factor = 1
    while -(-image.width // factor) * -(-image.height // factor) > max_pixels:
        factor += 1
    return image.reduce((min(factor, image.width), min(factor, image.height))) if factor > 1 else image
