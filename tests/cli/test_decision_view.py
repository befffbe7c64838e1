"""A decision in the machine format that scripts rely on, and drawn for people."""

import io
import json
from dataclasses import replace

from rich.console import Console
from tests.ledger.sample_records import sample_inputs, sample_record

from tidegate.cli.decision_view import decision_as_json, draw_decision
from tidegate.client.decisions import Decision, decision_of
from tidegate.moderation.decision import Action, Completeness, DecisionRecord, RuleEvaluation, RuleValue, Violation
from tidegate.moderation.detection import DetectorRun, DetectorStatus
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


def test_people_see_the_rules_if_they_asked() -> None:
    assert "a > b  missing: text_harm" in drawing(as_client_gets_it(sample_record(), explained=True))


def test_a_decision_without_reasons_says_so() -> None:
    assert "No rule fired." in drawing(sample_record(violations=(), action=Action.ALLOW, shadow=(), hops_ms=None))


def test_ids_from_callers_can_not_steer_the_terminal() -> None:
    text = drawing(sample_record(content_id="\x1b[2J[red]x[/red]\r\n"))
    assert "\x1b" not in text
    assert "\N{REPLACEMENT CHARACTER}[2J[red]x[/red]" in text
