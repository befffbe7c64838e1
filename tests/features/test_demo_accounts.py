from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from tidegate.features.demo_accounts import DEMO_ACCOUNTS, UNLOGGED_ACCOUNTS, demo_events
from tidegate.features.events.columns import events_of, microseconds
from tidegate.features.events.event import EventKind
from tidegate.features.generator import generate_events
from tidegate.features.transforms.account_signals import account_signals

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MOMENTS = [NOW, NOW + timedelta(minutes=61, microseconds=3), NOW + timedelta(days=100, hours=5)]


def signals(account_id: str, *, now: datetime, events: pa.Table | None = None) -> dict[str, Any]:
    events = demo_events(DEMO_ACCOUNTS, now=now) if events is None else events
    asked = pa.table({"account_id": [account_id], "at_us": [microseconds(now)]})
    return {
        name: value for table in account_signals(events, asked).values() for name, value in table.to_pylist()[0].items()
    }


@pytest.mark.parametrize("now", MOMENTS)
def test_named_accounts_show_what_they_are_named_for_whenever_they_are_seeded(now: datetime) -> None:
    strikes = signals("acct-strikes", now=now)
    assert (strikes["account_age_days"], strikes["strikes_90d"], strikes["strike_points"]) == (410, 3, 7.0)
    assert (strikes["blocks_30d"], strikes["reports_received_7d"], strikes["last_action"]) == (4, 9, "BLOCK")
    reported = signals("acct-reported", now=now)
    assert (reported["reports_received_7d"], reported["strikes_365d"], reported["last_action"]) == (41, 0, "NONE")
    trusted = signals("acct-trusted", now=now)
    assert (trusted["account_age_days"], trusted["followers"], trusted["plan"]) == (3_650, 48_000, "premium")
    assert trusted["verified"]
    new = signals("acct-new", now=now)
    assert (new["account_age_days"], new["followers"], new["email_confirmed"]) == (2, 3, False)
    burst = signals("acct-burst", now=now)
    assert (burst["comments_1h"], burst["posts_1h"]) == (400, 400)
    assert burst["repeated_content_share_24h"] > 0.9


def test_they_still_do_with_what_an_earlier_seeding_left_in_the_log() -> None:
    earlier, later = (demo_events(DEMO_ACCOUNTS, now=now) for now in (NOW, NOW + timedelta(days=5, minutes=20)))
    known = {event.event_id: event for event in events_of(earlier)}
    assert all(known.get(event.event_id, event) == event for event in events_of(later))
    both = pa.concat_tables([earlier, later])
    strikes = signals("acct-strikes", now=NOW + timedelta(days=5, minutes=20), events=both)
    assert (strikes["strikes_90d"], strikes["strike_points"], strikes["blocks_30d"]) == (3, 7.0, 4)
    assert strikes["reports_received_7d"] == 9


def test_no_made_up_account_reports_follows_or_blocks_itself() -> None:
    """Such an event would be refused from anybody else."""
    made = pa.concat_tables([demo_events(DEMO_ACCOUNTS, now=NOW), generate_events(300, seed=7, now=NOW)])
    others = [event for event in events_of(made) if event.counterpart_id]
    assert {event.kind for event in others} == {EventKind.FOLLOW, EventKind.REPORT_RECEIVED, EventKind.BLOCK}
    assert not [event for event in others if event.counterpart_id == event.account_id]


def test_accounts_that_the_stream_would_mend_are_not_in_the_log() -> None:
    logged = {event.account_id for event in events_of(demo_events(DEMO_ACCOUNTS, now=NOW))}
    assert {account.account_id for account in UNLOGGED_ACCOUNTS} == {"acct-stale", "acct-partial"}
    assert not logged & {"acct-stale", "acct-partial"}
