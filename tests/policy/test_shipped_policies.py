"""The policies that come with Tidegate, held to their own cases and to what every starter policy promises."""

from pathlib import Path

import pytest

import tidegate.policy.engine
from tests.policy.policy_samples import UNKNOWN_ACCOUNT, answered, failed, inputs, known_account
from tidegate.models.catalogue import Modality, catalogue
from tidegate.moderation.decision import Action, DecisionInputs
from tidegate.moderation.detection import DetectorStatus
from tidegate.moderation.item import NoticeSource, Surface
from tidegate.moderation.signals import AccountSignals, LookupStatus
from tidegate.policy.cases import run_cases, unexercised
from tidegate.policy.loader import PolicySet, compile_document, load_policies
from tidegate.policy.markets import MARKETS
from tidegate.policy.vocabulary import installed_vocabulary

SHIPPED = Path(tidegate.policy.engine.__file__).parent.parent / "policies"
LABELS = ("hate", "harassment", "threat", "sexual", "self_harm", "profanity")
CLEAN = dict.fromkeys(LABELS, 0)
QUIET = tuple(
    answered(dict.fromkeys(spec.labels, 0), name=spec.name)
    for spec in catalogue().values()
    if spec.modality is Modality.TEXT and spec.name != "text_harm"
)
"""The other text detectors, with nothing found."""
BRAND_NEW = known_account(
    {
        "account_profile__account_age_days": 0,
        "account_profile__verified": False,
        "account_profile__email_confirmed": False,
        "account_enforcement__strikes_90d": 0,
    }
)


@pytest.fixture(scope="module")
def policies() -> PolicySet:
    return load_policies(SHIPPED, vocabulary=installed_vocabulary())


def clean(surface: Surface, market: str, account: AccountSignals) -> DecisionInputs:
    return inputs(answered(CLEAN), *QUIET, surface=surface, market=market, account=account)


def test_every_case_passes_and_every_rule_has_one(policies: PolicySet) -> None:
    results = run_cases(policies, SHIPPED / "cases", vocabulary=installed_vocabulary())
    assert {result.case.name: result.differences for result in results if result.differences} == {}
    assert unexercised(policies, results) == ()
    assert {result.policy.reference for result in results} == {policy.reference for policy in policies}


def test_every_surface_and_market_has_a_policy_and_comments_have_a_shadow(policies: PolicySet) -> None:
    assert policies.gaps() == ()
    assert policies.shadows_for(Surface.COMMENT, "SE")


@pytest.mark.parametrize("account", [UNKNOWN_ACCOUNT, BRAND_NEW, AccountSignals(LookupStatus.TIMED_OUT)])
def test_harmless_text_is_allowed_whoever_writes_it(policies: PolicySet, account: AccountSignals) -> None:
    """In every market, with nothing unknown, also while the account store is down."""
    for surface in Surface:
        for market in sorted(MARKETS):
            item = clean(surface, market, account)
            outcome = policies.live_for(surface, market).evaluate(item)
            assert (outcome.action, outcome.violations) == (Action.ALLOW, ())


@pytest.mark.parametrize("status", [DetectorStatus.TIMED_OUT, DetectorStatus.FAILED])
def test_no_content_is_simply_allowed_while_the_detector_is_down(policies: PolicySet, status: DetectorStatus) -> None:
    actions = {
        surface: policies.live_for(surface, "SE").evaluate(inputs(failed(status=status), surface=surface)).action
        for surface in Surface
    }
    assert actions == {
        Surface.COMMENT: Action.REVIEW,
        Surface.PROFILE: Action.REVIEW,
        Surface.PLAYLIST: Action.LIMIT_REACH,
        Surface.PODCAST_EPISODE: Action.LIMIT_REACH,
    }


def test_words_of_self_harm_alone_are_never_blocked(policies: PolicySet) -> None:
    for surface in Surface:
        for severity in range(1, 8):
            run = answered({**CLEAN, "self_harm": severity})
            outcome = policies.live_for(surface, "SE").evaluate(inputs(run, *QUIET, surface=surface))
            assert outcome.action in (Action.ALLOW, Action.LABEL, Action.REVIEW)
    strong = answered({**CLEAN, "self_harm": 7})
    (first, *_) = policies.live_for(Surface.COMMENT, "SE").evaluate(inputs(strong)).violations
    assert "not alone" in first.message


def test_authorities_and_trusted_flaggers_are_heard_by_people(policies: PolicySet) -> None:
    for surface in Surface:
        for source in (NoticeSource.AUTHORITY, NoticeSource.TRUSTED_FLAGGER):
            run = answered(CLEAN)
            outcome = policies.live_for(surface, "SE").evaluate(inputs(run, surface=surface, source=source))
            assert outcome.action is Action.REVIEW


def test_kept_documents_decide_every_case_the_same_again(policies: PolicySet) -> None:
    """The promise about replays, on every shipped policy and all markets that overlays name."""
    kept = {digest: compile_document(text) for digest, text in policies.documents().items()}
    for policy in policies:
        for market in {"SE", *policy.rules_by_market}:
            for severity in range(8):
                run = answered(dict.fromkeys(LABELS, severity))
                item = inputs(run, surface=policy.surfaces[0], market=market, account=BRAND_NEW)
                assert repr(kept[policy.reference.digest].evaluate(item)) == repr(policy.evaluate(item))
