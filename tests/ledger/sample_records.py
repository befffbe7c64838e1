"""Decision records for tests: one plain sample, and a strategy over everything the vocabulary can hold."""

import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from tidegate.moderation.decision import (
    Action,
    Completeness,
    DecisionInputs,
    DecisionRecord,
    PolicyReference,
    RuleValue,
    ShadowOutcome,
    Violation,
)
from tidegate.moderation.detection import Attribution, BankMatch, DetectorRun, DetectorStatus, Moment
from tidegate.moderation.item import NoticeSource, PartFacts, PartKind, Surface
from tidegate.moderation.signals import AccountSignals, FeatureValue, Freshness, LookupStatus

SAMPLE_TIME = datetime(2026, 11, 22, 19, 30, 0, 123456, UTC)


def sample_record(**changes: Any) -> DecisionRecord:
    """A comment that one rule sent to review, with a fresh id unless `changes` say otherwise."""
    fields: dict[str, Any] = {
        "decision_id": uuid.uuid4().hex,
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "content_id": "comment-1",
        "account_id": "account-1",
        "decided_at": SAMPLE_TIME,
        "inputs": sample_inputs(),
        "policy": PolicyReference("comments", 3, "ab" * 32),
        "action": Action.REVIEW,
        "completeness": Completeness.COMPLETE,
        "violations": (
            Violation("harassment", "harassment", Action.REVIEW, RuleValue.TRUE, 0.8125, 0.7, "body", "Be kind."),
        ),
        "shadow": (ShadowOutcome(PolicyReference("comments-next", 1, "cd" * 32), Action.BLOCK, ("harassment",)),),
        "hops_ms": {"gather": 4.125, "policy": 0.1, "total": 5.0},
        "fingerprint": "ef" * 32,
    }
    return DecisionRecord(**{**fields, **changes})


def sample_inputs(score: float = 0.8125) -> DecisionInputs:
    """One text part with one detector's answer and two account signals, one of them stale."""
    return DecisionInputs(
        surface=Surface.COMMENT,
        market="SE",
        language="sv",
        source=NoticeSource.OWN_INITIATIVE,
        parts=(PartFacts("body", PartKind.TEXT, "12" * 32, 64),),
        detectors=(
            DetectorRun(
                "text_harm", "1.0.0", DetectorStatus.OK, "body", 3.25, {"harassment": score}, {"harassment": 5}
            ),
        ),
        account=AccountSignals(
            LookupStatus.OK,
            known=True,
            values=(
                FeatureValue("account_profile__age_days", 12, Freshness.FRESH, SAMPLE_TIME),
                FeatureValue("account_enforcement__strikes_90d", 2, Freshness.STALE, SAMPLE_TIME - timedelta(days=2)),
            ),
        ),
    )


_text = st.text(st.characters(codec="utf-8"), max_size=12)
_floats = st.floats()  # nan, infinities, -0.0 and subnormals included
_times = st.datetimes(
    datetime(1970, 1, 2),  # noqa: DTZ001 - bounds of a strategy that adds the zone
    datetime(9999, 12, 30),  # noqa: DTZ001 - as above
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))]),
)
_int64 = st.integers(-(2**63), 2**63 - 1)
_policies = st.builds(PolicyReference, _text, st.integers(1, 2**31), _text)
_violations = st.builds(
    Violation,
    rule=_text,
    category=_text,
    action=st.sampled_from(Action),
    value=st.sampled_from(RuleValue),
    score=st.none() | _floats,
    threshold=st.none() | _floats,
    part=_text,
    message=_text,
    missing=st.lists(_text, max_size=3).map(tuple),
)
_runs = st.builds(
    DetectorRun,
    name=_text,
    version=_text,
    status=st.sampled_from(DetectorStatus),
    part=_text,
    latency_ms=_floats,
    scores=st.dictionaries(_text, _floats, max_size=4),
    severities=st.dictionaries(_text, st.integers(0, 7), max_size=4),
    language=_text,
    matches=st.lists(st.builds(BankMatch, _text, _text, st.integers(0, 256), st.booleans()), max_size=2).map(tuple),
    attributions=st.lists(
        st.builds(Attribution, _text, st.integers(0, 2**31), st.integers(0, 2**31), _floats), max_size=2
    ).map(tuple),
    moments=st.dictionaries(_text, st.builds(Moment, st.integers(0, 2**60), st.integers(0, 2**60)), max_size=2),
    shadow=st.booleans(),
)
_features = st.builds(
    FeatureValue,
    name=_text,
    value=st.none() | st.booleans() | _int64 | _floats | _text,
    freshness=st.sampled_from(Freshness),
    event_time=st.none() | _times,
)
_accounts = st.builds(
    AccountSignals,
    status=st.sampled_from(LookupStatus),
    known=st.booleans(),
    values=st.lists(_features, max_size=4).map(tuple),
)
_parts = st.builds(PartFacts, _text, st.sampled_from(PartKind), _text, st.integers(0, 2**40))
_inputs = st.builds(
    DecisionInputs,
    surface=st.sampled_from(Surface),
    market=_text,
    language=_text,
    source=st.sampled_from(NoticeSource),
    parts=st.lists(_parts, max_size=3).map(tuple),
    detectors=st.lists(_runs, max_size=3).map(tuple),
    account=_accounts,
)

records = st.builds(
    DecisionRecord,
    decision_id=_text,
    trace_id=_text,
    content_id=_text,
    account_id=_text,
    decided_at=_times,
    inputs=_inputs,
    policy=_policies,
    action=st.sampled_from(Action),
    completeness=st.sampled_from(Completeness),
    violations=st.lists(_violations, max_size=3).map(tuple),
    shadow=st.lists(
        st.builds(ShadowOutcome, _policies, st.sampled_from(Action), st.lists(_text, max_size=3).map(tuple)), max_size=2
    ).map(tuple),
    hops_ms=st.none() | st.dictionaries(_text, _floats, max_size=4),
    idempotency_key=_text,
    fingerprint=_text,
)
