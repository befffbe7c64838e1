"""Conditions: CEL, kept to what can be checked before it runs.

A condition reads `item.*`, `score.DETECTOR.LABEL`, `severity.DETECTOR.LABEL`, `account.known` and
`account.VIEW.FEATURE` (short `account.FEATURE`; with `.fresh`, whether its value is current), and combines them with
`&& || ! == != < <= > >= in`, parentheses, `startsWith`, `endsWith` and `contains`. That is enough for rules and small
enough to infer each signal's type from the text, which matters: in CEL `"3" == 3` is simply false, and false is what a
type error must never become. There is no `has()`, because a rule must not turn a missing signal into an answer;
`on_unknown` is where that is decided. `item.language_undetermined` is true if words were scored whose language nobody
could tell. `.fresh` is an answer that a rule asks for by name, and it is unknown like any
other signal where the lookup failed.

It is evaluated here (`kleene.py`), as CEL's Rust implementation would. That absorbs errors in both operand orders as
the specification asks (`missing && false` is false, `missing || true` is true, everything else is an error), which is
Kleene's logic with "error" read as unknown. `tests/policy/test_kleene.py` checks it against an oracle,
`tests/policy/test_meaning.py` against the Rust implementation, which also has to accept every condition at load.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import cel

from tidegate.moderation.decision import RuleValue
from tidegate.policy.condition_parser import ConditionError, Kind, Reference, evaluable, parse
from tidegate.policy.kleene import Known, Meaning

__all__ = ["Condition", "ConditionError", "Kind", "Reference", "compile_condition"]


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that has been checked and compiled."""

    source: str
    """As written."""
    kinds: Mapping[Reference, Kind]
    """The signals it reads, in order of appearance, each with the type that it must have."""
    meaning: Meaning
    """Its value from theirs."""

    def value(self, known: Mapping[str, Known]) -> RuleValue:
        """Evaluates.

        Args:
            known: Its signals by name, None for what is missing.
        """
        value = self.meaning(known)
        if value is None:
            return RuleValue.UNKNOWN
        return RuleValue.TRUE if value else RuleValue.FALSE


def compile_condition(source: str) -> Condition:
    """Checks and compiles a condition.

    Raises:
        ConditionError: It is not a condition as this module describes it, or its types do not fit.
    """
    parsed = parse(source)
    try:
        cel.compile(evaluable(source))
    except ValueError as error:
        raise ConditionError(f"is not valid CEL: {str(error).splitlines()[0]}") from error
    return Condition(source=source, kinds=parsed.kinds, meaning=parsed.meaning)
