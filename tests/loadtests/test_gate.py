"""The gate: what holds, what is breached, and the exit status that a pipeline sees."""

from pathlib import Path
from typing import Any

import pytest

from loadtests.locust.gate import BREACHED, HOLDS, UNUSABLE, judge, main
from loadtests.locust.levels import Latency, Level
from loadtests.locust.measures import READ, Measure
from loadtests.locust.phases import read_plan
from loadtests.locust.run_record import RunRecord
from loadtests.locust.thresholds import Threshold, Thresholds
from tests.loadtests.samples import level

NOTHING = Latency(*[float("nan")] * 4)


def limits(*thresholds: dict[str, Any]) -> Thresholds:
    return Thresholds(version=1, thresholds=tuple(Threshold(**{"name": "it", **each}) for each in thresholds))


def record(*levels: Level, finished: bool = True) -> RunRecord:
    return RunRecord(
        made="2026-03-01T00:00:00+00:00",
        loop="open",
        plan=read_plan("steady:10x10"),
        mix="comments",
        seed=1,
        budget_ms=500,
        deadline_ms=1_000,
        stream_share=0,
        processes=1,
        finished=finished,
        levels=levels,
        warnings=(),
        machine="a machine",
    )


@pytest.mark.parametrize(
    ("threshold", "value", "holds"),
    [
        ({"phase": "steady", "measure": "p99_ms", "max": 30}, 30.0, True),
        ({"phase": "steady", "measure": "p99_ms", "max": 29.9}, 30.0, False),
        ({"phase": "steady", "measure": "p99_over_p50", "max": 4}, 3.0, True),
        ({"phase": "steady", "measure": "good_share", "min": 0.99}, 1.0, True),
        ({"phase": "double", "measure": "good_share", "min": 0.99}, 0.5, False),
        ({"phase": "double", "against": "steady", "measure": "goodput_per_s", "min": 0.9}, 0.5, False),
        ({"phase": "double", "against": "steady", "measure": "goodput_per_s", "min": 0.5}, 0.5, True),
    ],
)
def test_a_limit_is_held_or_breached(threshold: dict[str, Any], value: float, holds: bool) -> None:
    levels = [level("steady"), level("double", good=50)]
    [verdict] = judge(limits(threshold), levels)
    assert (verdict.value, verdict.holds) == (value, holds)


def test_a_limit_without_a_phase_must_hold_everywhere() -> None:
    verdicts = judge(limits({"measure": "good_share", "min": 0.9}), [level("a"), level("b", good=10)])
    assert [(each.measure, each.holds) for each in verdicts] == [("it: a", True), ("it: b", False)]


@pytest.mark.parametrize(
    "levels", [[], [level("other")], [level("steady", arrivals=0)], [level("steady", from_intended=NOTHING)]]
)
def test_what_was_not_measured_is_a_breach(levels: list[Level]) -> None:
    [verdict] = judge(limits({"phase": "steady", "measure": "p99_ms", "max": 1_000}), levels)
    assert (verdict.value, verdict.holds) == (None, False)
    assert "not measured" in verdict.said()


@pytest.mark.parametrize("measure", [each for each in Measure if not each.counts_errors])
def test_what_tells_only_of_the_requests_that_did_not_fail_holds_for_no_level_where_many_did(measure: Measure) -> None:
    """A dead service refuses within a millisecond, and sheds nothing."""
    limit = limits({"phase": "steady", "measure": measure, "max": 1e9})
    dead = level("steady", good=5, outcomes={"COMPLETE": 5, "UNAVAILABLE": 95})
    [verdict] = judge(limit, [dead])
    assert not verdict.holds
    assert "95.0% of the requests failed" in verdict.said()
    [verdict] = judge(limit, [level("steady", good=99, outcomes={"COMPLETE": 99, "UNAVAILABLE": 1})])
    assert verdict.holds
    against = limits({"phase": "calm", "against": "steady", "measure": measure, "max": 1e9})
    assert "of the requests failed" in judge(against, [dead, level("calm")])[0].why


def test_sheds_and_partial_decisions_are_no_errors_to_the_gate() -> None:
    busy = level("steady", good=10, outcomes={"COMPLETE": 10, "PARTIAL": 20, "SHED": 70})
    both = [{"name": each, "measure": each, "max": most} for each, most in (("p99_ms", 30), ("shed_share", 0.7))]
    verdicts = judge(limits(*both), [busy])
    assert [each.holds for each in verdicts] == [True, True]


def test_nothing_against_nothing_is_a_breach() -> None:
    threshold = {"phase": "a", "against": "b", "measure": "goodput_per_s", "min": 0.9}
    [verdict] = judge(limits(threshold), [level("a"), level("b", good=0)])
    assert verdict.value is None
    assert not verdict.holds


def test_every_measure_can_be_read() -> None:
    assert set(READ) == set(Measure)
    assert all(READ[each](level()) >= 0 for each in Measure)


@pytest.mark.parametrize(
    ("limit", "finished", "status"), [(50, True, HOLDS), (20, True, BREACHED), (50, False, BREACHED)]
)
def test_the_command_exits_with_the_verdict(tmp_path: Path, limit: int, finished: bool, status: int) -> None:
    """A run in which a generator process got lost offered less than it claims."""
    run = record(level("steady"), finished=finished).write(tmp_path)
    thresholds = tmp_path / "thresholds.yaml"
    thresholds.write_text(f"version: 1\nthresholds:\n- {{name: p99, measure: p99_ms, max: {limit}}}\n")
    assert main([str(run), "--thresholds", str(thresholds)]) == status


def test_files_that_can_not_be_used_are_another_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = record(level("steady")).write(tmp_path)
    assert main([str(run), "--thresholds", str(tmp_path / "none.yaml")]) == UNUSABLE
    thresholds = tmp_path / "thresholds.yaml"
    thresholds.write_text("version: 1\nthresholds:\n- {name: p99, measure: p99_ms, max: 1}\n")
    assert main([str(tmp_path / "none.json"), "--thresholds", str(thresholds)]) == UNUSABLE
    rows = '[{"measure": "p99", "value": 1}]'
    for other in ("{}", rows, "null"):
        capsys.readouterr()
        run.write_text(other)
        assert main([str(run), "--thresholds", str(thresholds)]) == UNUSABLE
        assert "run.json: is no record of a run; give the run.json of a load test's --out" in capsys.readouterr().err
    run.write_text('{"format": 1}')
    assert main([str(run), "--thresholds", str(thresholds)]) == UNUSABLE
    assert "damaged" in capsys.readouterr().err


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    run = record(level("steady", outcomes={"COMPLETE": 9, "SHED": 1}))
    assert RunRecord.read(run.write(tmp_path)) == run


def test_what_was_not_measured_is_null_in_the_record_and_nan_again(tmp_path: Path) -> None:
    path = record(level("steady", from_intended=NOTHING)).write(tmp_path)
    assert "NaN" not in path.read_text()
    assert repr(RunRecord.read(path).levels[0].from_intended.p99_ms) == "nan"
