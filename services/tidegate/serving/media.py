"""Checks that sent media can be read at all, before anything is decided on it.

What is found out here is refused, and the caller told which field is wrong. An image is decoded for that, which takes
milliseconds: a truncated one is refused. Audio takes up to minutes to decode, so only its kind and size are looked at;
damage further on is found while it is heard, and then decided: UNREADABLE, which no rule takes for clean.
"""

import io
import warnings

from PIL import Image, UnidentifiedImageError

IMAGE_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
_AUDIO_MAGIC = (b"fLaC", b"OggS", b"ID3")
_MPEG_SYNC_MASK = 0xE0  # first three bits of the second byte of an MPEG audio frame (ISO/IEC 11172-3, 2.4.2.3)
_DRAFT_SIZE = (64, 64)


def image_problem(data: bytes, *, max_bytes: int, max_pixels: int) -> str | None:
    """What is wrong with an encoded image, or None. JPEGs are decoded at reduced scale, the rest in full.

    What passes here and is still more than the image stage decodes (an animation's later frames, strange colour models)
    is UNREADABLE there, as data.
    """
    if len(data) > max_bytes:
        return f"must have at most {max_bytes} bytes, has {len(data)}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is checked below
            with Image.open(io.BytesIO(data), formats=IMAGE_FORMATS) as image:
                if image.width * image.height > max_pixels:
                    return f"must have at most {max_pixels} pixels, has {image.width * image.height}"
                image.draft("RGB", _DRAFT_SIZE)
                image.load()
    except Image.DecompressionBombError:  # raised on opening, far above our own limit
        return f"must have at most {max_pixels} pixels"
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        return f"must be a complete image that decodes, as {', '.join(IMAGE_FORMATS)}"
    return None


def audio_problem(data: bytes, *, max_bytes: int) -> str | None:
    """What is wrong with an encoded audio file by its size and first bytes, or None.

    Whether it decodes is found out by the speech stage: UNREADABLE is then data.
    """
    if len(data) > max_bytes:
        return f"must have at most {max_bytes} bytes, has {len(data)}"
    known = data.startswith(_AUDIO_MAGIC) or (data[:4] == b"RIFF" and data[8:12] == b"WAVE") or _is_mpeg(data)
    return None if known else "must be FLAC, WAV, Ogg or MP3"


def _is_mpeg(data: bytes) -> bool:
    return len(data) > 1 and data[0] == 0xFF and data[1] & _MPEG_SYNC_MASK == _MPEG_SYNC_MASK  # noqa: PLR2004 - sync byte
