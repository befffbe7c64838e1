"""One rule, ready to evaluate: Kleene's three-valued logic over what is known of an item."""

from dataclasses import dataclass

from tidegate.moderation.decision import Action, RuleEvaluation, RuleValue, Violation
from tidegate.policy.condition import Condition
from tidegate.policy.readings import LabelRef, Reading, Readings
from tidegate.policy.schema import Reporting
from tidegate.policy.signal_context import SignalContext


@dataclass(frozen=True, slots=True)
class Threshold:
    """A detector's label and the value from which it counts."""

    label: LabelRef
    """Which label, and by which measure."""
    at_least: float
    """On the measure's scale."""
    probability: float
    """The same as a calibrated probability."""

    def value(self, reading: Reading) -> RuleValue:
        """Whether any part meets it; unknown if none does and a part is unseen."""
        if reading.value is not None and reading.value >= self.at_least:
            return RuleValue.TRUE
        return RuleValue.UNKNOWN if reading.missing else RuleValue.FALSE


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule as it applies in one market."""

    id: str
    """Unique within the policy."""
    category: str
    """The policy category."""
    action: Action
    """If it is true."""
    fallback: Action | None
    """If it is unknown; None if it then has no effect (`fail_open`)."""
    language_fallback: Action | None
    """The same if it is unknown for nothing but the language of the text."""
    settles: bool
    """Whether it settles the item, so that dearer detectors are spared."""
    message: str
    """Said to the person affected."""
    reporting: Reporting
    """Facts for a statement of reasons."""
    text: str
    """Threshold and condition in words of CEL, for explanations."""
    threshold: Threshold | None
    """From `detects`."""
    condition: Condition | None
    """From `when`."""

    def evaluate(self, readings: Readings, signals: SignalContext) -> RuleEvaluation:
        """How the rule comes out: threshold AND condition.

        Args:
            readings: The item's scores.
            signals: The item's signals; only read if the condition matters.
        """
        if self.threshold is None:
            value, missing = self._condition(RuleValue.TRUE, (), signals)
            return RuleEvaluation(rule=self.id, value=value, missing=missing, condition=self.text)
        threshold = self.threshold
        reading = readings.of(threshold.label)
        value = threshold.value(reading)
        missing = reading.skipped if value is RuleValue.FALSE else ()
        if value is not RuleValue.FALSE:
            missing = reading.missing if value is RuleValue.UNKNOWN else ()
            value, missing = self._condition(value, missing, signals)
        return RuleEvaluation(self.id, value, missing, self.text, reading.score, threshold.probability, reading.part)

    def violation(self, evaluation: RuleEvaluation, readings: Readings) -> Violation | None:
        """What the rule adds to the outcome, if anything, now that it is not FALSE.

        Args:
            evaluation: How it came out.
            readings: The item's scores, which know why an input is missing.
        """
        fired = evaluation.value is RuleValue.TRUE
        action = self.action if fired else self._fallback(evaluation.missing, readings)
        if action is None:
            return None
        return Violation(
            rule=self.id,
            category=self.category,
            action=action,
            value=evaluation.value,
            score=evaluation.score if fired else None,
            threshold=evaluation.threshold,
            part=evaluation.part if fired else "",
            message=self.message,
            missing=evaluation.missing,
        )

    def _fallback(self, missing: tuple[str, ...], readings: Readings) -> Action | None:
        """Of an outage and an unsupported language together, the more severe of both fallbacks."""
        for_language = readings.for_language(missing)
        if not for_language:
            return self.fallback
        if len(for_language) == len(missing):
            return self.language_fallback
        both = [action for action in (self.fallback, self.language_fallback) if action is not None]
        return max(both, key=lambda action: action.severity_order, default=None)

    def _condition(
        self, value: RuleValue, missing: tuple[str, ...], signals: SignalContext
    ) -> tuple[RuleValue, tuple[str, ...]]:
        """`value AND condition`, for a value that is not FALSE."""
        if self.condition is None:
            return value, missing
        match signals.value(self.condition):
            case RuleValue.FALSE:
                return RuleValue.FALSE, ()
            case RuleValue.TRUE:
                return value, missing
            case _:
                absent = dict.fromkeys([*missing, *signals.missing(self.condition)])
                return RuleValue.UNKNOWN, tuple(absent) or (f"{self.id}.when",)
