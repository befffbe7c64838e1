"""Checks a condition before it runs: which signals it reads and which type each must have.

A recursive descent over CEL's own grammar for the operators that `condition.py` lists. On its way it puts together what
the condition means, from the pieces in `kleene.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tidegate.moderation.signals import FeatureScalar
from tidegate.policy.account_reference import FRESH, ROOT, canonical, full_name, rewritten
from tidegate.policy.condition_tokens import TEXT_TESTS, ConditionError, plain_value, tokens_of
from tidegate.policy.kleene import Meaning, chain, comparison, constant, membership, opposite, signal, text_test

__all__ = ["ConditionError", "Kind", "Parsed", "Reference", "evaluable", "parse"]

_ITEM_FIELDS = ("surface", "market", "language", "source")
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=", "in")
_MAX_DEPTH = 30
"""Nested parentheses and negations; the parser's own stack must not run out."""


class Kind(StrEnum):
    """Type of a value in a condition. Whole and fractional numbers compare with each other."""

    BOOL = "true/false"
    NUMBER = "number"
    STRING = "text"


@dataclass(frozen=True, slots=True)
class Reference:
    """A signal that a condition reads, with its view where that was left out."""

    path: tuple[str, ...]
    """For example `("account", "enforcement", "strikes_90d")`."""

    @property
    def root(self) -> str:
        """`item`, `score`, `severity` or `account`."""
        return self.path[0]

    @property
    def feature(self) -> str | None:
        """Full feature name (`account_enforcement__strikes_90d`), or None if it is not a feature."""
        if self.root != ROOT or len(self.path) < 3:  # noqa: PLR2004 - account.VIEW.FEATURE
            return None
        return full_name(self.path[1], self.path[2])

    @property
    def is_freshness(self) -> bool:
        """Whether it asks if the feature's value is current, not for the value."""
        return self.feature is not None and self.path[-1] == FRESH

    def __str__(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class _Operand:
    kind: Kind | None
    """None if it is a feature whose type is not known yet."""
    text: str
    """For messages."""
    meaning: Meaning
    reference: Reference | None = None
    value: FeatureScalar | None = None
    """If it is a plain value."""
    listed: tuple[FeatureScalar, ...] = ()
    """The values of a list."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A condition that may run."""

    kinds: Mapping[Reference, Kind]
    """The signals it reads, in order of appearance, each with its type."""
    meaning: Meaning
    """Its value from them, by their names."""


def parse(source: str) -> Parsed:
    """What a condition reads and means.

    A feature's type follows from what it is compared with; where nothing tells, it is taken to be a number, so that a
    value of another type leaves the rule unknown.

    Raises:
        ConditionError: It is not a condition, or its types do not fit.
    """
    parser = _Parser(tokens_of(source))
    result = parser.condition()
    parser.expect_end()
    parser.require(result, Kind.BOOL, "a condition as a whole")
    return Parsed(parser.settled(), result.meaning)


def evaluable(source: str) -> str:
    """The condition as the CEL engine evaluates it, once `parse` has let it through."""
    return rewritten(tokens_of(source))


def _plain(kind: Kind, text: str) -> _Operand:
    value = plain_value(text)
    return _Operand(kind, text, constant(value), value=value)


class _Parser:
    """One pass over the tokens of one condition."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._kinds: dict[Reference, Kind | None] = {}
        self._same: list[tuple[_Operand, _Operand]] = []

    def condition(self) -> _Operand:
        """A chain of `||`."""
        return self._chain("||", lambda: self._chain("&&", self._relation))

    def expect_end(self) -> None:
        """Nothing may follow the condition."""
        kind, text = self._tokens[self._at]
        if kind != "end":
            raise ConditionError(f"has {text!r} where it should end")

    def require(self, operand: _Operand, kind: Kind, role: str) -> None:
        """The operand must have this type, which also settles the type of a feature."""
        found = self._kind(operand)
        if operand.listed or (found is not None and found is not kind):
            what = "a list" if operand.listed else f"a {found}"
            raise ConditionError(f"{operand.text} is {what}, but {role} must be a {kind}")
        if operand.reference is not None:
            self._kinds[operand.reference] = kind

    def settled(self) -> Mapping[Reference, Kind]:
        """Types of all references, once everything has been read."""
        for _ in range(len(self._same)):
            for left, right in self._same:
                self._unify(left, right)
        return {reference: kind or Kind.NUMBER for reference, kind in self._kinds.items()}

    def _chain(self, operator: str, operand: Callable[[], _Operand]) -> _Operand:
        operands = [operand()]
        while self._take(operator):
            if len(operands) == 1:
                self.require(operands[0], Kind.BOOL, f"what stands left of {operator}")
            operands.append(operand())
            self.require(operands[-1], Kind.BOOL, f"what stands right of {operator}")
        if len(operands) == 1:
            return operands[0]
        return _Operand(Kind.BOOL, f"the result of {operator}", chain(operator, [one.meaning for one in operands]))

    def _relation(self) -> _Operand:
        left = self._unary()
        while (operator := self._tokens[self._at][1]) in _COMPARISONS and self._tokens[self._at][0] != "string":
            self._at += 1
            right = self._unary()
            self._compare(operator, left, right)
            meaning = (
                membership(left.meaning, right.listed)
                if right.listed
                else comparison(operator, left.meaning, right.meaning)
            )
            left = _Operand(Kind.BOOL, f"the result of {operator}", meaning)
        return left

    def _compare(self, operator: str, left: _Operand, right: _Operand) -> None:
        if (operator == "in") != bool(right.listed) or left.listed:
            raise ConditionError("compares with a list; only `SIGNAL in [VALUE, ...]` is allowed")
        self._unify(left, right)
        self._same.append((left, right))
        if operator not in ("==", "!=", "in") and Kind.BOOL in (self._kind(left), self._kind(right)):
            raise ConditionError(f"{operator} has no meaning for true/false; compare with == or !=")

    def _unify(self, left: _Operand, right: _Operand) -> None:
        kinds = self._kind(left), self._kind(right)
        if kinds[0] is not None and kinds[1] is not None and kinds[0] is not kinds[1]:
            raise ConditionError(f"compares {left.text} (a {kinds[0]}) with {right.text} (a {kinds[1]})")
        for operand in (left, right):
            if operand.reference is not None:
                self._kinds[operand.reference] = kinds[0] or kinds[1]

    def _kind(self, operand: _Operand) -> Kind | None:
        return operand.kind if operand.reference is None else self._kinds[operand.reference]

    def _unary(self) -> _Operand:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ConditionError(f"is nested more than {_MAX_DEPTH} deep")
        operand = self._negated()
        self._depth -= 1
        return operand

    def _negated(self) -> _Operand:
        if self._take("!"):
            operand = self._unary()
            self.require(operand, Kind.BOOL, "what follows !")
            return _Operand(Kind.BOOL, "the result of !", opposite(operand.meaning))
        if self._take("-"):
            kind, text = self._next()
            if kind != "number":
                raise ConditionError(f"has {text!r} after -; only a number may follow")
            return _plain(Kind.NUMBER, f"-{text}")
        return self._primary()

    def _primary(self) -> _Operand:
        kind, text = self._next()
        if kind == "number":
            return _plain(Kind.NUMBER, text)
        if kind == "string":
            return _plain(Kind.STRING, text)
        if kind == "name":
            return _plain(Kind.BOOL, text) if text in ("true", "false") else self._signal(text)
        if text == "(":
            inner = self.condition()
            self._expect(")")
            return inner
        if text == "[":
            return self._list()
        raise ConditionError(f"has {text!r} where a signal or value should be" if text else "ends too early")

    def _list(self) -> _Operand:
        listed = [first := self._primary()]
        while self._take(","):
            self._unify(first, other := self._primary())
            listed.append(other)
        self._expect("]")
        values = tuple(one.value for one in listed if one.value is not None)
        if len(values) < len(listed):
            raise ConditionError("has a list of something other than plain values")
        return _Operand(first.kind, "a list", first.meaning, listed=values)

    def _signal(self, root: str) -> _Operand:
        path = [root]
        while self._take("."):
            kind, step = self._next()
            if kind != "name":
                raise ConditionError(f"has {step!r} after a dot")
            if step in TEXT_TESTS and self._tokens[self._at][1] == "(":
                return self._text_test(self._reference(path), step)
            path.append(step)
        if self._tokens[self._at][1] == "(":
            raise ConditionError(f"calls {'.'.join(path)}(); allowed functions: {', '.join(TEXT_TESTS)}")
        return self._reference(path)

    def _text_test(self, operand: _Operand, function: str) -> _Operand:
        self.require(operand, Kind.STRING, f"what {function} is called on")
        self._expect("(")
        argument = self._primary()
        self.require(argument, Kind.STRING, f"the argument of {function}")
        self._expect(")")
        return _Operand(Kind.BOOL, f"the result of {function}", text_test(function, operand.meaning, argument.meaning))

    def _reference(self, path: list[str]) -> _Operand:
        reference = Reference(canonical(path))
        match reference.path:
            case ("item", field) if field in _ITEM_FIELDS:
                kind: Kind | None = Kind.STRING
            case ("score" | "severity", _, _):
                kind = Kind.NUMBER
            case ("account", "known") | ("item", "language_undetermined"):
                kind = Kind.BOOL
            case ("account", _, _, "fresh"):
                kind = Kind.BOOL
            case ("account", name) | ("account", name, "fresh"):
                raise ConditionError(f"reads {reference}, but no account signal, or more than one, is called {name}")
            case ("account", _, _):
                kind = None
            case _:
                raise ConditionError(
                    f"reads {reference}, which does not exist; allowed: item.({'|'.join(_ITEM_FIELDS)}), "
                    "item.language_undetermined, "
                    "score.DETECTOR.LABEL, severity.DETECTOR.LABEL, account.known, account.VIEW.FEATURE[.fresh]"
                )
        self._kinds.setdefault(reference, kind)
        return _Operand(kind, str(reference), signal(str(reference)), reference=reference)

    def _take(self, text: str) -> bool:
        kind, found = self._tokens[self._at]
        if found != text or kind == "string":
            return False
        self._at += 1
        return True

    def _expect(self, text: str) -> None:
        if not self._take(text):
            found = self._tokens[self._at][1] or "its end"
            raise ConditionError(f"has {found!r} where {text!r} should be")

    def _next(self) -> tuple[str, str]:
        token = self._tokens[self._at]
        if token[0] != "end":
            self._at += 1
        return token
