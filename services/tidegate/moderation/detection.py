"""What detectors say: one run of one detector on one part."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class DetectorStatus(StrEnum):
    """What became of a detector on a part. Everything but OK is unknown to the policy."""

    OK = "OK"
    TIMED_OUT = "TIMED_OUT"
    FAILED = "FAILED"
    NOT_COVERED = "NOT_COVERED"


@dataclass(frozen=True, slots=True)
class DetectorRun:
    """One detector's answer on one part, or why there is none."""

    name: str
    """Catalogue name; empty if no live detector covers the part."""
    version: str
    """Catalogue version; empty if no live detector covers the part."""
    status: DetectorStatus
    """What became of it."""
    part: str
    """Id of the part."""
    latency_ms: float = 0.0
    """From asking to answer, as seen by the pipeline."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Calibrated probability in [0, 1] by label; empty unless OK."""
    severities: Mapping[str, int] = field(default_factory=dict)
    """Severity band 0-7 by label; empty unless OK."""


@dataclass(frozen=True, slots=True)
class TextScores:
    """What a text detector answers for one text. The pipeline adds part and latency to make a `DetectorRun`."""

    detector: str
    """Catalogue name."""
    version: str
    """Catalogue version."""
    status: DetectorStatus
    """OK, TIMED_OUT or FAILED."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Calibrated probability in [0, 1] by label: the maximum over the text's windows."""
    severities: Mapping[str, int] = field(default_factory=dict)
    """Severity band 0-7 by label."""
