"""Items for tests of the client."""

from collections.abc import Iterator

from tidegate.client import ContentItem, Surface, text_part


def comment(content_id: str = "c-1", *, text: str = "a kind word", market: str = "SE") -> ContentItem:
    """One comment."""
    return ContentItem(content_id, "a-1", Surface.COMMENT, market, (text_part("text", text),))


def comments(count: int) -> Iterator[ContentItem]:
    """Comments with the content ids "0", "1", ..."""
    for number in range(count):
        yield comment(str(number), text=f"song number {number}")
