"""A real Prometheus beside a running stack: every query of every dashboard, and every rule, has something to tell."""

import math
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.observability.dashboards import DASHBOARDS, ROOT, queries
from tests.observability.prometheus import Prometheus
from tests.stack.running import Stack, eventually
from tidegate.client import AccountEvent, ContentItem, EventKind, ModerationError, Surface, TidegateClient, text_part
from tidegate.telemetry.monitoring.prometheus_names import series
from tidegate.telemetry.names import MetricName

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]  # whole stacks start within

RULES = sorted((ROOT / "observability/rules").glob("*.yaml"))
TEXTS = ("a song for a quiet evening", "i hate you and all of your kind, go and die", "das ist ein sehr schönes Lied")
"""Allowed; blocked by a rule; in a language that no detector reads, so that rules are unknown."""
IN_A_ROUND = 24
"""Ages are measured at every eighth decision."""

EMPTY = {
    r"\bnv_": "this stack's Triton shows no metrics; tests/models/test_triton_metrics.py asks one that does",
    r"severity_psi|severity_share:7d_before|offset 1d": "drift compares with scores of the week before",
    r"event_log_(oldest|retention)_age": "nothing is removed; see test_retention_loop.py",
    r"feature_psi|view_psi|feature_share|jensen_shannon|features_(distribution|reference)": "no reference is installed",
}
"""What has nothing to tell on a fresh machine, and why."""


def declared() -> set[str]:
    """All series of all metrics but those that need a reference, or the removal of events."""
    others = {MetricName.FEATURE_DISTRIBUTION, MetricName.FEATURE_REFERENCE}
    others |= {MetricName.EVENT_LOG_OLDEST, MetricName.EVENT_LOG_CLEANED}
    return set().union(*(series(name) for name in set(MetricName) - others))


def expected_empty(expr: str) -> bool:
    return any(re.search(pattern, expr) for pattern in EMPTY)


def decide(stack: Stack) -> None:
    """Decisions of all kinds, a refusal, and events of accounts."""
    now = datetime.now(tz=UTC)
    with TidegateClient(stack.address) as client:
        for number in range(IN_A_ROUND):
            text = f"{TEXTS[number % len(TEXTS)]} {time.monotonic_ns()}"  # never scored before
            account = f"acct-{number + 1:05}"
            client.moderate(ContentItem(f"c-{number}", account, Surface.COMMENT, "SE", (text_part("t", text),)))
        with pytest.raises(ModerationError):
            client.moderate(ContentItem("c", "a", Surface.COMMENT, "nowhere", (text_part("t", "text"),)))
        sound = AccountEvent(f"observed-{time.monotonic_ns()}", "acct-00001", EventKind.COMMENT, now, subject_id="c")
        ahead = AccountEvent("ahead", "acct-00001", EventKind.COMMENT, now + timedelta(days=9), subject_id="c")
        recorded = client.record_events([sound, ahead])
    assert len(recorded.refused) == 1


def asked() -> Iterator[tuple[str, str]]:
    """Every expression by where it stands; of alerts see `without_limits`."""
    for path in DASHBOARDS:
        for title, expr in queries(path).items():
            yield f"{path.stem}: {title}", expr
    for path in RULES:
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                expr = without_limits(rule["expr"]) if "alert" in rule else rule["expr"]
                yield f"{path.stem}: {rule.get('record') or rule['alert']}", expr


def without_limits(expr: str) -> str:
    """What an alert compares with a limit, of everything in place of what is broken: here nothing may be."""
    expr = re.sub(r"^absent\((.+)\)$", r"\1", expr.strip())
    expr = re.sub(r'(status|freshness)(?:=~|=)"(?:FAILED\|TIMED_OUT|STALE)"', r'\1=~".+"', expr)
    return re.sub(r"\s[<>]=? \d[\d.]*(?: \* [\d.]+)?", "", expr)


def tells(samples: list[dict[str, Any]]) -> bool:
    return any(not math.isnan(float(sample["value"][1])) for sample in samples)


def test_every_query_of_every_dashboard_and_every_rule_has_something_to_tell(stack: Stack, tmp_path: Path) -> None:
    metrics = stack.part("metrics")["address"].removeprefix("http://").removesuffix("/metrics")
    with Prometheus(tmp_path, [metrics], rules=RULES) as prometheus:
        decided = 'sum(tidegate_moderation_requests_total{code="OK"})'
        for _ in range(2):  # the first makes the series that the second adds to
            before = prometheus.value(decided) or 0.0
            decide(stack)
            assert eventually(lambda: (prometheus.value(decided) or 0) >= before + IN_A_ROUND, timeout_s=60)  # noqa: B023 - asked at once
        silent = [each for each in asked() if not expected_empty(each[1])]
        assert {board.split(":")[0] for board, _ in silent} == {path.stem for path in (*DASHBOARDS, *RULES)}

        def all_told() -> bool:
            silent[:] = [each for each in silent if not tells(prometheus.query(each[1]))]
            return not silent

        assert eventually(all_told, timeout_s=60), silent
        assert declared() <= prometheus.names()
        assert not [each for each in asked() if expected_empty(each[1]) and tells(prometheus.query(each[1]))]
        assert {rule["lastError"] for rule in prometheus.rules() if rule.get("lastError")} == set()
        assert prometheus.query('ALERTS{alertname="TidegateNoRouter"}') == []
        assert prometheus.exemplars("tidegate_moderation_duration_seconds_bucket")
        held = prometheus.value("sum(tidegate_receiver_series)")
        assert held is not None
        assert held < 5_000, "labels are bounded sets"
