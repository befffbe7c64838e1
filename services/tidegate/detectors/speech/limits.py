"""How much audio is taken on: the bounds of memory and of work."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AudioLimits:
    """Of one clip. What is beyond them is unreadable, which no policy takes for clean."""

    max_bytes: int = 256 * 1024 * 1024
    """Of the encoded file: two hours of 16-bit mono WAV at 16 kHz are 230 MB."""
    max_duration_s: float = 7_200.0
    """Of what is heard; a second more is let pass, because encoders pad."""
    max_channels: int = 8
    """Of the stream."""


@dataclass(frozen=True, slots=True)
class WorkLimits:
    """Of all clips that are being heard or wait for it."""

    max_clips: int = 32
    """Clips at a time, those that a caller waits for included."""
    max_bytes: int = 512 * 1024 * 1024
    """Their encoded files together."""
    threads: int = 1
    """Clips that are heard at the same moment."""


@dataclass(frozen=True, slots=True)
class KeptLimits:
    """Of the results that are kept for the next caller."""

    max_results: int = 4_096
    """Clips."""
    max_bytes: int = 64 * 1024 * 1024
    """Of their words together."""
    ttl_s: float = 6 * 3_600.0
    """How long a result is kept."""
    failure_ttl_s: float = 60.0
    """How long a failure is: long enough to be told, short enough to try again."""
