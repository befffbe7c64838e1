"""Values that decisions were made from, beside the recomputed ones: each cause of a difference is told by name."""

from datetime import timedelta

import pyarrow as pa

from tests.features.stream.account_events import comment
from tests.training_sets.installation import ACCOUNT, MOMENT, Installation, served, verdicts, with_verdict
from tidegate.features.demo_seed import write_unlogged
from tidegate.features.events.event import EventKind, ProfileFacts
from tidegate.features.history import history_schema
from tidegate.features.refs import ACCOUNT_ACTIVITY, ACCOUNT_ENFORCEMENT, ACCOUNT_PROFILE
from tidegate.features.risk import NoRiskModel
from tidegate.features.transforms.account_signals import account_signals
from tidegate.ledger.record_keys import microseconds
from tidegate.training_sets.skew import BY_HAND

HOUR = timedelta(hours=1)
POSTS = "account_activity__posts_1h"
SLIDING = {"account_activity__observed_days", "account_activity__post_rate_decayed"}


async def test_a_decision_on_what_the_stream_has_computed_shows_no_skew(installation: Installation) -> None:
    installation.happens(EventKind.PROFILE, subject_id="", profile=ProfileFacts(followers=7, plan="premium"))
    installation.happens()
    installation.computes()
    await installation.decides()
    done = installation.run("skew")
    assert done.exit_code == 0, done.output
    assert "no skew" in done.stdout
    answer = installation.answer("skew")
    assert (answer["decisions"], answer["differences"]) == (1, 0)
    assert set(verdicts(answer)) == {"aged"}, "only what slides from moment to moment"
    assert set(with_verdict(answer, "aged")) == SLIDING
    assert set(answer["not_compared"]) == {
        f"account_risk__{name}" for name in ("automated", "model_version", "reasons")
    }


async def test_a_value_served_before_its_event_was_processed_is_late_and_no_difference(
    installation: Installation,
) -> None:
    installation.happens()
    installation.computes()
    installation.happens()
    installation.clock.forward(MOMENT)
    await installation.decides()
    done, answer = installation.run("skew"), installation.answer("skew")
    assert done.exit_code == 0, done.output
    assert POSTS in with_verdict(answer, "late")
    assert 0.04 < answer["behind_s"]["max"] < 0.05
    assert "rows behind the log" in done.stdout


async def test_the_same_after_the_lag_is_overdue_and_fails(installation: Installation) -> None:
    installation.happens()
    installation.computes()
    installation.happens()
    installation.clock.forward(timedelta(seconds=61))
    record = await installation.decides()
    done = installation.run("skew")
    assert done.exit_code == 1
    told = [line for line in done.stdout.splitlines() if record.decision_id in line]
    assert len(told) == 1, "one line per decision, however many of its values differ"
    assert told[0].startswith(
        f"overdue  decision {record.decision_id} on {ACCOUNT}, 7 values: account_activity__posts_"
    )
    assert "account_activity__posts_1h: served 1, is 2" in told[0]
    assert told[0].endswith("; and 4 more")
    assert installation.run("skew", "--lag", "70").exit_code == 0


async def test_the_first_event_of_an_account_on_its_way_is_late_though_there_is_no_row(
    installation: Installation,
) -> None:
    installation.happens()
    installation.clock.forward(MOMENT)
    await installation.decides()
    answer = installation.answer("skew")
    assert answer["differences"] == 0
    assert POSTS in with_verdict(answer, "late")
    installation.clock.forward(HOUR)
    await installation.decides()
    assert "account_activity__posts_24h" in with_verdict(installation.answer("skew"), "overdue")


async def test_a_value_that_the_definition_does_not_give_is_different_and_told_by_decision(
    installation: Installation,
) -> None:
    """Somebody wrote to the store by a definition of his own."""
    installation.happens()
    installation.computes()
    at = installation.clock.forward(MOMENT)
    asked = pa.table({"account_id": [ACCOUNT], "at_us": [microseconds(at)]})
    rows = account_signals(installation.log.history([ACCOUNT]), asked)[ACCOUNT_ACTIVITY.name]
    wrong = rows.schema.get_field_index("posts_30d")
    installation.writer.write(
        ACCOUNT_ACTIVITY, rows.set_column(wrong, rows.schema.field(wrong), pa.array([41], pa.int64()))
    )
    installation.clock.forward(MOMENT)
    record = await installation.decides()
    done, answer = installation.run("skew"), installation.answer("skew")
    assert done.exit_code == 1
    where = f"decision {record.decision_id} on {ACCOUNT}, 1 value"
    assert f"different  {where}: account_activity__posts_30d: served 41, is 1" in done.stdout
    assert with_verdict(answer, "different") == ["account_activity__posts_30d"]
    [worst] = [each["worst"] for each in answer["features"] if each["feature"] == "account_activity__posts_30d"]
    assert (worst["served"], worst["recomputed"], worst["decision_id"]) == (41, 1, record.decision_id)
    [decision] = answer["worst_decisions"]
    assert (decision["decision_id"], decision["account_id"], decision["verdict"]) == (
        record.decision_id,
        ACCOUNT,
        "different",
    )
    assert [each["feature"] for each in decision["values"]] == ["account_activity__posts_30d"]


