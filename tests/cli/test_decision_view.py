"""A decision in the machine format that scripts rely on, and drawn for people."""

import io
import json
from dataclasses import replace
from typing import Any

from rich.console import Console

from tests.ledger.sample_records import sample_inputs, sample_record
from tidegate.cli.decision_view import decision_as_json, draw_decision
from tidegate.client.decisions import Decision, decision_of
from tidegate.ledger.record_format import decode
from tidegate.ledger.record_format import encode as record_bytes
from tidegate.moderation.decision import Action, Completeness, DecisionRecord, RuleEvaluation, RuleValue, Violation
from tidegate.moderation.detection import Attribution, BankMatch, DetectorRun, DetectorStatus, Moment
from tidegate.moderation.signals import AccountSignals, LookupStatus
from tidegate.serving import encode


def as_client_gets_it(record: DecisionRecord, *, explained: bool = False) -> Decision:
    evaluations = (RuleEvaluation("harassment", RuleValue.UNKNOWN, ("text_harm",), "a > b"),) if explained else None
    return decision_of(encode.decision(record, evaluations=evaluations))


def drawing(decision: Decision | DecisionRecord) -> str:
    out = io.StringIO()
    draw_decision(decision, console=Console(file=out, width=200, highlight=False, color_system=None))
    return out.getvalue()


