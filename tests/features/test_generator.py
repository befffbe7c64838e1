from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tidegate.features.events.columns import events_of, microseconds
from tidegate.features.events.event import FIELDS, EventField
from tidegate.features.events.log import EVENT_SCHEMA
from tidegate.features.generator import generate_events
from tidegate.features.transforms.account_signals import account_signals

NOW = datetime(2026, 11, 22, 12, 0, 0, 250_000, tzinfo=UTC)
COUNT = 5_000


def signals(events: pa.Table, at: datetime = NOW) -> list[dict[str, Any]]:
    """Every account's signals, all views in one dictionary."""
    accounts = pc.unique(events["account_id"])
    asked = pa.table({"account_id": accounts, "at_us": pa.array([microseconds(at)] * len(accounts))})
    joined: dict[str, dict[str, Any]] = {}
    for table in account_signals(events, asked).values():
        for row in table.to_pylist():
            joined.setdefault(row["account_id"], {}).update(row)
    return [*joined.values()]


@pytest.fixture(scope="module")
def accounts() -> list[dict[str, Any]]:
    return signals(generate_events(COUNT, seed=7, now=NOW))


def by_id(events: pa.Table) -> Mapping[str, Any]:
    return {event.event_id: event for event in events_of(events)}


def share(accounts: list[dict[str, Any]], name: str, at_least: float = 1) -> float:
    return float(sum(account[name] >= at_least for account in accounts) / len(accounts))


def mean(accounts: list[dict[str, Any]], name: str) -> float:
    total: float = sum(account[name] for account in accounts)
    return total / len(accounts)


def test_the_same_seed_and_now_give_the_same_events() -> None:
    assert generate_events(300, seed=3, now=NOW).equals(generate_events(300, seed=3, now=NOW))


def test_another_seed_gives_other_events_under_other_ids() -> None:
    first, second = (by_id(generate_events(300, seed=seed, now=NOW)) for seed in (3, 4))
    assert not first.keys() & second.keys()


@pytest.mark.parametrize("later", [timedelta(minutes=7), timedelta(days=9)])
def test_made_again_later_it_repeats_what_it_had_and_adds_what_happened_since(later: timedelta) -> None:
    first, second = (by_id(generate_events(300, seed=3, now=now)) for now in (NOW, NOW + later))
    both = first.keys() & second.keys()
    assert len(both) > len(first) / 2
    assert {event_id: first[event_id] for event_id in both} == {event_id: second[event_id] for event_id in both}
    assert all(NOW - timedelta(hours=1) < second[event_id].occurred_at for event_id in second.keys() - both)


def test_an_accounts_history_does_not_depend_on_how_many_accounts_are_made() -> None:
    few, many = generate_events(3, seed=7, now=NOW), generate_events(1_200, seed=7, now=NOW)
    assert by_id(few).items() <= by_id(many).items()


@pytest.mark.parametrize("count", [0, 1, 1_200])
def test_ids_count_from_one(count: int) -> None:
    events = generate_events(count, seed=7, now=NOW)
    assert events.schema == EVENT_SCHEMA
    assert set(events["account_id"].to_pylist()) == {f"acct-{number:05d}" for number in range(1, count + 1)}


def test_events_are_such_as_the_log_takes() -> None:
    events = [*events_of(generate_events(1_000, seed=1, now=NOW))]
    assert len({event.event_id for event in events}) == len(events)
    assert max(event.occurred_at for event in events) <= NOW
    nothing: dict[EventField, Any] = {EventField.POINTS: 0.0, EventField.COUNT: 1}
    for event in events:
        held = {field for field in EventField if getattr(event, field) not in ("", None, nothing.get(field))}
        fields = FIELDS[event.kind]
        assert fields.required - {EventField.COUNT} <= held <= fields.required | fields.optional


def test_fewer_events_per_account_can_be_asked_for() -> None:
    few = generate_events(2_000, seed=1, now=NOW, events_per_account=5).num_rows / 2_000
    typical = generate_events(2_000, seed=1, now=NOW).num_rows / 2_000
    assert 3 < few < 8 < typical < 25


def test_trouble_is_rare_and_premium_common(accounts: list[dict[str, Any]]) -> None:
    assert 0.02 < share(accounts, "strikes_90d") < 0.15
    assert 0.003 < share(accounts, "blocks_30d") < 0.1
    assert 0.0005 < share(accounts, "strikes_90d", 3) < 0.03
    assert 0.001 < share(accounts, "verified") < 0.1
    assert 0.85 < share(accounts, "email_confirmed") < 0.99
    assert 0.3 < sum(account["plan"] == "premium" for account in accounts) / len(accounts) < 0.5


def test_strikes_blocks_and_reports_go_together(accounts: list[dict[str, Any]]) -> None:
    struck = [account for account in accounts if account["strikes_90d"]]
    clean = [account for account in accounts if not account["strikes_90d"]]
    assert mean(struck, "blocks_30d") > 1.5 * mean(clean, "blocks_30d")
    assert mean(struck, "reports_received_7d") > 1.5 * mean(clean, "reports_received_7d")


def test_some_post_in_bursts_and_say_the_same_again(accounts: list[dict[str, Any]]) -> None:
    assert 0.005 < share(accounts, "posts_24h", 5) < 0.2
    repeated = [account["repeated_content_share_7d"] for account in accounts if account["posts_7d"] >= 3]
    assert 0.02 < sum(each > 0.3 for each in repeated) / len(repeated) < 0.5


def test_followers_grow_with_age(accounts: list[dict[str, Any]]) -> None:
    old = [account for account in accounts if account["account_age_days"] > 1_000]
    young = [account for account in accounts if account["account_age_days"] < 100]
    assert mean(old, "followers") > 2 * mean(young, "followers")
