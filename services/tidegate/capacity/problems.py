"""Wrong fields of a document, told to whoever wrote it: field by field, with what is allowed."""

from pydantic import ValidationError


def problems_of(error: ValidationError) -> str:
    """One line: each wrong field by its path, and what is wrong with it."""
    return "; ".join(
        f"{'.'.join(str(step) for step in wrong['loc'] if step != '[key]') or 'document'}: {_said(wrong['msg'])}"
        for wrong in error.errors(include_url=False)
    )


def _said(message: str) -> str:
    return message.removeprefix("Value error, ")
