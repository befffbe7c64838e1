"""What the two OTLP encodings have in common: the limits, the numbers, and how a span is checked and put together."""

from dataclasses import dataclass

from tidegate.telemetry.span_record import SpanRecord, SpanRole, SpanStatus

MAX_MESSAGE_BYTES = 8 * 1024 * 1024
"""Per export request, after decompression. The SDK's batches of 512 spans take about 300 KiB."""
MAX_ATTRIBUTES = 128
"""Per span, OpenTelemetry's own default limit; the rest is left out."""
MAX_LINKS = 256
"""Per span; the rest is left out."""
MAX_MOMENTS = 128
"""Per span; the rest is left out."""
MAX_TEXT_CHARACTERS = 2_048
"""Per name or text attribute; the rest is cut off."""
MAX_DEPTH = 6
"""Nesting of attribute values; deeper ones are left out."""
MAX_INTEGER = 2**63 - 1
"""What the store holds; as a time in nanoseconds, the year 2262."""
TRACE_ID_BYTES = 16
SPAN_ID_BYTES = 8
ROLES = tuple(SpanRole)
"""By OTLP's number of a span's kind."""
STATUSES = tuple(SpanStatus)
"""By OTLP's number of a status."""


class MalformedPayload(Exception):
    """The request can't be understood as OTLP; the message is fit for the sender."""


class MalformedSpan(Exception):
    """One span can't be stored; the others of its request can."""


@dataclass(frozen=True, slots=True)
class Payload:
    """What one export request held."""

    spans: tuple[SpanRecord, ...]
    """Fit to be stored."""
    rejected: int
    """Spans left out because they had no valid ids or times."""


def checked_times(start_ns: int, end_ns: int) -> tuple[int, int]:
    """Start and end, one standing in for the other where it is missing, the end never before the start."""
    start_ns, end_ns = start_ns or end_ns, end_ns or start_ns
    if not 0 < start_ns <= MAX_INTEGER or not 0 < end_ns <= MAX_INTEGER:
        raise MalformedSpan
    return start_ns, max(start_ns, end_ns)
