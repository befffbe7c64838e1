"""Runs cases: the tests that policy people write, and the gate before a policy is put to use."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tidegate.moderation.decision import PolicyOutcome, RuleValue
from tidegate.policy.case_inputs import CaseError, inputs_of
from tidegate.policy.case_schema import Case, CaseFile
from tidegate.policy.document import read_yaml, validated
from tidegate.policy.engine import CompiledPolicy, NotApplicableError
from tidegate.policy.policy_set import PolicySet
from tidegate.policy.problems import PolicyError, Problem
from tidegate.policy.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How one case came out."""

    file: str
    """Name of the file."""
    policy: CompiledPolicy
    """What it was about."""
    case: Case
    """Signals and expectation."""
    outcome: PolicyOutcome
    """What the policy made of the signals."""

    @property
    def fired(self) -> tuple[str, ...]:
        """Rules that fired, most severe first."""
        return tuple(violation.rule for violation in self.outcome.violations if violation.value is RuleValue.TRUE)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Rules that are unknown, in the policy's order."""
        return tuple(one.rule for one in self.outcome.evaluations if one.value is RuleValue.UNKNOWN)

    @property
    def differences(self) -> tuple[str, ...]:
        """What is not as expected, in words; empty if the case passes."""
        expect = self.case.expect
        found: list[str] = []
        if self.outcome.action is not expect.action:
            found.append(f"action is {self.outcome.action}, not {expect.action}")
        for what, actual, wanted in (
            ("fired", self.fired, expect.rules),
            ("unknown", self.unknown, expect.unknown),
        ):
            found += [f"{rule} is {what}" for rule in actual if rule not in wanted]
            found += [f"{rule} is not {what}" for rule in wanted if rule not in actual]
        return tuple(found)


def run_cases(policies: PolicySet, directory: Path, *, vocabulary: Vocabulary | None = None) -> tuple[CaseResult, ...]:
    """Runs every case file of a directory.

    Args:
        policies: What the cases are about.
        directory: Holds `*.yaml` case files.
        vocabulary: Names that cases may use besides those that their policy reads.

    Raises:
        PolicyError: A case file is wrong; every problem is named. A case that fails is a result.
    """
    results: list[CaseResult] = []
    problems: list[Problem] = []
    for path in sorted(directory.glob("*.yaml")):
        try:
            results += _run_file(policies, path, vocabulary)
        except PolicyError as error:
            problems += error.problems
    if problems:
        raise PolicyError(problems)
    return tuple(results)


def unexercised(policies: PolicySet, results: Sequence[CaseResult]) -> tuple[str, ...]:
    """`policy.rule` for each rule that no case makes fire."""
    fired = {(result.policy.reference, rule) for result in results for rule in result.fired}
    rules = {
        (policy.reference, rule.id): f"{policy.reference.id}.{rule.id}"
        for policy in policies
        for variant in (policy.rules, *policy.rules_by_market.values())
        for rule in variant
    }
    return tuple(name for key, name in rules.items() if key not in fired)


def _run_file(policies: PolicySet, path: Path, vocabulary: Vocabulary | None) -> list[CaseResult]:
    name = f"cases/{path.name}"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError([Problem(name, "", "can't be read as UTF-8 text")]) from error
    file = validated(read_yaml(text, file=name), CaseFile, file=name)
    about = [policy for policy in policies if policy.reference.id == file.policy and policy.mode is file.mode]
    if not about:
        known = ", ".join(sorted(policy.reference.id for policy in policies if policy.mode is file.mode))
        raise PolicyError([Problem(name, "policy", f"there is no {file.mode} policy {file.policy}; known: {known}")])
    policy = max(about, key=lambda one: one.reference.version)
    results: list[CaseResult] = []
    problems: list[Problem] = []
    for index, case in enumerate(file.cases):
        try:
            outcome = policy.evaluate(inputs_of(case, file, policy, vocabulary))
        except (CaseError, NotApplicableError) as error:
            problems.append(Problem(name, f"cases[{index}] ({case.name})", str(error)))
        else:
            results.append(CaseResult(name, policy, case, outcome))
    if problems:
        raise PolicyError(problems)
    return results
