"""What a finished run returns and says, with limits and without."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

import pytest

from loadtests.locust.finishing import finish
from loadtests.locust.gate import BREACHED, HOLDS
from loadtests.locust.harvest import Harvest
from loadtests.locust.options import LoadOptions, add_options, options_of
from loadtests.locust.run_record import RECORD, RunRecord
from loadtests.locust.sample import PARTIAL, SHED, STREAM, Sample
from loadtests.locust.thresholds import Thresholds
from tests.loadtests.samples import sample
from tests.loadtests.test_gate import limits

OF_LOCUST = 7
"""Its `--exit-code-on-error`, unlike any status of the load tests."""
FAILED = [sample(), sample(outcome="UNAVAILABLE")]


def options(out: Path, *given: str) -> LoadOptions:
    parser = ArgumentParser()
    add_options(parser)
    parsed = parser.parse_args(["--out", str(out), "--plan", "steady:2x1", *given])
    return options_of(Namespace(**vars(parsed), exit_code_on_error=OF_LOCUST))


@pytest.mark.parametrize(
    ("samples", "thresholds", "status"),
    [
        ([sample()], None, HOLDS),
        ([sample(), sample(outcome=SHED), sample(outcome=PARTIAL)], None, HOLDS),
        (FAILED, None, OF_LOCUST),
        (FAILED, limits({"phase": "steady", "measure": "error_share", "max": 0.6}), HOLDS),
        (FAILED, limits({"phase": "steady", "measure": "error_share", "max": 0.4}), BREACHED),
    ],
)
def test_limits_say_how_many_requests_may_fail_and_without_them_none_may(
    tmp_path: Path, samples: list[Sample], thresholds: Thresholds | None, status: int
) -> None:
    harvest = Harvest(samples=samples, done={0})
    assert finish(options(tmp_path), harvest, thresholds, loop="open", parts=1).status == status


def test_a_lost_generator_process_is_a_breach_whatever_else_holds(tmp_path: Path) -> None:
    harvest = Harvest(samples=[sample()], done={0})
    assert finish(options(tmp_path), harvest, None, loop="open", parts=2).status == BREACHED


@pytest.mark.parametrize(
    ("protocol", "window", "offered"),
    [
        (STREAM, 8, "offered in users; one with a stream keeps up to 8 items under way, budget"),
        ("unary", 0, "offered in users, budget"),
    ],
)
def test_users_of_streams_are_said_to_have_more_than_one_item_under_way(
    tmp_path: Path, protocol: str, window: int, offered: str
) -> None:
    harvest = Harvest(samples=[sample(protocol=protocol)], done={0})
    assert offered in finish(options(tmp_path, "--window", "8"), harvest, None, loop="closed", parts=1).said
    assert RunRecord.read(tmp_path / RECORD).window == window
    assert ("8 items under way" in (tmp_path / "report.html").read_text()) is (window == 8)