def test_the_machine_format_has_what_it_promises() -> None:
    document = decision_as_json(sample_record(decision_id="d"))
    assert document["decision_id"] == "d"
    assert document["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert document["content_id"] == "comment-1"
    assert (document["action"], document["completeness"]) == ("REVIEW", "COMPLETE")
    assert document["policy"] == {"id": "comments", "version": 3, "digest": "ab" * 32}
    [violation] = document["violations"]
    assert {key: violation[key] for key in ("rule", "category", "action", "score", "threshold", "part")} == {
        "rule": "harassment",
        "category": "harassment",
        "action": "REVIEW",
        "score": 0.8125,
        "threshold": 0.7,
        "part": "body",
    }
    assert document["detectors"] == [
        {
            "name": "text_harm",
            "version": "1.0.0",
            "status": "OK",
            "part": "body",
            "latency_ms": 3.25,
            "scores": {"harassment": 0.8125},
            "severities": {"harassment": 5},
            "language": "",
            "matches": [],
            "attributions": [],
            "moments": {},
            "shadow": False,
        }
    ]
    assert document["features"] == [
        {
            "name": "account_profile__age_days",
            "value": 12,
            "freshness": "FRESH",
            "event_time": "2026-11-22T19:30:00.123456Z",
        },
        {
            "name": "account_enforcement__strikes_90d",
            "value": 2,
            "freshness": "STALE",
            "event_time": "2026-11-20T19:30:00.123456Z",
        },
    ]
    assert document["shadow"] == [
        {
            "policy": {"id": "comments-next", "version": 1, "digest": "cd" * 32},
            "action": "BLOCK",
            "rules": ["harassment"],
        }
    ]
    assert document["hops"] == {"gather": 4.125, "policy": 0.1, "total": 5.0}


def test_the_machine_format_is_json() -> None:
    document = decision_as_json(sample_record())
    assert json.loads(json.dumps(document)) == document


def test_record_and_client_give_the_same_document() -> None:
    record = sample_record()
    from_client = decision_as_json(as_client_gets_it(record))
    from_client.pop("from_idempotency_key")
    assert from_client == decision_as_json(record)


def test_an_explanation_is_there_only_if_it_was_asked_for() -> None:
    assert "explanation" not in decision_as_json(as_client_gets_it(sample_record()))
    [rule] = decision_as_json(as_client_gets_it(sample_record(), explained=True))["explanation"]
    assert (rule["rule"], rule["value"], rule["missing"], rule["condition"]) == (
        "harassment",
        "UNKNOWN",
        ["text_harm"],
        "a > b",
    )


def test_people_see_what_why_and_what_ran() -> None:
    text = drawing(sample_record())
    for shown in (
        "REVIEW",
        "COMPLETE",
        "Be kind.",
        "0.81 / 0.70",
        "text_harm 1.0.0",
        "STALE",
        "shadow comments-next v1",
    ):
        assert shown in text, shown


def test_people_see_what_did_not_run() -> None:
    inputs = replace(
        sample_inputs(),
        detectors=(
            DetectorRun("text_harm", "1.0.0", DetectorStatus.TIMED_OUT, "body"),
            DetectorRun("", "", DetectorStatus.NOT_COVERED, "cover"),
        ),
        account=AccountSignals(LookupStatus.FAILED),
    )
    unknown = Violation("spam", "spam", Action.REVIEW, RuleValue.UNKNOWN, missing=("detector text_harm",))
    text = drawing(sample_record(inputs=inputs, completeness=Completeness.FAILED, violations=(unknown,)))
    for shown in ("TIMED_OUT", "NOT_COVERED", "account signals: FAILED", "unknown, missing: detector text_harm"):
        assert shown in text, shown


def _media_record() -> DecisionRecord:
    """A decision on an image, on audio and on text in another language, with a version in shadow."""
    hate: dict[str, Any] = {"scores": {"hate": 0.91}, "severities": {"hate": 6}}
    runs = (
        DetectorRun(
            "image_match",
            "1",
            DetectorStatus.OK,
            "cover",
            scores={"known_violations": 1.0},
            severities={"known_violations": 7},
            matches=(BankMatch("known_violations", "item-7", 12, allowed=False),),
        ),
        DetectorRun("text_harm", "1", DetectorStatus.OK, "clip", **hate, moments={"hate": Moment(12_000, 3_725_000)}),
        DetectorRun("text_harm", "1", DetectorStatus.UNSUPPORTED_LANGUAGE, "notes", language="sv"),
        DetectorRun("audio_speech", "1", DetectorStatus.PENDING, "long"),
        DetectorRun("text_harm", "2", DetectorStatus.OK, "notes", **hate, shadow=True),
        DetectorRun(
            "text_harm", "1", DetectorStatus.OK, "title", **hate, attributions=(Attribution("hate", 3, 9, 0.42),)
        ),
    )
    return sample_record(inputs=replace(sample_inputs(), detectors=runs))


def test_people_see_matches_moments_languages_and_what_to_do_about_pending() -> None:
    text = drawing(_media_record())
    for shown in (
        "known_violations: item-7 at 12 bits",
        "hate 0.91 (6) at 0:12\N{EN DASH}1:02:05",
        "language sv",
        "ask again with the same content",
        "text_harm 2 (shadow)",
        "text_harm hate on title comes from characters 3\N{EN DASH}9 (+0.42)",
    ):
        assert shown in text, shown


def test_machines_get_all_of_it_whether_from_the_record_or_over_the_wire() -> None:
    record = _media_record()
    over_the_wire = decision_as_json(as_client_gets_it(record))
    runs = over_the_wire["detectors"]
    assert runs == decision_as_json(record)["detectors"] == decision_as_json(decode(record_bytes(record)))["detectors"]
    assert runs[0]["matches"] == [{"bank": "known_violations", "entry": "item-7", "distance": 12, "allowed": False}]
    assert runs[1]["moments"] == {"hate": {"start_ms": 12_000, "end_ms": 3_725_000}}
    assert (runs[2]["language"], runs[3]["status"], runs[4]["shadow"]) == ("sv", "PENDING", True)
    assert runs[5]["attributions"] == [{"label": "hate", "start": 3, "end": 9, "weight": 0.42}]


def test_people_see_the_rules_if_they_asked() -> None:
    assert "a > b  missing: text_harm" in drawing(as_client_gets_it(sample_record(), explained=True))


def test_a_decision_without_reasons_says_so() -> None:
    assert "No rule fired." in drawing(sample_record(violations=(), action=Action.ALLOW, shadow=(), hops_ms=None))


def test_ids_from_callers_can_not_steer_the_terminal() -> None:
    text = drawing(sample_record(content_id="\x1b[2J[red]x[/red]\r\n"))
    assert "\x1b" not in text
    assert "\N{REPLACEMENT CHARACTER}[2J[red]x[/red]" in text
