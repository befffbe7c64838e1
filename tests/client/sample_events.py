"""Events to send, and how patient these tests are."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from tests.serving.event_messages import NOW
from tidegate.client import AccountEvent, EventKind, RetryPolicy

QUICK = RetryPolicy(attempts=4, first_delay_ms=1.0, longest_delay_ms=2.0)


def comment(event_id: str, **changes: Any) -> AccountEvent:
    return dataclasses.replace(AccountEvent(event_id, "a", EventKind.COMMENT, NOW, subject_id="c"), **changes)


def many(count: int, *, prefix: str = "e") -> Iterator[AccountEvent]:
    return (comment(f"{prefix}{at:06d}") for at in range(count))
