"""A policy as people write it: the models that a YAML document must fit, strictly.

Unknown keys are refused, nothing is coerced, and what one model can't see (rule ids across overlays, conditions) is
checked in `checks.py`. The canonical form of these models is what a policy's digest is made of, so a new field
changes every digest: add one with a default, and say so in the changelog.
"""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)

from tidegate.moderation.decision import Action
from tidegate.moderation.item import Surface
from tidegate.policy.markets import MARKETS
from tidegate.policy.problems import TAG
from tidegate.policy.reporting import Ground, StatementCategory

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Label = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,64}$")]
Severity = Annotated[int, Field(strict=True, ge=1, le=7)]
Score = Annotated[float, Field(strict=True, gt=0, le=1)]
Words = Annotated[str, StringConstraints(min_length=1, max_length=500)]


def _assigned(market: str) -> str:
    if market not in MARKETS:
        raise ValueError(f"{market!r} is not a market; allowed: ISO 3166-1 alpha-2 codes such as SE, DE or GB")
    return market


Market = Annotated[str, AfterValidator(_assigned)]
Markets = Annotated[tuple[Market, ...], Field(min_length=1)]
RestrictiveAction = Literal[Action.LABEL, Action.AGE_RESTRICT, Action.LIMIT_REACH, Action.REVIEW, Action.BLOCK]
"""ALLOW is what remains when no rule fires; as a rule's action it could not change any outcome."""


class StrictModel(BaseModel):
    """Refuses unknown keys and can't be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Mode(StrEnum):
    """Whether a policy decides, or is only evaluated beside the one that does."""

    LIVE = "live"
    SHADOW = "shadow"


class FallbackWord(StrEnum):
    """What an unknown rule means, by direction."""

    FAIL_CLOSED = "fail_closed"
    FAIL_OPEN = "fail_open"


class NamedFallback(StrictModel):
    """An unknown rule asks for a certain action."""

    action: RestrictiveAction
    """The action."""


def _fallback_tag(value: object) -> str:
    return f"{TAG}named" if isinstance(value, dict | NamedFallback) else f"{TAG}word"


OnUnknown = Annotated[
    Annotated[FallbackWord, Tag(f"{TAG}word")] | Annotated[NamedFallback, Tag(f"{TAG}named")],
    Discriminator(_fallback_tag),
]
"""`fail_closed` (REVIEW), `fail_open` (no effect) or `{action: LIMIT_REACH}`."""


class Detects(StrictModel):
    """True if a detector's label meets the threshold on any part of the item."""

    detector: Name
    """Catalogue name."""
    label: Label
    """One of the detector's labels; for a detector whose labels are made at run time, the id of a bank."""
    min_severity: Severity | None = None
    """Severity band from which it is true, 1 to 7."""
    min_score: Score | None = None
    """Calibrated probability from which it is true, above 0 and up to 1."""

    @model_validator(mode="after")
    def _one_threshold(self) -> Self:
        if (self.min_severity is None) == (self.min_score is None):
            raise ValueError("needs exactly one of min_severity (1 to 7) and min_score (above 0, up to 1)")
        return self


class Reporting(StrictModel):
    """Facts for a statement of reasons under the EU Digital Services Act."""

    category: StatementCategory
    """What the violation is about."""
    ground: Ground
    """Against the law, or against the platform's terms."""
    reference: Words
    """The law's article or the section of the terms."""


class Rule(StrictModel):
    """If the content looks like this, then that. Both `detects` and `when` must hold if both are given."""

    id: Name
    """Unique within the policy, overlays included."""
    category: Name
    """The policy category, in the words of the platform's own guidelines."""
    action: RestrictiveAction
    """What the rule asks for if it is true."""
    message: Words
    """Said to the person affected."""
    detects: Detects | None = None
    """Looks at the scores of a detector."""
    when: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None
    """A condition in CEL; `condition.py` says what it may contain."""
    settles: Literal[True] | None = None
    """True: once the rule has fired, the item is settled, and dearer detectors are spared. Only for BLOCK, which
    nothing can exceed, and only for rules that look at nothing but a detector."""
    on_unknown: OnUnknown | None = None
    """What it means that the rule is unknown; absent means as the policy says."""
    reporting: Reporting
    """Facts for a statement of reasons."""

    @model_validator(mode="after")
    def _something_to_check(self) -> Self:
        if self.detects is None and self.when is None:
            raise ValueError("needs at least one of detects and when")
        return self

    @model_validator(mode="after")
    def _settles_for_good(self) -> Self:
        if self.settles and (self.detects is None or self.when is not None):
            raise ValueError("settles, so it needs detects and must not have when")
        if self.settles and self.action is not Action.BLOCK:
            raise ValueError(
                "settles, so its action must be BLOCK: any other could be exceeded by a rule not looked at"
            )
        return self


class RuleOverride(StrictModel):
    """What an overlay changes about one rule."""

    disabled: Literal[True] | None = None
    """True: the rule does not apply in these markets."""
    action: RestrictiveAction | None = None
    """Instead of the rule's action."""
    min_severity: Severity | None = None
    """Instead of the rule's threshold."""
    min_score: Score | None = None
    """Instead of the rule's threshold."""
    message: Words | None = None
    """Instead of the rule's words."""
    reporting: Reporting | None = None
    """Instead of the rule's reporting facts, for example another country's law."""

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(f"changes nothing; allowed: {', '.join(sorted(type(self).model_fields))}")
        if self.disabled and len(self.model_fields_set) > 1:
            raise ValueError("is disabled, so nothing else about it can be changed")
        if self.min_severity is not None and self.min_score is not None:
            raise ValueError("needs at most one of min_severity and min_score")
        return self


class Overlay(StrictModel):
    """What is different in some markets."""

    markets: Markets
    """Where."""
    rules: dict[Name, RuleOverride] = Field(default_factory=dict)
    """Changes by rule id."""
    add: tuple[Rule, ...] = ()
    """Rules that apply in these markets only, after the policy's own."""

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.rules and not self.add:
            raise ValueError("changes nothing; needs rules (changes by rule id) or add (a list of rules)")
        return self


class PolicyDocument(StrictModel):
    """One policy."""

    id: Name
    """Stays the same from version to version."""
    version: Annotated[int, Field(strict=True, ge=1)]
    """Counting from 1; raised with every change."""
    mode: Mode
    """`live` decides; `shadow` is evaluated beside it on the same inputs."""
    surfaces: Annotated[tuple[Surface, ...], Field(min_length=1)]
    """Where it applies."""
    markets: Markets | None = None
    """Absent means everywhere."""
    on_unknown: OnUnknown
    """What it means that a rule is unknown. No default: somebody has to have thought about it."""
    on_unsupported_language: OnUnknown | None = None
    """What it means that a rule is unknown for nothing but the language of a text: no detector in use was trained for
    it. Stands above the rules' own `on_unknown`, which is about outages; absent means no difference."""
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]
    """In the order in which people read them; it does not affect the outcome."""
    overlays: tuple[Overlay, ...] = ()
    """Differences by market."""
