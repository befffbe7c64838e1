"""`tidegate models`: what there is, what cards say, what is said without data, and drift read off a real ledger."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.ledger.sample_records import SAMPLE_TIME, sample_inputs, sample_record
from tidegate.cli.main import main
from tidegate.cli.models import models
from tidegate.cli.models_view import State, described, draw_list
from tidegate.ledger.sqlite_adapter import SqliteLedger
from tidegate.models.catalogue import all_versions, catalogue
from tidegate.models.severity import severity
from tidegate.moderation.decision import DecisionRecord


def run(*arguments: str) -> Result:
    return CliRunner().invoke(models, arguments, catch_exceptions=False)


def scored(
    score: float, *, number: int, days_ago: float, shadow: bool = False, label: str = "harassment"
) -> DecisionRecord:
    inputs = sample_inputs(score)
    runs = tuple(
        replace(run, scores={label: score}, severities={label: severity(score)}, shadow=shadow)
        for run in inputs.detectors
    )
    return sample_record(
        decision_id=f"d{number}",
        decided_at=SAMPLE_TIME - timedelta(days=days_ago),
        inputs=replace(inputs, detectors=runs),
    )


async def ledger_of(path: Path, records: list[DecisionRecord]) -> Path:
    ledger = SqliteLedger(path, timeout_s=60)
    for record in records:
        await ledger.append(record)
    await ledger.close()
    return path


def test_the_list_names_every_version_and_what_decides() -> None:
    rows = json.loads(run("list", "--json").stdout)["detectors"]
    assert [(row["name"], row["version"]) for row in rows] == [(one.name, one.version) for one in all_versions()]
    live = {row["name"]: row["version"] for row in rows if row["state"] == "live"}
    assert live == {name: spec.version for name, spec in catalogue().items()}
    assert all(row["origin"] for row in rows)


def test_people_see_the_same_versions() -> None:
    shown = run("list").stdout
    assert all(f"{one.name} {one.version}" in shown for one in all_versions())


def test_what_has_no_weights_is_not_said_to_lack_any() -> None:
    rows = json.loads(run("list", "--json").stdout)["detectors"]
    [matcher] = [row for row in rows if row["name"] == "image_match"]
    assert (matcher["origin"], matcher["size_bytes"]) == ("no weights", None)
    [line] = [line for line in run("list").stdout.splitlines() if line.startswith("image_match")]
    assert "no weights" in line
    assert "not installed" not in line


def test_a_package_that_is_missing_is_still_said_to_be_so(capsys: pytest.CaptureFixture[str]) -> None:
    row = described(catalogue()["image_text"], State.LIVE)
    draw_list([{**row, "size_bytes": None}])
    assert "not installed" in capsys.readouterr().out


def test_settings_decide_what_is_live() -> None:
    """Asking for a version that is not there is told, not passed over."""
    environment = {"TIDEGATE_DETECTORS__LIVE": '{"text_harm": "99"}'}
    result = CliRunner().invoke(main, ["models", "list"], env=environment)
    assert result.exit_code == 1
    assert "there is no text_harm 99" in result.stderr


def test_a_card_is_shown() -> None:
    document = json.loads(run("card", "text_harm", "--json").stdout)
    assert document["markdown"].startswith("# Model card: text_harm")
    assert "Model card: text_harm" in run("card", "text_harm").stdout


@pytest.mark.parametrize("arguments", [("card", "text_harn"), ("card", "text_harm", "--version", "99")])
def test_an_unknown_detector_is_an_error_that_names_the_known(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert f"text_harm {catalogue()['text_harm'].version}" in result.stderr


def test_evaluating_without_data_says_what_is_missing_and_how_to_name_it(tmp_path: Path) -> None:
    result = run("evaluate", "text_harm", "--data", str(tmp_path / "none"))
    assert result.exit_code == 1
    assert "there is no folder" in result.stderr
    assert "--data" in result.stderr


def test_evaluating_with_part_of_the_data_names_the_set(tmp_path: Path) -> None:
    result = run("evaluate", "text_harm", "--data", str(tmp_path))
    assert result.exit_code == 1
    assert "surge_profanity" in result.stderr


def test_other_detectors_are_not_measured_by_this_command() -> None:
    result = run("evaluate", "image_unsafe")
    assert result.exit_code == 1
    assert "tidegate models card image_unsafe" in result.stderr
    assert "python -m tidegate.models.training text_spam" in run("evaluate", "text_spam").stderr
    assert "there is no detector text_harn" in run("evaluate", "text_harn").stderr


async def test_drift_tells_a_shift_between_two_periods(tmp_path: Path) -> None:
    """250 mild scores a week before, 250 high ones on the last day."""
    earlier = [scored(0.05, number=n, days_ago=3 + n / 100) for n in range(250)]
    later = [scored(0.97, number=1000 + n, days_ago=n / 1000) for n in range(250)]
    path = await ledger_of(tmp_path / "ledger.db", earlier + later)
    result = run("drift", "--ledger", str(path), "--json")
    [found] = json.loads(result.stdout)["drift"]
    assert (found["detector"], found["label"], found["verdict"]) == ("text_harm", "harassment", "large")
    assert found["bands_before"] == [250, 0, 0, 0, 0, 0, 0, 0]
    assert found["bands_after"] == [0, 0, 0, 0, 0, 0, 0, 250]
    shown = run("drift", "--ledger", str(path), "--plot").stdout
    assert "large" in shown
    assert "100.0%" in shown


async def test_drift_takes_the_periods_that_are_named_and_no_shadow(tmp_path: Path) -> None:
    records = [
        scored(0.05, number=1, days_ago=20),
        scored(0.97, number=2, days_ago=10),
        scored(0.97, number=3, days_ago=10, shadow=True),
        scored(0.97, number=4, days_ago=0),
    ]
    path = await ledger_of(tmp_path / "ledger.db", records)
    before = [(SAMPLE_TIME - timedelta(days=days)).isoformat() for days in (21, 19)]
    after = [(SAMPLE_TIME - timedelta(days=days)).isoformat() for days in (11, 9)]
    result = run("drift", "--ledger", str(path), "--before", *before, "--after", *after, "--json")
    [found] = json.loads(result.stdout)["drift"]
    assert found["bands_before"] == [1, 0, 0, 0, 0, 0, 0, 0]
    assert found["bands_after"] == [0, 0, 0, 0, 0, 0, 0, 1]
    assert found["verdict"] == "too few"


async def test_a_period_that_ends_before_it_starts_is_a_usage_error(tmp_path: Path) -> None:
    path = await ledger_of(tmp_path / "ledger.db", [scored(0.5, number=1, days_ago=0)])
    result = run("drift", "--ledger", str(path), "--after", "2026-11-22", "2026-11-21")
    assert result.exit_code == 2
    assert "must end after its start" in result.stderr


def test_drift_without_a_ledger_is_an_error(tmp_path: Path) -> None:
    result = run("drift", "--ledger", str(tmp_path / "none.db"))
    assert result.exit_code == 1
    assert "There is no ledger" in result.stderr


async def test_a_period_without_decisions_gives_no_figures_and_says_what_to_choose(tmp_path: Path) -> None:
    path = await ledger_of(tmp_path / "ledger.db", [scored(0.5, number=1, days_ago=0)])
    for arguments in ((), ("--json",)):
        result = run("drift", "--ledger", str(path), *arguments)
        assert (result.exit_code, result.stdout) == (1, "")
        told = " ".join(result.stderr.split())
        assert "No decision was made from" in told
        assert "choose a period with --before START END" in told


async def test_a_label_that_only_one_period_knows_has_no_figure(tmp_path: Path) -> None:
    records = [scored(0.1, number=1, days_ago=3, label="hate"), scored(0.5, number=2, days_ago=0, label="spam")]
    path = await ledger_of(tmp_path / "ledger.db", records)
    found = {one["label"]: one for one in json.loads(run("drift", "--ledger", str(path), "--json").stdout)["drift"]}
    assert {one["psi"] for one in found.values()} == {None}
    assert {one["jensen_shannon_bits"] for one in found.values()} == {None}
