"""A finished span as the receiver stores it and the waterfall reads it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

AttributeJson = None | bool | int | float | str | list["AttributeJson"] | dict[str, "AttributeJson"]


class SpanStatus(StrEnum):
    """OpenTelemetry's three."""

    UNSET = "UNSET"
    OK = "OK"
    ERROR = "ERROR"


class SpanRole(StrEnum):
    """OpenTelemetry's span kinds."""

    UNSPECIFIED = "UNSPECIFIED"
    INTERNAL = "INTERNAL"
    SERVER = "SERVER"
    CLIENT = "CLIENT"
    PRODUCER = "PRODUCER"
    CONSUMER = "CONSUMER"


@dataclass(frozen=True, slots=True)
class SpanReference:
    """Points at a span, possibly in another trace."""

    trace_id: str
    """32 hex digits."""
    span_id: str
    """16 hex digits."""


@dataclass(frozen=True, slots=True)
class SpanMoment:
    """Something that happened within a span (OpenTelemetry: an event)."""

    name: str
    """For example Triton's `COMPUTE_START`."""
    at_ns: int
    """Since the Unix epoch."""


@dataclass(frozen=True, slots=True)
class SpanRecord:
    """One finished span."""

    trace_id: str
    """32 hex digits."""
    span_id: str
    """16 hex digits."""
    parent_span_id: str
    """16 hex digits; empty for a root."""
    service: str
    """`service.name` of the process that made it; empty if it said none."""
    name: str
    """Span name."""
    role: SpanRole
    """Span kind."""
    start_ns: int
    """Since the Unix epoch, on the clock of the process that made it."""
    end_ns: int
    """Not before the start."""
    status: SpanStatus = SpanStatus.UNSET
    """ERROR marks a failed hop."""
    attributes: Mapping[str, AttributeJson] = field(default_factory=dict)
    """As sent, values as JSON has them."""
    links: tuple[SpanReference, ...] = ()
    """Other spans that this one worked for, or whose work it shares."""
    moments: tuple[SpanMoment, ...] = ()
    """In the order in which they were sent."""
