"""What the command line needs of a decision, wherever it comes from."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from tidegate.moderation.decision import (
    Action,
    Completeness,
    DecisionInputs,
    PolicyReference,
    RuleEvaluation,
    ShadowOutcome,
    Violation,
)


class ShownDecision(Protocol):
    """What `DecisionRecord` and the client's `Decision` have in common."""

    @property
    def decision_id(self) -> str:
        """Its id."""
        ...

    @property
    def trace_id(self) -> str:
        """32 hex digits."""
        ...

    @property
    def content_id(self) -> str:
        """The caller's id of the content."""
        ...

    @property
    def decided_at(self) -> datetime:
        """UTC."""
        ...

    @property
    def inputs(self) -> DecisionInputs:
        """What it was decided from."""
        ...

    @property
    def policy(self) -> PolicyReference:
        """The live policy."""
        ...

    @property
    def action(self) -> Action:
        """What was decided."""
        ...

    @property
    def completeness(self) -> Completeness:
        """Whether all signals were there."""
        ...

    @property
    def violations(self) -> tuple[Violation, ...]:
        """Why."""
        ...

    @property
    def shadow(self) -> tuple[ShadowOutcome, ...]:
        """What shadow policies said."""
        ...

    @property
    def hops_ms(self) -> Mapping[str, float] | None:
        """Time by hop."""
        ...


def evaluations_of(decision: ShownDecision) -> tuple[RuleEvaluation, ...] | None:
    """How each rule came out, if the decision came with that; records do not."""
    evaluations: tuple[RuleEvaluation, ...] | None = getattr(decision, "evaluations", None)
    return evaluations
