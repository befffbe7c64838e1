"""What detectors say: one run of one detector on one part."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

UNDETERMINED_LANGUAGE: Final = "und"
"""BCP 47 for a language that can't be told (ISO 639-2 "undetermined")."""


class DetectorStatus(StrEnum):
    """What became of a detector on a part.

    OK and NO_CONTENT settle a rule. SKIPPED only stands beside a rule that has settled the item. All others are unknown
    to the policy.
    """

    OK = "OK"
    TIMED_OUT = "TIMED_OUT"
    FAILED = "FAILED"
    NOT_COVERED = "NOT_COVERED"  # no live detector looks at parts of this kind
    NO_CONTENT = "NO_CONTENT"  # looked, and there was nothing for it: an image without words, audio without speech
    UNSUPPORTED_LANGUAGE = "UNSUPPORTED_LANGUAGE"  # it was not trained for the language that the text is in
    UNREADABLE = "UNREADABLE"  # can't be decoded, is beyond what is decoded, or too little to be made out
    PENDING = "PENDING"  # takes longer than the budget; goes on, and the same content asked again finds it done
    SKIPPED = "SKIPPED"  # a cheaper detector settled the item before


@dataclass(frozen=True, slots=True)
class BankMatch:
    """A known item that an image is perceptually equal to."""

    bank: str
    """The bank's id."""
    entry: str
    """The caller's id of the known item within its bank."""
    distance: int
    """Hamming distance of the PDQ hashes, 0 to 256 bits."""
    allowed: bool
    """True for a match in a negative bank, which takes back the matches of all others."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """How much one stretch of text adds to a label's score. Offsets only: records hold no content."""

    label: str
    """The label explained."""
    start: int
    """First character, counted in the part's text as sent."""
    end: int
    """One past the last character."""
    weight: float
    """Calibrated probability with the stretch, less the one without it; below zero where it lowers the score."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A stretch of audio."""

    start_ms: int
    """From the start of the audio."""
    end_ms: int
    """Not before the start."""


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
    language: str = ""
    """BCP 47 code of the text's language where it matters to the detector; "und" if it can't be told,
    "zxx" if the text holds no letters."""
    matches: tuple[BankMatch, ...] = ()
    """Known items that an image equals, nearest first."""
    attributions: tuple[Attribution, ...] = ()
    """Set if the request asked to explain."""
    moments: Mapping[str, Moment] = field(default_factory=dict)
    """For speech: where in the audio each label's score was found."""
    shadow: bool = False
    """True for a version that is tried out: recorded, and invisible to policies."""


@dataclass(frozen=True, slots=True)
class DetectorScores:
    """What a detector answers for one part's content. The pipeline adds part and latency to make a `DetectorRun`."""

    detector: str
    """Catalogue name."""
    version: str
    """Catalogue version."""
    status: DetectorStatus
    """Any but NOT_COVERED and SKIPPED, which are the pipeline's."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Calibrated probability in [0, 1] by label: for text, the maximum over its windows. Empty unless OK."""
    severities: Mapping[str, int] = field(default_factory=dict)
    """Severity band 0-7 by label. Empty unless OK."""
    language: str = ""
    """See `DetectorRun.language`."""
    matches: tuple[BankMatch, ...] = ()
    """See `DetectorRun.matches`."""
    attributions: tuple[Attribution, ...] = ()
    """See `DetectorRun.attributions`."""
