"""What kind of audio file some bytes are, told from the bytes alone.

The decoding library would guess among some three hundred formats, playlists that open other files included. It is told
one of four instead.
"""

import struct
from dataclasses import dataclass
from typing import Final

_MPEG_SYNC_MASK: Final = 0xE0
_MPEG_LAYER_MASK: Final = 0x06
_OGG_HEADER: Final = struct.Struct("<4sBBqIIIB")
_OGG_LAST_PAGE: Final = 0x04
_OGG_MOST_PAGE_BYTES: Final = 65_307  # RFC 3533, section 6


@dataclass(frozen=True, slots=True)
class Container:
    """One kind of file, and the codecs that are decoded within it."""

    name: str
    """As FFmpeg calls its demuxer."""
    codecs: frozenset[str]
    """As FFmpeg calls its decoders."""


FLAC: Final = Container("flac", frozenset({"flac"}))
OGG: Final = Container("ogg", frozenset({"vorbis", "opus", "flac"}))
MP3: Final = Container("mp3", frozenset({"mp3", "mp3float"}))
WAV: Final = Container(
    "wav",
    frozenset(
        {"pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_alaw", "pcm_mulaw"},
    ),
)


def container_of(data: bytes) -> Container | None:
    """Returns the kind of file by its first bytes, or None for any other kind."""
    if data.startswith(b"fLaC"):
        return FLAC
    if data.startswith(b"OggS"):
        return OGG
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return WAV
    return MP3 if data.startswith(b"ID3") or _is_mpeg_frame(data) else None


def is_cut_off(container: Container, data: bytes) -> bool:
    """Returns whether an Ogg file ends before its last page, which its own fields tell (RFC 3533) and FFmpeg doesn't.

    Files of the other kinds declare their length, or are as long as they are.
    """
    if container is not OGG:
        return False
    start = data.rfind(b"OggS", max(0, len(data) - _OGG_MOST_PAGE_BYTES))
    if start < 0 or start + _OGG_HEADER.size > len(data):
        return True
    flags, segments = data[start + 5], data[start + 26]
    body = start + _OGG_HEADER.size + segments
    return not flags & _OGG_LAST_PAGE or body + sum(data[start + _OGG_HEADER.size : body]) != len(data)


def _is_mpeg_frame(data: bytes) -> bool:
    """ISO/IEC 11172-3, 2.4.2.3: eleven set bits, then a layer that is not reserved."""
    return (
        len(data) > 1
        and data[0] == 0xFF  # noqa: PLR2004 - the sync byte
        and data[1] & _MPEG_SYNC_MASK == _MPEG_SYNC_MASK
        and data[1] & _MPEG_LAYER_MASK != 0
    )
