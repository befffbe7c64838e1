"""Expectations on a real event log, published rows and served values: what is broken is named with what was seen."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result

from tests.data_quality.stored import NOW, PLAN, POSTS, Signals, answer, decision, ledger_of, run
from tests.features.stream.account_events import comment
from tidegate.data_quality.expectations import ExpectationsError, load_expectations
from tidegate.features.batch.run_directory import Finished, RunDirectory, publish
from tidegate.features.events.columns import microseconds
from tidegate.features.events.event import AccountEvent, EventKind, ProfileFacts
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.history import history_schema
from tidegate.features.refs import ACCOUNT_ACTIVITY, ACCOUNT_FEATURES, ACCOUNT_SIGNALS_V2
from tidegate.moderation.signals import FeatureScalar

DIGEST = "ab" * 32
AT = ("--at", NOW.isoformat())
VERIFIED, SHARE = "account_profile__verified", "account_activity__repeated_content_share_24h"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def recorded(state: Path, events: Sequence[AccountEvent], *, after: timedelta = timedelta(seconds=1)) -> None:
    """Each recorded so long after it happened; the log began long before."""
    log = SqliteEventLog(state / "events.db")
    log.append([comment("first", "a", NOW - 30 * DAY)], recorded_at=NOW - 30 * DAY)
    for event in events:
        log.append([event], recorded_at=event.occurred_at + after)
    log.close()


def comments(per_day: Sequence[int], **fields: Any) -> list[AccountEvent]:
    """So many a day, today first."""
    return [
        comment(f"{day}-{number}", f"account-{number}", NOW - day * DAY - (1 + number) * HOUR / 20, **fields)
        for day, count in enumerate(per_day)
        for number in range(count)
    ]


def published(state: Path, *, posts: int = 3, nulls: int = 0, at: datetime = NOW) -> None:
    """A run of 60 rows a view."""
    offline = state / "features" / "offline"
    run_directory = RunDirectory(offline / "runs" / f"run-{posts}-{nulls}")
    for view in ACCOUNT_SIGNALS_V2.views:
        rows = [
            {"account_id": f"account-{number}", "event_timestamp": at, **_filled(view.name, posts, number < nulls)}
            for number in range(60)
        ]
        run_directory.write_rows(view, 0, pa.Table.from_pylist(rows, schema=history_schema(view)))
    done = Finished(0, 60, {view.name: 60 for view in ACCOUNT_SIGNALS_V2.views})
    publish(offline, run_directory, {"at_us": [microseconds(at)]}, [done])


def _filled(view: str, posts: int, null: bool) -> Signals:
    if null or view != ACCOUNT_ACTIVITY.name:
        return {}
    return {"posts_24h": posts, "posts_7d": 5}


def broken(found: Mapping[str, Any]) -> list[tuple[str, str, list[float]]]:
    return [(one["about"], one["check"], one["observed"]) for one in found["findings"] if one["verdict"] == "broken"]


def judged(found: Mapping[str, Any], about: str, check: str) -> str:
    return next(str(one["verdict"]) for one in found["findings"] if (one["about"], one["check"]) == (about, check))


def test_events_as_they_always_come_are_as_expected(tmp_path: Path) -> None:
    recorded(tmp_path, comments([12] * 8, content_digest=DIGEST))
    done = run(tmp_path, "quality", *AT)
    assert done.exit_code == 0, done.output
    assert "not judged published rows: nothing is published" in done.stdout
    assert "not judged served values: There is no ledger" in done.stdout
    found = answer(tmp_path, "quality", *AT)
    assert judged(found, "COMMENT", "÷ daily mean before") == "holds"
    assert judged(found, "COMMENT", "late over 60 min") == "holds"


@pytest.mark.parametrize(("today", "ratio"), [(0, 0.0), (70, 70 / 12)])
def test_a_source_that_stopped_or_floods_breaks_the_volume(tmp_path: Path, today: int, ratio: float) -> None:
    recorded(tmp_path, comments([today, *[12] * 7], content_digest=DIGEST))
    done = run(tmp_path, "quality", *AT)
    assert done.exit_code == 1
    assert "COMMENT" in done.stdout
    [(about, check, observed)] = broken(answer(tmp_path, "quality", *AT))
    assert (about, check) == ("COMMENT", "÷ daily mean before")
    assert observed == pytest.approx([ratio])


def test_late_events_are_told_once_the_log_is_there(tmp_path: Path) -> None:
    """Events that happened before the log began can't have come in time, and are a backfill."""
    recorded(tmp_path, comments([12] * 8, content_digest=DIGEST), after=2 * HOUR)
    assert broken(answer(tmp_path, "quality", *AT)) == [("COMMENT", "late over 60 min", [1.0])]
    fresh = tmp_path / "new"
    fresh.mkdir()
    log = SqliteEventLog(fresh / "events.db")
    log.append(comments([12] * 8, content_digest=DIGEST), recorded_at=NOW)
    log.close()
    assert run(fresh, "quality", *AT).exit_code == 0


