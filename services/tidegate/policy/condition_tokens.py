"""A condition in words: the tokens of CEL that conditions may have, and what a plain value among them stands for."""

import re

import cel

from tidegate.moderation.signals import FeatureScalar
from tidegate.policy.account_reference import Token

TEXT_TESTS = ("startsWith", "endsWith", "contains")
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>\d+\.\d+|\d+)
      | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<operator>&&|\|\||==|!=|<=|>=|[<>!().,\[\]-])
    )""",
    re.VERBOSE,
)


class ConditionError(ValueError):
    """The condition can't be used; the message says what is wrong and what is allowed."""


def tokens_of(source: str) -> list[Token]:
    """Kind and text of each token; the last one is `("end", "")`.

    Raises:
        ConditionError: Something in it is no token.
    """
    tokens: list[Token] = []
    text = source.rstrip()
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            rest = text[position:].lstrip()[:20]
            raise ConditionError(
                f"can't be read at {rest!r}; allowed: && || ! == != < <= > >= in, {', '.join(TEXT_TESTS)}, parentheses"
            )
        tokens.append((str(match.lastgroup), match.group(str(match.lastgroup))))
        position = match.end()
    return [*tokens, ("end", "")]


def plain_value(text: str) -> FeatureScalar:
    """What a number, a string, `true` or `false` stands for, as the CEL engine reads it.

    Raises:
        ConditionError: The engine can't read it: a number that is too large, an escape that does not exist.
    """
    try:
        value: FeatureScalar = cel.compile(text).execute(cel.Context({}))
    except (ValueError, RuntimeError) as error:
        raise ConditionError(f"is not valid CEL: {str(error).splitlines()[0]}") from error
    return value
