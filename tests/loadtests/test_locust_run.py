"""What a campaign's runs are told."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from loadtests.locust.locust_run import LocustError, LocustRuns
from loadtests.locust.phases import Phase, Plan


def test_each_run_sends_items_of_its_own_and_the_same_ones_when_it_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores of texts are kept: a load of those that the ramp has sent would be lighter than the ramp."""
    seeds: list[str] = []

    def watch(command: Sequence[str], *_: object, **__: object) -> None:
        seeds.append(command[command.index("--seed") + 1])

    monkeypatch.setattr(LocustRuns, "_watch", staticmethod(watch))
    runs = LocustRuns("service:9000", tmp_path, ())
    for name in ("ramp", "half-knee", "ramp"):
        with pytest.raises(LocustError):
            runs.open(name, Plan((Phase(name, 1.0, 1.0),)))
    assert seeds[0] == seeds[2] != seeds[1]
