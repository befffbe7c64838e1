from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tidegate.features.demo_accounts import DEMO_ACCOUNTS
from tidegate.features.generator import generate
from tidegate.features.history import history_schema
from tidegate.features.refs import ACCOUNT_ENFORCEMENT, ACCOUNT_PROFILE, ACCOUNT_SIGNALS_V2

NOW = datetime(2026, 11, 22, 12, 0, 0, 250_000, tzinfo=UTC)
COUNT = 20_000


@pytest.fixture(scope="module")
def accounts() -> list[dict[str, Any]]:
    """Generated accounts, both views joined, without the named ones."""
    tables = generate(COUNT, seed=7, now=NOW)
    named = {demo.account_id for demo in DEMO_ACCOUNTS}
    profiles = [row for row in tables["account_profile"].to_pylist() if row["account_id"] not in named]
    enforcement = {row["account_id"]: row for row in tables["account_enforcement"].to_pylist()}
    return [{**profile, **enforcement[profile["account_id"]]} for profile in profiles]


def share(accounts: list[dict[str, Any]], name: str, at_least: float = 1) -> float:
    return float(sum(account[name] >= at_least for account in accounts) / len(accounts))


def mean(accounts: list[dict[str, Any]], name: str) -> float:
    total: float = sum(account[name] for account in accounts)
    return total / len(accounts)


def test_the_same_seed_and_now_give_the_same_accounts() -> None:
    first, second = generate(300, seed=3, now=NOW), generate(300, seed=3, now=NOW)
    assert all(first[view].equals(second[view]) for view in first)


def test_another_seed_gives_other_accounts() -> None:
    first, second = generate(300, seed=3, now=NOW), generate(300, seed=4, now=NOW)
    assert not any(first[view].equals(second[view]) for view in first)


def test_another_now_moves_event_times_and_nothing_else() -> None:
    first, second = generate(300, seed=3, now=NOW), generate(300, seed=3, now=NOW + timedelta(days=9))
    for view in first:
        assert first[view].drop("event_timestamp").equals(second[view].drop("event_timestamp"))
        times = zip(
            first[view]["event_timestamp"].to_pylist(), second[view]["event_timestamp"].to_pylist(), strict=True
        )
        assert {later - earlier for earlier, later in times} == {timedelta(days=9)}


def test_rows_have_the_declared_columns() -> None:
    tables = generate(5, seed=1, now=NOW)
    assert {name: table.schema for name, table in tables.items()} == {
        view.name: history_schema(view) for view in ACCOUNT_SIGNALS_V2.views
    }


@pytest.mark.parametrize("count", [0, 1, 2_000])
def test_ids_count_from_one_beside_the_named_accounts(count: int) -> None:
    ids = generate(count, seed=7, now=NOW)["account_profile"]["account_id"].to_pylist()
    assert [name for name in ids if name[5:].isdigit()] == [f"acct-{number:05d}" for number in range(1, count + 1)]
    assert len(ids) == count + len(DEMO_ACCOUNTS)


def test_event_times_are_recent_and_in_whole_seconds(accounts: list[dict[str, Any]]) -> None:
    times = [account["event_timestamp"] for account in accounts]
    assert NOW - timedelta(hours=12, seconds=1) <= min(times)
    assert max(times) <= NOW
    assert {time.microsecond for time in times} == {0}
    assert len(set(times)) > 1_000


def test_values_lie_in_possible_ranges(accounts: list[dict[str, Any]]) -> None:
    assert all(0 <= account["account_age_days"] <= 5_475 for account in accounts)
    assert all(account["strikes_90d"] <= account["strike_points"] <= 4 * account["strikes_90d"] for account in accounts)
    for name in ("followers", "strikes_90d", "blocks_30d", "reports_received_7d", "appeals_upheld_365d"):
        assert min(account[name] for account in accounts) == 0


def test_trouble_is_rare_and_premium_common(accounts: list[dict[str, Any]]) -> None:
    assert 0.02 < share(accounts, "strikes_90d") < 0.15
    assert 0.01 < share(accounts, "blocks_30d") < 0.12
    assert 0.0005 < share(accounts, "strikes_90d", 3) < 0.03
    assert 0.001 < share(accounts, "verified") < 0.1
    assert 0.85 < share(accounts, "email_confirmed") < 0.99
    assert 0.3 < sum(account["plan"] == "premium" for account in accounts) / len(accounts) < 0.5


def test_strikes_blocks_and_reports_go_together(accounts: list[dict[str, Any]]) -> None:
    struck = [account for account in accounts if account["strikes_90d"]]
    clean = [account for account in accounts if not account["strikes_90d"]]
    assert mean(struck, "blocks_30d") > 3 * mean(clean, "blocks_30d")
    assert mean(struck, "reports_received_7d") > 1.5 * mean(clean, "reports_received_7d")


def test_the_last_action_agrees_with_the_counts(accounts: list[dict[str, Any]]) -> None:
    for account in accounts:
        assert (account["last_action"] == "BLOCK") == (account["blocks_30d"] > 0)
        assert account["last_action"] != "NONE" or account["strikes_90d"] == 0


def test_followers_grow_with_age(accounts: list[dict[str, Any]]) -> None:
    old = [account for account in accounts if account["account_age_days"] > 1_000]
    young = [account for account in accounts if account["account_age_days"] < 100]
    assert mean(old, "followers") > 2 * mean(young, "followers")


def test_named_accounts_show_what_they_are_named_for() -> None:
    tables = generate(0, seed=7, now=NOW)
    profiles = {row["account_id"]: row for row in tables[ACCOUNT_PROFILE.name].to_pylist()}
    enforcement = {row["account_id"]: row for row in tables[ACCOUNT_ENFORCEMENT.name].to_pylist()}
    assert profiles["acct-trusted"]["account_age_days"] == 3_650
    assert profiles["acct-trusted"]["verified"]
    assert profiles["acct-new"]["account_age_days"] == 2
    assert enforcement["acct-strikes"]["strikes_90d"] == 3
    assert NOW - enforcement["acct-stale"]["event_timestamp"] > ACCOUNT_ENFORCEMENT.ttl
    assert "acct-partial" in profiles
    assert "acct-partial" not in enforcement
