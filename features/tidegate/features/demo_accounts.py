"""Named demo accounts: each is there to show one thing. The README's table lists them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from tidegate.features.refs import ACCOUNT_ENFORCEMENT, LastAction, Plan

Scalar = bool | int | float | str

_CLEAN: Mapping[str, Scalar] = {
    "strikes_90d": 0,
    "strike_points": 0.0,
    "blocks_30d": 0,
    "reports_received_7d": 0,
    "appeals_upheld_365d": 0,
    "last_action": LastAction.NONE,
}


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """One account with fixed values."""

    account_id: str
    """Entity key."""
    profile: Mapping[str, Scalar]
    """Features of `account_profile`."""
    enforcement: Mapping[str, Scalar] | None
    """Features of `account_enforcement`; None if no row was ever computed."""
    enforcement_age: timedelta = timedelta(hours=1)
    """How long before the generator's `now` the enforcement row was true."""


def _profile(age_days: int, followers: int, *, verified: bool, email_confirmed: bool, plan: Plan) -> dict[str, Scalar]:
    return {
        "account_age_days": age_days,
        "followers": followers,
        "verified": verified,
        "email_confirmed": email_confirmed,
        "plan": plan,
    }


_ORDINARY = _profile(800, 120, verified=False, email_confirmed=True, plan=Plan.FREE)

DEMO_ACCOUNTS = (
    DemoAccount(
        "acct-trusted",
        _profile(3_650, 48_000, verified=True, email_confirmed=True, plan=Plan.PREMIUM),
        _CLEAN,
    ),
    DemoAccount("acct-new", _profile(2, 3, verified=False, email_confirmed=False, plan=Plan.FREE), _CLEAN),
    DemoAccount(
        "acct-strikes",
        _profile(410, 260, verified=False, email_confirmed=True, plan=Plan.FREE),
        {
            "strikes_90d": 3,
            "strike_points": 7.0,
            "blocks_30d": 4,
            "reports_received_7d": 9,
            "appeals_upheld_365d": 0,
            "last_action": LastAction.BLOCK,
        },
    ),
    DemoAccount("acct-reported", _ORDINARY, {**_CLEAN, "reports_received_7d": 41}),
    DemoAccount("acct-stale", _ORDINARY, _CLEAN, enforcement_age=ACCOUNT_ENFORCEMENT.ttl + timedelta(days=1)),
    DemoAccount("acct-partial", _ORDINARY, None),
)
