"""A training row holds what was known before its decision, and nothing later."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ledger.sample_records import sample_record
from tidegate.cli.features_training_set import training_set
from tidegate.features.events.columns import row, table
from tidegate.features.events.event import AccountEvent, EventKind
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.ledger.record_keys import microseconds
from tidegate.moderation.decision import DecisionRecord
from tidegate.training_sets.as_of import FEATURES
from tidegate.training_sets.export import Wanted, write_training_set
from tidegate.training_sets.rows import pseudonyms, training_rows

DECIDED = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
KINDS = (EventKind.UPLOAD, EventKind.DECISION, EventKind.FOLLOW, EventKind.REPORT_RECEIVED, EventKind.STRIKE_ISSUED)


def _event(number: int, kind: EventKind, occurred_at: datetime, **fields: str) -> AccountEvent:
    told = {"subject_id": f"s{number}", "counterpart_id": f"c{number}", "action": "BLOCK", **fields}
    return AccountEvent(f"e{number}", "account-1", kind, occurred_at, points=1.0, **told)  # type: ignore[arg-type]


def _events(told: Sequence[tuple[AccountEvent, datetime]]) -> pa.Table:
    return table([row(event, recorded_at_us=microseconds(recorded_at)) for event, recorded_at in told])


def _features(record: DecisionRecord, events: pa.Table) -> list[dict[str, object]]:
    rows = training_rows([record], events, name=str).select(["account_known", *FEATURES])
    found: list[dict[str, object]] = rows.to_pylist()
    return found


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_events_that_happen_or_become_known_at_the_decision_or_later_change_no_feature(seed: int) -> None:
    random = Random(seed)
    record = sample_record(account_id="account-1", decided_at=DECIDED)

    def drawn(number: int, *, late: bool) -> tuple[AccountEvent, datetime]:
        happened = DECIDED - HOUR * random.uniform(0.01, 400)
        recorded = happened + (DECIDED - happened) * random.uniform(0, 0.9)
        if late and random.random() < 0.5:
            happened = DECIDED + HOUR * random.choice((0, 0, random.uniform(0, 50)))
        elif late:
            recorded = DECIDED + HOUR * random.choice((0, random.uniform(0, 50)))
        return _event(number, random.choice(KINDS), happened), recorded

    before = [drawn(number, late=False) for number in range(random.randrange(12))]
    later = [drawn(number, late=True) for number in range(100, 101 + random.randrange(12))]
    together = before + later
    random.shuffle(together)
    assert _features(record, _events(together)) == _features(record, _events(before))


def test_an_event_before_the_decision_is_counted() -> None:
    record = sample_record(account_id="account-1", decided_at=DECIDED)
    told = [(_event(1, EventKind.UPLOAD, DECIDED - HOUR / 2), DECIDED - HOUR / 2)]
    (found,) = _features(record, _events(told))
    assert (found["account_known"], found["account_activity__posts_1h"]) == (True, 1)


def test_instants_of_accounts_without_a_history_stay_null_beside_those_with_one() -> None:
    told = [(_event(1, EventKind.UPLOAD, DECIDED - HOUR / 2), DECIDED - HOUR / 2)]
    records = [
        sample_record(account_id="nobody", decided_at=DECIDED),
        sample_record(account_id="account-1", decided_at=DECIDED - 9 * HOUR),
        sample_record(account_id="account-1", decided_at=DECIDED),
        sample_record(account_id="account-1", decided_at=DECIDED),
    ]
    rows = training_rows(records, _events(told), name=str)
    assert rows["account_known"].to_pylist() == [False, False, True, True]
    assert rows["account_activity__posts_1h"].to_pylist() == [None, None, 1, 1]


def test_the_latest_review_of_the_decision_is_its_label() -> None:
    record = sample_record(account_id="account-1", decided_at=DECIDED)
    told = [
        _event(number, EventKind.REVIEW_OUTCOME, DECIDED + number * HOUR, subject_id=subject, action=action)
        for number, subject, action in (
            (1, record.decision_id, "BLOCK"),
            (2, record.decision_id, "ALLOW"),
            (3, "another decision", "LABEL"),
        )
    ]
    rows = training_rows([record], _events([(event, event.occurred_at) for event in told]), name=str)
    (found,) = rows.select(["final_action", "overturned", "label_source", "label_time"]).to_pylist()
    expected = {"final_action": "ALLOW", "overturned": True, "label_source": "review", "label_time": DECIDED + 2 * HOUR}
    assert found == expected


def test_pseudonyms_are_equal_for_equal_accounts_under_one_key_only() -> None:
    one, other = pseudonyms(b"1" * 32), pseudonyms(b"2" * 32)
    assert one("account-1") == one("account-1") != one("account-2")
    assert one("account-1") != other("account-1")


def test_a_file_that_could_not_be_finished_leaves_the_one_before(tmp_path: Path) -> None:
    out, log = tmp_path / "set.parquet", SqliteEventLog(tmp_path / "events.db")
    records = [sample_record(decided_at=DECIDED)]
    assert write_training_set(out, records, log, name=str).decisions == 1

    def broken() -> DecisionRecord:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_training_set(out, (broken() for _ in range(1)), log, name=str)
    log.close()
    assert pq.read_table(out).num_rows == 1
    assert [path.name for path in tmp_path.glob("*.partial")] == []


def test_wanted_decisions_are_those_before_its_end_on_its_surface() -> None:
    record = sample_record(decided_at=DECIDED)
    assert Wanted(DECIDED + HOUR, "comment").covers(record)
    assert not Wanted(DECIDED).covers(record)


def test_a_missing_ledger_is_named(tmp_path: Path) -> None:
    asked = ["--ledger", str(tmp_path / "none.db"), "--events", str(tmp_path / "e.db"), "--out", str(tmp_path / "o")]
    answer = CliRunner().invoke(training_set, asked)
    assert answer.exit_code == 1
    assert "There is no ledger at" in answer.output
