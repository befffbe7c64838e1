"""Wrong fields of a document that is no policy, told to whoever wrote it: settings, expectations, a mix of surfaces.

No value is shown: settings may hold what nobody should read. Policies are told more (`policy.problems`).
"""

import difflib
from collections.abc import Sequence

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tidegate.policy.problems import keys_at


def wrong_fields(error: ValidationError, model: type[BaseModel]) -> list[tuple[tuple[int | str, ...], str]]:
    """Each wrong field's place, and what is allowed there.

    Args:
        error: What Pydantic found.
        model: Of the whole document: it says which keys there are.
    """
    return [(wrong["loc"], _words(wrong, model)) for wrong in error.errors(include_url=False)]


def unknown_key(key: str, known: Sequence[str]) -> str:
    """Of a key that there is not: the one that was meant, most likely, or else all there are."""
    near = difflib.get_close_matches(key, known, n=1)
    if near:
        return f"unknown key; did you mean {near[0]}?"
    return f"unknown key; allowed here: {', '.join(known)}" if known else "unknown key; none is allowed here"


def _words(wrong: ErrorDetails, model: type[BaseModel]) -> str:
    match wrong["type"]:
        case "extra_forbidden":
            return unknown_key(str(wrong["loc"][-1]), keys_at(model, wrong["loc"][:-1]))
        case "missing":
            return "is required"
        case "too_short" | "string_too_short":
            return "must not be empty" if wrong["ctx"]["min_length"] == 1 else wrong["msg"]
        case _:
            return wrong["msg"].removeprefix("Value error, ")
