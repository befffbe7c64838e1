"""Places that `groups.py` names exist, once, and mean what they say."""

import re
from pathlib import Path

import pytest

from tests.groups import ALONE, BESIDE, LIGHT, TESTS, Group, group_of, served_together


def test_every_place_that_is_named_exists_and_is_named_once() -> None:
    named = [*ALONE, *BESIDE, *LIGHT]
    assert [place for place in named if not (TESTS / place).exists()] == []
    assert len(set(named)) == len(named)


@pytest.mark.parametrize(
    ("place", "group"),
    [
        ("stack/test_demo.py", Group.ALONE),
        ("nowhere/test_new.py", Group.ALONE),
        ("detectors/test_bucketing.py", Group.LIGHT),
        ("detectors/test_image_triton.py", Group.BESIDE),
        ("detectors/test_real_triton.py", Group.ALONE),
        ("features/transforms/test_account_signals.py", Group.LIGHT),
        ("features/stream/test_processor.py", Group.BESIDE),
    ],
)
def test_the_longest_place_that_fits_counts_and_what_is_not_named_runs_alone(place: str, group: Group) -> None:
    assert group_of(TESTS / place) is group


def test_what_starts_servers_is_not_light() -> None:
    """Light tests have little of a busy machine, and servers have to answer in time."""
    light = [path for path in TESTS.rglob("test_*.py") if group_of(path) is Group.LIGHT]
    assert light
    assert [
        path.name for path in light if re.search(r"^(pytestmark = |@).*integration", path.read_text(), re.MULTILINE)
    ] == []


def test_a_file_elsewhere_runs_alone(tmp_path: Path) -> None:
    assert group_of(tmp_path / "test_it.py") is Group.ALONE


def test_no_two_processes_write_the_model_repository() -> None:
    """Whoever starts a Triton of this checkout writes it; stacks and what runs alone never do while these run."""
    starting = re.compile(
        r"^from tests\.models\.running_triton import .*\b(RunningTriton|running|prepared)\b", re.MULTILINE
    )
    users = {path for path in TESTS.rglob("test_*.py") if starting.search(path.read_text())}
    assert users
    assert {served_together(each) for each in users if group_of(each) is not Group.ALONE} == {"triton"}
