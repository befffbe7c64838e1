"""Wrong fields of a document, told to whoever wrote it: field by field, with what is allowed."""

from pydantic import BaseModel, ValidationError

from tidegate.policy.wrong_fields import wrong_fields


def problems_of(error: ValidationError, model: type[BaseModel]) -> str:
    """One line: each wrong field of the model by its path, and what is wrong with it."""
    return "; ".join(
        f"{'.'.join(str(step) for step in place if step != '[key]') or 'document'}: {said}"
        for place, said in wrong_fields(error, model)
    )
