import pickle
from collections.abc import Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import cast

import pyarrow as pa
import pytest

from tests.features.stream.online_stores import emptied, rows
from tidegate.features.history import history_schema
from tidegate.features.refs import ACCOUNT_PROFILE, ACCOUNT_RISK
from tidegate.features.risk import NoRiskModel
from tidegate.models.account_risk.inputs import NAMES, AccountInputs, values
from tidegate.models.account_risk.scorer import AccountRiskModel, RiskScore
from tidegate.models.catalogue import catalogue
from tidegate.serving.signals.risk_adapter import AccountRisk, account_risk, risk_choice

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Scripted:
    """Scores by followers, and counts."""

    def __init__(self) -> None:
        self.scored = 0

    def score(self, accounts: Sequence[AccountInputs]) -> Sequence[RiskScore]:
        values(accounts)  # refuses what the model refuses
        self.scored += len(accounts)
        shares = {**dict.fromkeys(NAMES, -1.0), "followers": 3.0, "posts": 2.0, "listed": 1.0, "has_url": 0.5}
        return [RiskScore(0.75, 1.0, 0.0, MappingProxyType(shares), account.known()) for account in accounts]


@pytest.fixture
def model() -> Scripted:
    return Scripted()


@pytest.fixture
def risk(model: Scripted) -> AccountRisk:
    return AccountRisk(cast("AccountRiskModel", model), version="7")


PROFILE = dict.fromkeys(("followers", "following", "listed", "likes_given", "posts", "handle_length"), 5) | {
    "handle_digits": 0,
    "description_length": 9,
    "account_age_days": 100,
}


def test_a_profile_gets_score_version_and_what_raises_it_most(risk: AccountRisk) -> None:
    scored = risk.score(rows(ACCOUNT_PROFILE, NOW, "a", "b", **PROFILE))
    assert scored.schema == history_schema(ACCOUNT_RISK)
    row = scored.to_pylist()[1]
    assert (row["account_id"], row["event_timestamp"]) == ("b", NOW)
    assert (row["automated"], row["model_version"], row["reasons"]) == (0.75, "7", "followers,posts,listed")
    assert row["valid_until"] == rows(ACCOUNT_PROFILE, NOW, "b").to_pylist()[0]["valid_until"]


def test_a_profile_that_says_too_little_gets_no_score(risk: AccountRisk) -> None:
    row = risk.score(emptied(ACCOUNT_PROFILE, NOW, "a")).to_pylist()[0]
    assert (row["automated"], row["model_version"], row["reasons"]) == (None, None, None)


def test_a_profile_that_the_model_refuses_costs_the_others_nothing(risk: AccountRisk) -> None:
    absurd = rows(ACCOUNT_PROFILE, NOW, "a", **{**PROFILE, "followers": 10**12})
    scored = risk.score(pa.concat_tables([absurd, rows(ACCOUNT_PROFILE, NOW, "b", **PROFILE)]))
    assert scored["automated"].to_pylist() == [None, 0.75]


def test_any_number_of_refused_profiles_leaves_the_others_their_own_scores() -> None:
    risk, absurd = account_risk(catalogue()["account_risk"]), {**PROFILE, "followers": 10**12}
    many = [absurd if n % 3 == 0 else {**PROFILE, "posts": n} for n in range(40)]
    together = risk.score(
        pa.concat_tables([rows(ACCOUNT_PROFILE, NOW, f"a{n}", **each) for n, each in enumerate(many)])
    )
    alone = account_risk(catalogue()["account_risk"]).score(rows(ACCOUNT_PROFILE, NOW, "a7", **many[7]))
    scores = together["automated"].to_pylist()
    assert [place for place, score in enumerate(scores) if score is None] == [*range(0, 40, 3)]
    assert len(set(scores)) == 1 + 26
    assert alone.to_pylist() == [together.to_pylist()[7]]


def test_a_profile_that_did_not_change_is_not_scored_again(risk: AccountRisk, model: Scripted) -> None:
    for _ in range(3):
        risk.score(rows(ACCOUNT_PROFILE, NOW, "a", **PROFILE))
    assert model.scored == 1


def test_a_batch_takes_the_live_model_into_its_worker_processes() -> None:
    choice = risk_choice(catalogue()["account_risk"])
    profiles = rows(ACCOUNT_PROFILE, NOW, "a", **PROFILE)
    there = pickle.loads(pickle.dumps(choice.make))()
    assert choice.name == "account_risk 1"
    assert there.score(profiles) == account_risk(catalogue()["account_risk"]).score(profiles)
    assert there.score(profiles)["automated"].null_count == 0


def test_without_a_model_in_the_catalogue_nothing_is_scored() -> None:
    assert isinstance(account_risk(None), NoRiskModel)
