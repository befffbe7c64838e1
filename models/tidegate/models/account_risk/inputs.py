"""What the account risk model looks at: each input's name, unit, meaning and range, declared once.

Names are those of the features' view `account_profile`, so nothing is renamed between the store and the model. Any
input may be missing (None): it is then unknown, never 0 or false.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MAX_COUNT: Final = 100_000_000_000
"""Of followers, posts and the like: above it a number is a mistake. The largest account has below 10^9."""
MAX_TEXT: Final = 100_000
"""Characters of a handle or description."""
MAX_AGE_DAYS: Final = 36_500
"""A century."""


class InputKind(StrEnum):
    """How a value is written."""

    COUNT = "count"  # a whole number from 0
    DAYS = "days"  # a number from 0, fractions allowed
    FLAG = "flag"  # true or false


class AccountInputError(ValueError):
    """An account's inputs can't be scored.

    Attributes:
        row: place of the account in what was given, from 0.
        field: name of the input.
        allowed: what may stand there.
    """

    def __init__(self, *, row: int, field: str, allowed: str) -> None:
        super().__init__(f"account {row}: {field} must be {allowed}, or missing")
        self.row = row
        self.field = field
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class AccountInput:
    """One input."""

    name: str
    """Also the field of `AccountInputs` and the name of the feature."""
    kind: InputKind
    """How it is written; the model sees float64."""
    unit: str
    """What one of it is."""
    meaning: str
    """For a person who reads an explanation."""
    largest: int
    """Above it the value is refused."""

    @property
    def allowed(self) -> str:
        """What may stand there, in words."""
        if self.kind is InputKind.FLAG:
            return "true or false"
        number = "a whole number" if self.kind is InputKind.COUNT else "a finite number"
        return f"{number} from 0 to {self.largest}"


def _count(name: str, unit: str, meaning: str, largest: int = MAX_COUNT) -> AccountInput:
    return AccountInput(name, InputKind.COUNT, unit, meaning, largest)


def _flag(name: str, meaning: str) -> AccountInput:
    return AccountInput(name, InputKind.FLAG, "true or false", meaning, 1)


INPUTS: Final = (
    _count("followers", "accounts", "accounts that follow it"),
    _count("following", "accounts", "accounts that it follows"),
    _count("listed", "lists", "lists of others that it is on"),
    _count("likes_given", "likes", "likes that it gave"),
    _flag("verified", "its identity was verified"),
    _count("posts", "posts", "posts in its whole life"),
    _flag("default_profile", "it never changed the looks of its page"),
    _flag("default_picture", "it has no picture of its own"),
    _flag("extended_profile", "it filled in the longer profile"),
    _count("handle_length", "characters", "length of its handle", MAX_TEXT),
    _count("handle_digits", "digits", "digits in its handle", MAX_TEXT),
    _count("description_length", "characters", "length of its description", MAX_TEXT),
    _flag("has_url", "its profile names a link"),
    _flag("has_location", "its profile names a place"),
    AccountInput("account_age_days", InputKind.DAYS, "days", "days since registration", MAX_AGE_DAYS),
)
"""In the order of the columns of `values`."""

NAMES: Final = tuple(one.name for one in INPUTS)


@dataclass(frozen=True, slots=True)
class AccountInputs:
    """One account, as `INPUTS` describes it; None is missing."""

    followers: int | None = None
    following: int | None = None
    listed: int | None = None
    likes_given: int | None = None
    verified: bool | None = None
    posts: int | None = None
    default_profile: bool | None = None
    default_picture: bool | None = None
    extended_profile: bool | None = None
    handle_length: int | None = None
    handle_digits: int | None = None
    description_length: int | None = None
    has_url: bool | None = None
    has_location: bool | None = None
    account_age_days: float | None = None

    def known(self) -> int:
        """Returns how many inputs are not missing."""
        return sum(getattr(self, one.name) is not None for one in fields(self))


def values(rows: Sequence[AccountInputs]) -> Floats:
    """Returns the inputs as numbers, [rows, inputs]; NaN where one is missing.

    Raises:
        AccountInputError: a value is not of its kind, not finite, negative or beyond `largest`.
    """
    read = [_READ(account) for account in rows]
    # No accounts, no columns: hence not strict.
    columns = [_column(one, column) for one, column in zip(INPUTS, zip(*read, strict=True), strict=False)]
    if all(column is not None for column in columns):
        return np.array(columns, dtype=np.float64).T.reshape(len(rows), len(INPUTS))
    # Value by value it takes five times as long, and says which one is refused.
    numbers = [
        [_number(row, one, value) for one, value in zip(INPUTS, told, strict=True)] for row, told in enumerate(read)
    ]
    return np.array(numbers, dtype=np.float64)


_READ = attrgetter(*NAMES)
_PLAIN: Final = {
    InputKind.COUNT: frozenset({int, type(None)}),
    InputKind.DAYS: frozenset({int, float, type(None)}),
    InputKind.FLAG: frozenset({bool, type(None)}),
}


def _column(declared: AccountInput, column: Sequence[Any]) -> Floats | None:
    """One input of all accounts; None if any may have to be refused."""
    if not _PLAIN[declared.kind].issuperset(map(type, column)):
        return None
    try:
        numbers = np.array(column, dtype=np.float64)
    except OverflowError:
        return None
    fits = (numbers >= 0) & (numbers <= declared.largest)
    return numbers if np.count_nonzero(fits) == len(column) - column.count(None) else None


def _number(row: int, declared: AccountInput, value: object) -> float:
    if value is None:
        return math.nan
    if not _fits(declared, value):
        raise AccountInputError(row=row, field=declared.name, allowed=declared.allowed)
    return float(value)  # type: ignore[arg-type]  # _fits has seen that it is a number


def _fits(declared: AccountInput, value: object) -> bool:
    if declared.kind is InputKind.FLAG:
        return isinstance(value, bool | np.bool_)
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        return False
    if not 0 <= value <= declared.largest:  # nor are NaN and the infinite; asked first, as floats hold no such ints
        return False
    return declared.kind is InputKind.DAYS or float(value).is_integer()
