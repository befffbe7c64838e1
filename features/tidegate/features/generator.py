"""Plausible histories of accounts for demos and load tests: pure, the same for the same seed and `now`.

The numbers are made up to be plausible, not measured on anybody: a hidden risk per account drives bursts, repeated
texts, reports, strikes and blocks together, newer accounts are riskier, and followers grow with age. Train nothing on
them.

Accounts are drawn in blocks, so an account's history does not depend on how many are made. Made again later with the
same seed, a history repeats what it had and adds what happened since (`recurring`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from tidegate.features.events.event import EventKind
from tidegate.features.events.log import EVENT_SCHEMA
from tidegate.features.recurring import Ints, digests, events, joined, last_occurrences
from tidegate.features.refs import Plan
from tidegate.features.transforms.instants import (
    DAY_US,
    EPOCH,
    HOUR_US,
    MICROSECOND,
    MONTH_US,
    QUARTER_US,
    WEEK_US,
    YEAR_US,
)

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

BLOCK = 1_000
"""Accounts drawn together."""
TYPICAL_EVENTS = 15.0
"""Events per account, on average."""
_OLDEST_DAYS = 5_475
_SETTLED_DAYS = 30
_JUST_MADE_DAYS = 3
_WITH_LOCATION, _WITH_URL, _COMMENTS, _CONFIRMED, _UPHELD = 0.6, 0.3, 0.75, 0.6, 0.2
_POINTS = np.array([1.0, 2.0, 4.0])
_POINT_SHARES = (0.7, 0.2, 0.1)
_HARM = pa.array(["BLOCK", "REVIEW", "LABEL", "LIMIT_REACH", "AGE_RESTRICT"])
_HARM_SHARES = (0.35, 0.3, 0.2, 0.1, 0.05)


@dataclass(frozen=True, slots=True)
class _Accounts:
    """A block of accounts; one element per account in every array."""

    ids: pa.Array
    """Account ids."""
    risk: Floats
    """0 to 1; hidden."""
    activity: Floats
    """How much of everything happens, 1 on average; a few accounts do most."""
    followers: Ints
    """Followers."""
    registered_us: Ints
    """When it was made."""
    profile: pa.Array
    """The account system's snapshot, as JSON."""


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Moments of one family of events; one element per event in every array.

    What does not happen is kept, unmarked, until the end: how much is drawn must not depend on `now`, or a history made
    later would be another one.
    """

    owner: Ints
    """Which account of the block."""
    occurred: Ints
    """When."""
    names: pa.Array
    """What ids are made from: account, family, number, period."""
    happens: Bools
    """Whether it does."""

    def where(self, chosen: Bools) -> "_Drawn":
        """Only these of them happen."""
        return replace(self, happens=self.happens & chosen)


def generate_events(count: int, *, seed: int, now: datetime, events_per_account: float = TYPICAL_EVENTS) -> pa.Table:
    """Events in `EVENT_SCHEMA` of `acct-00001` to `acct-<count>`, none later than `now`.

    Args:
        count: Number of accounts.
        seed: Of the random generator; part of event ids.
        now: Timezone-aware.
        events_per_account: On average; nothing else is scaled.
    """
    return pa.concat_tables(
        [EVENT_SCHEMA.empty_table(), *event_blocks(count, seed=seed, now=now, events_per_account=events_per_account)]
    )


def event_blocks(count: int, *, seed: int, now: datetime, events_per_account: float) -> Iterator[pa.Table]:
    """The same, block by block."""
    for first in range(0, count, BLOCK):
        block = _Block(first, seed=seed, now_us=(now - EPOCH) // MICROSECOND, scale=events_per_account / TYPICAL_EVENTS)
        yield block.table(accounts=min(BLOCK, count - first))


class _Block:
    """Draws one block. The order of draws is fixed: changing it changes every history."""

    def __init__(self, first: int, *, seed: int, now_us: int, scale: float) -> None:
        self._random = np.random.default_rng([seed, first])
        self._seed, self._now_us, self._scale = seed, now_us, scale
        self._accounts = self._people(first)

    def table(self, *, accounts: int) -> pa.Table:
        """Events of the block's first so many accounts."""
        made = pa.concat_tables(
            [self._snapshots(), *self._posts(), self._plays(), *self._others(), self._reports(), *self._strikes()]
        )
        if accounts == BLOCK:
            return made
        return made.filter(pc.is_in(made["account_id"], value_set=self._accounts.ids[:accounts]))

    def _people(self, first: int) -> _Accounts:
        random = self._random
        age_days = np.minimum(random.lognormal(np.log(500), 1.3, BLOCK), _OLDEST_DAYS).astype(np.int64)
        risk = np.minimum(random.beta(0.6, 12, BLOCK) * (1 + 2 * np.exp(-age_days / _SETTLED_DAYS)), 1.0)
        followers = random.lognormal(2.5 + 0.5 * np.log1p(age_days / 30), 1.6).astype(np.int64)
        this_hour = self._now_us // HOUR_US * HOUR_US  # a profile made again within the hour says the same
        registered_us = this_hour - age_days * DAY_US - random.integers(0, 22 * HOUR_US, BLOCK)
        numbers = pa.array(np.arange(first + 1, first + BLOCK + 1)).cast(pa.string())
        return _Accounts(
            ids=joined("acct-", pc.utf8_lpad(numbers, 5, "0")),
            risk=risk,
            activity=random.pareto(2.2, BLOCK) * 1.2 + 1e-3,
            followers=followers,
            registered_us=registered_us,
            profile=self._profiles(age_days, risk, followers, registered_us),
        )

    def _profiles(self, age_days: Ints, risk: Floats, followers: Ints, registered_us: Ints) -> pa.Array:
        random = self._random
        notable = 1 / (1 + np.exp(6.5 - 0.6 * np.log1p(followers)))
        premium = random.random(BLOCK) < np.where(age_days > _SETTLED_DAYS, 0.42, 0.15)
        careless = np.minimum(0.15 + 2 * risk, 1.0)
        facts: dict[str, list[Any]] = {
            "default_picture": (random.random(BLOCK) < careless / 2).tolist(),
            "default_profile": (random.random(BLOCK) < careless).tolist(),
            "description_length": (random.poisson(60, BLOCK) * (random.random(BLOCK) > careless)).tolist(),
            "email_confirmed": (
                random.random(BLOCK) < 0.97 - 0.25 * (age_days < _JUST_MADE_DAYS) - 0.4 * risk
            ).tolist(),
            "extended_profile": (random.random(BLOCK) > careless).tolist(),
            "followers": followers.tolist(),
            "following": random.lognormal(4 + 2 * risk, 1.2).astype(np.int64).tolist(),
            "handle_digits": random.poisson(0.6 + 6 * risk).tolist(),
            "handle_length": random.integers(5, 16, BLOCK).tolist(),
            "has_location": (random.random(BLOCK) < _WITH_LOCATION).tolist(),
            "has_url": (random.random(BLOCK) < _WITH_URL).tolist(),
            "likes_given": random.lognormal(3 + 0.3 * np.log1p(age_days), 1.5).astype(np.int64).tolist(),
            "listed": (followers // 80).tolist(),
            "plan": [Plan.PREMIUM if each else Plan.FREE for each in premium.tolist()],
            "posts": random.lognormal(2 + 0.3 * np.log1p(age_days), 1.5).astype(np.int64).tolist(),
            "registered_at_us": registered_us.tolist(),
            "verified": (random.random(BLOCK) < notable * (1 - risk)).tolist(),
        }
        rows = zip(*facts.values(), strict=True)
        return pa.array([orjson.dumps(dict(zip(facts, row, strict=True))).decode() for row in rows], pa.string())

    def _drawn(self, family: str, per_account: Floats, period_us: int) -> _Drawn:
        """So many moments per account and period, on average, since the account was made."""
        number_of = self._random.poisson(per_account * self._scale)
        owner = np.repeat(np.arange(BLOCK), number_of)
        phase = self._random.integers(0, period_us, owner.size)
        occurred, cycle = last_occurrences(phase, period_us=period_us, now_us=self._now_us)
        number = np.arange(owner.size) - np.repeat(np.cumsum(number_of) - number_of, number_of)
        names = joined(self._accounts.ids.take(pa.array(owner)), f"-{self._seed}{family}", number, "-", cycle)
        return _Drawn(owner, occurred, names, occurred > self._accounts.registered_us[owner])

    def _some(self, of: _Drawn, chance: Floats | float, after_us: float) -> _Drawn:
        """What follows some of them, later."""
        follows = self._random.random(of.owner.size) < chance
        after = self._random.exponential(after_us, of.owner.size).astype(np.int64) + 1
        return replace(of, occurred=of.occurred + after).where(follows)

    def _table(self, kinds: pa.Array | EventKind, drawn: _Drawn, **columns: Any) -> pa.Table:
        word = kinds.value.lower() if isinstance(kinds, EventKind) else "event"
        made = events(
            kinds,
            occurred_us=drawn.occurred,
            now_us=self._now_us,
            event_id=joined(word, ":", drawn.names),
            account_id=self._accounts.ids.take(pa.array(drawn.owner)),
            **columns,
        )
        return made.filter(pa.array(drawn.happens & (drawn.occurred <= self._now_us)))

    def _snapshots(self) -> pa.Table:
        hour = self._now_us // HOUR_US
        names = joined(self._accounts.ids, f"-{self._seed}p{hour}")
        drawn = _Drawn(np.arange(BLOCK), np.full(BLOCK, hour * HOUR_US), names, np.ones(BLOCK, dtype=np.bool_))
        return self._table(EventKind.PROFILE, drawn, profile=self._accounts.profile)

    def _posts(self) -> Iterator[pa.Table]:
        accounts, random = self._accounts, self._random
        for family, rate, period_us in (("y", 1.6, YEAR_US), ("m", 0.9, MONTH_US), ("w", 0.6, WEEK_US)):
            sittings = self._drawn(family, rate * accounts.activity, period_us)
            sizes = random.geometric(1 / (2 + 6 * accounts.risk[sittings.owner]))
            of = np.repeat(np.arange(sizes.size), sizes)
            place = np.arange(of.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
            risk = accounts.risk[sittings.owner[of]]
            gaps = random.exponential(HOUR_US / (1 + 30 * risk)).astype(np.int64) + 1
            posts = _Drawn(
                sittings.owner[of],
                sittings.occurred[of] + gaps * place,
                joined(sittings.names.take(pa.array(of)), ".", place),
                sittings.happens[of],
            )
            yield from self._post_tables(posts)

    def _post_tables(self, posts: _Drawn) -> Iterator[pa.Table]:
        random, risk = self._random, self._accounts.risk[posts.owner]
        count = posts.owner.size
        again = random.random(count) < np.minimum(0.03 + 2 * risk, 0.9)
        # Few texts per account that come again; every other post has its own, known by its moment.
        own = np.asarray(posts.occurred, dtype=np.uint64)
        texts = np.where(again, random.integers(0, 3, count).astype(np.uint64), own)
        content = digests(texts * np.uint64(BLOCK) + np.asarray(posts.owner, dtype=np.uint64))
        comment = pa.array(random.random(count) < _COMMENTS)
        kinds = pc.if_else(comment, EventKind.COMMENT.value, EventKind.UPLOAD.value)
        yield self._table(kinds, posts, subject_id=posts.names, content_digest=content)
        decided = self._some(posts, 0.4, 1e6)
        harmful = random.random(count) < np.minimum(0.001 + 4 * risk**2, 1.0)
        action = _HARM.take(pa.array(random.choice(len(_HARM), count, p=_HARM_SHARES)))
        yield self._table(
            EventKind.DECISION,
            decided,
            subject_id=decided.names,
            action=pc.if_else(pa.array(harmful), action, "ALLOW"),
            content_digest=content,
        )
        yield from self._reviews(decided.where(harmful), action)

    def _reviews(self, decided: _Drawn, action: pa.Array) -> Iterator[pa.Table]:
        held = pc.is_in(action, value_set=pa.array(["BLOCK", "REVIEW"])).to_numpy(zero_copy_only=False)
        reviewed = self._some(decided, np.where(held, 0.6, 0.0), 12 * HOUR_US)
        confirmed = pa.array(self._random.random(reviewed.owner.size) < _CONFIRMED)
        outcome = pc.if_else(confirmed, "BLOCK", "ALLOW")
        yield self._table(EventKind.REVIEW_OUTCOME, reviewed, subject_id=reviewed.names, action=outcome)
        appealed = self._some(decided, np.where(held, 0.3, 0.0), 2 * DAY_US)
        yield self._table(EventKind.APPEAL_OPENED, appealed, subject_id=appealed.names)
        answered = self._some(appealed, 0.8, 4 * DAY_US)
        upheld = pa.array(self._random.random(answered.owner.size) < _UPHELD)
        kinds = pc.if_else(upheld, EventKind.APPEAL_UPHELD.value, EventKind.APPEAL_DENIED.value)
        of_its_own = replace(answered, names=joined("appeal-answered-", answered.names))
        yield self._table(kinds, of_its_own, subject_id=answered.names)

    def _plays(self) -> pa.Table:
        accounts = self._accounts
        drawn = self._drawn("l", 2.5 * accounts.activity, MONTH_US)
        count = 1 + self._random.lognormal(0.5 * np.log1p(accounts.followers[drawn.owner]), 1.0).astype(np.int64)
        return self._table(EventKind.PLAY, drawn, count=count)

    def _others(self) -> Iterator[pa.Table]:
        accounts = self._accounts
        follows = self._drawn("f", 0.3 * np.log1p(accounts.followers), WEEK_US)
        yield self._table(EventKind.FOLLOW, follows, counterpart_id=self._somebody(follows))
        blocks = self._drawn("b", 1.5 * accounts.risk, WEEK_US)
        yield self._table(EventKind.BLOCK, blocks, counterpart_id=self._somebody(blocks))

    def _reports(self) -> pa.Table:
        accounts = self._accounts
        drawn = self._drawn("r", 0.05 * np.log1p(accounts.followers) + 6 * accounts.risk, WEEK_US)
        return self._table(EventKind.REPORT_RECEIVED, drawn, counterpart_id=self._somebody(drawn))

    def _strikes(self) -> Iterator[pa.Table]:
        issued = self._drawn("s", 2.0 * self._accounts.risk, QUARTER_US)
        points = self._random.choice(_POINTS, issued.owner.size, p=_POINT_SHARES)
        expires = issued.occurred + QUARTER_US
        yield self._table(
            EventKind.STRIKE_ISSUED, issued, subject_id=issued.names, points=points, expires_at_us=expires
        )
        for kind, chance, after_us in (
            (EventKind.STRIKE_REVERSED, 0.1, 10 * DAY_US),
            (EventKind.STRIKE_EXPIRED, 0.05, 30 * DAY_US),
        ):
            ended = self._some(issued, chance, after_us)
            yield self._table(kind, ended, subject_id=ended.names)

    def _somebody(self, drawn: _Drawn) -> pa.Array:
        """Others who take part; few of them are behind most of it."""
        return joined("user-", (self._random.pareto(1.0, drawn.owner.size) * 40).astype(np.int64) % 100_000)
