"""Why a decision is what it is: a row for each rule that fired, and one for all that are unknown for the same cause."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tidegate.moderation.decision import Action, RuleValue, Violation

_LABELLED: Final = re.compile(r"^(?P<detector>\w+)\.\w+@(?P<rest>.+)$")
_NAMED: Final = 3
"""Rules of a row that are named; of more, the number is told."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One row."""

    rules: tuple[Violation, ...]
    """One that fired, or all that are unknown for the same cause and ask for the same action."""
    causes: tuple[str, ...]
    """What was missing: `text_harm@text: UNSUPPORTED_LANGUAGE`, whichever labels it was wanted for."""

    @property
    def action(self) -> Action:
        """What the rules ask for."""
        return self.rules[0].action

    @property
    def unknown(self) -> bool:
        """Whether the rules are unknown."""
        return self.rules[0].value is RuleValue.UNKNOWN

    @property
    def title(self) -> str:
        """The rules by name, with the category of a single one."""
        first = self.rules[0]
        if len(self.rules) == 1:
            return f"{first.rule} ({first.category})"
        names = ", ".join(violation.rule for violation in self.rules[:_NAMED])
        more = len(self.rules) - _NAMED
        return f"{len(self.rules)} rules: {names}" + (f" and {more} more" if more > 0 else "")

    @property
    def words(self) -> str:
        """What a rule says to the person affected, or what was missing."""
        return f"unknown, missing: {', '.join(self.causes)}" if self.unknown else self.rules[0].message


def reasons(violations: Sequence[Violation]) -> Iterator[Reason]:
    """The rows, each where its first rule stands."""
    rows: dict[object, list[Violation]] = {}
    for violation in violations:
        fired = violation.value is not RuleValue.UNKNOWN
        key = violation.rule if fired else (violation.action, _causes(violation))
        rows.setdefault(key, []).append(violation)
    return (Reason(tuple(rules), _causes(rules[0])) for rules in rows.values())


def _causes(violation: Violation) -> tuple[str, ...]:
    found = (_LABELLED.match(name) for name in violation.missing)
    names = (
        f"{match['detector']}@{match['rest']}" if match else name
        for name, match in zip(violation.missing, found, strict=True)
    )
    return tuple(dict.fromkeys(names))
