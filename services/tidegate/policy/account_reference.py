"""How conditions name account signals: `account.VIEW.FEATURE`, short `account.FEATURE`, and `.fresh` behind either.

A CEL value can't be a number and have a field, so `account.enforcement.strikes_90d.fresh` is evaluated as
`fresh.enforcement.strikes_90d`, a root that nobody can write.
"""

from collections.abc import Sequence

from tidegate.features.refs import ACCOUNT_FEATURES

ROOT = "account"
FRESH = "fresh"
"""Behind a signal: whether its value is current. Also the root that it is evaluated under."""
_VIEW_PREFIX = "account_"

Token = tuple[str, str]


def full_name(view: str, feature: str) -> str:
    """`account_enforcement__strikes_90d` for `enforcement` (or `account_enforcement`) and `strikes_90d`."""
    return f"{view if view.startswith(_VIEW_PREFIX) else _VIEW_PREFIX + view}__{feature}"


def canonical(path: Sequence[str]) -> tuple[str, ...]:
    """The path with its view: `account.strikes_90d` is `account.enforcement.strikes_90d`.

    Comes back as it is where it is no short form, or names a signal that does not exist or that two views have.
    """
    if len(path) < 2 or path[0] != ROOT or path[1] == "known":  # noqa: PLR2004 - account.SOMETHING
        return tuple(path)
    is_short = len(path) == 2 or path[2:] == [FRESH]  # noqa: PLR2004 - no feature is called `fresh`
    views = [ref.view.name for ref in ACCOUNT_FEATURES.values() if ref.feature.name == path[1]] if is_short else []
    if len(views) != 1:
        return tuple(path)
    return (ROOT, views[0].removeprefix(_VIEW_PREFIX), *path[1:])


def evaluated(path: Sequence[str]) -> tuple[str, ...]:
    """Where the evaluation finds the signal of a canonical path."""
    return (FRESH, *path[1:-1]) if path[0] == ROOT and path[-1] == FRESH else tuple(path)


def rewritten(tokens: Sequence[Token]) -> str:
    """The condition as it is evaluated, from the tokens of one that has been checked."""
    words: list[str] = []
    at = 0
    while at < len(tokens):
        kind, text = tokens[at]
        if kind == "name" and text == ROOT:
            path = [text]
            while tokens[at + 1][1] == "." and tokens[at + 2][0] == "name" and tokens[at + 3][1] != "(":
                path.append(tokens[at + 2][1])
                at += 2
            text = ".".join(evaluated(canonical(path)))
        words.append(text)
        at += 1
    return " ".join(words).strip()
