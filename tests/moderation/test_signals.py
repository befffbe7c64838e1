"""Account signals travel between deployments by column, and arrive as they were."""

import pickle
from datetime import UTC, datetime, timedelta

import pytest

from tidegate.moderation.signals import AccountSignals, FeatureValue, Freshness, LookupStatus

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SIGNALS = AccountSignals(
    LookupStatus.OK,
    known=True,
    values=(
        FeatureValue("v__count", 3, Freshness.FRESH, NOW),
        FeatureValue("v__flag", True, Freshness.FRESH, NOW),
        FeatureValue("v__share", 0.25, Freshness.STALE, NOW - timedelta(days=3)),
        FeatureValue("v__word", "premium", Freshness.FRESH, NOW),
        FeatureValue("v__none", None, Freshness.MISSING, None),
    ),
)


@pytest.mark.parametrize("signals", [SIGNALS, AccountSignals(LookupStatus.TIMED_OUT), AccountSignals(LookupStatus.OK)])
def test_signals_arrive_as_they_were_sent(signals: AccountSignals) -> None:
    arrived = pickle.loads(pickle.dumps(signals))
    assert arrived == signals
    assert [type(value.value) for value in arrived.values] == [type(value.value) for value in signals.values]
    assert all(value.freshness is sent.freshness for value, sent in zip(arrived.values, signals.values, strict=True))
