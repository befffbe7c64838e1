"""A line of a log as one JSON object: what happened, its fields, and the trace that it belongs to.

No user content gets in by way of an error: databases and validators quote values from the second line of a message on,
so texts end with their first line; of an exception its types and places are told, its message is not.
"""

import json
import logging
import math
from collections.abc import Iterator, Mapping, Set
from datetime import UTC, datetime
from itertools import islice
from traceback import walk_tb
from typing import Any

from opentelemetry.trace import format_span_id, format_trace_id, get_current_span

_STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
"""What a record has without `extra`. Ray adds names with an underscore."""
_LONGEST = 500
"""Characters of a text."""
_MOST = 30
"""Entries of a collection, places of a stack (the innermost) and causes of an error."""


class JsonLines(logging.Formatter):
    """`time` (UTC), `level`, `logger`, `event`, `process`, fields of `extra`; `trace_id` and `span_id` within a span.

    An exception is `exception`, its types from the outermost to the first cause, and `stack`.
    """

    def __init__(self, **process: str) -> None:
        """Takes fields that every line of this process has."""
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "level": record.levelname,
            "logger": record.name,
            "event": _plain(record.getMessage()),
            "process": record.process,
            **self._process,
        }
        span = get_current_span().get_span_context()
        if span.is_valid:
            told |= {"trace_id": format_trace_id(span.trace_id), "span_id": format_span_id(span.span_id)}
        if record.exc_info and (error := record.exc_info[1]):
            told |= {"exception": [type(each).__name__ for each in _causes(error)], "stack": _stack(error)}
        extra = {key: _plain(value) for key, value in vars(record).items() if key not in _STANDARD and key[0] != "_"}
        return json.dumps({**extra, **told}, ensure_ascii=False)


def _plain(value: object) -> Any:
    match value:
        case None | bool() | int():
            return value
        case float() if math.isfinite(value):
            return value
        case Mapping():
            return {str(key): _plain(each) for key, each in islice(value.items(), _MOST)}
        case list() | tuple() | Set():
            return [_plain(each) for each in islice(value, _MOST)]
        case _:  # `repr` writes the end of a line as a backslash and an n
            return str(value).partition("\n")[0].partition("\\n")[0][:_LONGEST]


def _causes(error: BaseException) -> Iterator[BaseException]:
    at: BaseException | None = error
    for _ in range(_MOST):
        if at is None:
            return
        yield at
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)


def _stack(error: BaseException) -> list[str]:
    places = [
        f"{frame.f_code.co_filename}:{line} {frame.f_code.co_name}" for frame, line in walk_tb(error.__traceback__)
    ]
    return places[-_MOST:]
