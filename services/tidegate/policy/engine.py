"""What a policy says about an item: pure, without clock or I/O, the same for the same inputs for ever.

Stands between the gather step and the ledger in a request's path. The shadow policies go through it too, and so does
every replay of a recorded decision.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from tidegate.moderation.decision import (
    Action,
    DecisionInputs,
    PolicyOutcome,
    PolicyReference,
    RuleEvaluation,
    RuleValue,
    Violation,
)
from tidegate.moderation.detection import DetectorRun
from tidegate.moderation.item import PartFacts, Surface
from tidegate.policy.compiled_rule import CompiledRule
from tidegate.policy.condition import Kind, Reference
from tidegate.policy.deciding_rules import DecidingRules
from tidegate.policy.readings import Readings
from tidegate.policy.schema import Mode
from tidegate.policy.signal_context import SignalReader


class NotApplicableError(LookupError):
    """A policy was asked about a surface or market that it is not for; ALLOW would be a guess."""


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """One policy document, checked and compiled. Made by `compilation.compile_policy`."""

    reference: PolicyReference
    """Which document, exactly."""
    document: str
    """Canonical JSON; its SHA-256 is the reference's digest."""
    mode: Mode
    """Live or shadow."""
    surfaces: tuple[Surface, ...]
    """Where it applies."""
    markets: frozenset[str] | None
    """Where it applies; None means everywhere."""
    rules: tuple[CompiledRule, ...]
    """In markets without an overlay."""
    rules_by_market: Mapping[str, tuple[CompiledRule, ...]]
    """In the markets that overlays name."""
    kinds: Mapping[Reference, Kind]
    """Every signal that a condition reads, with the type that it must have."""
    labels: Mapping[str, AbstractSet[str]]
    """Detectors that the rules read, with the labels."""
    reader: SignalReader = field(init=False, repr=False, compare=False)
    """Looks up what conditions read."""
    deciding: DecidingRules = field(init=False, repr=False, compare=False)
    """`rules`, arranged for deciding."""
    deciding_by_market: Mapping[str, DecidingRules] = field(init=False, repr=False, compare=False)
    """`rules_by_market`, arranged the same way."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "reader", SignalReader(self.kinds))
        object.__setattr__(self, "deciding", DecidingRules(self.rules))
        by_market = {market: DecidingRules(rules) for market, rules in self.rules_by_market.items()}
        object.__setattr__(self, "deciding_by_market", by_market)

    @property
    def detectors(self) -> frozenset[str]:
        """Catalogue names of the detectors that the rules read, in any market."""
        return frozenset(self.labels)

    @property
    def features(self) -> frozenset[str]:
        """Full names (`view__feature`) of the account features that the rules read, in any market."""
        return frozenset(name for reference in self.kinds if (name := reference.feature))

    @property
    def reads_account(self) -> bool:
        """Whether any rule reads a feature of the account or whether it is known."""
        return any(reference.root == "account" for reference in self.kinds)

    def rules_in(self, market: str) -> tuple[CompiledRule, ...]:
        """The rules as they apply in a market, overlays resolved."""
        return self.rules_by_market.get(market, self.rules)

    def covers(self, surface: Surface, market: str) -> bool:
        """Whether the policy is for this surface and market."""
        return surface in self.surfaces and (self.markets is None or market in self.markets)

    def settling_in(self, market: str) -> frozenset[str]:
        """Names of the detectors whose finding can settle an item in this market."""
        rules = self.rules_in(market)
        return frozenset(rule.threshold.label.detector for rule in rules if rule.settles and rule.threshold)

    def has_settled(self, market: str, parts: Sequence[PartFacts], runs: Sequence[DetectorRun]) -> bool:
        """Whether a settling rule fires on what detectors have said so far."""
        return self.deciding_by_market.get(market, self.deciding).has_settled(Readings(parts, runs))

    def decide(self, inputs: DecisionInputs) -> PolicyOutcome:
        """What the policy says, without how each rule came out: `evaluations` is empty.

        Raises NotApplicableError as `evaluate` does.
        """
        readings = self._readings(inputs)
        rules = self.deciding_by_market.get(inputs.market, self.deciding)
        rules.settle(readings)
        signals = self.reader.context(inputs, readings)
        candidates = rules.candidates(readings, signals)
        return self._outcome(((rule, rule.evaluate(readings, signals)) for rule in candidates), readings)

    def evaluate(self, inputs: DecisionInputs) -> PolicyOutcome:
        """What the policy says. Raises NotApplicableError if it is not for the item's surface and market."""
        readings = self._readings(inputs)
        self.deciding_by_market.get(inputs.market, self.deciding).settle(readings)
        signals = self.reader.context(inputs, readings)
        evaluated = [(rule, rule.evaluate(readings, signals)) for rule in self.rules_in(inputs.market)]
        return replace(self._outcome(evaluated, readings), evaluations=tuple(evaluation for _, evaluation in evaluated))

    def _readings(self, inputs: DecisionInputs) -> Readings:
        if not self.covers(inputs.surface, inputs.market):
            raise NotApplicableError(f"policy {self.reference.id} is not for {inputs.surface} in {inputs.market}")
        return Readings(inputs.parts, inputs.detectors)

    def _outcome(self, evaluated: Iterable[tuple[CompiledRule, RuleEvaluation]], readings: Readings) -> PolicyOutcome:
        violations: list[Violation] = []
        failed_open: list[str] = []
        for rule, evaluation in evaluated:
            if evaluation.value is RuleValue.FALSE:
                continue
            if violation := rule.violation(evaluation, readings):
                violations.append(violation)
            else:
                failed_open.append(rule.id)
        violations.sort(key=lambda violation: -violation.action.severity_order)
        return PolicyOutcome(
            policy=self.reference,
            action=violations[0].action if violations else Action.ALLOW,
            violations=tuple(violations),
            evaluations=(),
            failed_open=tuple(failed_open),
        )


def decide(inputs: DecisionInputs, policy: CompiledPolicy) -> PolicyOutcome:
    """`policy.evaluate(inputs)`, in the words of the promise about records: the same inputs give the same outcome."""
    return policy.evaluate(inputs)