def test_clocks_that_are_ahead_are_told(tmp_path: Path) -> None:
    recorded(tmp_path, comments([12] * 8, content_digest=DIGEST), after=timedelta(seconds=-30))
    assert broken(answer(tmp_path, "quality", *AT)) == [("COMMENT", "ahead of our clock", [1.0])]


def test_a_field_that_its_source_stopped_to_send_is_told(tmp_path: Path) -> None:
    facts = ProfileFacts(
        registered_at=NOW - 90 * DAY, followers=None, verified=False, email_confirmed=True, plan="free"
    )
    profiles = [
        AccountEvent(f"p{number}", f"account-{number}", EventKind.PROFILE, NOW - number * HOUR, profile=facts)
        for number in range(60)
    ]
    recorded(tmp_path, [*comments([12] * 8), *profiles])
    found = answer(tmp_path, "quality", *AT)
    assert ("COMMENT.content_digest", "null share", [1.0]) in broken(found)
    assert ("PROFILE.followers", "null share", [1.0]) in broken(found)
    assert judged(found, "PROFILE.registered_at", "null share") == "holds"


def test_published_rows_are_judged_by_range_gaps_and_order_of_windows(tmp_path: Path) -> None:
    published(tmp_path, posts=7, nulls=3)
    found = answer(tmp_path, "quality", *AT)
    told = {(about, check): observed for about, check, observed in broken(found)}
    assert told[POSTS, "null share"] == [0.05]
    assert told[POSTS, "above posts_7d"] == [1.0], "7 posts in 24 hours, 5 in 7 days"
    assert judged(found, POSTS, "range") == "holds"
    published(tmp_path, posts=-1)
    assert (POSTS, "range", [-1, -1]) in broken(answer(tmp_path, "quality", *AT))


def test_a_run_is_judged_by_its_age_and_by_the_run_before(tmp_path: Path) -> None:
    published(tmp_path)
    published(tmp_path, posts=4, at=NOW - 3 * DAY)
    facts = tmp_path / "features" / "offline" / "current" / "published.json"
    document = orjson.loads(facts.read_bytes())
    document["rows"]["account_activity"] = 12
    facts.write_bytes(orjson.dumps(document))
    found = broken(answer(tmp_path, "quality", *AT))
    assert ("run", "age in days", [3.0]) in found
    assert ("account_activity", "÷ rows before", [0.2]) in found


async def test_served_values_of_the_last_day_are_judged(tmp_path: Path) -> None:
    odd = [decision({POSTS: 3, PLAN: "family"}) for _ in range(60)]
    old = [decision({POSTS: -5, PLAN: "free"}, at=NOW - 2 * DAY) for _ in range(60)]
    missing = [decision({POSTS: None, PLAN: "free"}) for _ in range(20)]
    await ledger_of(tmp_path, odd + old + missing)
    found = answer(tmp_path, "quality", *AT)
    told = {(about, check): observed for about, check, observed in broken(found)}
    assert told[PLAN, "other words"] == [0.75]
    assert told[POSTS, "null share"] == [0.25]
    assert judged(found, POSTS, "range") == "holds", "of the last day only"


def damaged(state: Path, *arguments: str) -> Result:
    """It fails, says so on one line, and judges the rest."""
    done = run(state, "quality", *AT, *arguments)
    assert done.exit_code == 1, done.output
    assert isinstance(done.exception, SystemExit)
    return done


@pytest.mark.parametrize(
    ("signal", "value", "told"),
    [
        (POSTS, "many", "is 'many'; allowed is a whole number of 64 bits, or nothing"),
        (POSTS, 2.5, "is 2.5; allowed is a whole number of 64 bits"),
        (POSTS, True, "is True; allowed is a whole number of 64 bits"),
        (PLAN, 7, "is 7; allowed is a text"),
        (VERIFIED, 1, "is 1; allowed is true or false"),
        (SHARE, "x" * 200, f"is '{'x' * 59}…; allowed is a number"),
    ],
)
async def test_a_recorded_value_of_a_wrong_type_is_told_with_its_decision(
    tmp_path: Path, signal: str, value: FeatureScalar, told: str
) -> None:
    wrong = decision({signal: value})
    await ledger_of(tmp_path, [decision({POSTS: 3}), wrong, decision({POSTS: 3})])
    recorded(tmp_path, comments([12] * 8, content_digest=DIGEST))
    said = f"The ledger at {tmp_path / 'ledger.db'}, decision {wrong.decision_id}: {signal} {told}"
    done = damaged(tmp_path, "--json")
    found = json.loads(done.stdout)
    assert found["not_judged"]["served values"].startswith(said)
    assert "tidegate ledger verify" in found["not_judged"]["served values"]
    assert {one["subject"] for one in found["findings"]} == {"events"}, "the rest is judged"
    drift = run(tmp_path, "drift")
    assert (drift.exit_code, f"Error: {said}" in drift.stderr) == (1, True), drift.output
    assert "--after START END" in drift.stderr


