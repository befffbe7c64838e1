"""What goes into a stream and what comes out of it."""

from dataclasses import dataclass

from tidegate.client.decisions import Decision
from tidegate.client.errors import ModerationError
from tidegate.moderation.item import ContentItem

GivenItem = ContentItem | tuple[ContentItem, str | None]
"""An item, or an item with its idempotency key; without one (or with None) it gets one of its own."""

MOST_OUTSTANDING = 128
"""Items of one stream that are taken and not handed out as results yet; beyond this the source is not read.

The server works on 64 of one stream at once (`grpc.stream_in_flight`); the rest is on its way or waits for the caller.
"""


@dataclass(frozen=True, slots=True)
class StreamResult:
    """The answer to one item of a stream: exactly one of `decision` and `error` is set."""

    item: ContentItem
    """The item."""
    idempotency_key: str
    """The key it was sent with: the one to use when sending it again."""
    decision: Decision | None
    """The decision."""
    error: ModerationError | None
    """Why there is none."""
