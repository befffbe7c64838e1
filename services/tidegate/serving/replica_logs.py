"""Where a replica's lines of logs go: wherever Serve sends its own, one JSON object each.

Serve 2.60 configures its own logger only. Ours would come by way of standard error, which it writes into its file as
INFO, without fields, and without what is no warning.

Serve replaces its handlers when a deployment's `logging_config` is changed while it runs. `app` never changes it.
"""

import logging
from logging.handlers import RotatingFileHandler

from ray import serve
from ray.serve.exceptions import RayServeException

from tidegate.telemetry.log_lines import JsonLines

OURS = "tidegate"
SERVES = "ray.serve"
"""Names of the loggers above all others."""


class _OursApart(logging.Formatter):
    """One file, two formats: a file that is rotated can have one handler only."""

    def __init__(self, ours: logging.Formatter, others: logging.Formatter | None) -> None:
        super().__init__()
        self._ours = ours
        self._others = others or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        ours = record.name == OURS or record.name.startswith(f"{OURS}.")
        return (self._ours if ours else self._others).format(record)


def log_as_replica() -> None:
    """Sends our lines, from INFO on, to wherever Serve sends its own. Does nothing outside a replica of Serve's.

    Serve sets up its logger before it makes the deployment's body, so call this first in the body's constructor.
    """
    try:
        context = serve.get_replica_context()
    except RayServeException:
        return
    lines = JsonLines(deployment=context.deployment, replica=context.replica_tag)
    ours = logging.getLogger(OURS)
    ours.setLevel(logging.INFO)
    ours.propagate = False
    ours.handlers.clear()
    for handler in logging.getLogger(SERVES).handlers:
        sink = getattr(handler, "target", handler)  # beneath the buffer: our lines are few, and must not be lost
        if isinstance(sink, RotatingFileHandler):
            sink.setFormatter(_OursApart(lines, sink.formatter))
            ours.addHandler(sink)
        elif isinstance(sink, logging.StreamHandler):
            ours.addHandler(stream := logging.StreamHandler(sink.stream))  # Serve's own adds what callers sent
            stream.setFormatter(lines)
