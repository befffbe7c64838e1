"""Decision records as bytes: canonical JSON, one version number, exact.

Stands between the vocabulary and every ledger adapter. The bytes are what is hashed and stored, and they are never
written again, so each version keeps its decoder for good. Floats are written as the shortest text that reads back to
the same bits (orjson); those that JSON lacks (nan, inf) as `{"float": "nan"}`. Times are UTC with microseconds. There
is no content in them: the types hold digests only.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from tidegate.ledger.record_reading import RecordFormatError, read_record
from tidegate.moderation.decision import DecisionInputs, DecisionRecord, PolicyReference, ShadowOutcome, Violation
from tidegate.moderation.detection import Attribution, BankMatch, DetectorRun, Moment
from tidegate.moderation.item import PartFacts
from tidegate.moderation.signals import AccountSignals, FeatureValue

__all__ = ["FORMAT", "RecordFormatError", "canonical_shadow", "canonical_violations", "decode", "encode"]

FORMAT = 1
"""What `encode` writes. Raise it, and keep the old decoder, whenever the meaning of a stored field changes.

A field that is new and absent in older records does not change it: it is written only where it says something, so that
older records come out as the bytes that they are.
"""

_Json = dict[str, Any]


def encode(record: DecisionRecord) -> bytes:
    """The record in canonical form: the same record always gives the same bytes.

    Raises:
        RecordFormatError: A value has no exact form (a time without zone, an integer over 64 bits, a lone surrogate).
    """
    try:
        return _canonical(_record(record))
    except (TypeError, ValueError) as cause:
        raise RecordFormatError(f"the record can't be written exactly: {cause}") from cause


def decode(payload: bytes) -> DecisionRecord:
    """The record that `encode` was given, bit for bit.

    Raises:
        RecordFormatError: Not a record, or written in a format that this version does not know.
    """
    try:
        document: Any = orjson.loads(payload)
        version = document["format"]
        if version != FORMAT:
            raise RecordFormatError(f"record format {version!r} is not known to this version of Tidegate")
        return read_record(document)
    except (KeyError, TypeError, ValueError, AttributeError) as cause:
        raise RecordFormatError(f"not a decision record: {type(cause).__name__} {cause}") from cause


def canonical_violations(violations: Sequence[Violation]) -> bytes:
    """Violations in canonical form, to compare bit for bit (0.0 and -0.0 differ here, nan equals nan)."""
    return _canonical([_violation(violation) for violation in violations])


def canonical_shadow(shadow: Sequence[ShadowOutcome]) -> bytes:
    """Shadow outcomes in canonical form, to compare bit for bit."""
    return _canonical([_shadow(outcome) for outcome in shadow])


def _canonical(document: object) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def _record(record: DecisionRecord) -> _Json:
    return {
        "format": FORMAT,
        "decision_id": record.decision_id,
        "trace_id": record.trace_id,
        "content_id": record.content_id,
        "account_id": record.account_id,
        "decided_at": _time(record.decided_at),
        "inputs": _inputs(record.inputs),
        "policy": _policy(record.policy),
        "action": record.action.value,
        "completeness": record.completeness.value,
        "violations": [_violation(violation) for violation in record.violations],
        "shadow": [_shadow(outcome) for outcome in record.shadow],
        "hops_ms": None if record.hops_ms is None else _floats(record.hops_ms),
        "idempotency_key": record.idempotency_key,
        "fingerprint": record.fingerprint,
    }


def _inputs(inputs: DecisionInputs) -> _Json:
    return {
        "surface": inputs.surface.value,
        "market": inputs.market,
        "language": inputs.language,
        "source": inputs.source.value,
        "parts": [_part(part) for part in inputs.parts],
        "detectors": [_detector(run) for run in inputs.detectors],
        "account": _account(inputs.account),
    }


def _part(part: PartFacts) -> _Json:
    return {"id": part.id, "kind": part.kind.value, "sha256": part.sha256, "size_bytes": part.size_bytes}


def _detector(run: DetectorRun) -> _Json:
    later: _Json = {
        "language": run.language,
        "matches": [_match(match) for match in run.matches],
        "attributions": [_attribution(attribution) for attribution in run.attributions],
        "moments": {label: _moment(moment) for label, moment in run.moments.items()},
        "shadow": run.shadow,
    }
    return {
        "name": run.name,
        "version": run.version,
        "status": run.status.value,
        "part": run.part,
        "latency_ms": _float(run.latency_ms),
        "scores": _floats(run.scores),
        "severities": dict(run.severities),
        **{name: value for name, value in later.items() if value},
    }


def _match(match: BankMatch) -> _Json:
    return {"bank": match.bank, "entry": match.entry, "distance": match.distance, "allowed": match.allowed}


def _attribution(attribution: Attribution) -> _Json:
    return {
        "label": attribution.label,
        "start": attribution.start,
        "end": attribution.end,
        "weight": _float(attribution.weight),
    }


def _moment(moment: Moment) -> _Json:
    return {"start_ms": moment.start_ms, "end_ms": moment.end_ms}


def _account(account: AccountSignals) -> _Json:
    return {
        "status": account.status.value,
        "known": account.known,
        "values": _features(account.values),
    }


def _features(values: Sequence[FeatureValue]) -> list[_Json]:
    """Some sixty an item: the values of a view share their event time, so it is written once."""
    moment, written = None, None
    found: list[_Json] = []
    for name, value, freshness, event_time in values:
        if event_time is not moment:
            moment, written = event_time, None if event_time is None else _time(event_time)
        found.append(
            {
                "name": name,
                "value": _float(value) if isinstance(value, float) else value,
                "freshness": freshness,  # orjson writes a member as its value
                "event_time": written,
            }
        )
    return found


def _policy(policy: PolicyReference) -> _Json:
    return {"id": policy.id, "version": policy.version, "digest": policy.digest}


def _violation(violation: Violation) -> _Json:
    return {
        "rule": violation.rule,
        "category": violation.category,
        "action": violation.action.value,
        "value": violation.value.value,
        "score": None if violation.score is None else _float(violation.score),
        "threshold": None if violation.threshold is None else _float(violation.threshold),
        "part": violation.part,
        "message": violation.message,
        "missing": list(violation.missing),
    }


def _shadow(outcome: ShadowOutcome) -> _Json:
    return {"policy": _policy(outcome.policy), "action": outcome.action.value, "rules": list(outcome.rules)}


def _floats(values: Mapping[str, float]) -> _Json:
    return {name: _float(value) for name, value in values.items()}


def _float(value: float) -> float | _Json:
    # orjson writes nan and inf as null, which would not read back, and refuses numpy's subclass of float.
    return float(value) if math.isfinite(value) else {"float": repr(float(value))}


def _time(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