async def test_bytes_that_are_no_decision_are_told_and_no_gap(tmp_path: Path) -> None:
    await ledger_of(tmp_path, [decision({POSTS: 3})])
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection, connection:
        connection.execute("DROP TRIGGER records_refuse_update")
        connection.execute("UPDATE records SET record = CAST(replace(record, '\"known\"', '\"knwon\"') AS BLOB)")
    assert "holds a record that can't be read (not a decision record: KeyError 'known')" in damaged(tmp_path).stderr


def test_a_profile_of_a_wrong_type_is_told_with_its_event(tmp_path: Path) -> None:
    profile = AccountEvent("p1", "account-1", EventKind.PROFILE, NOW - HOUR, profile=ProfileFacts(followers=3))
    recorded(tmp_path, [*comments([12] * 8, content_digest=DIGEST), profile])
    for text, told in (
        ('{"followers": "many"}', "event p1: profile.followers is 'many'; allowed is a whole number of 64 bits"),
        ('{"registered_at_us": [1]}', "event p1: profile.registered_at_us is [1]; allowed is a whole number"),
        ("[]", "event p1: profile is no JSON object, which alone is allowed"),
        ("{", "event p1: profile is no JSON object"),
    ):
        with closing(sqlite3.connect(tmp_path / "events.db")) as connection, connection:
            connection.execute("UPDATE events SET profile = ? WHERE event_id = 'p1'", (text,))
        assert f"The event log at {tmp_path / 'events.db'}, {told}" in damaged(tmp_path).stderr


def test_a_published_row_of_a_wrong_type_is_told_with_its_file(tmp_path: Path) -> None:
    published(tmp_path)
    recorded(tmp_path, comments([12] * 8, content_digest=DIGEST))
    path = tmp_path / "features/offline/runs/run-3-0/account_activity/part-0000.parquet"
    rows = pq.read_table(path)
    wrong = pa.array(["1", "2", "few", *[None] * (rows.num_rows - 3)])
    pq.write_table(rows.set_column(rows.column_names.index("posts_24h"), "posts_24h", wrong), path)
    told = json.loads(damaged(tmp_path, "--json").stdout)["not_judged"]["published rows"]
    assert f"account_activity/part-0000.parquet, row 3: {POSTS} is 'few'; allowed is a whole number" in told
    assert "`tidegate features compute`" in told
    path.write_text("no Parquet")
    told = json.loads(damaged(tmp_path, "--json").stdout)["not_judged"]["published rows"]
    assert "part-0000.parquet is no readable Parquet file" in told


async def test_signals_that_a_decision_did_not_record_are_no_gaps(tmp_path: Path) -> None:
    """Each policy has what it reads recorded, and nothing else."""
    await ledger_of(tmp_path, [decision({POSTS: 3}) for _ in range(60)] + [decision({PLAN: "free"}) for _ in range(60)])
    found = answer(tmp_path, "quality", *AT)
    assert {one["about"] for one in found["findings"]} == {POSTS, PLAN}
    assert judged(found, POSTS, "null share") == judged(found, PLAN, "null share") == "holds"


async def test_expectations_of_ones_own_replace_the_shipped_ones(tmp_path: Path) -> None:
    await ledger_of(tmp_path, [decision({POSTS: 3}) for _ in range(60)])
    own = tmp_path / "own.yaml"
    own.write_text(f"values: {{{POSTS}: {{range: [0, 2]}}}}\n")
    found = answer(tmp_path, "quality", *AT, "--expectations", str(own))
    assert broken(found) == [(POSTS, "range", [3, 3])]
    assert len(found["findings"]) == 2


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ("values: {account_activity__post: {}}", "there is no feature 'account_activity__post'"),
        ("events: {null_share: {COMMENT.points: 0.1}}", "COMMENT carries no 'points'"),
        ("events: {range: {COMENT.points: [0, 1]}}", "'COMENT' is none of UPLOAD"),
        ("rows: {volume: [2, 1]}", "must name the lower bound first"),
        ("row: {}", "row: unknown key; did you mean rows?"),
        ("a: [", "can't be read"),
    ],
)
def test_a_document_that_is_wrong_names_the_key(tmp_path: Path, document: str, told: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(document)
    with pytest.raises(ExpectationsError, match=told.replace("(", r"\(")):
        load_expectations(path)
    done = run(tmp_path, "quality", "--expectations", str(path))
    assert done.exit_code == 1
    assert "own.yaml" in done.stderr


def test_the_shipped_document_expects_something_of_every_feature_but_words() -> None:
    words = {"account_risk__model_version", "account_risk__reasons"}
    assert set(load_expectations().values) == set(ACCOUNT_FEATURES) - words


def test_a_state_directory_with_nothing_in_it_is_an_error(tmp_path: Path) -> None:
    done = run(tmp_path, "quality")
    assert done.exit_code == 1
    assert "There is no event log" in done.stderr