async def test_the_worst_example_is_the_one_that_is_furthest_off(installation: Installation) -> None:
    installation.happens()
    installation.computes()
    for count in range(3):
        installation.happens()
        installation.clock.forward(timedelta(seconds=61 + count))
        last = await installation.decides()
    answer = installation.answer("skew")
    [worst] = [each["worst"] for each in answer["features"] if each["feature"] == "account_activity__posts_1h"]
    assert worst["decision_id"] == last.decision_id
    assert (worst["served"], worst["recomputed"]) == (1, 4)


async def test_an_event_recorded_while_the_row_was_computed_is_part_of_it(installation: Installation) -> None:
    """The stream notes the time, then reads: what is recorded between has a later stamp than the row."""
    installation.happens()
    at = installation.clock()
    between, after = (comment(name, ACCOUNT, at) for name in ("between", "after"))
    installation.log.append([between], recorded_at=at + timedelta(microseconds=900))
    installation.processor.apply_due()
    installation.log.append([after], recorded_at=at + MOMENT)
    installation.clock.forward(2 * MOMENT)
    record = await installation.decides()
    assert served(record, POSTS) == 2
    answer = installation.answer("skew")
    assert answer["differences"] == 0
    assert POSTS in with_verdict(answer, "late")


async def test_an_event_that_became_durable_after_the_row_was_computed_is_no_part_of_it(
    installation: Installation,
) -> None:
    """It was stamped before, and waited for the disk."""
    installation.happens()
    stamp = installation.clock() + MOMENT / 2
    installation.clock.forward(MOMENT)
    installation.processor.apply_due()
    installation.log.append([comment("slow", ACCOUNT, installation.clock() - MOMENT)], recorded_at=stamp)
    installation.clock.forward(MOMENT)
    record = await installation.decides()
    assert served(record, POSTS) == 1
    answer = installation.answer("skew")
    assert answer["differences"] == 0
    assert POSTS in with_verdict(answer, "late")


async def test_rows_of_accounts_that_the_log_does_not_know_are_unlogged(installation: Installation) -> None:
    installation.happens()
    row = {"account_id": "stranger", "event_timestamp": installation.clock(), "strikes_90d": 4}
    installation.writer.write(
        ACCOUNT_ENFORCEMENT, pa.Table.from_pylist([row], schema=history_schema(ACCOUNT_ENFORCEMENT))
    )
    installation.clock.forward(MOMENT)
    await installation.decides("stranger")
    answer = installation.answer("skew")
    assert verdicts(answer) == {"unlogged": 1}
    assert installation.run("skew").exit_code == 1


async def test_what_was_served_as_stale_is_said_to_be_stale(installation: Installation) -> None:
    installation.happens()
    installation.computes()
    installation.clock.forward(timedelta(days=3))
    await installation.decides()
    answer = installation.answer("skew")
    assert set(verdicts(answer)) == {"stale"}
    assert "account_activity__posts_24h" in with_verdict(answer, "stale")


async def test_what_was_served_as_stale_is_not_compared_wherever_it_came_from(installation: Installation) -> None:
    """No policy took it for known; a fresh value of the same account is skew all the same."""
    installation.happens()
    row = {"account_id": "stranger", "event_timestamp": installation.clock(), "strikes_90d": 4}
    for view, fields in ((ACCOUNT_ENFORCEMENT, row), (ACCOUNT_ACTIVITY, {**row, "posts_1h": 9})):
        names = set(history_schema(view).names)
        kept = {name: value for name, value in fields.items() if name in names}
        installation.writer.write(view, pa.Table.from_pylist([kept], schema=history_schema(view)))
    installation.clock.forward(timedelta(days=3))
    await installation.decides("stranger")
    assert verdicts(installation.answer("skew")) == {"stale": 2}
    fresh = {**row, "event_timestamp": installation.clock()}
    installation.writer.write(
        ACCOUNT_ENFORCEMENT, pa.Table.from_pylist([fresh], schema=history_schema(ACCOUNT_ENFORCEMENT))
    )
    record = await installation.decides("stranger")
    done, answer = installation.run("skew"), installation.answer("skew")
    assert done.exit_code == 1
    assert verdicts(answer) == {"stale": 3, "unlogged": 1}
    assert [each["decision_id"] for each in answer["worst_decisions"]] == [record.decision_id]
    assert "3 stale in 2 decisions (stranger, …): recorded as STALE" in done.stdout


