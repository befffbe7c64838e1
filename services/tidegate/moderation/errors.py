"""Why a request is refused: one base error with a `Reason`. `serving.status` maps each reason to a gRPC status."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Every reason for which a request ends without a decision."""

    INVALID_REQUEST = "INVALID_REQUEST"
    MESSAGE_TOO_LARGE = "MESSAGE_TOO_LARGE"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    DECISION_NOT_FOUND = "DECISION_NOT_FOUND"
    LEDGER_UNAVAILABLE = "LEDGER_UNAVAILABLE"
    BANK_NOT_FOUND = "BANK_NOT_FOUND"
    BANK_EXISTS = "BANK_EXISTS"
    BANK_ENTRY_EXISTS = "BANK_ENTRY_EXISTS"
    BANKS_UNAVAILABLE = "BANKS_UNAVAILABLE"
    EVENT_LOG_UNAVAILABLE = "EVENT_LOG_UNAVAILABLE"
    OVERLOADED = "OVERLOADED"
    ROUTER_STOPPING = "ROUTER_STOPPING"


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One field that is wrong."""

    field: str
    """Path of the field as in the proto ("item.parts[2].text.text")."""
    description: str
    """What is wrong and what is allowed. Never the content itself."""


class TidegateError(Exception):
    """Base of all errors that a caller may see. Its message is shown to callers: no content, path or library text."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class InvalidRequest(TidegateError):
    """The request is broken; each wrong field is named."""

    def __init__(self, fields: Sequence[FieldViolation], *, reason: Reason = Reason.INVALID_REQUEST) -> None:
        first, more = fields[0], len(fields) - 1
        super().__init__(reason, f"{first.field}: {first.description}" + (f" (and {more} more)" if more else ""))
        self.fields = tuple(fields)


class LedgerUnavailable(TidegateError):
    """The ledger can't be written or read. A decision that could not be made durable is none."""

    def __init__(self) -> None:
        super().__init__(Reason.LEDGER_UNAVAILABLE, "the decision ledger does not answer; retry")


class EventLogUnavailable(TidegateError):
    """The event log can't be written. Nothing of the call may be taken for recorded."""

    def __init__(self) -> None:
        super().__init__(
            Reason.EVENT_LOG_UNAVAILABLE,
            "the event log does not answer; take nothing of this call for recorded, and send it again",
        )


class Overloaded(TidegateError):
    """More requests came than can be answered in time; this one was not looked at."""

    def __init__(self, *, retry_after_s: float) -> None:
        super().__init__(Reason.OVERLOADED, "too many requests at the moment; this one was not looked at, retry later")
        self.retry_after_s = retry_after_s


class RouterStopping(TidegateError):
    """The router ends, and reads no more of this stream. What it had read is answered."""

    def __init__(self) -> None:
        super().__init__(Reason.ROUTER_STOPPING, "this router stops; send what has no answer again, over a new stream")


class IdempotencyKeyReused(TidegateError):
    """The key was used before, for another item."""

    def __init__(self) -> None:
        super().__init__(
            Reason.IDEMPOTENCY_KEY_REUSED, "idempotency_key was used for another item; use a new key for each item"
        )


class DecisionNotFound(TidegateError):
    """The ledger holds no such decision, or none any more."""

    def __init__(self, why: str = "") -> None:
        """Without more to tell, or with a reason for callers."""
        told = "no decision with this decision_id"
        super().__init__(Reason.DECISION_NOT_FOUND, f"{told}: {why}" if why else told)
