"""The preview of dashboards: what Grafana would write, and a picture drawn from a real Prometheus."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from tests.observability.dashboards import ROOT, panels
from tests.observability.prometheus import Prometheus
from tests.observability.test_scraping import count_two
from tests.stack.running import eventually
from tests.telemetry.conftest import receiver, start_receiver
from tests.telemetry.observed import Receiver
from tidegate.telemetry.monitoring.preview import Source, main
from tidegate.telemetry.monitoring.preview_drawing import LONGEST_S, Answer, Line, Window, draw
from tidegate.telemetry.monitoring.shown import legend_of, shown_panels, written

__all__ = ["receiver", "start_receiver"]  # fixtures

REQUEST_PATH = ROOT / "observability/dashboards/request-path.json"


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.0123, "s", "12.3 ms"),
        (0.0, "s", "0 s"),
        (90.0, "s", "1.5 min"),
        (0.999, "percentunit", "99.9 %"),
        (3 * 2.0**20, "bytes", "3 MiB"),
        (1500.0, "cps", "1.5 K c/s"),
        (0.25, "suffix: cores", "0.25 cores"),
        (-2.0, "short", "-2"),
        (float("nan"), "s", "NaN"),
    ],
)
def test_numbers_are_written_with_their_unit(value: float, unit: str, expected: str) -> None:
    assert written(value, unit) == expected


def test_a_legend_is_filled_in_as_grafana_does_it() -> None:
    labels = {"__name__": "m", "stage": "text"}
    assert legend_of("{{stage}} {{ outcome }}", labels, expr="m") == "text outcome", "what is missing, by its name"
    assert legend_of("__auto", labels, expr="m") == 'm{stage="text"}'
    assert legend_of("__auto", {}, expr="sum(m)") == "sum(m)"


def test_an_expression_with_an_unknown_variable_is_refused_with_the_known_ones() -> None:
    document = json.loads(REQUEST_PATH.read_text())
    document["panels"][1]["targets"][0]["expr"] = "m[$range]"
    with pytest.raises(ValueError, match=r"\$range in m.+__rate_interval, __range, surface"):
        shown_panels(document, rate_interval="1m", whole_range="1h")


@pytest.mark.integration
def test_a_dashboard_is_drawn_from_what_prometheus_tells(receiver: Receiver, tmp_path: Path) -> None:
    count_two(receiver.grpc)
    with Prometheus(tmp_path, [receiver.http]) as prometheus:
        rates = "sum by (code) (rate(tidegate_moderation_requests_total[1m]))"
        assert eventually(lambda: len(prometheus.query(rates)) == 2, timeout_s=30)
        now_s = float(prometheus.query("time()")[0]["value"][0])
        source, window = Source(prometheus.address), Window(now_s - 60, now_s, 1)
        asked = {panel.title: panel for panel in panels(REQUEST_PATH)}
        statuses, latency, load = (
            source.answer(asked[title], window)
            for title in ("Requests by gRPC status", "From request to answer", "Load")
        )
        options = ["--prometheus", prometheus.address, "--minutes", "1", "--scrape-interval", "1", "--board", "policy"]
        folders = ["--dashboards", str(REQUEST_PATH.parent), "--out", str(tmp_path)]
        done = CliRunner().invoke(main, [*options, *folders])
    assert {line.name for line in statuses.lines} == {"OK", "RESOURCE_EXHAUSTED"}
    assert [value for _, value in latency.traces] == [0.3]
    assert load.lines == [], "no rules are loaded here"
    assert done.output.split() == [str(tmp_path / "policy.png")], done.output
    with Image.open(tmp_path / "policy.png") as picture:
        assert picture.width == 24 * 58
        assert len(set(picture.convert("L").tobytes())) > 20, "nothing is drawn"


def test_without_a_prometheus_it_says_so(tmp_path: Path) -> None:
    asked = ["--prometheus", "http://127.0.0.1:9", "--out", str(tmp_path), "--dashboards", str(REQUEST_PATH.parent)]
    done = CliRunner().invoke(main, asked)
    assert done.exit_code == 1
    assert "no Prometheus answers at http://127.0.0.1:9" in done.output


@pytest.mark.parametrize(
    ("option", "values", "allowed"),
    [
        ("--minutes", ("0", "-5", "0.9", "7200.1", "1e300"), "1<=x<=7200"),
        ("--scrape-interval", ("0", "-1", "0.5", "301", "1e300"), "1<=x<=300"),
        ("--until", ("-1", "1e30"), "0<=x<=4102444800"),
    ],
)
def test_an_odd_number_is_refused_with_those_that_are_allowed(
    tmp_path: Path, option: str, values: tuple[str, ...], allowed: str
) -> None:
    for value in (*values, "nan", "inf", "-inf"):
        done = CliRunner().invoke(main, ["--prometheus", "http://127.0.0.1:9", "--out", str(tmp_path), option, value])
        assert done.exit_code == 2, (value, done.output)
        assert f"Invalid value for '{option}'" in done.output
        assert f"is not in the range {allowed}." in done.output


def test_the_longest_range_that_is_allowed_can_be_drawn(tmp_path: Path) -> None:
    panel = next(each for each in panels(REQUEST_PATH) if each.title == "Load")
    answer = Answer([Line("load", [(0.0, 0.1), (LONGEST_S, 0.2)])], [])
    draw("Five days", [(panel, answer)], Window(0, LONGEST_S, LONGEST_S), tmp_path / "days.png")
    assert (tmp_path / "days.png").stat().st_size
