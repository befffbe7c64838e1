"""Requests that are right, for tests to make wrong in one place."""

from tidegate.api.moderation.v1 import content_pb2
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb


def request(text: str = "a kind word", **changes: str) -> pb.ModerateRequest:
    """One comment from Sweden."""
    part = content_pb2.ContentPart(id="text", text=content_pb2.TextPart(text=text))
    item = content_pb2.ContentItem(
        content_id="c-1", account_id="a-1", surface=content_pb2.SURFACE_COMMENT, market="SE", parts=[part]
    )
    for name, value in changes.items():
        setattr(item, name, value)
    return pb.ModerateRequest(item=item)
