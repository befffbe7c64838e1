"""Lines of logs: one JSON object each, with every field, the trace they belong to, and nothing that users wrote."""

import io
import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from pydantic import BaseModel, ValidationError

from tidegate.moderation.decision import Action
from tidegate.telemetry.log_lines import JsonLines

SECRET = "what a user wrote"


@pytest.fixture
def log() -> logging.Logger:
    """A logger of its own that writes to memory."""
    logger = logging.Logger("tidegate.ledger.group_commit", logging.INFO)  # noqa: LOG001 - not among those of the process
    logger.addHandler(handler := logging.StreamHandler(io.StringIO()))
    handler.setFormatter(JsonLines(deployment="ModerationRouter"))
    return logger


def written(log: logging.Logger) -> str:
    (handler,) = log.handlers
    assert isinstance(handler, logging.StreamHandler)
    text: str = handler.stream.getvalue()
    assert text.count("\n") == 1
    return text


def told(log: logging.Logger) -> dict[str, Any]:
    line = json.loads(written(log))
    assert isinstance(line, dict)
    return line


def test_a_line_names_what_happened_where_and_all_fields(log: logging.Logger) -> None:
    log.error("ledger.commit_failed", extra={"cause": repr(OSError(28, "No space left")), "waiting": 3})
    line = told(log)
    at = datetime.fromisoformat(line.pop("time"))
    assert at.tzinfo == UTC
    assert isinstance(line.pop("process"), int)
    assert line == {
        "level": "ERROR",
        "logger": "tidegate.ledger.group_commit",
        "event": "ledger.commit_failed",
        "deployment": "ModerationRouter",
        "cause": "OSError(28, 'No space left')",
        "waiting": 3,
    }


def test_within_a_span_a_line_names_it(log: logging.Logger) -> None:
    with TracerProvider().get_tracer("test").start_as_current_span("one") as span:
        log.info("banks.loaded")
    line, context = told(log), span.get_span_context()
    assert line["trace_id"] == f"{context.trace_id:032x}"
    assert line["span_id"] == f"{context.span_id:016x}"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        (1.5, 1.5),
        (float("inf"), "inf"),
        (Action.BLOCK, "BLOCK"),
        (("b", 1), ["b", 1]),
        ({"age_s": float("nan")}, {"age_s": "nan"}),
        ("x" * 10_000, "x" * 500),
        (list(range(1_000)), list(range(30))),
    ],
)
def test_fields_of_all_kinds_are_json_and_bounded(log: logging.Logger, value: object, shown: object) -> None:
    log.info("event", extra={"field": value})
    assert told(log)["field"] == shown


def test_a_field_cannot_pass_for_what_every_line_has(log: logging.Logger) -> None:
    log.warning("event", extra={"level": "INFO", "event": "another"})
    assert (told(log)["level"], told(log)["event"]) == ("WARNING", "event")


class _Item(BaseModel):
    text: int


def test_what_validators_and_databases_quote_is_left_out(log: logging.Logger) -> None:
    with pytest.raises(ValidationError) as refused:
        _Item.model_validate({"text": SECRET})
    assert SECRET in str(refused.value)
    quoted = RuntimeError(f"violates check\nDETAIL: Failing row contains ({SECRET})")
    log.error("event", extra={"error": str(refused.value), "cause": repr(quoted), "failing": quoted})
    assert SECRET not in written(log)
    assert told(log)["error"] == "1 validation error for _Item"
    assert told(log)["failing"] == "violates check"


def _fail() -> None:
    nothing: dict[str, int] = {}
    try:
        _ = nothing[SECRET]
    except KeyError as error:
        raise ValueError(SECRET) from error


def test_an_exception_is_told_by_its_types_and_places_only(log: logging.Logger) -> None:
    try:
        _fail()
    except ValueError:
        log.exception("moderate failed, trace %s", "ab" * 16)
    assert SECRET not in written(log)
    line = told(log)
    assert line["event"] == f"moderate failed, trace {'ab' * 16}"
    assert line["exception"] == ["ValueError", "KeyError"]
    assert line["stack"][-1].endswith(" _fail")
    assert __file__ in line["stack"][-1]