async def test_the_demos_odd_accounts_are_explained_and_no_difference(installation: Installation) -> None:
    write_unlogged(installation.writer, installation.log, now=installation.clock(), risk=NoRiskModel())
    installation.clock.forward(MOMENT)
    for account in sorted(BY_HAND):
        await installation.decides(account)
    done, answer = installation.run("skew"), installation.answer("skew")
    assert done.exit_code == 0, done.output
    assert (answer["differences"], answer["worst_decisions"]) == (0, [])
    assert answer["verdicts"]["by hand"] == 2 * len(ACCOUNT_PROFILE.features)
    assert answer["verdicts"]["stale"] > 30
    assert "34 by hand in 2 decisions (acct-partial, acct-stale): rows that the demo writes by hand" in done.stdout
    assert len(done.stdout.splitlines()) < 6

    installation.happens(account="acct-stale")
    write_unlogged(installation.writer, installation.log, now=installation.clock(), risk=NoRiskModel())
    installation.clock.forward(MOMENT)
    await installation.decides("acct-stale")
    assert installation.run("skew").exit_code == 0, "seeded again, after its first decision became an event"


async def test_many_decisions_that_differ_are_counted_and_the_features_named(installation: Installation) -> None:
    installation.happens()
    row = {"account_id": "stranger", "event_timestamp": installation.clock(), "strikes_90d": 4}
    installation.writer.write(
        ACCOUNT_ENFORCEMENT, pa.Table.from_pylist([row], schema=history_schema(ACCOUNT_ENFORCEMENT))
    )
    for _ in range(12):
        installation.clock.forward(MOMENT)
        await installation.decides("stranger")
    shown = installation.run("skew").stdout
    assert shown.startswith("skew  12 values of 12 decisions differ;")
    assert shown.count("unlogged  decision ") == 10
    assert "and 2 more decisions" in shown
    assert "account_enforcement__strikes_90d       12" in shown


async def test_a_ledger_without_comparable_decisions_is_no_proof(installation: Installation) -> None:
    installation.happens()
    installation.computes()
    await installation.decides()
    installation.log.erase(ACCOUNT, at=installation.clock.forward(HOUR))
    assert installation.run("skew").stdout.startswith("nothing to compare  0 values of 0 decisions")


async def test_decisions_on_an_account_that_was_erased_since_are_left_out(installation: Installation) -> None:
    installation.happens()
    installation.computes()
    await installation.decides()
    installation.log.erase(ACCOUNT, at=installation.clock.forward(HOUR))
    answer = installation.answer("skew")
    assert (answer["decisions"], answer["erased"], answer["differences"]) == (0, 1, 0)
    assert "1 decisions on accounts that were erased since" in installation.run("skew").stdout


async def test_a_training_set_that_cannot_be_written_says_why_once(installation: Installation) -> None:
    installation.happens()
    await installation.decides()
    done = installation.run("training-set", "--out", str(installation.state / "none" / "set.parquet"))
    assert done.exit_code == 1
    assert done.stderr.count("No such file or directory") == 1
    assert "errno" not in done.stderr.lower()


async def test_a_state_directory_without_an_event_log_is_named(installation: Installation) -> None:
    await installation.decides()
    done = installation.run("skew", "--events", str(installation.state / "none.db"))
    assert done.exit_code == 1
    assert "There is no event log at" in done.stderr


async def test_rows_of_a_writer_whose_clock_is_ahead_are_told_beyond_the_lag(installation: Installation) -> None:
    installation.happens()
    installation.computes()
    for behind in (timedelta(seconds=30), timedelta(seconds=90)):
        await installation.decides(decided_at=installation.clock() - behind)
    answer = installation.answer("skew")
    assert "ahead" in verdicts(answer)
    assert POSTS in with_verdict(answer, "ahead")
    assert verdicts(installation.answer("skew", "--lag", "120")).keys() <= {"aged"}
