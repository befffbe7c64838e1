import pytest

from loadtests.baselines.item_inputs import policy_for
from loadtests.compare.contenders import POLICIES
from tidegate.api.moderation.v1 import content_pb2 as pb
from tidegate.policy.loader import load_policies


def item(**changes: object) -> pb.ContentItem:
    text = pb.ContentPart(id="t", text=pb.TextPart(text="lovely"))
    fields = {"content_id": "c", "account_id": "a", "surface": pb.SURFACE_COMMENT, "market": "SE", "parts": [text]}
    return pb.ContentItem(**{**fields, **changes})  # type: ignore[arg-type]  # fields by name


def test_the_surface_chooses_the_policy() -> None:
    policies = load_policies(POLICIES)
    comment, profile = policy_for(policies, item()), policy_for(policies, item(surface=pb.SURFACE_PROFILE))
    assert comment is not None
    assert profile is not None
    assert (comment.reference.id, profile.reference.id) == ("overhead", "real_text")


@pytest.mark.parametrize(
    "changes",
    [
        {"content_id": ""},
        {"account_id": ""},
        {"surface": pb.SURFACE_UNSPECIFIED},
        {"parts": []},
        {"parts": [pb.ContentPart(id="t", text=pb.TextPart(text="  "))]},
        {"parts": [pb.ContentPart(id="p", image=pb.ImagePart(data=b"png"))]},
    ],
)
def test_what_is_no_item_of_text_has_none(changes: dict[str, object]) -> None:
    assert policy_for(load_policies(POLICIES), item(**changes)) is None
