"""Cases: signals and what a policy must make of them. Written by whoever writes the policy, beside it.

Everything that a case does not mention is as quiet as can be: detectors answered and found nothing, and nothing is
known of the account.
"""

from typing import Annotated, Literal

from pydantic import Field, StrictBool

from tidegate.moderation.decision import Action
from tidegate.moderation.item import NoticeSource, PartKind, Surface
from tidegate.policy.schema import Label, Market, Mode, Name, StrictModel, Words

Band = Annotated[int, Field(strict=True, ge=0, le=7)]
Probability = Annotated[float, Field(strict=True, ge=0, le=1)]
LabelAnswer = Band | Probability
"""A whole number is a severity band, a number with a decimal point a calibrated probability."""
NoAnswer = Literal[
    "TIMED_OUT", "FAILED", "NOT_COVERED", "NO_CONTENT", "UNSUPPORTED_LANGUAGE", "UNREADABLE", "PENDING", "SKIPPED"
]
DetectorAnswer = NoAnswer | dict[Label, LabelAnswer]
PartAnswer = Literal["NOT_COVERED"] | dict[Name, DetectorAnswer]
FeatureAnswer = StrictBool | Annotated[int, Field(strict=True)] | Annotated[float, Field(strict=True)] | str
"""A value, or STALE or MISSING."""
AccountAnswer = dict[Name, dict[Name, FeatureAnswer]]
"""Values by view (`profile`, `enforcement`) and feature."""


def _one_clean_text() -> dict[Name, PartAnswer]:
    return {"text": {}}


class Expectation(StrictModel):
    """What must come out."""

    action: Action
    """The decision."""
    rules: tuple[Name, ...] = ()
    """Every rule that fires, in any order."""
    unknown: tuple[Name, ...] = ()
    """Every rule that is unknown, in any order."""


class Case(StrictModel):
    """One set of signals."""

    name: Words
    """What it shows, in a sentence."""
    surface: Surface | None = None
    """Absent means the policy's first."""
    market: Market = "SE"
    """Where the item is published."""
    language: str = ""
    """BCP 47 hint."""
    language_undetermined: tuple[Name, ...] = ()
    """Ids of parts with words whose language can't be told."""
    source: NoticeSource = NoticeSource.OWN_INITIATIVE
    """What brought the item here."""
    parts: dict[Name, PartAnswer] = Field(default_factory=_one_clean_text, min_length=1)
    """By part id: what each detector answered, or NOT_COVERED if none looks at such parts."""
    kinds: dict[Name, PartKind] = Field(default_factory=dict)
    """By part id, where it is not text."""
    account: str | AccountAnswer = "unknown"
    """One of the file's `accounts`, `unknown`, TIMED_OUT, FAILED, or values."""
    expect: Expectation
    """What must come out."""


class CaseFile(StrictModel):
    """Cases of one policy."""

    policy: Name
    """Its id."""
    mode: Mode = Mode.LIVE
    """Which of the policies with that id."""
    accounts: dict[Name, AccountAnswer] = Field(default_factory=dict)
    """Accounts that several cases use, by name."""
    cases: Annotated[tuple[Case, ...], Field(min_length=1)]
    """In reading order."""
