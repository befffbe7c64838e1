"""What was asked of a batch run that is not published yet: asked the same again, one goes on instead of starting anew.

The instant of a run is usually now, and the log grows all the time: without this note every call would ask for
something else, and no run from the log could be resumed.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from tidegate.features.batch.run_directory import write_whole

_NOTE = ".asked.json"
RESUMED_WITHIN_US = 24 * 3_600 * 1_000_000
"""An older request is not gone on with: its rows would be old when they are published."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is being computed."""

    source: str
    """`log`, or the sources as they were named."""
    at_us: Sequence[int]
    """Instants, microseconds since 1970 UTC."""
    asked_at_us: int
    """When it was first asked for; from the log, the events known by then count."""


def unfinished(offline: Path, *, source: str, now_us: int) -> Request | None:
    """A request for the same source that was not finished, if it is recent."""
    try:
        held = Request(**orjson.loads((offline / _NOTE).read_bytes()))
    except FileNotFoundError:
        return None
    recent = 0 <= now_us - held.asked_at_us <= RESUMED_WITHIN_US
    return held if held.source == source and recent else None


def note(offline: Path, request: Request) -> None:
    """Remembers it until `forget`."""
    write_whole(offline / _NOTE, asdict(request))


def forget(offline: Path) -> None:
    """It is published."""
    (offline / _NOTE).unlink(missing_ok=True)
