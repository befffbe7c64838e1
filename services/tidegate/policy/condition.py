"""Conditions: CEL, kept to what can be checked before it runs.

A condition reads `item.*`, `score.DETECTOR.LABEL`, `severity.DETECTOR.LABEL`, `account.known` and
`account.VIEW.FEATURE` (short `account.FEATURE`; with `.fresh`, whether its value is current), and combines them with
`&& || ! == != < <= > >= in`, parentheses, `startsWith`, `endsWith` and `contains`. That is enough for rules and small
enough to infer each signal's type from the text, which matters: in CEL `"3" == 3` is simply false, and false is what a
type error must never become. There is no `has()`, because a rule must not turn a missing signal into an answer;
`on_unknown` is where that is decided. `item.language_undetermined` is true if words were scored whose language nobody
could tell. `.fresh` is an answer that a rule asks for by name, and it is unknown like any
other signal where the lookup failed.

The Rust implementation evaluates. It absorbs errors in both operand orders as the CEL specification asks (`missing &&
false` is false, `missing || true` is true, everything else is an error), which is Kleene's logic with "error" read
as unknown; `tests/policy/test_kleene.py` checks that against an oracle.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import cel

from tidegate.moderation.decision import RuleValue
from tidegate.policy.condition_parser import ConditionError, Kind, Reference, evaluable, parse

__all__ = ["Condition", "ConditionError", "Kind", "Reference", "compile_condition"]


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that has been checked and compiled."""

    source: str
    """As written."""
    kinds: Mapping[Reference, Kind]
    """The signals it reads, in order of appearance, each with the type that it must have."""
    program: cel.Program
    """Compiled."""

    def value(self, context: cel.Context) -> RuleValue:
        """Evaluates. Whatever keeps it from coming out true or false makes it unknown."""
        try:
            result = self.program.execute(context)
        except Exception:  # noqa: BLE001 - boundary to the CEL engine: each of its errors means "not settled"
            return RuleValue.UNKNOWN
        if result is True:
            return RuleValue.TRUE
        return RuleValue.FALSE if result is False else RuleValue.UNKNOWN


def compile_condition(source: str) -> Condition:
    """Checks and compiles a condition.

    Raises:
        ConditionError: It is not a condition as this module describes it, or its types do not fit.
    """
    kinds = parse(source)
    try:
        program = cel.compile(evaluable(source))
    except ValueError as error:
        raise ConditionError(f"is not valid CEL: {str(error).splitlines()[0]}") from error
    return Condition(source=source, kinds=kinds, program=program)
