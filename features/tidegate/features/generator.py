"""Plausible accounts for the demo and for load tests: pure, the same for the same seed and `now`.

The numbers are made up to be plausible, not measured on anybody: a hidden risk per account drives strikes, blocks and
reports together, newer accounts are riskier, and followers grow with age. Nothing may be trained on them.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tidegate.features.demo_accounts import DEMO_ACCOUNTS
from tidegate.features.history import EVENT_TIMESTAMP, history_schema
from tidegate.features.refs import (
    ACCOUNT_ENFORCEMENT,
    ACCOUNT_PROFILE,
    ACCOUNT_SIGNALS_V2,
    JOIN_KEY,
    LastAction,
    Plan,
    View,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Columns = dict[str, npt.NDArray[Any]]

_OLDEST_DAYS = 5_475
_PROFILE_LAG = timedelta(days=1)
_ENFORCEMENT_LAG = timedelta(hours=12)
_SETTLED_DAYS = 30
_JUST_MADE_DAYS = 3
_ACTED_ON_WITHOUT_STRIKE = 0.03
_STRIKE_POINTS = np.array([1.0, 2.0, 4.0])
_STRIKE_SHARES = [0.7, 0.2, 0.1]
_MILDER = [LastAction.LABEL, LastAction.AGE_RESTRICT, LastAction.LIMIT_REACH, LastAction.REVIEW]


def generate(count: int, *, seed: int, now: datetime) -> Mapping[str, pa.Table]:
    """History rows by view: the named demo accounts, then `acct-00001` to `acct-<count>`.

    Args:
        count: Number of accounts beside the named ones.
        seed: Of the random generator.
        now: Timezone-aware; event times lie up to a day before it, in whole seconds (what SQLite online stores keep).
    """
    random = np.random.default_rng(seed)
    moment = now.replace(microsecond=0)
    ids = np.array([f"acct-{number:05d}" for number in range(1, count + 1)], dtype=object)
    risk, profile = _profiles(random, count)
    enforcement = _enforcement(random, risk, profile)
    nothing = {view.name: history_schema(view).empty_table() for view in ACCOUNT_SIGNALS_V2.views}
    return nothing | {
        ACCOUNT_PROFILE.name: pa.concat_tables(
            [
                _named_profiles(moment),
                _table(ACCOUNT_PROFILE, ids, _times(random, count, moment, _PROFILE_LAG), profile),
            ]
        ),
        ACCOUNT_ENFORCEMENT.name: pa.concat_tables(
            [
                _named_enforcement(moment),
                _table(ACCOUNT_ENFORCEMENT, ids, _times(random, count, moment, _ENFORCEMENT_LAG), enforcement),
            ]
        ),
    }


def _profiles(random: np.random.Generator, count: int) -> tuple[Floats, Columns]:
    age_days = np.minimum(random.lognormal(np.log(500), 1.3, count), _OLDEST_DAYS).astype(np.int64)
    risk = np.minimum(random.beta(0.6, 12, count) * (1 + 2 * np.exp(-age_days / _SETTLED_DAYS)), 1.0)
    followers = random.lognormal(2.5 + 0.5 * np.log1p(age_days / 30), 1.6).astype(np.int64)
    notable = 1 / (1 + np.exp(6.5 - 0.6 * np.log1p(followers)))
    return risk, {
        "account_age_days": age_days,
        "followers": followers,
        "verified": random.random(count) < notable * (1 - risk),
        "email_confirmed": random.random(count) < 0.97 - 0.25 * (age_days < _JUST_MADE_DAYS) - 0.4 * risk,
        "plan": np.where(
            random.random(count) < np.where(age_days > _SETTLED_DAYS, 0.42, 0.15), Plan.PREMIUM, Plan.FREE
        ),
    }


def _enforcement(random: np.random.Generator, risk: Floats, profile: Columns) -> Columns:
    age_days = profile["account_age_days"]
    strikes = random.poisson(2.0 * risk * np.minimum(age_days, 90) / 90)
    blocks = random.binomial(strikes, 1 / 3) + random.poisson(0.5 * risk * np.minimum(age_days, 30) / 30)
    return {
        "strikes_90d": strikes,
        "strike_points": random.multinomial(strikes, _STRIKE_SHARES) @ _STRIKE_POINTS,
        "blocks_30d": blocks,
        "reports_received_7d": random.poisson(0.05 * np.log1p(profile["followers"]) + 6 * risk),
        "appeals_upheld_365d": random.binomial(strikes + random.poisson(0.5 * risk), 0.12),
        "last_action": _last_actions(random, strikes, blocks),
    }


def _last_actions(random: np.random.Generator, strikes: Ints, blocks: Ints) -> npt.NDArray[Any]:
    acted_on = (strikes > 0) | (random.random(len(strikes)) < _ACTED_ON_WITHOUT_STRIKE)
    milder = np.where(acted_on, random.choice(_MILDER, len(strikes)), LastAction.NONE)
    return np.where(blocks > 0, LastAction.BLOCK, milder)


def _times(random: np.random.Generator, count: int, now: datetime, lag: timedelta) -> list[datetime]:
    seconds = random.integers(0, int(lag.total_seconds()), count)
    return [now - timedelta(seconds=int(second)) for second in seconds]


def _table(view: View, ids: npt.NDArray[Any], times: list[datetime], columns: Columns) -> pa.Table:
    schema = history_schema(view)
    known = {JOIN_KEY: ids, EVENT_TIMESTAMP: times, **columns}
    return pa.table(
        {field.name: known.get(field.name, pa.nulls(len(ids), field.type)) for field in schema}, schema=schema
    )


def _named_profiles(now: datetime) -> pa.Table:
    rows = [
        {JOIN_KEY: demo.account_id, EVENT_TIMESTAMP: now - timedelta(hours=1), **demo.profile} for demo in DEMO_ACCOUNTS
    ]
    return pa.Table.from_pylist(rows, schema=history_schema(ACCOUNT_PROFILE))


def _named_enforcement(now: datetime) -> pa.Table:
    rows = [
        {JOIN_KEY: demo.account_id, EVENT_TIMESTAMP: now - demo.enforcement_age, **demo.enforcement}
        for demo in DEMO_ACCOUNTS
        if demo.enforcement is not None
    ]
    return pa.Table.from_pylist(rows, schema=history_schema(ACCOUNT_ENFORCEMENT))
