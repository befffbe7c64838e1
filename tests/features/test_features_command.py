import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner

from tidegate.cli.features import features
from tidegate.features.__main__ import main
from tidegate.features.catalogue_view import usual_gap
from tidegate.features.events.event import AccountEvent, EventKind
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.feast_writer import FeastOnlineWriter
from tidegate.features.history import history_schema
from tidegate.features.online import EVENTS, OnlineChoice, OnlineKind, told
from tidegate.features.pipeline import apply
from tidegate.features.refs import ACCOUNT_FEATURES, ACCOUNT_PROFILE
from tidegate.features.repository import write_configuration

PATIENT = ["--timeout-ms", "60000"]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("features")
    done = CliRunner().invoke(main, ["seed", "--state", str(directory), "--accounts", "3"])
    assert done.exit_code == 0, done.output
    return directory


def test_show_prints_a_machine_readable_answer(state: Path) -> None:
    done = CliRunner().invoke(features, ["show", "acct-strikes", "--state", str(state), "--json", *PATIENT])
    assert done.exit_code == 0
    answer = json.loads(done.stdout)
    values = {value["name"]: value for value in answer["features"]}
    assert answer["known"]
    strikes = values["account_enforcement__strikes_90d"]
    assert (strikes["value"], strikes["freshness"]) == (3, "FRESH")
    assert (strikes["unit"], strikes["window"]) == ("strikes issued and not reversed", "90 days")
    assert strikes["event_time"].endswith("+00:00")
    assert answer["valid_until"]["account_enforcement"] > strikes["event_time"]
    assert strikes["event_time"] < answer["fresh_until"]["account_enforcement"]


def test_show_draws_every_value_with_its_freshness_within_80_columns(state: Path) -> None:
    done = CliRunner(env={"COLUMNS": "80"}).invoke(features, ["show", "acct-stale", "--state", str(state), *PATIENT])
    assert done.exit_code == 0
    assert done.stdout.count("FRESH") == len(ACCOUNT_PROFILE.features)
    assert done.stdout.count("STALE") > 20
    [profile, activity] = [line for line in done.stdout.splitlines() if line.startswith(("account_p", "account_ac"))]
    year = r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d"
    assert re.fullmatch(rf"account_profile  of {year}, fresh until {year} UTC", profile)
    assert re.fullmatch(rf"account_activity  of {year}, stale since {year} UTC", activity)
    assert max(len(line) for line in done.stdout.splitlines()) <= 80


def test_a_view_without_a_row_is_said(state: Path) -> None:
    done = CliRunner().invoke(features, ["show", "acct-partial", "--state", str(state), *PATIENT])
    assert "account_enforcement  no values" in done.stdout


def test_an_account_that_nobody_knows_is_told_and_fails(state: Path) -> None:
    command = ["show", "acct-nobody", "--state", str(state), *PATIENT]
    done = CliRunner().invoke(features, command)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "no feature of the account 'acct-nobody' is known" in done.stderr
    assert str(state / "online.db") in done.stderr
    done = CliRunner().invoke(features, [*command, "--json"])
    assert done.exit_code == 1
    answer = json.loads(done.stdout)
    assert (answer["status"], answer["known"]) == ("OK", False)


def test_what_missing_means_is_said_once_in_a_view(tmp_path: Path) -> None:
    """Of a profile that the account system told one thing of, sixteen values are MISSING for one reason."""
    apply(tmp_path, OnlineChoice(), progress=lambda _: None)
    told = {"account_id": "a", "event_timestamp": datetime.now(UTC), "followers": 3}
    writer = FeastOnlineWriter(tmp_path)
    writer.write(ACCOUNT_PROFILE, pa.Table.from_pylist([told], schema=history_schema(ACCOUNT_PROFILE)))
    writer.close()
    done = CliRunner(env={"COLUMNS": "80"}).invoke(features, ["show", "a", "--state", str(tmp_path), *PATIENT])
    assert done.exit_code == 0, done.output
    assert done.stdout.count("MISSING ") == len(ACCOUNT_PROFILE.features) - 1
    assert " ".join(done.stdout.split()).count(usual_gap(ACCOUNT_PROFILE)) == 1
    assert "MISSING, unless said otherwise: the account system has not told us" in done.stdout


def test_list_names_every_feature_with_window_and_what_missing_means() -> None:
    done = CliRunner().invoke(features, ["list"])
    assert all(f"  {ref.feature.name} " in done.stdout for ref in ACCOUNT_FEATURES.values())
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
    listed = json.loads(CliRunner().invoke(features, ["list", "--json"]).stdout)
    assert {each["name"]: each["missing"] for each in listed} == {
        name: ref.feature.missing for name, ref in ACCOUNT_FEATURES.items()
    }


