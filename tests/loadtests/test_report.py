"""The report: one page that loads nothing and says what was measured."""

import re
from dataclasses import replace

from loadtests.locust.gate import judge
from loadtests.locust.levels import Latency
from loadtests.locust.report import page_of
from tests.loadtests.samples import level, sample
from tests.loadtests.test_gate import NOTHING, limits, record

SLOW = Latency(200.0, 900.0, 1_500.0, 1_600.0)


def test_the_page_loads_nothing_from_anywhere() -> None:
    page = page_of([record(level())], ())
    assert not re.findall(r"(?:src|href)=|url\(|@import|<script", page)


def test_the_curve_has_the_ramp_its_knee_and_both_latencies() -> None:
    levels = [level("ramp-01", offered=10.0), level("ramp-02", offered=20.0)]
    levels += [level("ramp-03", offered=30.0, good=10, from_intended=SLOW), level("ramp-04", offered=40.0, good=5)]
    page = page_of([record(*levels)], ())
    assert "knee 20/s" in page
    assert "p99 from actual send" in page
    assert len(re.findall("<polyline", page)) == 8


def test_breaches_warnings_and_what_was_not_run_to_its_end_are_said() -> None:
    levels = [level("steady", from_intended=SLOW)]
    run = replace(record(*levels, finished=False), warnings=("steady: <busy>",))
    page = page_of([run], judge(limits({"phase": "steady", "measure": "p99_ms", "max": 100}), levels))
    assert "breached" in page
    assert "steady: &lt;busy&gt;" in page
    assert "not all of it was run" in page


def test_what_is_to_be_known_of_all_runs_and_why_a_limit_holds_for_none_is_said() -> None:
    failing = [level("steady", good=5, outcomes={"COMPLETE": 5, "UNAVAILABLE": 95})]
    verdicts = judge(limits({"phase": "steady", "measure": "p99_ms", "max": 100}), failing)
    page = page_of([record(*failing)], verdicts, cautions=("the knee is <higher>",))
    assert "<li>the knee is &lt;higher&gt;</li>" in page
    assert "30 ms, but 95.0% of the requests failed" in page


def test_a_level_without_an_answer_is_drawn_without_one() -> None:
    page = page_of([record(level("ramp-01"), level("ramp-02", offered=20.0, good=0, from_intended=NOTHING))], ())
    assert "nan" not in re.sub(r"[a-z]nan|nan[a-z]", "", page)


def test_seconds_are_drawn_where_there_are_samples() -> None:
    samples = [sample(second + 0.1 * n, took_s=0.01 * (n + 1)) for second in range(3) for n in range(5)]
    page = page_of([record(level())], (), samples={0: samples})
    assert "seconds from the start" in page
