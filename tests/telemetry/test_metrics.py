"""What is counted, from the request path over OTLP and the real receiver to what Prometheus reads."""

import logging
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from opentelemetry import metrics as otel_metrics

from tests.stack.running import eventually
from tests.telemetry.decided import ACCOUNT, CONTENT, NOW, PART, decision, harm
from tests.telemetry.observed import Receiver
from tests.telemetry.shown_metrics import Shown, shown, value
from tidegate.features.events.event import EventKind
from tidegate.features.events.log import Appended
from tidegate.features.stream.intake import Refusal
from tidegate.moderation.decision import Action, RuleValue, Violation
from tidegate.moderation.detection import DetectorRun, DetectorStatus
from tidegate.moderation.errors import Reason
from tidegate.moderation.signals import AccountSignals, FeatureValue, Freshness, LookupStatus
from tidegate.telemetry.metrics import configure_metrics, meter_of
from tidegate.telemetry.names import MetricName, ServiceName
from tidegate.telemetry.otel_measures import AGES_EVERY, OtelEventMetrics, OtelModerationMetrics

NOWHERE = "http://127.0.0.1:9"
NEVER_MS = 3_600_000
"""Between sendings, so that only shutdown sends."""


@contextmanager
def counted(receiver: Receiver) -> Iterator[OtelModerationMetrics]:
    """A process that counts; at the end of the block it stops, which sends."""
    provider = configure_metrics(
        service_name=ServiceName.ROUTER, endpoint=f"http://{receiver.grpc}", interval_ms=NEVER_MS
    )
    yield OtelModerationMetrics(meter_of(provider))
    provider.shutdown()


def signals() -> AccountSignals:
    """A profile two hours old, its second value missing; enforcement three days old."""
    hours, days = NOW - timedelta(hours=2), NOW - timedelta(days=3)
    return AccountSignals(
        LookupStatus.OK,
        known=True,
        values=(
            FeatureValue("account_profile__posts", 4, Freshness.FRESH, hours),
            FeatureValue("account_profile__plan", None, Freshness.MISSING, None),
            FeatureValue("account_profile__listed", 4, Freshness.FRESH, hours),
            FeatureValue("account_enforcement__strikes_30d", 1, Freshness.STALE, days),
        ),
    )


@pytest.mark.integration
def test_a_decision_is_counted_by_what_was_decided(receiver: Receiver) -> None:
    unknown = Violation("r", "c", Action.REVIEW, RuleValue.UNKNOWN)
    fired = Violation("s", "c", Action.REVIEW, RuleValue.TRUE)
    with counted(receiver) as metrics:
        metrics.decided(decision(action=Action.ALLOW), duration_s=0.004, repeated=False)
        held = decision(action=Action.REVIEW, violations=(fired, unknown))
        for repeated in (False, True):
            metrics.decided(held, duration_s=0.3, repeated=repeated)
        metrics.refused(Reason.INVALID_REQUEST, code="INVALID_ARGUMENT")
    found = shown(receiver.http)
    common = {"surface": "comment", "completeness": "COMPLETE"}
    assert value(found, "tidegate_moderation_decisions_total", action="ALLOW", **common) == 1
    assert value(found, "tidegate_moderation_decisions_total", action="REVIEW", **common) == 1
    assert value(found, "tidegate_policy_fallbacks_total", action="REVIEW") == 1
    assert value(found, "tidegate_moderation_refusals_total", reason="INVALID_REQUEST") == 1
    assert value(found, "tidegate_moderation_duration_seconds_count", surface="comment") == 3
    assert value(found, "tidegate_moderation_duration_seconds_bucket", surface="comment", le="0.005") == 1
    assert value(found, "tidegate_moderation_duration_seconds_bucket", surface="comment", le="0.5") == 3


@pytest.mark.integration
def test_signals_are_counted_by_view_and_freshness_and_their_rows_by_age(receiver: Receiver) -> None:
    with counted(receiver) as metrics:
        for _ in range(AGES_EVERY + 1):  # ages of the first and the last
            metrics.decided(decision(account=signals()), duration_s=0.01, repeated=False)
    found, times = shown(receiver.http), AGES_EVERY + 1
    values = "tidegate_features_values_total"
    assert value(found, values, view="account_profile", freshness="FRESH") == 2 * times
    assert value(found, values, view="account_profile", freshness="MISSING") == times
    assert value(found, values, view="account_enforcement", freshness="STALE") == times
    assert value(found, "tidegate_features_lookups_total", status="OK", known="true") == times
    assert value(found, "tidegate_features_age_seconds_count", view="account_profile") == 2
    assert value(found, "tidegate_features_age_seconds_sum", view="account_profile") == 2 * 7200
    assert value(found, "tidegate_features_age_seconds_sum", view="account_enforcement") == 2 * 3 * 86_400


@pytest.mark.integration
def test_scores_are_counted_by_band_and_each_band_is_there_from_the_first_score_on(receiver: Receiver) -> None:
    """A share that is nothing must be a number: without its series, drift towards or from it would be invisible."""
    silent = DetectorRun("", "", DetectorStatus.NOT_COVERED, PART)
    with counted(receiver) as metrics:
        for severity in (0, 0, 6):
            metrics.decided(decision(runs=(harm(severity), silent)), duration_s=0.01, repeated=False)
    found = shown(receiver.http)
    bands = [
        value(
            found,
            "tidegate_detector_severities_total",
            detector="text_harm",
            version="3",
            label="hate",
            severity=str(band),
        )
        for band in range(8)
    ]
    assert bands == [2, 0, 0, 0, 0, 0, 1, 0]
    assert value(found, "tidegate_detector_runs_total", detector="text_harm", version="3", status="OK") == 3
    assert value(found, "tidegate_detector_runs_total", detector="none", version="", status="NOT_COVERED") == 3


