"""What one may ask a plan for: a mix of items, or weights; all that is wrong with it is told by field."""

import pytest

from tidegate.capacity.demand import Demand, DemandError
from tidegate.capacity.mix import Mix, MixError, mix_of_shares


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"surfaces": {"coment": {"share": 1}}}, "'coment' is no surface; allowed are comment, profile, playlist"),
        ({"surfaces": {"comment": {"share": 0.4}, "profile": {"share": 0.4}}}, "must add up to 1, these add up to 0.8"),
        (
            {"surfaces": {"comment": {"share": 1, "images": 17}}},
            "surfaces.comment.images: Input should be less than or",
        ),
        (
            {"surfaces": {"comment": {"share": 1, "video": 1}}},
            "surfaces.comment.video: unknown key; allowed here: audio, ",
        ),
        ({"audio_seconds": 0}, "audio_seconds: Input should be greater than 0"),
        ({"repeated_texts": "many"}, "repeated_texts: Input should be a valid number"),
    ],
)
def test_a_wrong_mix_is_told_by_field(document: object, told: str) -> None:
    with pytest.raises(MixError) as error:
        Mix.of(document)
    assert told in str(error.value)


def test_weights_become_shares() -> None:
    mix = mix_of_shares("comment=3, profile=1")
    assert {name: each.share for name, each in mix.surfaces.items()} == {"comment": 0.75, "profile": 0.25}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("coment=1", "allowed are comment"),
        ("comment=lots", "comment: 'lots' is no number"),
        ("comment=1,comment=0", "comment is named twice"),
        ("comment=0", "one of them above 0"),
        ("comment=2,profile=-1", "at least 0"),
        ("comment=nan", "above 0"),
        ("", "is no surface"),
    ],
)
def test_wrong_weights_are_told(text: str, told: str) -> None:
    with pytest.raises(MixError) as error:
        mix_of_shares(text)
    assert told in str(error.value)


def test_all_wrong_fields_of_a_demand_are_told_at_once() -> None:
    with pytest.raises(DemandError) as error:
        Demand.of(items_per_second=-1, utilisation=1.5, accounts=float("nan"))
    assert all(name in str(error.value) for name in ("items_per_second", "utilisation", "accounts"))
