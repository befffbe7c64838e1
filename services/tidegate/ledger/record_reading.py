"""Format 1 of a decision record, from its JSON document back to the vocabulary. See `record_format` for the rules."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

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

_Json = Mapping[str, Any]


class RecordFormatError(Exception):
    """Bytes that are no decision record of a known format, or a record that has no exact bytes."""


def read_record(document: _Json) -> DecisionRecord:
    """The record in a parsed document of format 1. Raises KeyError, TypeError or ValueError where it is none."""
    return DecisionRecord(
        decision_id=document["decision_id"],
        trace_id=document["trace_id"],
        content_id=document["content_id"],
        account_id=document["account_id"],
        decided_at=datetime.fromisoformat(document["decided_at"]),
        inputs=_inputs(document["inputs"]),
        policy=_policy(document["policy"]),
        action=Action(document["action"]),
        completeness=Completeness(document["completeness"]),
        violations=tuple(_violation(violation) for violation in document["violations"]),
        shadow=tuple(_shadow(outcome) for outcome in document["shadow"]),
        hops_ms=None if document["hops_ms"] is None else _floats(document["hops_ms"]),
        idempotency_key=document["idempotency_key"],
        fingerprint=document["fingerprint"],
    )


def _inputs(document: _Json) -> DecisionInputs:
    return DecisionInputs(
        surface=Surface(document["surface"]),
        market=document["market"],
        language=document["language"],
        source=NoticeSource(document["source"]),
        parts=tuple(_part(part) for part in document["parts"]),
        detectors=tuple(_detector(run) for run in document["detectors"]),
        account=_account(document["account"]),
    )


def _part(document: _Json) -> PartFacts:
    return PartFacts(
        id=document["id"],
        kind=PartKind(document["kind"]),
        sha256=document["sha256"],
        size_bytes=document["size_bytes"],
    )


def _detector(document: _Json) -> DetectorRun:
    return DetectorRun(
        name=document["name"],
        version=document["version"],
        status=DetectorStatus(document["status"]),
        part=document["part"],
        latency_ms=_float(document["latency_ms"]),
        scores=_floats(document["scores"]),
        severities=dict(document["severities"]),
        language=document.get("language", ""),
        matches=tuple(_match(match) for match in document.get("matches", ())),
        attributions=tuple(_attribution(attribution) for attribution in document.get("attributions", ())),
        moments={
            label: Moment(moment["start_ms"], moment["end_ms"]) for label, moment in document.get("moments", {}).items()
        },
        shadow=document.get("shadow", False),
    )


def _match(document: _Json) -> BankMatch:
    return BankMatch(document["bank"], document["entry"], document["distance"], document["allowed"])


def _attribution(document: _Json) -> Attribution:
    return Attribution(document["label"], document["start"], document["end"], _float(document["weight"]))


def _account(document: _Json) -> AccountSignals:
    return AccountSignals(
        status=LookupStatus(document["status"]),
        known=document["known"],
        values=tuple(_feature(value) for value in document["values"]),
    )


def _feature(document: _Json) -> FeatureValue:
    value, event_time = document["value"], document["event_time"]
    return FeatureValue(
        name=document["name"],
        value=_float(value) if isinstance(value, dict) else value,
        freshness=Freshness(document["freshness"]),
        event_time=None if event_time is None else datetime.fromisoformat(event_time),
    )


def _policy(document: _Json) -> PolicyReference:
    return PolicyReference(id=document["id"], version=document["version"], digest=document["digest"])


def _violation(document: _Json) -> Violation:
    score, threshold = document["score"], document["threshold"]
    return Violation(
        rule=document["rule"],
        category=document["category"],
        action=Action(document["action"]),
        value=RuleValue(document["value"]),
        score=None if score is None else _float(score),
        threshold=None if threshold is None else _float(threshold),
        part=document["part"],
        message=document["message"],
        missing=tuple(document["missing"]),
    )


def _shadow(document: _Json) -> ShadowOutcome:
    return ShadowOutcome(
        policy=_policy(document["policy"]), action=Action(document["action"]), rules=tuple(document["rules"])
    )


def _floats(document: _Json) -> dict[str, float]:
    return {name: _float(value) for name, value in document.items()}


def _float(value: Any) -> float:
    return float(value["float"]) if isinstance(value, dict) else float(value)