@pytest.mark.integration
def test_no_metric_names_an_account_or_a_piece_of_content(receiver: Receiver) -> None:
    with counted(receiver) as metrics:
        metrics.decided(decision(runs=(harm(3),), account=signals()), duration_s=0.01, repeated=False)
    with urllib.request.urlopen(f"http://{receiver.http}/metrics", timeout=20) as answer:
        text = answer.read().decode()
    assert "tidegate_moderation_decisions_total" in text
    assert not [id_ for id_ in (ACCOUNT, CONTENT, PART) if id_ in text]


@pytest.mark.integration
def test_events_are_counted_by_kind_and_reason(receiver: Receiver) -> None:
    provider = configure_metrics(service_name=ServiceName.ROUTER, endpoint=f"http://{receiver.grpc}")
    metrics = OtelEventMetrics(meter_of(provider))
    metrics.accepted(EventKind.COMMENT, Appended.NEW, count=5)
    metrics.accepted(EventKind.COMMENT, Appended.REPEATED)
    metrics.refused(EventKind.UPLOAD, Refusal.IN_FUTURE)
    metrics.refused(None, Refusal.INVALID)
    metrics.visible(0.03)
    provider.shutdown()
    found = shown(receiver.http)
    assert value(found, "tidegate_events_accepted_total", kind="COMMENT", appended="NEW") == 5
    assert value(found, "tidegate_events_accepted_total", kind="COMMENT", appended="REPEATED") == 1
    assert value(found, "tidegate_events_refused_total", kind="UPLOAD", reason="IN_FUTURE") == 1
    assert value(found, "tidegate_events_refused_total", kind="unknown", reason="INVALID") == 1
    assert value(found, "tidegate_events_visible_after_seconds_bucket", le="0.05") == 1
    assert value(found, "tidegate_events_visible_after_seconds_bucket", le="0.02") == 0


@pytest.mark.integration
def test_each_sending_carries_the_count_since_the_start(receiver: Receiver) -> None:
    provider = configure_metrics(
        service_name=ServiceName.ROUTER, endpoint=f"http://{receiver.grpc}", interval_ms=NEVER_MS
    )
    metrics = OtelModerationMetrics(meter_of(provider))
    seen: list[Shown] = []
    for _ in range(2):
        metrics.refused(Reason.INVALID_REQUEST, code="INVALID_ARGUMENT")
        provider.force_flush()
        seen.append(shown(receiver.http))
    provider.shutdown()
    counts = [value(found, "tidegate_moderation_refusals_total", reason="INVALID_REQUEST") for found in seen]
    assert counts == [1, 2]


@pytest.mark.integration
def test_a_reading_that_took_longer_than_a_sending_may_is_counted_once(receiver: Receiver) -> None:
    """The SDK's reader would give up in the middle of the first, and send twice the count with the second."""
    provider = configure_metrics(
        service_name=ServiceName.ROUTER, endpoint=f"http://{receiver.grpc}", interval_ms=1_000, export_timeout_ms=300
    )
    made = meter_of(provider)
    OtelModerationMetrics(made).refused(Reason.INVALID_REQUEST, code="INVALID_ARGUMENT")
    pauses_s = iter((0.4,))

    def slow_at_first() -> float:
        time.sleep(next(pauses_s, 0.0))
        return 7.0

    made.gauge(MetricName.LEDGER_WAITING, "Read before the last", slow_at_first)
    made.gauge(MetricName.ADMISSION_PLACES, "Read last", lambda: 1.0)
    found: Shown = {}

    def arrived() -> bool:
        found.update(shown(receiver.http))
        return value(found, "tidegate_ledger_waiting") == 7

    assert eventually(arrived, timeout_s=30)
    provider.shutdown()
    assert value(found, "tidegate_moderation_refusals_total", reason="INVALID_REQUEST") == 1


def test_a_record_that_cant_be_counted_costs_the_caller_nothing(caplog: pytest.LogCaptureFixture) -> None:
    provider = configure_metrics(service_name=ServiceName.ROUTER, endpoint=None)
    metrics = OtelModerationMetrics(meter_of(provider))
    broken = decision(runs=(DetectorRun("text_harm", "3", DetectorStatus.OK, PART, severities=None),))  # type: ignore[arg-type]  # the point
    for _ in range(3):
        metrics.decided(broken, duration_s=0.01, repeated=False)
    provider.shutdown()
    assert [record.message for record in caplog.records] == ["metrics_failed"]


def test_no_global_is_touched() -> None:
    before = otel_metrics.get_meter_provider()
    configure_metrics(service_name=ServiceName.ROUTER, endpoint=None).shutdown()
    assert otel_metrics.get_meter_provider() is before


@pytest.mark.timeout(20)
def test_without_a_receiver_there_is_one_line_and_shutdown_ends(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing listens on the discard port; the SDK alone would log every attempt and wait up to 30 s."""
    caplog.set_level(logging.WARNING)
    provider = configure_metrics(
        service_name=ServiceName.ROUTER,
        endpoint=NOWHERE,
        interval_ms=NEVER_MS,
        export_timeout_ms=200,
        shutdown_timeout_ms=600,
    )
    metrics = OtelModerationMetrics(meter_of(provider))
    for _ in range(3):
        metrics.refused(Reason.INVALID_REQUEST, code="INVALID_ARGUMENT")
        provider.force_flush()
    provider.shutdown()
    assert [record.message for record in caplog.records] == ["metric_export_failed"]
