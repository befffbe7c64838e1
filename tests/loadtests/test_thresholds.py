"""A thresholds file is checked strictly: a limit that nobody checks is worse than none."""

from pathlib import Path

import pytest

from loadtests.locust.thresholds import ThresholdsError, read_thresholds

GOOD = "version: 1\nthresholds:\n- {name: p99, phase: steady, measure: p99_ms, max: 250}\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "thresholds.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_file_that_comes_with_the_load_tests_is_right() -> None:
    names = [each.name for each in read_thresholds(Path("loadtests/thresholds.yaml")).thresholds]
    assert "p99 ÷ p50 at half the knee's load, open loop" in names
    assert any(each.endswith("the knee's load, open loop: goodput ÷ goodput at the knee") for each in names)


def test_a_limit_is_read(tmp_path: Path) -> None:
    [threshold] = read_thresholds(written(tmp_path, GOOD)).thresholds
    assert threshold.allows(250.0)
    assert not threshold.allows(250.1)
    assert not threshold.allows(float("nan"))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (GOOD.replace("version: 1", "version: 2"), "version"),
        (GOOD.replace("p99_ms", "p99"), "measure"),
        (GOOD.replace("phase:", "fase:"), "fase"),
        (GOOD.replace("max: 250", "max: fast"), "max"),
        (GOOD.replace("max: 250", "max: .inf"), "max"),
        (GOOD.replace(", max: 250", ""), "max or min"),
        (GOOD.replace("max: 250", "max: 250, min: 1"), "max or min"),
        (GOOD.replace("phase: steady", "against: knee"), "against needs a phase"),
        (GOOD.replace("phase: steady", "phase: knee, against: knee"), "the phase itself"),
        (GOOD + "- {name: p99, measure: p50_ms, max: 1}\n", "names must differ: p99"),
        ("version: 1\nthresholds: []\n", r"thresholds\.yaml: thresholds is empty"),
        ("version: 1\n", "thresholds"),
        ("", r"thresholds\.yaml: has no thresholds; it needs `version: 1`"),
        ("[1, 2]", "has no thresholds"),
        ("version: [", "not YAML"),
    ],
)
def test_what_is_wrong_is_refused_and_named(tmp_path: Path, wrong: str, named: str) -> None:
    with pytest.raises(ThresholdsError, match=named):
        read_thresholds(written(tmp_path, wrong))


def test_one_wrong_entry_is_one_sentence(tmp_path: Path) -> None:
    """And not a second one that there are no entries at all."""
    with pytest.raises(ThresholdsError) as raised:
        read_thresholds(written(tmp_path, GOOD.replace(", max: 250", "")))
    assert str(raised.value).endswith("thresholds.yaml: thresholds.0: needs max or min, and not both")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ThresholdsError, match=r"nowhere\.yaml"):
        read_thresholds(tmp_path / "nowhere.yaml")
