"""The file that routers read, and what they count in its bins."""

from pathlib import Path

import pyarrow as pa
import pytest

from tidegate.data_quality.counting import reference_of
from tidegate.data_quality.reference import COMPARED, Reference, ReferenceUnusableError, read_reference
from tidegate.features.refs import ACCOUNT_FEATURES, ACCOUNT_SIGNALS_V2
from tidegate.training_sets.as_of import FEATURES


def made(posts: list[int | None]) -> Reference:
    values = pa.table(
        {"account_activity__posts_24h": pa.array(posts, pa.int64()), "account_profile__plan": ["free"] * len(posts)}
    )
    return reference_of(values, source="a test")


def test_the_numbers_of_features_that_are_documented_are_those_of_the_code() -> None:
    page = " ".join((Path(__file__).parents[2] / "features" / "README.md").read_text().split())
    by_view = ", ".join(
        f"{len(view.features)} {view.name.removeprefix('account_')}" for view in ACCOUNT_SIGNALS_V2.views
    )
    assert f"`features list` has {len(ACCOUNT_FEATURES)} ({by_view})" in page
    assert f"{len(FEATURES)} are computed from events alone" in page
    assert f"{len(COMPARED)} have a distribution" in page


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "reference.json"
    written = made([1, 2, None, 7])
    written.write(path)
    assert read_reference(path) == written
    assert [each.name for each in tmp_path.iterdir()] == ["reference.json"]


def test_the_digest_tells_distributions_apart_and_not_their_names() -> None:
    assert (
        made([1, 2]).digest
        == reference_of(
            pa.table({"account_activity__posts_24h": [1, 2], "account_profile__plan": ["free"] * 2}), source="other"
        ).digest
    )
    assert made([1, 2]).digest != made([5, 6]).digest


def test_shares_of_a_feature_add_up() -> None:
    shares = [share for name, _, share in made([1, 2, 3]).shares() if name == "account_profile__plan"]
    assert sum(shares) == pytest.approx(1)


def test_features_of_another_release_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "reference.json"
    path.write_text(
        '{"format": 1, "source": "s", "features": {"account_gone__x": {"edges": [0], "counts": [1, 2, 3]}}}'
    )
    assert dict(read_reference(path).features) == {}


def test_counts_that_do_not_fit_the_bins_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "reference.json"
    path.write_text(
        '{"format": 1, "source": "s", "features": {"account_profile__plan": {"categories": ["a"], "counts": [1]}}}'
    )
    with pytest.raises(ReferenceUnusableError, match="is no reference"):
        read_reference(path)