def test_compute_publishes_the_log_at_the_instants_asked_for(state: Path, tmp_path: Path) -> None:
    log = shutil.copy(state / EVENTS, tmp_path / "events.db")
    command = ["compute", "--state", str(tmp_path / "state"), "--signals", str(log), "--json"]
    done = CliRunner().invoke(features, [*command, "--at", "2001-01-01T00:00:00Z", "--at", "2301-01-01T00:00:00+01:00"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["at_us"] == [978_307_200_000_000, 10_445_324_400_000_000]
    assert set(answer["rows"].values()) == {8}, "nobody had done anything by 2001"
    assert "computing: 1 of 1" in done.stderr


def test_compute_counts_every_step_to_its_end(tmp_path: Path) -> None:
    """More accounts than a page of the log holds, read within the two seconds between two lines."""
    log = SqliteEventLog(tmp_path / EVENTS)
    at = datetime.now(UTC)
    events = [AccountEvent(f"e{n}", f"a{n}", EventKind.COMMENT, at, subject_id=f"s{n}") for n in range(2_500)]
    log.append(events, recorded_at=at)
    log.close()
    done = CliRunner().invoke(main, ["compute", "--state", str(tmp_path)])
    assert done.exit_code == 0, done.output
    last = {
        line.partition(":")[0]: line.partition(":")[2].partition(" (")[0].strip() for line in done.stderr.splitlines()
    }
    assert last == {
        "reading the log": "2,500 events",
        "reading the events": "1 of 1 files",
        "splitting by account": "1 of 1 partitions",
        "computing": "1 of 1 partitions",
    }


def test_materialize_says_what_went_online(state: Path) -> None:
    done = CliRunner().invoke(features, ["materialize", "--state", str(state), "--json"])
    assert json.loads(done.stdout) == {
        "rows": dict.fromkeys(("account_profile", "account_activity", "account_enforcement", "account_risk"), 8),
        "erased": 0,
    }


def test_events_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    (tmp_path / "events.parquet").write_bytes(b"no parquet")
    done = CliRunner().invoke(main, ["compute", "--state", str(tmp_path), "--events", str(tmp_path / "events.parquet")])
    assert done.exit_code == 1
    assert "events.parquet: is no readable Parquet file" in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.parametrize("instant", ["yesterday", "2026-11-22T12:00:00"])
def test_an_instant_without_a_zone_is_a_usage_error(tmp_path: Path, instant: str) -> None:
    done = CliRunner().invoke(main, ["compute", "--state", str(tmp_path), "--at", instant])
    assert done.exit_code == 2
    assert "2026-11-22T12:00:00Z" in done.stderr


def test_no_repository_is_an_error_in_words(tmp_path: Path) -> None:
    done = CliRunner().invoke(features, ["show", "acct-new", "--state", str(tmp_path)])
    assert done.exit_code == 1
    assert "tidegate features apply" in done.stderr


def test_a_store_that_does_not_answer_is_an_exit_code(state: Path, tmp_path: Path) -> None:
    for name in ("feature_store.yaml", "registry.db"):
        (tmp_path / name).write_bytes((state / name).read_bytes())
    done = CliRunner().invoke(features, ["show", "acct-new", "--state", str(tmp_path), "--json", *PATIENT])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["status"] == "FAILED"
    assert f"{tmp_path / 'online.db'} can't be read (FAILED)" in done.stderr
    assert "tidegate status" in done.stderr


def test_a_store_that_is_late_is_named_with_the_budget_and_what_to_do(state: Path) -> None:
    """Opening the store takes longer than that."""
    done = CliRunner().invoke(features, ["show", "acct-new", "--state", str(state), "--timeout-ms", "1"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"the sqlite online store {state / 'online.db'} did not answer within 1 ms (TIMED_OUT)" in done.stderr
    assert "--timeout-ms 20000" in done.stderr
    assert done.stderr.count("\n") == 1, "said once"


def test_of_a_redis_store_only_the_address_is_told(tmp_path: Path) -> None:
    choice = OnlineChoice(OnlineKind.REDIS, "redis.example:6379,ssl=true,password=${REDIS_PASSWORD}")
    write_configuration(tmp_path, choice)
    assert told(tmp_path) == "the redis online store redis.example:6379"
    (tmp_path / "feature_store.yaml").write_text("[")
    assert told(tmp_path) == f"the online store of {tmp_path / 'feature_store.yaml'}"


def test_redis_without_an_address_is_a_usage_error(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["seed", "--state", str(tmp_path), "--online", "redis"])
    assert done.exit_code == 2
    assert "HOST:PORT" in done.stderr


def test_a_failed_materialisation_names_its_reason_without_a_stack(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["materialize", "--state", str(tmp_path)])
    assert done.exit_code == 1
    assert "feature_store.yaml" in done.stderr
    assert "Traceback" not in done.output
