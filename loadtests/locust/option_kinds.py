"""What values of options may be. Each refuses with a sentence that says what is allowed, before anything is sent."""

import math
from argparse import ArgumentTypeError

from loadtests.locust.phases import WARM_UP, PlanError, read_plan


def plan(text: str) -> str:
    """A plan in which something is measured, as text."""
    try:
        read = read_plan(text)
    except PlanError as error:
        raise ArgumentTypeError(str(error)) from error
    if not any(phase.measured for phase in read.phases):
        raise ArgumentTypeError(
            f"{text!r} measures nothing; it needs a phase with a level above 0 that is not called {WARM_UP}"
        )
    return read.written()


def positive(text: str) -> float:
    """A finite number above 0."""
    number = _number(text)
    if not number > 0:
        raise ArgumentTypeError(f"{text} is not above 0")
    return number


def from_one(text: str) -> float:
    """A finite number, 1 or more."""
    number = _number(text)
    if not number >= 1:
        raise ArgumentTypeError(f"{text} is not 1 or more")
    return number


def share(text: str) -> float:
    """From 0 to 1."""
    number = _number(text)
    if not 0 <= number <= 1:
        raise ArgumentTypeError(f"{text} is not between 0 and 1")
    return number


def count(text: str) -> int:
    """A whole number, 1 or more."""
    if not text.strip().isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is no whole number of 1 or more")
    return int(text)


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no number") from error
    if not math.isfinite(number):
        raise ArgumentTypeError(f"{text!r} is no finite number")
    return number
