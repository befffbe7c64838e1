"""Served signals in the bins of an installed reference, over OTLP to the real receiver: enough to compute PSI from."""

import logging
import math
from collections import defaultdict
from pathlib import Path

import pyarrow as pa
import pytest

from tests.data_quality.stored import PLAN, POSTS, Signals, account
from tests.telemetry.decided import decision
from tests.telemetry.observed import Receiver
from tests.telemetry.shown_metrics import Shown, shown, value
from tidegate.data_quality.counting import reference_of
from tidegate.data_quality.reference import Reference
from tidegate.models.evaluation import divergence
from tidegate.moderation.signals import AccountSignals, Freshness, LookupStatus
from tidegate.serving.measuring import measuring, moderation_metrics
from tidegate.serving.settings import Settings, TelemetrySettings
from tidegate.telemetry.names import ServiceName
from tidegate.telemetry.otel_measures import AGES_EVERY

COUNTER, GAUGE = "tidegate_features_distribution_total", "tidegate_features_reference"


def reference() -> Reference:
    """Posts 0 to 99 evenly, all plans free."""
    values = pa.table({POSTS: list(range(100)), PLAN: ["free"] * 100})
    return reference_of(values, source="a test")


def served(state: Path, receiver: Receiver, accounts: list[AccountSignals]) -> Shown:
    """What the receiver shows after a router of these settings has counted decisions on each of the accounts."""
    settings = Settings(state_dir=state, telemetry=TelemetrySettings(endpoint=f"http://{receiver.grpc}"))
    provider = measuring(settings, service=ServiceName.ROUTER)
    metrics = moderation_metrics(settings, provider)
    for each in accounts:
        for _ in range(AGES_EVERY):  # the first of so many is measured
            metrics.decided(decision(account=each), duration_s=0.01, repeated=False)
    provider.shutdown()
    return shown(receiver.http)


def installed(state: Path) -> Reference:
    (state / "features").mkdir()
    made = reference()
    made.write(state / "features" / "reference.json")
    return made


@pytest.mark.integration
def test_served_values_are_counted_by_bin_beside_the_shares_of_the_reference(
    tmp_path: Path, receiver: Receiver
) -> None:
    made = installed(tmp_path)
    accounts: list[Signals] = [{POSTS: 5, PLAN: "free"}, {POSTS: 500, PLAN: "family"}, {POSTS: None, PLAN: "free"}]
    stale = account({POSTS: 5, PLAN: "free"}, freshness=Freshness.STALE)
    found = served(tmp_path, receiver, [*map(account, accounts), stale])
    posts = {"view": "account_activity", "feature": "posts_24h", "reference": made.digest}
    plan = {"view": "account_profile", "feature": "plan", "reference": made.digest}
    assert value(found, COUNTER, bin="9", **posts) == 1
    assert value(found, COUNTER, bin="+Inf", **posts) == 1
    assert value(found, COUNTER, bin="unknown", **posts) == 2, "one was missing, one stale"
    assert value(found, COUNTER, bin="19", **posts) == 0, "a bin that nothing fell into is a number, too"
    assert value(found, COUNTER, bin="other", **plan) == 1
    assert value(found, GAUGE, bin="9", **posts) == pytest.approx(10.5 / 105.5)


@pytest.mark.integration
def test_psi_by_the_recording_rule_is_that_of_the_command(tmp_path: Path, receiver: Receiver) -> None:
    made = installed(tmp_path)
    found = served(tmp_path, receiver, [account({POSTS: number * number, PLAN: "free"}) for number in range(12)])
    counts: dict[str, dict[str, float]] = defaultdict(dict)
    shares: dict[str, dict[str, float]] = defaultdict(dict)
    for (name, labels), sample in found.items():
        if name in {COUNTER, GAUGE}:
            told = dict(labels)
            (counts if name == COUNTER else shares)[told["feature"]][told["bin"]] = sample
    for name, feature in ((POSTS, "posts_24h"), (PLAN, "plan")):
        total = sum(count + 0.5 for count in counts[feature].values())
        now = {label: (count + 0.5) / total for label, count in counts[feature].items()}
        by_rule = sum((now[label] - then) * math.log(now[label] / then) for label, then in shares[feature].items())
        held = made.features[name]
        expected = divergence.psi(held.counts, [int(counts[feature][label]) for label in held.bins.labels])
        assert by_rule == pytest.approx(expected)
    assert sum(counts["posts_24h"].values()) == 12


@pytest.mark.integration
def test_accounts_that_nobody_knew_say_nothing(tmp_path: Path, receiver: Receiver) -> None:
    installed(tmp_path)
    found = served(tmp_path, receiver, [AccountSignals(LookupStatus.OK), AccountSignals(LookupStatus.FAILED)])
    assert not [name for name, _ in found if name == COUNTER]


@pytest.mark.integration
@pytest.mark.parametrize("content", [None, "{}"])
def test_without_a_usable_reference_nothing_is_counted_and_all_else_is(
    tmp_path: Path, receiver: Receiver, content: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    if content is not None:
        (tmp_path / "features").mkdir()
        (tmp_path / "features" / "reference.json").write_text(content)
    caplog.set_level(logging.WARNING)
    found = served(tmp_path, receiver, [account({POSTS: 5})])
    names = {name for name, _ in found}
    assert names.isdisjoint({COUNTER, GAUGE})
    assert "tidegate_features_values_total" in names
    assert [record.message for record in caplog.records] == ["reference_unusable"] * (content is not None)
